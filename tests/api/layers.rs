//! The shape of the source: arrows between layers, and the size of files.

use std::path::{Path, PathBuf};

/// What each layer may use of the crate. Whatever is not named here stands above them all.
const MAY_USE: [(&str, &[&str]); 5] = [
    ("http", &["http", "service", "domain", "clock", "shares", "app"]),
    ("service", &["service", "directory", "storage", "domain", "clock", "shares"]),
    ("directory", &["directory", "domain", "clock"]),
    ("storage", &["storage", "domain", "clock"]),
    ("domain", &["domain", "clock"]),
];

/// The largest file, in lines.
const LONGEST: usize = 400;

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src` by its path in it, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 40, "{}", found.len());
    found
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

/// The modules of the crate's root that a text mentions, in `use` and elsewhere: `crate::domain::…`, `crate::{a, b}`.
fn mentioned(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or("").split(',').map(first_word).collect::<Vec<_>>(),
            None => vec![first_word(rest)],
        })
        .collect()
}

fn first_word(text: &str) -> &str {
    text.trim().split(|each: char| each != '_' && !each.is_alphanumeric()).next().unwrap_or("")
}

#[test]
fn no_arrow_points_back() {
    let mut arrows = 0;
    for (path, text) in files() {
        let top = path.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some((_, allowed)) = MAY_USE.iter().find(|(layer, _)| *layer == top) else { continue };
        for module in mentioned(&text) {
            assert!(allowed.contains(&module), "{}: {top} must not use {module}", path.display());
            arrows += 1;
        }
    }
    assert!(arrows > 200, "{arrows}");
}

#[test]
fn the_domain_knows_neither_http_nor_sql() {
    for (layer, foreign) in [
        ("domain", &["actix", "diesel", "utoipa", "tokio", "axum"][..]),
        ("service", &["actix", "diesel", "utoipa", "http::"]),
        ("directory", &["actix", "diesel", "utoipa"]),
        ("storage", &["actix", "utoipa"]),
        ("http", &["diesel"]),
    ] {
        for (path, text) in files().iter().filter(|(path, _)| path.starts_with(layer)) {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for word in foreign {
                    assert!(
                        !line.contains(&format!("{}::", word.trim_end_matches("::"))),
                        "{}: {line}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn only_one_module_knows_of_two_databases() {
    for (path, text) in files() {
        let knows = text.contains("PgConnection") || text.contains("SqliteConnection");
        assert!(
            !knows || path.starts_with("storage/database") || path == Path::new("storage/database.rs"),
            "{}",
            path.display()
        );
    }
}

/// Parsers call themselves for every bracket: `domain/nesting.rs` looks first.
#[test]
fn what_clients_send_is_parsed_within_bounds() {
    let bounded = ["domain/nesting.rs", "http/valid.rs", "http/datahub/graphql/request.rs"];
    // A file of the operator's, and a text that this server has sealed.
    let trusted = ["http/gateway/guards.rs", "domain/cursor.rs"];
    for (path, text) in files().iter().filter(|(path, _)| path.starts_with("http") || path.starts_with("domain")) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let parsers = ["serde_json::from_slice", "serde_json::from_str", "serde_json::from_reader", "parse_query("];
        let reads = parsers.iter().any(|parser| code.contains(parser)) || code.contains("serde_json::Deserializer::");
        let known = bounded.iter().chain(&trusted).any(|known| path == Path::new(known));
        assert!(!reads || known, "{}: read it with `domain::nesting::read_json`", path.display());
        if bounded.iter().any(|known| path == Path::new(known)) {
            assert!(code.contains("check_json(bytes)?") || code.contains("check_graphql("), "{}", path.display());
        }
    }
}

#[test]
fn no_file_has_more_than_400_lines() {
    for (path, text) in files() {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
    }
}

#[test]
fn an_arrow_is_seen_however_it_is_written() {
    let text =
        "use crate::domain::ids;\nuse crate::{http, service::users};\n// crate::storage\nlet a = crate::clock::NOW;";
    assert_eq!(mentioned(text), ["domain", "http", "service", "clock"]);
}
