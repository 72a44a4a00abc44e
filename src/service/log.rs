//! The log of the changes: appended to by one node at a time, and readable by anyone for verification. See
//! `docs/log.md`.

pub mod append;
pub mod copy;
mod key;
pub mod read;
pub mod receipt;
pub mod restored;
mod signed;
pub mod witness;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tlog_tiles::Hash;

use self::signed::Signed;
use crate::domain::error::{Error, Result};
use crate::domain::log::note::{VerifierKey, signed_text};
use crate::domain::log::tree::{Frontier, Tiles};
use crate::storage::database::{AnyConnection, storage};
use crate::storage::log::{self, LogState};

/// The state of the log as this process knows it, and its metrics.
#[derive(Default)]
pub struct Log {
    state: RwLock<Option<Arc<LogState>>>,
    signed: Mutex<Option<Signed>>,
    /// How many leaves the log has.
    pub size: Gauge,
    /// How many requests to witnesses have failed.
    pub witness_failures: Counter,
}

impl Log {
    /// The state when it was last read.
    fn known(&self) -> Option<Arc<LogState>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the state, so that it is read again.
    pub fn forget(&self) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The tree that was signed last, as far as this process knows.
    fn signed(&self) -> Option<Signed> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The checkpoint that was signed last, as far as this process knows: for [`Self::begin_with`] after a restart.
    #[must_use]
    pub fn signed_checkpoint(&self) -> Option<String> {
        self.signed().map(|signed| signed.note)
    }

    /// Signs from now on only what continues this checkpoint, which the process kept outside the database.
    ///
    /// # Errors
    /// A message when it is no checkpoint.
    pub fn begin_with(&self, kept: &str) -> Result<(), String> {
        self.trust(Some(Signed::kept(kept)?));
        Ok(())
    }

    fn trust(&self, signed: Option<Signed>) {
        if let Some(signed) = signed {
            let mut known = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(signed.after(known.take()));
        }
    }

    fn learn(&self, state: &LogState) {
        self.size.set(state.size);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(state.clone()));
    }
}

/// The latest checkpoint, with cosignatures if there are any for this one.
fn checkpoint(state: &LogState) -> &str {
    let is_same = signed_text(&state.witnessed) == signed_text(&state.checkpoint);
    if is_same { &state.witnessed } else { &state.checkpoint }
}

/// The key that verifies the checkpoints.
fn verifier_key(state: &LogState) -> Result<VerifierKey> {
    let key = data_encoding::HEXLOWER.decode(state.public_key.as_bytes()).ok().and_then(|key| key.try_into().ok());
    let key = key.ok_or_else(|| storage("the public key of the log is malformed"))?;
    Ok(VerifierKey::of_log(&state.origin, key))
}

/// The root of the tree when it had that size; `None` if hashes are missing.
fn root_of(connection: &mut AnyConnection, size: u64) -> Result<Option<Hash>> {
    let tiles = log::tiles(connection, &Tiles::at_edge(size))?;
    Ok(Frontier::of(size, &tiles).ok().map(|frontier| frontier.root()))
}

/// A number of leaves as the tree counts them.
fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(storage)
}

fn altered(what: &str) -> Error {
    Error::Conflict(format!("the log was altered: {what}; nothing is appended to it; run `tessera audit verify`"))
}
