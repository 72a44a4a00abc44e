//! Receipts: signed statements that a change is in the log, and which nodes have acknowledged it. docs/log.md specifies them
//! byte for byte.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tlog_tiles::{Hash, check_record, record_hash};
use uuid::Uuid;

use super::note::{self, LogKey, VerifierKey, check_origin, verified};
use super::{canonical, change_of};
use crate::domain::error::{Error, Result};
use crate::domain::nesting::read_json;
use crate::domain::node::Node;

/// The version of what [`Receipt::sign`] makes.
const VERSION: i64 = 1;

/// The longest text of a receipt, in bytes: verifiers of signed notes take 1,000,000 with the signatures.
const LONGEST_TEXT: usize = 999_000;

/// The name that signs the receipts of a log. It is the first line of each, so that no receipt is a checkpoint of the log.
fn name_of(origin: &str) -> String {
    format!("{origin}/receipts")
}

/// The contents of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// The id of the change.
    pub change: Uuid,
    /// When the nodes were asked for, in epoch milliseconds.
    pub made_at: i64,
    /// The nodes that were registered then. Each had acknowledged the change.
    pub nodes: Vec<Acknowledged>,
    /// The entry of the log as it was hashed; empty if the reader may not see it.
    pub entry: String,
    /// The hash of the entry's leaf, in base64.
    pub leaf_hash: String,
    /// The number of the leaf, from 0.
    pub leaf_index: u64,
    /// The hashes beside the path from the leaf to the root, from below, in base64: RFC 6962, section 2.1.1.
    pub hashes: Vec<String>,
    /// The checkpoint with the root.
    pub checkpoint: String,
}

/// A node that has acknowledged a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acknowledged {
    /// The id of the node; empty if the reader may not see it.
    pub id: String,
    /// `server` or `edge`.
    pub kind: String,
    /// The name of the node; empty if the reader may not see it.
    pub name: String,
    /// When the node registered, in epoch milliseconds.
    pub started_at: i64,
    /// The position up to which the node had applied the changes.
    pub position: String,
    /// When the node had written that position, in epoch milliseconds: it had acknowledged the change then, or before.
    pub position_at: i64,
    /// Whether another process had given up waiting for the node, because of a later change.
    pub is_silenced: bool,
}

impl From<Node> for Acknowledged {
    fn from(node: Node) -> Self {
        Self {
            id: if node.id.is_nil() { String::new() } else { node.id.to_string() },
            kind: if node.owner.is_some() { "edge" } else { "server" }.to_owned(),
            name: node.name,
            started_at: node.started_at,
            position: node.acknowledged,
            position_at: node.acknowledged_at,
            is_silenced: node.silenced,
        }
    }
}

/// A verified receipt.
#[derive(Debug)]
pub struct Opened {
    /// The contents of the receipt.
    pub receipt: Receipt,
    /// The verified checkpoint in the receipt.
    pub checkpoint: note::Opened,
}

impl Receipt {
    /// Signs the receipt with the key of the log.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it would be too long, or the origin is not one.
    pub fn sign(&self, key: &LogKey) -> Result<String> {
        // With a line feed in it, the text could be one of a checkpoint.
        check_origin(key.origin()).map_err(|message| Error::Conflict(format!("the origin of the log {message}")))?;
        let name = name_of(key.origin());
        let mut members = serde_json::to_value(self).map_err(|error| Error::Internal(error.into()))?;
        members["v"] = VERSION.into();
        let text = format!("{name}\n{}\n", canonical(&members));
        if text.len() > LONGEST_TEXT {
            let nodes = self.nodes.len();
            return Err(Error::Conflict(format!(
                "the receipt would be longer than a note may be: there are {nodes} nodes"
            )));
        }
        key.sign_note(&name, text.as_bytes())
    }

