//! `tessera audit verify-receipt`

use std::path::Path;

use serde_json::Value as Json;

use super::Verdict;
use crate::commands::output::say;
use crate::domain::log::note::VerifierKey;
use crate::domain::log::receipt::{Acknowledged, Opened, Receipt, open};
use crate::domain::nesting::read_json;

/// Verifies the receipt in a file, and prints what it says.
pub(super) fn verify(file: &Path, key: &VerifierKey, witnesses: &[VerifierKey]) -> Result<Verdict, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    match open(&String::from_utf8_lossy(&bytes), key, witnesses) {
        Ok(opened) => {
            print(&opened);
            say(format_args!("all is right"));
            Ok(Verdict::Right)
        }
        Err(error) => {
            say(format_args!("WRONG receipt: {error}"));
            say(format_args!("NOT all is right"));
            Ok(Verdict::Wrong)
        }
    }
}

/// Texts are quoted: others choose the names of keys and edges, and a terminal obeys control characters.
fn print(Opened { receipt, checkpoint }: &Opened) {
    let Receipt { change, made_at, nodes, entry, leaf_index, .. } = receipt;
    say(format_args!("receipt of the change {change}, made at {made_at}"));
    match read_json::<Json>(entry.as_bytes()) {
        Ok(entry) if entry.get("action").is_some() => {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            let [action, subject, id, actor] = ["action", "subject", "subjectId", "actor"].map(text);
            say(format_args!("{action:?} of {subject:?} {id:?} by {actor:?} at {}", entry["changedAt"]));
        }
        _ => {
            say(format_args!(
                "the entry is not in the receipt: that it is of this change is the word of the server that signed"
            ));
        }
    }
    let (origin, size) = (checkpoint.checkpoint.origin(), checkpoint.checkpoint.size());
    say(format_args!("entry {leaf_index} of {size} in the log `{origin}`"));
    if !checkpoint.witnesses.is_empty() {
        say(format_args!("cosigned by {}", checkpoint.witnesses.join(", ")));
    }
    if nodes.is_empty() {
        say(format_args!("no node was registered"));
    }
    for Acknowledged { id, kind, name, position_at, .. } in nodes {
        say(format_args!("acknowledged by {position_at}: {kind:?} {name:?} {id:?}"));
    }
}
