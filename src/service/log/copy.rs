//! The part of the log that a copy in a folder lacks. The copy may be the only evidence of earlier contents of the
//! database, so nothing is added to a copy that the log does not continue.

use super::read::tile_in;
use super::{checkpoint, count, root_of, verifier_key};
use crate::domain::error::{Error, Result};
use crate::domain::log::note::open;
use crate::domain::log::path::TilePath;
use crate::service::Service;
use crate::storage::database::{AnyConnection, storage};
use crate::storage::log::{self, LogState};

/// Whether a copy with this checkpoint may lack something, as far as this process knows.
#[must_use]
pub fn is_behind(service: &Service, written: Option<&str>) -> bool {
    service.log.known().is_some_and(|state| !state.checkpoint.is_empty() && Some(checkpoint(&state)) != written)
}

/// The entries and the checkpoint that are to be added to a copy.
#[derive(Debug)]
pub struct Growth {
    /// How many entries the copy has.
    pub from: u64,
    /// How many entries the copy is to have.
    pub to: u64,
    /// The checkpoint of that size, with the cosignatures for it.
    pub checkpoint: String,
}

/// The addition to the copy with this checkpoint, or to an empty copy. `None` before the log's first checkpoint.
///
/// # Errors
/// [`Error::Conflict`] when the log does not continue the copy; when the storage fails.
pub async fn growth(service: &Service, copied: Option<String>) -> Result<Option<Growth>> {
    service
        .read(move |connection| {
            let Some(state) = log::find(connection)?.filter(|state| !state.checkpoint.is_empty()) else {
                return Ok(None);
            };
            let from = copied.map_or(Ok(0), |note| continued(connection, &state, &note))?;
            Ok(Some(Growth { from, to: count(state.size)?, checkpoint: checkpoint(&state).to_owned() }))
        })
        .await
}

/// The size of a copy that the log continues.
fn continued(connection: &mut AnyConnection, state: &LogState, note: &str) -> Result<u64> {
    let refused = |why: &str| Error::Conflict(format!("{why}: keep this copy, and name another folder"));
    let copied = open(note, &[verifier_key(state)?], &[]).map_err(|message| refused(&message))?.checkpoint;
    if copied.size() > count(state.size)? {
        let text = format!("the copy has {} entries, and the log {}: it was rolled back", copied.size(), state.size);
        return Err(refused(&text));
    }
    match root_of(connection, copied.size())? {
        Some(root) if root == *copied.hash() => Ok(copied.size()),
        _ => Err(refused("the log has other entries than the copy: it was rewritten")),
    }
}

/// A tile or a bundle for a copy.
///
/// # Errors
/// When the storage fails, or rows are missing.
pub async fn tile(service: &Service, path: TilePath) -> Result<Vec<u8>> {
    let found = service.read(move |connection| tile_in(connection, &path)).await?;
    found.ok_or_else(|| storage(format!("the log lacks `{path}`")))
}
