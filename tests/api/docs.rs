//! The documentation: its links, the references to it, and the tests that it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use tessera::config::Cli;

use crate::support::repository::{files, read, root};

/// The longest that README may be, in lines.
const LONGEST_README: usize = 120;

/// The code and the tests, with their texts.
fn code() -> Vec<(String, String)> {
    let folders = ["src", "tests", "benches"].map(|folder| files(folder, &["rs", "py", "txt", "ts", "sh"])).concat();
    folders.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// The documentation pages.
fn pages() -> Vec<String> {
    let mut pages = files("docs", &["md"]);
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benches/README.md"].map(str::to_owned),
    );
    assert!(pages.len() > 15, "{pages:?}");
    pages
}

/// A page without its blocks of code.
fn prose(text: &str) -> String {
    let parts = text.split("```").step_by(2);
    parts.collect()
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept: String = kept.chars().filter(|each| each.is_alphanumeric() || " -_".contains(*each)).collect();
    kept.replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    prose(text).lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut followed = 0;
    for page in pages() {
        let text = read(&page);
        for target in prose(&text).split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let linked =
                if path.is_empty() { PathBuf::from(&page) } else { Path::new(&page).parent().unwrap().join(path) };
            assert!(root().join(&linked).exists(), "{page} links to {target}");
            if !fragment.is_empty() {
                let there = anchors(&read(linked.to_str().unwrap()));
                assert!(there.contains(fragment), "{page} links to {target}; there are {there:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 60, "{followed}");
}

/// A file that a page names in backticks: `src/http/mod.rs`, `http/mod.rs`, `src/domain/`.
fn named_file(word: &str) -> Option<&str> {
    let path = word.split("::").next().unwrap_or(word);
    let is_path =
        path.contains('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let first = path.split('/').next().unwrap_or_default();
    let is_ours = ["src", "tests", "docs", "benches", "fuzz", "openapi", "migrations"].contains(&first);
    (is_path && (is_ours || Path::new(path).extension().is_some_and(|ending| ending == "rs"))).then_some(path)
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut found = 0;
    for page in pages() {
        for word in prose(&read(&page)).split('`').skip(1).step_by(2) {
            let Some(path) = named_file(word) else { continue };
            let places = [root().join(path), root().join("src").join(path)];
            assert!(places.iter().any(|place| place.exists()), "{page} names `{word}`");
            found += 1;
        }
    }
    assert!(found > 60, "{found}");
}

/// The numbers of the sections and of the traps of a contract.
fn numbers(contract: &str) -> [BTreeSet<String>; 2] {
    let mut kinds = [BTreeSet::new(), BTreeSet::new()];
    let mut in_traps = false;
    for line in read(contract).lines() {
        if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            in_traps = heading.contains("Trap");
            if let Some(number) =
                heading.split(' ').next().filter(|word| word.starts_with(|each: char| each.is_numeric()))
            {
                kinds[0].insert(number.trim_end_matches('.').to_owned());
            }
        } else if let Some((number, _)) = line.split_once(". ").filter(|_| in_traps) {
            kinds[1].insert(number.to_owned());
        }
    }
    kinds
}

/// A text on one line, without comment markers.
fn flat(text: &str) -> String {
    let signs = ["//!", "///", "//", "#"];
    let bare = |line: &str| {
        let line = line.trim();
        signs.iter().find_map(|sign| line.strip_prefix(sign)).unwrap_or(line).trim().to_owned()
    };
    text.lines().map(bare).collect::<Vec<_>>().join(" ")
}

/// The sections (0) and traps (1) that are cited at the beginning of a text: `, section 5, traps 8 and 10`.
fn cited(text: &str) -> Vec<(usize, String)> {
    let mut kind = None;
    let mut found = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let bare = word.trim_end_matches(['.', ':', ';', ')', '"', '`']);
        match bare {
            "section" | "sections" => kind = Some(0),
            "trap" | "traps" => kind = Some(1),
            "and" | "to" => {}
            number if number.starts_with(|each: char| each.is_ascii_digit()) => {
                let Some(kind) = kind else { break };
                found.push((kind, number.to_owned()));
            }
            _ => break,
        }
        if bare != word {
            break;
        }
    }
    found
}

#[test]
fn every_citation_of_a_contract_leads_to_a_section_or_a_trap() {
    let mut followed = 0;
    let mut texts = code();
    texts.extend(pages().into_iter().map(|page| (page.clone(), read(&page))));
    for (path, text) in texts {
        let text = flat(&text);
        for contract in ["docs/contracts/atlan.md", "docs/contracts/datahub.md"] {
            let there = numbers(contract);
            for (kind, number) in text.split(contract).skip(1).flat_map(cited) {
                assert!(there[kind].contains(&number), "{path} cites {number} of {contract}");
                followed += 1;
            }
        }
        let is_code = path.starts_with("src/") || (path.starts_with("tests/") && path != "tests/api/docs.rs");
        for vague in
            ["contract section", "contract, section", "contract trap", "contract sections", "contract's section"]
        {
            assert!(!is_code || !text.contains(vague), "{path} says `{vague}`: name the file, as in CONTRIBUTING.md");
        }
    }
    assert!(followed > 20, "{followed}");
}

/// The failures that a text cites: `F13`.
fn failures(text: &str) -> Vec<&str> {
    let is_part = |each: char| each.is_ascii_alphanumeric() || "_'\\#".contains(each);
    let words = text.split(|each: char| !is_part(each));
    words
        .filter_map(|word| word.strip_prefix('F'))
        .filter(|number| matches!(number.len(), 1 | 2) && number.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// The rows of `docs/failures.md`: their numbers, and what re-enacts them.
fn rows() -> Vec<(String, String)> {
    let text = read("docs/failures.md");
    let rows = text.lines().filter(|line| line.starts_with("| F"));
    rows.map(|row| {
        let mut cells = row.trim_matches([' ', '|']).split(" | ");
        let id = cells.next().unwrap()[1..].trim().to_owned();
        (id, cells.last().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn every_failure_that_is_cited_is_in_the_list() {
    let numbers: Vec<String> = rows().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=62).map(|number: u32| number.to_string()).collect::<Vec<_>>());
    let mut followed = 0;
    for (path, text) in code() {
        for number in failures(&text) {
            assert!(numbers.iter().any(|each| each == number), "{path} cites F{number}");
            followed += 1;
        }
    }
    assert!(followed > 30, "{followed}");
}

/// The names of tests in a text: in backticks, with two underscores or more.
fn named_tests(text: &str) -> Vec<&str> {
    let words = text.split('`').skip(1).step_by(2);
    words
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'))
        .filter(|word| word.matches('_').count() >= 2)
        .collect()
}

#[test]
fn every_test_that_a_page_names_exists() {
    let code: String = code().into_iter().map(|(_, text)| text).collect();
    let exists = |name: &str| code.contains(&format!("fn {name}(")) || code.contains(&format!("def {name}("));
    for (number, proof) in rows() {
        let names = named_tests(&proof);
        assert!(!names.is_empty() || proof.contains("waits for: "), "F{number} names no test, and no feature");
        let there = ["the console", "exports"].into_iter().find(|feature| proof.contains(&format!(" for: {feature}")));
        assert_eq!(there, None, "F{number} waits for what there is");
        for name in names {
            assert!(exists(name), "F{number} names `{name}`");
        }
    }
    let security = read("docs/security.md");
    let promises = security.split("## Promises").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut proved = 0;
    for row in promises.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let names = named_tests(row);
        assert!(!names.is_empty(), "no test proves {row}");
        for name in names {
            assert!(exists(name), "docs/security.md names `{name}`");
        }
        proved += 1;
    }
    assert!(proved > 30, "{proved}");
    let revocation = read("docs/revocation.md");
    for name in named_tests(revocation.split("\n## Tests").nth(1).unwrap()) {
        assert!(exists(name), "docs/revocation.md names `{name}`");
    }
    let console = read("docs/console.md");
    for name in named_tests(&console) {
        assert!(exists(name), "docs/console.md names `{name}`");
    }
    for (page, heading, least) in [
        ("docs/terminal.md", "## RFC 8628", 10),
        ("docs/oauth.md", "## The standards", 60),
        ("docs/sign-in.md", "## Rules", 50),
    ] {
        let text = read(page);
        let table = text.split(heading).nth(1).unwrap().lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = table.filter(|row| !row.starts_with("| section") && !row.starts_with("| rule")).collect();
        for row in &rows {
            let names = named_tests(row.trim_end_matches(" |").rsplit(" | ").next().unwrap());
            assert!(!names.is_empty() || row.contains("ot done: "), "{page}: no test proves {row}");
            for name in names {
                assert!(exists(name), "{page} names `{name}`");
            }
        }
        assert!(rows.len() > least, "{page}: {}", rows.len());
    }
}

#[test]
fn every_variable_is_on_the_page_of_the_configuration() {
    let page = read("docs/configuration.md");
    let command = Cli::command();
    let variables: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_env()).collect();
    assert!(variables.len() > 30, "{variables:?}");
    for variable in variables {
        let variable = variable.to_str().unwrap();
        assert!(page.contains(&format!("`{variable}`")), "docs/configuration.md lacks `{variable}`");
    }
}

/// The environment variables that a page names outside blocks of code: Tessera's own by their prefix, others by a value
/// in the text (`NAME=value`).
fn named_variables(text: &str) -> BTreeSet<&str> {
    let text_parts = text.split("```").step_by(2);
    let words = text_parts.flat_map(|part| part.split('`').skip(1).step_by(2));
    let names = words.flat_map(|word| word.split_whitespace()).filter_map(|word| {
        let end = word.find(|letter: char| !letter.is_ascii_uppercase() && !letter.is_ascii_digit() && letter != '_');
        let (name, rest) = word.split_at(end.unwrap_or(word.len()));
        let is_own = name.starts_with("TESSERA_") || name.starts_with("ACCESS_TOKEN_");
        (name.contains('_') && !name.ends_with('_') && (is_own || rest.starts_with('='))).then_some(name)
    });
    names.collect()
}

#[test]
fn every_variable_that_a_page_names_is_read() {
    let code: Vec<String> = code().into_iter().map(|(_, text)| text).collect();
    let mut found = 0;
    // The contracts are about other programs.
    let is_guide = |page: &&String| page.starts_with("docs/") && !page.contains("contracts/") || *page == "README.md";
    for page in pages().iter().filter(is_guide) {
        for name in named_variables(&read(page)) {
            assert!(code.iter().any(|text| text.contains(&format!("\"{name}\""))), "{page} names `{name}`");
            found += 1;
        }
    }
    assert!(found > 100, "{found}");
}

/// The variables of the shell that a text of commands uses, without those that it sets itself.
fn unset_variables(commands: &str) -> BTreeSet<&str> {
    let is_of_name = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let used = commands.split('$').skip(1).filter_map(|after| {
        let after = after.strip_prefix('{').unwrap_or(after);
        let name = after.split(|letter| !is_of_name(letter)).next().unwrap_or_default();
        // Not the shell's own, such as `$1`.
        (name.starts_with(|letter: char| letter.is_ascii_uppercase()) && name != "PWD").then_some(name)
    });
    used.filter(|name| !commands.contains(&format!("{name}="))).collect()
}

#[test]
fn every_variable_of_a_command_is_set_on_its_page_or_in_the_readme() {
    let commands = |page: &str| -> String {
        let blocks = page.split("```").skip(1).step_by(2);
        blocks.filter_map(|block| block.strip_prefix("sh\n")).collect()
    };
    let readme = commands(&read("README.md"));
    assert_eq!(unset_variables(&readme), BTreeSet::new());
    let mut found = 0;
    for page in pages() {
        let text = read(&page);
        for name in unset_variables(&commands(&text)) {
            let is_explained = text.contains(&format!("`${name}`"));
            assert!(is_explained || readme.contains(&format!("{name}=")), "{page} does not say what `${name}` is");
            found += 1;
        }
    }
    assert!(found > 8, "{found}");
    assert_eq!(unset_variables("A=1 curl $A ${B_2}/$C $1 $PWD"), BTreeSet::from(["B_2", "C"]));
}

#[test]
fn the_readme_is_read_in_three_minutes() {
    let lines = read("README.md").lines().count();
    assert!(lines <= LONGEST_README, "{lines} lines");
}

#[test]
fn citations_are_read_as_they_are_written() {
    assert_eq!(cited(", section 5, traps 8 and 10: more 7"), [(0, "5".into()), (1, "8".into()), (1, "10".into())]);
    assert_eq!(cited(", sections 2.2 and 4; failures 27"), [(0, "2.2".into()), (0, "4".into())]);
    assert!(cited(" says 7").is_empty() && cited(") section 3").is_empty());
    assert_eq!(failures("failures F2 to F5, \\xF0 F123 OF7 'F8'"), ["2", "5"]);
    assert_eq!(anchor("## What's a *door*, in `http`?"), "whats-a-door-in-http");
}
