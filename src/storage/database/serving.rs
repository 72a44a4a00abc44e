//! Which processes serve an SQLite file: each holds a shared lock on a file beside it until it ends, however it ends. So
//! the rows of nodes that were killed can be told from those of nodes that run.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Database, storage};
use crate::domain::error::Result;
use crate::storage::url::DatabaseUrl;

/// The mark of a process that serves an SQLite file. PostgreSQL has none.
#[must_use]
pub struct Serving {
    lock: Option<File>,
}

/// The mark of a process that works on an SQLite file which no process serves, and which none begins to serve until
/// this is dropped. On PostgreSQL it says nothing: its nodes may be on other machines.
#[must_use]
pub struct Unserved {
    _lock: Option<File>,
}

/// Marks the database as one that no process serves; `None` if a process serves it. Does not create or open the database.
///
/// # Errors
/// When the lock file cannot be read.
pub fn unserved(url: &DatabaseUrl) -> Result<Option<Unserved>> {
    match url {
        DatabaseUrl::Sqlite(file) if file.exists() => unserved_file(file),
        DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_) => Ok(Some(Unserved { _lock: None })),
    }
}

fn unserved_file(database: &Path) -> Result<Option<Unserved>> {
    // Not created here: a command may belong to another user than the server.
    let lock = match File::open(lock_file(database)?) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Unserved { _lock: None })),
        opened => opened.map_err(storage)?,
    };
    match lock.try_lock() {
        Ok(()) => Ok(Some(Unserved { _lock: Some(lock) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(storage(error)),
    }
}

/// The lock file: the same file for all links by which the database is reached.
fn lock_file(database: &Path) -> Result<PathBuf> {
    let mut path = OsString::from(database.canonicalize().map_err(storage)?);
    path.push(".lock");
    Ok(path.into())
}

impl Database {
    /// Calls `work` if no process serves the file, and none begins to meanwhile. PostgreSQL's nodes are on other
    /// machines, too, so this process cannot know whether one of them runs. Blocks.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn if_unserved(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let Some(file) = self.manager.file() else { return Ok(()) };
        match unserved_file(file)? {
            Some(_unserved) => work(self),
            None => Ok(()),
        }
    }

    /// Marks this process as one that serves the database, until the returned mark is dropped. Blocks.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn serve(&self) -> Result<Serving> {
        let Some(file) = self.manager.file() else { return Ok(Serving { lock: None }) };
        let path = lock_file(file)?;
        let lock = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(storage)?;
        lock.lock_shared().map_err(storage)?;
        Ok(Serving { lock: Some(lock) })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::debug!(%error, "the lock of the database could not be given back");
        }
    }
}
