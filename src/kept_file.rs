//! A file that a machine keeps outside the database, for as long as it can be written.

use std::path::{Path, PathBuf};

/// Where the file is, if there is one.
pub struct KeptFile {
    path: Option<PathBuf>,
    /// Whether the last write failed; logged once.
    failing: bool,
}

impl KeptFile {
    /// The file at this path.
    pub fn at(path: Option<PathBuf>) -> Self {
        Self { path, failing: false }
    }

    /// The path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes, if there is a file. Logs a failure with what follows from it.
    pub fn write(&mut self, consequence: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) {
        let Some(path) = &self.path else { return };
        match write(path) {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, file = %path.display(), "cannot write a file: {consequence}");
                }
            }
        }
    }
}
