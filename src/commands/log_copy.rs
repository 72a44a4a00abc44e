//! The copy of the log in a folder, as `/audit/log/` serves it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::audit::source::unverified;
use super::explain;
use crate::domain::log::path::{Kind, TilePath};
use crate::domain::party::Party;
use crate::http::audit_log::LogKeysView;
use crate::service::Service;
use crate::service::log::read;

/// Who may read the entries: they say what the audit trail says.
const OWNER_ONLY: u32 = 0o600;
/// Who may read what is public.
const EVERYBODY: u32 = 0o644;

/// The copy.
pub(super) struct LogCopy {
    folder: PathBuf,
    /// The checkpoint that was written last.
    written: Option<String>,
}

impl LogCopy {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, written: None }
    }

    /// Writes what has been appended since: the tiles before the checkpoint, so that a reader finds all that the
    /// checkpoint speaks of.
    pub(super) async fn follow(&mut self, service: &Service) -> Result<(), String> {
        let Some(note) = read::to_copy(service) else { return Ok(()) };
        if self.written.as_ref() == Some(&note) {
            return Ok(());
        }
        let checkpoint = unverified(&note)?;
        let path = self.folder.join("checkpoint");
        let old = match std::fs::read_to_string(&path) {
            Ok(text) => {
                let copied = unverified(&text).map_err(|error| format!("`{}`: {error}", path.display()))?;
                // What a restore or a rollback has taken from the database may be left nowhere else.
                if copied.origin() != checkpoint.origin() {
                    return Err(format!(
                        "`{}` has the log `{}`, and this one is `{}`: keep it, and name another folder",
                        self.folder.display(),
                        copied.origin(),
                        checkpoint.origin()
                    ));
                }
                if copied.size() > checkpoint.size() {
                    if self.written.is_some() {
                        // Another node with the same folder was faster.
                        return Ok(());
                    }
                    return Err(format!(
                        "`{}` has {} entries, and the log of the database {}: it was rolled back",
                        self.folder.display(),
                        copied.size(),
                        checkpoint.size()
                    ));
                }
                copied.size()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(format!("`{}`: {error}", path.display())),
        };
        for tile in TilePath::added(old, checkpoint.size()) {
            let bytes = read::for_copy(service, tile).await.map_err(explain)?;
            let mode = if tile.kind == Kind::Entries { OWNER_ONLY } else { EVERYBODY };
            self.put(&format!("tile/{tile}"), bytes, mode).await?;
        }
        let keys = read::keys(service, Party::Upkeep).await.map_err(explain)?;
        let keys = serde_json::to_vec_pretty(&LogKeysView::from(keys)).map_err(|error| error.to_string())?;
        self.put("key", keys, EVERYBODY).await?;
        self.put("checkpoint", note.clone().into_bytes(), EVERYBODY).await?;
        self.written = Some(note);
        Ok(())
    }

    async fn put(&self, name: &str, bytes: Vec<u8>, mode: u32) -> Result<(), String> {
        let path = self.folder.join(name);
        let written = tokio::task::spawn_blocking(move || {
            replace(&path, &bytes, mode).map_err(|error| format!("`{}`: {error}", path.display()))
        });
        written.await.map_err(|error| error.to_string())?
    }
}

/// Writes a file so that a reader finds the earlier content or the new one.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let written = (|| {
        let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        std::fs::rename(&new, path)
    })();
    if written.is_err() {
        drop(std::fs::remove_file(&new));
    }
    written
}
