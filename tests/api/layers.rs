//! Source layout: imports between layers, and the size of files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Which other modules each top-level module may import.
const MAY_USE: [(&str, &[&str]); 24] = [
    ("lib", &[]),
    ("main", &["commands", "config", "telemetry"]),
    (
        "commands",
        &[
            "app",
            "checkpoint_file",
            "clock",
            "config",
            "descriptors",
            "directory",
            "domain",
            "edge",
            "http",
            "first_start_file",
            "journal_file",
            "kept_file",
            "outbound",
            "pepper_file",
            "seen_file",
            "service",
            "shutdown",
            "storage",
            "telemetry",
        ],
    ),
    ("app", &["http"]),
    // Neither service nor storage: it decides nothing, and has no database.
    ("edge", &["http", "domain", "clock", "outbound", "shares"]),
    ("http", &["service", "domain", "clock", "outbound", "shares"]),
    ("service", &["directory", "storage", "domain", "clock", "queue", "shares"]),
    ("directory", &["domain", "clock"]),
    ("storage", &["domain", "clock", "queue"]),
    ("domain", &["clock"]),
    ("config", &["domain"]),
    ("descriptors", &["config"]),
    ("first_start_file", &["config", "pepper_file", "storage"]),
    ("pepper_file", &["config", "domain", "storage"]),
    ("seen_file", &["checkpoint_file", "config", "domain", "journal_file", "kept_file", "pepper_file", "storage"]),
    ("journal_file", &["domain", "kept_file"]),
    ("checkpoint_file", &["domain", "kept_file"]),
    ("kept_file", &[]),
    ("telemetry", &["config"]),
    ("shutdown", &[]),
    ("clock", &[]),
    ("outbound", &[]),
    ("queue", &["domain"]),
    ("shares", &[]),
];

/// The modules of `service` by level: each may import only modules of lower levels.
const FLOORS: [&[&str]; 8] = [
    &["bootstrap"],
    &["keys"],
    &["catalogue", "people"],
    &["upkeep"],
    &["authz"],
    &["authn", "forms"],
    &["transaction", "traffic", "edges", "receipts", "taken"],
    &["children", "effort", "log", "looks", "nodes"],
];

/// The largest file, in lines.
const LONGEST: usize = 400;

/// Every file of `src` by its path in it, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let found = repository::files("src", &["rs"]);
    assert!(found.len() > 40, "{}", found.len());
    found.into_iter().map(|path| (path.strip_prefix("src/").unwrap().into(), repository::read(&path))).collect()
}

/// The code of a file without its comments and its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths in the crate that a file of that module mentions, in `use` and elsewhere: `crate::a::b`, `super::{c, d}`.
fn mentioned(module: &str, text: &str) -> Vec<String> {
    let (code, mut found, mut done) = (code(text), Vec::new(), 0);
    for (at, _) in code.match_indices("::") {
        let named_on = |each: char| each != '_' && !each.is_alphanumeric();
        let begin = at - code[..at].rsplit(named_on).next().map_or(0, str::len);
        let base = match &code[begin..at] {
            "crate" | "tessera" => "",
            "super" => parent(module),
            "self" => module,
            _ => continue,
        };
        if begin >= done && !code[..begin].ends_with("::") {
            done = at + 2 + expand(base, &code[at + 2..], &mut found);
        }
    }
    found
}

/// The items that modules publish under a path of their own (`pub use`), with where they are defined.
fn published(files: &[(PathBuf, String)]) -> BTreeMap<String, String> {
    let mut published = BTreeMap::new();
    for (path, text) in files {
        let module = module_of(path);
        for statement in code(text).split(';').filter_map(|part| part.trim_start().strip_prefix("pub")) {
            let Some((_, paths)) = statement.split_once("use ").filter(|(scope, _)| !scope.contains(['{', '\n']))
            else {
                continue;
            };
            for defined in mentioned(&module, &format!("use {paths};")) {
                let alias = format!("{module}::{}", defined.rsplit("::").next().unwrap());
                if alias != defined {
                    published.insert(alias, defined);
                }
            }
        }
    }
    published
}

/// A path that names an item where it is defined.
fn defined(mut path: String, published: &BTreeMap<String, String>) -> String {
    while let Some(target) = published.get(&path) {
        path.clone_from(target);
    }
    path
}

/// Adds every path that a text begins with, after `base`. Tells how long they are.
fn expand(base: &str, text: &str, found: &mut Vec<String>) -> usize {
    if let Some(list) = text.strip_prefix('{') {
        let mut rest = list;
        loop {
            rest = rest.trim_start();
            rest = &rest[expand(base, rest, found)..];
            // What follows, such as `as other`, belongs to the path.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            if rest[end..].starts_with(',') {
                rest = &rest[end + 1..];
            } else {
                return text.len() - rest.len() + (end + 1).min(rest.len());
            }
        }
    }
    let word = first_word(text);
    let path = match word {
        "super" => parent(base).to_owned(),
        "self" | "" => base.to_owned(),
        _ if base.is_empty() => word.to_owned(),
        _ => format!("{base}::{word}"),
    };
    match text[word.len()..].strip_prefix("::") {
        Some(rest) if !word.is_empty() => word.len() + 2 + expand(&path, rest, found),
        _ => {
            if !text.starts_with('}') {
                found.push(path);
            }
            word.len()
        }
    }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn first_word(text: &str) -> &str {
    text.split(|each: char| each != '_' && !each.is_alphanumeric()).next().unwrap_or("")
}

