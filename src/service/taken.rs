//! What a process keeps outside the database of the changes that take something away: a journal, for restores.

use std::sync::{Arc, OnceLock};

use super::{Service, blocking};
use crate::domain::change::Change;

/// Where such changes are kept, once the command has said so.
#[derive(Clone, Default)]
pub struct Taken(Arc<OnceLock<Box<Keep>>>);

type Keep = dyn Fn(&[Change]) + Send + Sync;

impl Taken {
    /// Keeps the changes of this process from now on with `keep`, which returns when they are on the disk.
    pub fn keep_with(&self, keep: impl Fn(&[Change]) + Send + Sync + 'static) {
        // The first one stays: a process has one journal.
        let _is_second = self.0.set(Box::new(keep));
    }
}

impl Service {
    /// Keeps changes before they are answered, so that a restore knows of every revocation that was.
    pub(super) async fn keep_taken(&self, changes: Vec<Change>) {
        if changes.is_empty() || self.taken.0.get().is_none() {
            return;
        }
        let taken = self.taken.clone();
        let kept = blocking(move || {
            if let Some(keep) = taken.0.get() {
                keep(&changes);
            }
            Ok(())
        });
        if let Err(error) = kept.await {
            tracing::error!(%error, "changes could not be kept outside the database");
        }
    }
}
