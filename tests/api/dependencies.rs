//! Licences and sources of the dependencies, by the lists of `deny.toml`.
//!
//! `tests/run deny` checks more if cargo-deny is installed; building it in every run would cost minutes.

use std::process::Command;

use serde_json::Value;

use crate::support::repository;

/// The strings of a list in `deny.toml`, by the line that opens it.
fn list(section: &str, opening: &str) -> Vec<String> {
    let text = repository::read("deny.toml");
    let section = text.split(&format!("\n[{section}]\n")).nth(1).unwrap().split("\n[").next().unwrap();
    let body = section.split(opening).nth(1).unwrap().split("\n]").next().unwrap();
    let lines = body.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// The crates that are compiled in, with their dependencies for tests and builds.
fn packages() -> Vec<Value> {
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", host.trim()])
        .current_dir(repository::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: Vec<Value> = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 200, "{}", packages.len());
    packages
}

/// Whether an SPDX expression can be met with those licences. `AND` binds closer than `OR`, and `/` is an old `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (allowed, rest) = any(&words, allowed);
    assert!(rest.is_empty(), "cannot read `{expression}`");
    allowed
}

fn any<'a, 'b>(mut words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut met, rest) = all(words, allowed);
    words = rest;
    while let ["OR", rest @ ..] = words {
        let (next, rest) = all(rest, allowed);
        (met, words) = (met || next, rest);
    }
    (met, words)
}

fn all<'a, 'b>(mut words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut met, rest) = one(words, allowed);
    words = rest;
    while let ["AND", rest @ ..] = words {
        let (next, rest) = one(rest, allowed);
        (met, words) = (met && next, rest);
    }
    (met, words)
}

fn one<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let has = |name: &str| allowed.iter().any(|each| each == name);
    match words {
        ["(", rest @ ..] => {
            let (met, rest) = any(rest, allowed);
            assert_eq!(rest.first(), Some(&")"));
            (met, &rest[1..])
        }
        [name, "WITH", exception, rest @ ..] => (has(&format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (has(name), rest),
        [] => panic!("an expression ends too early"),
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let allowed = list("licenses", "allow = [");
    assert!(allowed.len() > 5, "{allowed:?}");
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &allowed), "{} {}: `{licence}`", package["name"], package["version"]);
    }
}

#[test]
fn every_dependency_comes_from_the_registry_and_none_is_banned() {
    let banned = list("bans", "deny = [");
    assert!(banned.len() > 2, "{banned:?}");
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        match package["source"].as_str() {
            Some(source) => assert!(source.starts_with("registry+"), "{name} comes from {source}"),
            None => assert_eq!(name, "tessera"),
        }
        assert!(!banned.iter().any(|each| each == name), "deny.toml bans {name}");
    }
}

#[test]
fn licences_are_joined_as_spdx_says() {
    let allowed = ["MIT".to_owned(), "A WITH E".to_owned()];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND A WITH E", true),
        ("A", false),
        ("", false),
    ] {
        let met_so = std::panic::catch_unwind(|| is_allowed(expression, &allowed)).unwrap_or(false);
        assert_eq!(met_so, met, "{expression}");
    }
}