/// The module that a file of `src` holds.
fn module_of(path: &Path) -> String {
    let path = path.with_extension("");
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod").collect();
    parts.join("::")
}

/// Which module uses which, besides its own parents and children. Modules of tests are left out.
fn arrows() -> BTreeSet<(String, String)> {
    let files = files();
    let modules: BTreeSet<String> = files.iter().map(|(path, _)| module_of(path)).collect();
    let published = published(&files);
    let of_tests = |module: &str| module.split("::").any(|part| part == "tests");
    let mut arrows = BTreeSet::new();
    for (path, text) in &files {
        let from = module_of(path);
        for to in mentioned(&from, text) {
            let mut to = defined(to, &published);
            while !to.is_empty() && !modules.contains(&to) {
                to.truncate(parent(&to).len());
            }
            if !of_tests(&from) && !of_tests(&to) && !is_within(&from, &to) && !is_within(&to, &from) {
                arrows.insert((from.clone(), to));
            }
        }
    }
    assert!(arrows.len() > 1000, "{}", arrows.len());
    arrows
}

/// Whether a module is that one or lies in it.
fn is_within(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| other.is_empty() || rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn no_arrow_points_back() {
    let mut arrows = 0;
    let files = files();
    let published = published(&files);
    for (path, text) in files {
        let module = module_of(&path);
        let top = module.split("::").next().unwrap();
        let (_, allowed) =
            MAY_USE.iter().find(|(layer, _)| *layer == top).unwrap_or_else(|| panic!("{top} is no layer"));
        for path in mentioned(&module, &text) {
            let path = defined(path, &published);
            let used = path.split("::").next().unwrap();
            let known = MAY_USE.iter().any(|(layer, _)| *layer == used);
            assert!(!known || used == top || allowed.contains(&used), "{module}: {top} must not use {used}");
            arrows += usize::from(known);
        }
    }
    assert!(arrows > 2000, "{arrows}");
}

#[test]
fn rooms_use_only_rooms_beneath_them() {
    let floor = |module: &str| {
        let room = module.strip_prefix("service::")?.split("::").next()?.to_owned();
        let floor = FLOORS.iter().position(|rooms| rooms.contains(&room.as_str()));
        Some((floor.unwrap_or_else(|| panic!("{room} is on no floor")), room))
    };
    for (from, to) in arrows() {
        if let (Some((above, room)), Some((beneath, used))) = (floor(&from), floor(&to)) {
            assert!(room == used || above < beneath, "{from} must not use {to}");
        }
    }
}

/// Imports between sibling modules (with all their submodules) form no cycle.
///
/// Exempt are imports between a module and everything beneath it, in both directions (`arrows` leaves them out): a folder's
/// `mod.rs` uses its files, and they use what it defines; `service/mod.rs` holds the state of all rooms. So a circle may go
/// through such a file, and through nothing else. Methods that a module adds to a type of a lower module (`impl Service`) are calls without an import, and are not
/// seen.
#[test]
fn nothing_uses_what_uses_it() {
    let mut beside: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for (from, to) in arrows() {
        let common = from.split("::").zip(to.split("::")).take_while(|(one, other)| one == other).count();
        let upto = |module: &str, parts| module.split("::").take(parts).collect::<Vec<_>>().join("::");
        let (room, one, other) = (upto(&from, common), upto(&from, common + 1), upto(&to, common + 1));
        beside.entry(room).or_default().entry(one).or_default().insert(other, format!("{from} uses {to}"));
    }
    for uses in beside.values() {
        for start in uses.keys() {
            let (mut seen, mut open) = (BTreeSet::new(), vec![(start, Vec::new())]);
            while let Some((module, way)) = open.pop() {
                for (next, arrow) in uses.get(module).into_iter().flatten() {
                    let way = [way.as_slice(), &[arrow]].concat();
                    assert!(next != start, "a circle: {way:?}");
                    if seen.insert(next) {
                        open.push((next, way));
                    }
                }
            }
        }
    }
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

/// The SQL of a table is in the file of that table.
#[test]
fn the_connections_know_no_table() {
    for (path, text) in files()
        .iter()
        .filter(|(path, _)| path.starts_with("storage") && module_of(path).starts_with("storage::database"))
    {
        assert!(!code(text).contains("schema::"), "{}", path.display());
    }
}

/// JSON parsers recurse for every bracket, so `domain/nesting.rs` must check first.
#[test]
fn what_clients_send_is_parsed_within_bounds() {
    let bounded = ["domain/nesting.rs", "http/valid.rs", "http/datahub/graphql/request.rs"];
    // Allowed: a file of the operator, and a text that this server has sealed.
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
    let text = "use crate::domain::ids;\nuse crate::{http as h, service::{users, keys::{self, Key}}, app};\n\
                // crate::storage\nlet a = crate::clock::NOW;\nuse super::super::c::{d,\n    super::e,\n};\n\
                fn f(x: &self::g::H<other::crate::x>) {}\n#[cfg(test)]\nmod tests {\n    use crate::shares;\n}";
    let mut found = mentioned("a::b", text);
    found.sort();
    let expected = [
        "a::b::g::H",
        "app",
        "c::d",
        "clock::NOW",
        "domain::ids",
        "e",
        "http",
        "service::keys",
        "service::keys::Key",
        "service::users",
    ];
    assert_eq!(found, expected);
}
