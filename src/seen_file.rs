//! The file with the database's latest changes that this machine saw. It shows when the database is a restored copy. It
//! lies beside the pepper, and so is not in the database's backups.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::checkpoint_file::CheckpointFile;
use crate::config::Settings;
use crate::domain::installation::{Installation, Seen};
use crate::domain::journal::Journal;
use crate::journal_file::{self, JournalFile};
use crate::kept_file::{KeptFile, replace};
use crate::pepper_file;
use crate::storage::url::DatabaseUrl;

/// The file, if there is one.
pub struct SeenFile(KeptFile);

impl SeenFile {
    /// The configured file, or the one beside the pepper file. Without a pepper file and a setting there is none.
    pub fn of(settings: &Settings, url: &DatabaseUrl) -> Self {
        let beside = || pepper_file::used_path(settings, url).map(|pepper| pepper.with_extension("seen"));
        Self(KeptFile::at(settings.seen_file.clone().or_else(beside)))
    }

    /// The journal beside it.
    pub fn journal(&self, installation: &Installation) -> JournalFile {
        JournalFile::at(self.journal_path(), installation.id)
    }

    /// The contents of the journal beside it, whichever installation it belongs to.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn read_journal(&self) -> Result<Option<Journal>, String> {
        self.journal_path().map_or(Ok(None), |path| journal_file::read(&path))
    }

    fn journal_path(&self) -> Option<PathBuf> {
        self.0.path().map(|path| path.with_extension("journal"))
    }

    /// The file with the latest checkpoint of the log beside it.
    pub fn checkpoint(&self) -> CheckpointFile {
        CheckpointFile::at(self.0.path().map(|path| path.with_extension("checkpoint")))
    }

    /// The contents, if the file exists.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn read(&self) -> Result<Option<Seen>, String> {
        let Some(path) = self.0.path() else { return Ok(None) };
        let failed = |why: &str| format!("cannot read the file `{}`, which tells what was seen: {why}", path.display());
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error.to_string())),
            Ok(text) => Seen::parse(&text).map(Some).ok_or_else(|| failed("it is damaged")),
        }
    }

    /// Saves what was seen. Logs a failure.
    pub fn keep(&mut self, seen: &Seen) {
        self.0.write("a start on a restored copy of the database is not noticed", |path| {
            replace(path, seen.to_string().as_bytes(), 0o600)
        });
    }

    /// Logs a warning if no file is kept.
    pub fn warn(&self) {
        if self.0.path().is_none() {
            tracing::warn!(
                "the pepper has no file, so none is kept beside it: a start on a restored copy of the database is not \
                 noticed, unless --seen-file names a place"
            );
        }
    }

    /// Advice for the operator after a refusal.
    pub fn advice(&self) -> String {
        let path = self.0.path().unwrap_or(Path::new(""));
        format!(
            "put the right database in its place; or, if it was restored on purpose, stop every node and run `tessera \
             restore` on this machine, or on another one with `--journal` and the journal of this one: that makes \
             revocations again and ends every session (what was seen is in `{}` and in the journal `{}`)",
            path.display(),
            path.with_extension("journal").display()
        )
    }
}
