//! Loads or generates the pepper.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::Settings;
use crate::domain::entropy::Entropy;
use crate::domain::pepper::{PepperId, Peppers};
use crate::storage::url::DatabaseUrl;

/// The configured peppers. If none is configured, the file is missing, and the database has never known one, generates
/// one into a new file.
///
/// # Errors
/// A message for the operator: an unusable pepper, or a file that cannot be read or written.
pub fn load(settings: &Settings, url: &DatabaseUrl, known: &[PepperId]) -> Result<Peppers, String> {
    if let Some(text) = &settings.pepper {
        return Peppers::parse(text).map_err(|error| format!("TESSERA_PEPPER: {error}"));
    }
    let path = path(settings, url);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && known.is_empty() => generate(&path)?,
        read => read.map_err(|error| format!("cannot read the pepper file `{}`: {error}", path.display()))?,
    };
    Peppers::parse(&text).map_err(|error| format!("the pepper file `{}`: {error}", path.display()))
}

/// The path of the pepper file; `None` if the pepper comes from the environment.
pub fn used_path(settings: &Settings, url: &DatabaseUrl) -> Option<PathBuf> {
    settings.pepper.is_none().then(|| path(settings, url))
}

fn path(settings: &Settings, url: &DatabaseUrl) -> PathBuf {
    settings.pepper_file.clone().unwrap_or_else(|| path_beside_database(url, "pepper"))
}

/// A file beside the database: that of SQLite with another extension, or one in the working directory for a server.
pub fn path_beside_database(url: &DatabaseUrl, extension: &str) -> PathBuf {
    match url {
        DatabaseUrl::Sqlite(path) => path.with_extension(extension),
        DatabaseUrl::Postgres(_) => Path::new("tessera").with_extension(extension),
    }
}

/// Generates a pepper into a file that only its owner can read. If another process created the file first, its pepper
/// is used.
fn generate(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot write the pepper file `{}`: {error}", path.display());
    let pepper = Peppers::generate(Entropy::SYSTEM).map_err(|error| error.to_string())?;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => std::fs::read_to_string(path).map_err(failed),
        opened => {
            let mut file = opened.map_err(failed)?;
            file.write_all(format!("{pepper}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            tracing::info!(file = %path.display(), "drew a pepper; without this file no token can be recognised");
            Ok(pepper)
        }
    }
}
