//! The file for the secrets of the first start, used when standard output is not a terminal: then it is a log, which
//! others collect and keep.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::Settings;
use crate::pepper_file;
use crate::storage::url::DatabaseUrl;

/// A new file with mode 0600.
pub struct FirstStartFile {
    path: PathBuf,
    file: File,
}

impl FirstStartFile {
    /// Creates the configured file, or one beside the database. Called before the secrets are created, so that none
    /// is lost if the file cannot be created.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn create(settings: &Settings, url: &DatabaseUrl) -> Result<Self, String> {
        let path =
            settings.first_start_file.clone().unwrap_or_else(|| pepper_file::path_beside_database(url, "first-start"));
        let path = std::path::absolute(&path).unwrap_or(path);
        let failed = |why: &str| {
            format!(
                "cannot create the file `{}` for the first password and API key: {why}; --first-start-file names another",
                path.display()
            )
        };
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(failed("it is there already")),
            Err(error) => Err(failed(&error.to_string())),
            Ok(file) => Ok(Self { path, file }),
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the secrets.
    ///
    /// # Errors
    /// A sentence for the operator, who must then set a password with the command line.
    pub fn write(mut self, secrets: &str) -> Result<(), String> {
        let written = self.file.write_all(secrets.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            format!(
                "cannot write the first password and API key to `{}`: {error}; `tessera users set-password` and `tessera \
                 keys create` make others",
                self.path.display()
            )
        })
    }

    /// Removes the empty file.
    pub fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, file = %self.path.display(), "cannot remove an empty file");
        }
    }
}
