//! Requests to witnesses, and the cosignatures that they return (C2SP `tlog-witness`).

use super::checkpoint;
use super::read::consistency;
use crate::clock::SECOND;
use crate::domain::error::Result;
use crate::domain::log::note::VerifierKey;
use crate::service::Service;
use crate::storage::log::{self, LogState};

/// How often the witnesses are asked, at most, in milliseconds.
const ASKED_EVERY: i64 = 10 * SECOND;

/// A checkpoint that witnesses are to cosign.
#[derive(Debug, Clone)]
pub struct Unwitnessed {
    /// The origin of the log.
    pub origin: String,
    /// The size of the tree.
    pub size: u64,
    /// The signed note.
    pub checkpoint: String,
}

/// The checkpoint for which this node should ask the witnesses now. `None` if there is no new checkpoint, or another
/// node asks.
///
/// # Errors
/// When the storage fails.
pub async fn due(service: &Service) -> Result<Option<Unwitnessed>> {
    let is_new = |state: &LogState| !state.checkpoint.is_empty() && checkpoint(state) != state.witnessed;
    if !service.log.known().is_some_and(|state| is_new(&state)) {
        return Ok(None);
    }
    let now = service.clock.now();
    // Nodes whose ticks are close together take turns all the same.
    let before = now - ASKED_EVERY + SECOND / 2;
    service
        .write_upkeep(move |connection| {
            if !log::take_turn_to_witness(connection, now, before)? {
                return Ok(None);
            }
            let Some(state) = log::find(connection)?.filter(is_new) else { return Ok(None) };
            let size = super::count(state.size)?;
            Ok(Some(Unwitnessed { origin: state.origin, size, checkpoint: state.checkpoint }))
        })
        .await
}

/// The body of a request to a witness that has cosigned a tree of size `old`.
///
/// # Errors
/// When the storage fails.
pub async fn request(service: &Service, asked: &Unwitnessed, old: u64) -> Result<String> {
    let size = asked.size;
    let hashes = service.read(move |connection| consistency(connection, old, size)).await?;
    let mut lines = vec![format!("old {old}")];
    lines.extend(hashes.iter().map(ToString::to_string));
    Ok(format!("{}\n\n{}", lines.join("\n"), asked.checkpoint))
}

/// Adds the cosignatures in the answers of witnesses, as far as they are right, to the checkpoint that is served. Returns
/// for each witness whether its cosignature was added.
///
/// # Errors
/// When the storage fails.
pub async fn add(service: &Service, asked: &Unwitnessed, answers: &[(VerifierKey, String)]) -> Result<Vec<bool>> {
    let mut note = asked.checkpoint.clone();
    let mut added = Vec::new();
    for (witness, lines) in answers {
        let cosigned = witness.add_verified(&note, lines);
        added.push(cosigned.is_some());
        note = cosigned.unwrap_or(note);
    }
    if added.contains(&true) {
        let origin = asked.origin.clone();
        let state = service.write_upkeep(move |connection| {
            log::set_witnessed(connection, &origin, &note)?;
            log::find(connection)
        });
        if let Some(state) = state.await? {
            service.log.learn(&state);
        }
    }
    Ok(added)
}
