//! The log: an append-only Merkle tree (RFC 6962) over the changes, in the formats of C2SP (`tlog-tiles`,
//! `tlog-checkpoint`, `signed-note`). docs/log.md specifies it byte for byte.

pub mod note;
pub mod path;
pub mod receipt;
pub mod tree;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::change::Change;
use super::error::{Error, Result};
use super::nesting::read_json;
use super::state::States;

/// The height of a tile: each level of tiles has the hashes of every eighth level of the tree.
pub const TILE_HEIGHT: u8 = 8;
/// The number of hashes or entries in a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;
/// The highest level of tiles in a tree of 2^63 leaves.
pub const HIGHEST_LEVEL: u8 = 63 / TILE_HEIGHT;
/// The version of what [`leaf`] makes.
const VERSION: i64 = 1;
/// The longest entry, in bytes: its length has two bytes in a bundle.
const LONGEST_ENTRY: usize = 0xffff;

/// How many hashes a level of tiles has in a tree of that size.
#[must_use]
pub fn hashes_of(level: u8, size: u64) -> u64 {
    size >> (TILE_HEIGHT * level)
}

/// The text that is hashed for a change: canonical JSON (RFC 8785). The random bits of the change's id keep others from
/// guessing it.
#[must_use]
pub fn leaf(change: &Change, states: &States) -> Vec<u8> {
    let entry = canonical(&json!({
        "v": VERSION,
        "id": change.id.to_string(),
        "changedAt": change.changed_at,
        "actorId": change.actor_id.to_string(),
        "actor": change.actor_name,
        "actedBy": change.acted_by,
        "action": change.action,
        "subjectKind": change.subject_kind,
        "subjectId": change.subject_id.to_string(),
        "subject": change.subject_name,
        "requestId": change.request_id,
        "authenticatedBy": change.authenticated_by,
        "address": change.address,
        "before": states.before,
        "after": states.after,
    }));
    if entry.len() <= LONGEST_ENTRY {
        return entry.into_bytes();
    }
    // A change must not stop the log, however long its texts are.
    let digest = HEXLOWER.encode(&Sha256::digest(&entry));
    canonical(&json!({"v": VERSION, "id": change.id.to_string(), "sha256": digest})).into_bytes()
}

/// The value with its members in lexicographic order, without white space. For what entries and receipts have in them (ASCII
/// names, strings, whole numbers and `false` or `true`) this is RFC 8785.
fn canonical(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<&String, &Json> = members.iter().collect();
            let member =
                |(name, value): (&String, &Json)| format!("{}:{}", Json::from(name.as_str()), canonical(value));
            format!("{{{}}}", sorted.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
        Json::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// The change that an entry is about.
#[must_use]
pub fn change_of(entry: &[u8]) -> Option<Uuid> {
    let members: Json = read_json(entry).ok()?;
    Uuid::parse_str(members.get("id")?.as_str()?).ok()
}

/// The members of an entry that a change has other values for. Members that the version of the entry does not have are
/// not compared.
#[must_use]
pub fn differences(entry: &[u8], change: &Change, states: &States) -> Vec<String> {
    let now = leaf(change, states);
    if now == entry {
        return Vec::new();
    }
    let read = |text: &[u8]| read_json::<BTreeMap<String, Json>>(text).unwrap_or_default();
    let (then, now) = (read(entry), read(&now));
    let is_older = then.get("v").and_then(Json::as_i64).is_some_and(|version| version < VERSION);
    let differs = then.iter().filter(|(name, value)| name.as_str() != "v" && now.get(*name) != Some(value));
    let mut names: Vec<String> = differs.map(|(name, _)| name.clone()).collect();
    if !is_older {
        names.extend(now.into_keys().filter(|name| !then.contains_key(name)));
    }
    names
}

/// A bundle of entries: each with its length before it, as two bytes.
///
/// # Errors
/// When an entry is longer than 65,535 bytes.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|error| Error::Storage(error.into()))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle; `None` if it is malformed.
#[must_use]
pub fn unbundle(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(entry.to_vec());
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        let id = |digit: u8| Uuid::from_bytes([digit; 16]);
        Change {
            id: id(1),
            changed_at: 1_795_396_205_424,
            actor_id: id(2),
            actor_name: "alice".to_owned(),
            acted_by: String::new(),
            action: "apikey.created".to_owned(),
            subject_kind: "principal".to_owned(),
            subject_id: id(3),
            subject_name: "a \"b\"\n\u{1f}\u{e9}".to_owned(),
            request_id: "r".to_owned(),
            authenticated_by: "session:k".to_owned(),
            address: "192.0.2.7".to_owned(),
        }
    }

    fn states() -> States {
        States { before: "null".to_owned(), after: r#"{"kind":"user"}"#.to_owned() }
    }

    #[test]
    fn a_leaf_is_canonical_json() {
        let expected = concat!(
            r#"{"actedBy":"","action":"apikey.created","actor":"alice","actorId":"02020202-0202-0202-0202-020202020202","#,
            r#""address":"192.0.2.7","after":"{\"kind\":\"user\"}","authenticatedBy":"session:k","before":"null","#,
            r#""changedAt":1795396205424,"id":"01010101-0101-0101-0101-010101010101","requestId":"r","#,
            r#""subject":"a \"b\"\n\u001fé","subjectId":"03030303-0303-0303-0303-030303030303","#,
            r#""subjectKind":"principal","v":1}"#
        );
        assert_eq!(String::from_utf8(leaf(&change(), &states())).unwrap(), expected);
        assert_eq!(change_of(&leaf(&change(), &states())), Some(change().id));
    }

    #[test]
    fn a_change_that_is_too_long_for_a_bundle_is_logged_by_its_digest() {
        let long = Change { subject_name: "x".repeat(70_000), ..change() };
        let entry = leaf(&long, &states());
        assert!(entry.len() < 200 && change_of(&entry) == Some(long.id));
        assert_ne!(entry, leaf(&Change { subject_name: "y".repeat(70_000), ..change() }, &states()));
    }

    #[test]
    fn differences_are_named_by_member() {
        let entry = leaf(&change(), &states());
        assert_eq!(differences(&entry, &change(), &states()), Vec::<String>::new());
        let other = Change { actor_name: "bob".to_owned(), changed_at: 1, ..change() };
        assert_eq!(differences(&entry, &other, &states()), ["actor", "changedAt"]);
        let older = br#"{"id":"01010101-0101-0101-0101-010101010101","actor":"alice","v":0}"#;
        assert_eq!(differences(older, &change(), &states()), Vec::<String>::new());
        assert_eq!(differences(older, &other, &states()), ["actor"]);
    }

    #[test]
    fn bundles_are_read_as_they_were_written() {
        let entries = [b"a".to_vec(), vec![], b"bc".to_vec()];
        let bytes = bundle(entries.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(bytes, b"\0\x01a\0\0\0\x02bc");
        assert_eq!(unbundle(&bytes).unwrap(), entries);
        assert_eq!(unbundle(b"\0\x02a"), None);
        assert_eq!(unbundle(b"\0"), None);
    }
}
