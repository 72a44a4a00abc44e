//! What this process has signed last, or seen as signed when it started. It signs nothing that does not continue that, so
//! whoever can write the database cannot have a rewritten history signed while the process runs.

use super::{altered, checkpoint, count, verifier_key};
use crate::domain::error::Result;
use crate::domain::log::note::open;
use crate::domain::log::tree::{Frontier, Tiles};
use crate::storage::database::AnyConnection;
use crate::storage::log::{self, LogState};

/// A tree that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    origin: String,
    size: u64,
    root: String,
}

impl Signed {
    /// The tree of the latest checkpoint; `None` before the first.
    ///
    /// # Errors
    /// When the checkpoint is not signed by the log's key.
    pub(super) fn of(state: &LogState) -> Result<Option<Self>> {
        if state.checkpoint.is_empty() {
            return Ok(None);
        }
        let opened = open(checkpoint(state), &[verifier_key(state)?], &[]).map_err(|message| altered(&message))?;
        let (size, root) = (opened.checkpoint.size(), opened.checkpoint.hash().to_string());
        Ok(Some(Self { origin: state.origin.clone(), size, root }))
    }

    /// Fails unless the log in the database continues this one, or a restore has ended this one.
    ///
    /// # Errors
    /// When the log was altered.
    pub(super) fn is_continued_by(&self, connection: &mut AnyConnection, state: &LogState) -> Result<()> {
        if state.origin != self.origin {
            let ended = log::forks(connection)?.into_iter().any(|fork| fork.origin == self.origin);
            return if ended { Ok(()) } else { Err(altered("another log is in its place")) };
        }
        if count(state.size)? < self.size {
            return Err(altered("it has fewer entries than were signed"));
        }
        let tiles = log::tiles(connection, &Tiles::at_edge(self.size))?;
        let frontier = Frontier::of(self.size, &tiles).map_err(|error| altered(&error.to_string()))?;
        if frontier.root().to_string() == self.root {
            Ok(())
        } else {
            Err(altered("its hashes are not those that were signed"))
        }
    }
}
