//! The copy of the log in a folder, as `/audit/log/` serves it. Several nodes may have the same folder.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::explain;
use crate::domain::log::path::{Kind, TilePath};
use crate::domain::party::Party;
use crate::http::audit_log::LogKeysView;
use crate::kept_file::{KeptFile, replace};
use crate::service::Service;
use crate::service::log::copy::{self, Growth};
use crate::service::log::read;

/// The mode of files with entries: they contain the audit trail.
const OWNER_ONLY: u32 = 0o600;
/// The mode of public files.
const EVERYBODY: u32 = 0o644;
/// The file that a node locks while it writes.
const LOCK: &str = ".lock";

/// The copy.
pub struct LogCopy {
    folder: PathBuf,
    /// The checkpoint that was written last.
    written: Option<String>,
}

impl LogCopy {
    /// The copy in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, written: None }
    }

    /// Writes what has been appended since: the tiles before the checkpoint, so that a reader finds everything that the
    /// checkpoint covers. Writes nothing while another node does, nor to a copy that the log does not continue.
    ///
    /// # Errors
    /// A message for the operator.
    pub async fn follow(&mut self, service: &Service) -> Result<(), String> {
        if !copy::is_behind(service, self.written.as_deref()) {
            return Ok(());
        }
        let folder = self.folder.clone();
        let opened = spawn_blocking(move || {
            let Some(lock) = lock(&folder)? else { return Ok(None) };
            // Read under the lock, and before the database: so the copy is never ahead of an honest database.
            Ok(Some((lock, KeptFile::at(Some(folder.join("checkpoint"))).read()?)))
        });
        let opened: Result<_, String> = opened.await.map_err(|error| error.to_string())?;
        let Some((_lock, copied)) = opened? else { return Ok(()) };
        let growth = copy::growth(service, copied.clone()).await;
        let growth = growth.map_err(|error| format!("`{}`: {}", self.folder.display(), explain(error)))?;
        let Some(Growth { from, to, checkpoint }) = growth else { return Ok(()) };
        if copied.as_ref() != Some(&checkpoint) {
            self.grow(service, from, to).await?;
            self.put("checkpoint", checkpoint.clone().into_bytes(), EVERYBODY).await?;
        }
        self.written = Some(checkpoint);
        Ok(())
    }

    async fn grow(&self, service: &Service, from: u64, to: u64) -> Result<(), String> {
        for path in TilePath::added(from, to) {
            let bytes = copy::tile(service, path).await.map_err(explain)?;
            let mode = if path.kind == Kind::Entries { OWNER_ONLY } else { EVERYBODY };
            self.put(&format!("tile/{path}"), bytes, mode).await?;
        }
        let keys = read::keys(service, Party::Upkeep).await.map_err(explain)?;
        let keys = serde_json::to_vec_pretty(&LogKeysView::from(keys)).map_err(|error| error.to_string())?;
        self.put("key", keys, EVERYBODY).await
    }

    async fn put(&self, name: &str, content: Vec<u8>, mode: u32) -> Result<(), String> {
        let path = self.folder.join(name);
        let written = spawn_blocking(move || {
            let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            folder
                .and_then(|()| replace(&path, &content, mode))
                .map_err(|error| format!("`{}`: {error}", path.display()))
        });
        written.await.map_err(|error| error.to_string())?
    }
}

/// `None` while another process has the lock.
fn lock(folder: &Path) -> Result<Option<File>, String> {
    let path = folder.join(LOCK);
    let opened = std::fs::create_dir_all(folder)
        .and_then(|()| File::options().write(true).create(true).truncate(false).open(&path));
    let file = opened.map_err(|error| format!("`{}`: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(format!("cannot lock `{}`: {error}", path.display())),
    }
}