    /// Checks that the change is in the log with that key. Cosignatures of these witnesses must be right.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn check(&self, log: &VerifierKey, witnesses: &[VerifierKey]) -> Result<note::Opened, String> {
        let hash = |text: &String| Hash::parse_hash(text).map_err(|_| format!("{text:?} is no hash"));
        let leaf = hash(&self.leaf_hash)?;
        if !self.entry.is_empty() {
            if record_hash(self.entry.as_bytes()) != leaf {
                return Err("the entry does not have the hash of the leaf".to_owned());
            }
            if change_of(self.entry.as_bytes()) != Some(self.change) {
                return Err("the entry is of another change".to_owned());
            }
        }
        let opened = note::open(&self.checkpoint, std::slice::from_ref(log), witnesses)
            .map_err(|error| format!("the checkpoint: {error}"))?;
        let hashes = self.hashes.iter().map(hash).collect::<Result<Vec<Hash>, String>>()?;
        let (size, root) = (opened.checkpoint.size(), *opened.checkpoint.hash());
        check_record(&hashes, size, root, self.leaf_index, leaf)
            .map_err(|_| "the proof does not lead to the root in the checkpoint".to_owned())?;
        Ok(opened)
    }
}

/// Opens a receipt that the key of this log must have signed, and checks that the change is in the log. Cosignatures of these
/// witnesses must be right.
///
/// # Errors
/// A message that says what is wrong.
pub fn open(text: &str, log: &VerifierKey, witnesses: &[VerifierKey]) -> Result<Opened, String> {
    let name = name_of(log.name());
    let text = verified(text, &log.renamed(&name))?;
    let line = text.strip_prefix(&format!("{name}\n")).and_then(|rest| rest.strip_suffix('\n'));
    let members = line.and_then(|line| read_json::<Json>(line.as_bytes()).ok());
    let mut members = members.ok_or_else(|| "its second line is not JSON".to_owned())?;
    let version = members.as_object_mut().and_then(|members| members.remove("v"));
    if version.as_ref().and_then(Json::as_i64) != Some(VERSION) {
        return Err(format!("it has another version than {VERSION}: a later version of this program can read it"));
    }
    let receipt: Receipt = serde_json::from_value(members).map_err(|error| error.to_string())?;
    let checkpoint = receipt.check(log, witnesses)?;
    Ok(Opened { receipt, checkpoint })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "tessera/test";

    fn key() -> (LogKey, VerifierKey) {
        let key = LogKey::new(ORIGIN, &[7; 32]).unwrap();
        let verifier = VerifierKey::of_log(ORIGIN, key.public());
        (key, verifier)
    }

    fn receipt() -> Receipt {
        let change = Uuid::from_bytes([1; 16]);
        let entry = format!(r#"{{"id":"{change}","v":1}}"#);
        let leaf = record_hash(entry.as_bytes());
        Receipt {
            change,
            made_at: 1_795_396_205_500,
            nodes: vec![Acknowledged {
                id: String::new(),
                kind: "edge".to_owned(),
                name: "a \"b\"\n3\n".to_owned(),
                started_at: 1,
                position: "3:3:".to_owned(),
                position_at: 2,
                is_silenced: false,
            }],
            entry,
            leaf_hash: leaf.to_string(),
            leaf_index: 0,
            hashes: Vec::new(),
            checkpoint: key().0.sign(1, leaf).unwrap(),
        }
    }

    #[test]
    fn a_receipt_is_a_note_of_two_lines_with_canonical_json() {
        let (key, verifier) = key();
        let note = receipt().sign(&key).unwrap();
        let leaf = record_hash(receipt().entry.as_bytes());
        let checkpoint = receipt().checkpoint.replace('\n', "\\n");
        let expected = format!(
            "tessera/test/receipts\n{{\"change\":\"01010101-0101-0101-0101-010101010101\",\"checkpoint\":\"{checkpoint}\",\
             \"entry\":\"{{\\\"id\\\":\\\"01010101-0101-0101-0101-010101010101\\\",\\\"v\\\":1}}\",\"hashes\":[],\
             \"leafHash\":\"{leaf}\",\"leafIndex\":0,\"madeAt\":1795396205500,\"nodes\":[{{\"id\":\"\",\"isSilenced\":false,\
             \"kind\":\"edge\",\"name\":\"a \\\"b\\\"\\n3\\n\",\"position\":\"3:3:\",\"positionAt\":2,\"startedAt\":1}}],\"v\":1}}\n\n\
             — tessera/test/receipts "
        );
        assert!(note.starts_with(&expected), "{note}\n{expected}");
        assert_eq!(open(&note, &verifier, &[]).unwrap().receipt, receipt());
    }

    /// Both are signed with one key, and a signature is one of the text alone.
    #[test]
    fn a_receipt_is_no_checkpoint_and_a_checkpoint_no_receipt_under_any_name() {
        let (key, verifier) = key();
        let (note, checkpoint) = (receipt().sign(&key).unwrap(), receipt().checkpoint);
        let other = verifier.renamed("tessera/test/receipts");
        // The same signature under the other name and its key id.
        let relabelled = |note: &str, from: &VerifierKey, to: &VerifierKey| {
            let (text, line) = note.rsplit_once("\n\n").unwrap();
            let signature = line.trim_end().rsplit_once(' ').unwrap().1;
            let raw = data_encoding::BASE64.decode(signature.as_bytes()).unwrap();
            let id = |key: &VerifierKey| {
                let digits = key.to_string().split('+').nth(1).unwrap().to_owned();
                data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
            };
            assert!(raw.starts_with(&id(from)));
            let raw = data_encoding::BASE64.encode(&[id(to), raw[4..].to_vec()].concat());
            format!("{text}\n\n— {} {raw}\n", to.name())
        };
        for key in [&verifier, &other] {
            assert!(note::open(&note, std::slice::from_ref(key), &[]).is_err());
            assert!(note::open(&relabelled(&note, &other, &verifier), std::slice::from_ref(key), &[]).is_err());
            assert!(open(&checkpoint, key, &[]).is_err());
            assert!(open(&relabelled(&checkpoint, &verifier, &other), key, &[]).is_err());
        }
        let forged = LogKey::new("tessera/test\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx", &[7; 32]).unwrap();
        assert!(receipt().sign(&forged).is_err());
    }

    #[test]
    fn a_receipt_is_not_longer_than_verifiers_of_notes_take() {
        let (key, verifier) = key();
        let of = |length: usize| {
            let mut receipt = receipt();
            receipt.nodes[0].name = "x".repeat(length);
            receipt.sign(&key)
        };
        open(&of(998_000).unwrap(), &verifier, &[]).unwrap();
        assert!(matches!(of(999_000), Err(Error::Conflict(_))));
    }

    #[test]
    fn a_receipt_whose_parts_do_not_belong_together_is_refused() {
        let (key, verifier) = key();
        let other = record_hash(b"other").to_string();
        let entry = receipt().entry.replace("\"v\":1", "\"v\":2");
        for (expected, wrong) in [
            ("hash of the leaf", Receipt { entry, ..receipt() }),
            ("another change", Receipt { change: Uuid::from_bytes([2; 16]), ..receipt() }),
            ("lead to the root", Receipt { entry: String::new(), leaf_hash: other.clone(), ..receipt() }),
            ("lead to the root", Receipt { hashes: vec![other], ..receipt() }),
            ("lead to the root", Receipt { leaf_index: 1, ..receipt() }),
            ("is no hash", Receipt { leaf_hash: "x".to_owned(), ..receipt() }),
            ("the checkpoint", Receipt { checkpoint: receipt().checkpoint.replacen('1', "2", 1), ..receipt() }),
        ] {
            let error = open(&wrong.sign(&key).unwrap(), &verifier, &[]).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        let unseen = Receipt { entry: String::new(), ..receipt() };
        assert_eq!(open(&unseen.sign(&key).unwrap(), &verifier, &[]).unwrap().receipt, unseen);
        let name = "tessera/test/receipts";
        for (expected, text) in
            [("another version", "{\"v\":2}"), ("not JSON", "{\"v\":1"), ("missing field", "{\"v\":1}")]
        {
            let note = key.sign_note(name, format!("{name}\n{text}\n").as_bytes()).unwrap();
            let error = open(&note, &verifier, &[]).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
