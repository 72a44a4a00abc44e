//! Rollback guard of the log: remembers the checkpoint that this process signed last, or found signed at its start, or
//! kept outside the database when it ran before, and signs only trees that continue it. So an attacker who can write
//! only the database cannot have a rewritten history signed.

use std::collections::BTreeSet;

use tlog_tiles::Checkpoint;

use super::{altered, checkpoint, count, root_of, verifier_key};
use crate::domain::error::Result;
use crate::domain::log::note::{open, unverified};
use crate::storage::database::AnyConnection;
use crate::storage::log::{self, LogState};

/// A tree that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// The checkpoint.
    pub(super) note: String,
    /// Its origin.
    pub(super) origin: String,
    size: u64,
    root: String,
    /// The origins of logs that this process has seen end. None of them goes on.
    ended: BTreeSet<String>,
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
        Ok(Some(Self::new(checkpoint(state), &opened.checkpoint)))
    }

    /// The tree of a checkpoint that this machine has kept outside the database.
    ///
    /// # Errors
    /// A message when it is none.
    pub(super) fn kept(note: &str) -> Result<Self, String> {
        Ok(Self::new(note, &unverified(note)?))
    }

    fn new(note: &str, checkpoint: &Checkpoint) -> Self {
        Self {
            note: note.to_owned(),
            origin: checkpoint.origin().to_owned(),
            size: checkpoint.size(),
            root: checkpoint.hash().to_string(),
            ended: BTreeSet::new(),
        }
    }

    /// This tree, as the successor of `other`: it also remembers which logs have ended.
    pub(super) fn after(mut self, other: Option<Self>) -> Self {
        if let Some(other) = other {
            self.ended.extend(other.ended);
            if other.origin != self.origin {
                self.ended.insert(other.origin);
            }
        }
        self
    }

    /// Fails unless the log in the database continues this tree, or a restore has ended the log of this tree.
    ///
    /// # Errors
    /// When the log was altered.
    pub(super) fn is_continued_by(&self, connection: &mut AnyConnection, state: &LogState) -> Result<()> {
        if self.ended.contains(&state.origin) {
            return Err(altered("a log that has ended is in its place"));
        }
        if state.origin != self.origin {
            let fork = log::forks(connection)?.into_iter().find(|fork| fork.origin == self.origin);
            let fork = fork.ok_or_else(|| altered("another log is in its place"))?;
            // The log that follows begins with what a restore has left of this one.
            if count(fork.size)? < self.size {
                return Ok(());
            }
        }
        if count(state.size)? < self.size {
            return Err(altered("it has fewer entries than were signed"));
        }
        match root_of(connection, self.size)? {
            Some(root) if root.to_string() == self.root => Ok(()),
            _ => Err(altered("its hashes are not those that were signed")),
        }
    }
}
