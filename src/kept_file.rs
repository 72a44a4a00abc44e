//! A file that a machine keeps outside the database, for as long as it can be written.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The path of the file, if there is one.
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

    /// The content, if there is any.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn read(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.path else { return Ok(None) };
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
            Ok(text) => Ok(Some(text)),
        }
    }

    /// Writes the file, if there is one. Returns whether the write need not be repeated. Logs a failure with its
    /// consequence.
    pub fn write(&mut self, consequence: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) -> bool {
        let Some(path) = &self.path else { return true };
        match write(path) {
            Ok(()) => {
                self.failing = false;
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, file = %path.display(), "cannot write a file: {consequence}");
                }
                false
            }
        }
    }
}

/// Replaces a file as a whole: readers find the earlier content or the new one, also after a power cut. Several processes
/// may do so at the same time.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new();
    let mut new = new.suffix(".new").permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    File::open(folder)?.sync_all()
}
