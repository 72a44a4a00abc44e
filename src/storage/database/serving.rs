//! Which processes serve an SQLite file: each holds a shared lock on a file beside it until it ends, however it ends. So
//! the rows of nodes that were killed can be told from those of nodes that run.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::{Database, storage};
use crate::domain::error::Result;

/// The mark of a process that serves an SQLite file. PostgreSQL has none.
#[must_use]
pub struct Serving {
    lock: Option<File>,
}

impl Database {
    /// Calls `work` if no process serves the file, and none begins to meanwhile. PostgreSQL's nodes are on other
    /// machines, too, so this process cannot know whether one of them runs. Blocks.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn if_unserved(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let Some(path) = self.lock_file()? else { return Ok(()) };
        // Not created here: a command may belong to another user than the server.
        let lock = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(storage)?,
        };
        match lock.try_lock() {
            Ok(()) => work(self),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(storage(error)),
        }
    }

    /// Marks this process as one that serves the database, until the returned mark is dropped. Blocks.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn serve(&self) -> Result<Serving> {
        let Some(path) = self.lock_file()? else { return Ok(Serving { lock: None }) };
        let lock = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(storage)?;
        lock.lock_shared().map_err(storage)?;
        Ok(Serving { lock: Some(lock) })
    }

    /// The lock file: the same file for all links by which the database is reached.
    fn lock_file(&self) -> Result<Option<PathBuf>> {
        let Some(database) = self.manager.file() else { return Ok(None) };
        let mut path = OsString::from(database.canonicalize().map_err(storage)?);
        path.push(".lock");
        Ok(Some(path.into()))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::debug!(%error, "the lock of the database could not be given back");
        }
    }
}
