//! Stored sessions: one file per server in the user's configuration folder, with mode 0600.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::nesting::read_json;

/// A session of a server.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSession {
    /// The server's URL.
    pub(super) server: String,
    /// The user name.
    pub(super) username: String,
    /// The bearer token.
    pub(super) token: String,
    /// When it ends, in epoch milliseconds.
    pub(super) expires_at: i64,
}

/// The folder with the sessions.
pub(super) struct Store(PathBuf);

/// The file that holds the server of the last sign-in.
const LAST: &str = "last";

impl Store {
    /// `tessera/sessions` in `XDG_CONFIG_HOME`, or if that is not set in `~/.config`.
    pub(super) fn of_user() -> Result<Self, String> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let configuration = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        let configuration = configuration.ok_or("neither XDG_CONFIG_HOME nor HOME names a folder for the session")?;
        Ok(Self(configuration.join("tessera").join("sessions")))
    }

    /// Checks that a session can be stored, before the user is asked to approve one.
    pub(super) fn check(&self) -> Result<(), String> {
        let trial = self.0.join("trial");
        write(&trial, b"")?;
        remove(&trial)
    }

    /// The server of the last sign-in.
    pub(super) fn last(&self) -> Result<Option<String>, String> {
        Ok(read(&self.0.join(LAST))?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The stored session for this server.
    pub(super) fn find(&self, server: &str) -> Result<Option<StoredSession>, String> {
        let path = self.path(server);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        read_json(&bytes).map(Some).map_err(|_| format!("`{}` holds no session: remove it", path.display()))
    }

    /// Stores a session, and its server as the one of the last sign-in.
    pub(super) fn keep(&self, session: &StoredSession) -> Result<(), String> {
        let json = serde_json::to_vec(session).map_err(|error| error.to_string())?;
        write(&self.path(&session.server), &json)?;
        write(&self.0.join(LAST), session.server.as_bytes())
    }

    /// Deletes the session for this server.
    pub(super) fn remove(&self, server: &str) -> Result<(), String> {
        remove(&self.path(server))?;
        if self.last()?.as_deref() == Some(server) { remove(&self.0.join(LAST)) } else { Ok(()) }
    }

    fn path(&self, server: &str) -> PathBuf {
        let name: String = form_urlencoded::byte_serialize(server.as_bytes()).collect();
        self.0.join(format!("{name}.json"))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("`{}`: {error}", path.display())
}

/// The content of a file, or `None` if there is none. Files that other users may read are refused.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| failed(path, &error))?,
    };
    let metadata = file.metadata().map_err(|error| failed(path, &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(format!("others may read or change `{0}`: chmod 600 '{0}'", path.display()));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| failed(path, &error))?;
    Ok(Some(bytes))
}

/// Writes a file with mode 0600 atomically.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, &error))?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    remove(&new)?;
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    written.map_err(|error| failed(path, &error))
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(|error| failed(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(server: &str) -> StoredSession {
        StoredSession {
            server: server.to_owned(),
            username: "ada".to_owned(),
            token: "tss_…".to_owned(),
            expires_at: 1,
        }
    }

    #[test]
    fn sessions_of_several_servers_are_kept_side_by_side_and_private() {
        let home = tempfile::tempdir().unwrap();
        let store = Store(home.path().join("tessera/sessions"));
        assert!(store.last().unwrap().is_none() && store.find("https://a").unwrap().is_none());
        for server in ["https://a", "https://a/b", "https://a:1"] {
            store.keep(&session(server)).unwrap();
        }
        assert_eq!(store.last().unwrap().as_deref(), Some("https://a:1"));
        assert_eq!(store.find("https://a/b").unwrap().unwrap().server, "https://a/b");
        for entry in fs::read_dir(&store.0).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&store.0).unwrap().permissions().mode() & 0o777, 0o700);
        store.remove("https://a:1").unwrap();
        store.remove("https://a:1").unwrap();
        assert!(store.last().unwrap().is_none() && store.find("https://a").unwrap().is_some());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_before_anything_else() {
        let home = tempfile::tempdir().unwrap();
        let store = Store(home.path().join("tessera/sessions"));
        store.check().unwrap();
        assert_eq!(fs::read_dir(&store.0).unwrap().count(), 0);
        fs::write(home.path().join("file"), "").unwrap();
        assert!(Store(home.path().join("file/sessions")).check().is_err());
    }

    #[test]
    fn a_session_that_others_may_read_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let store = Store(home.path().to_owned());
        store.keep(&session("https://a")).unwrap();
        fs::set_permissions(store.path("https://a"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(store.find("https://a").err().unwrap().contains("chmod 600"));
        // Signing in again replaces the file.
        store.keep(&session("https://a")).unwrap();
        assert!(store.find("https://a").unwrap().is_some());
    }
}
