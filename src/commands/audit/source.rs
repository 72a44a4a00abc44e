//! Where a log is read from: the database, a folder with a copy, or a server.

use std::path::{Path, PathBuf};

use ureq::http::header::AUTHORIZATION;
use ureq::http::{Request, StatusCode};

use super::explain;
use crate::domain::log::path::{Kind, TilePath};
use crate::domain::log::tree::HASH_SIZE;
use crate::domain::log::{TILE_WIDTH, bundle, unbundle};
use crate::domain::nesting::read_json;
use crate::http::audit_log::LogKeysView;
use crate::outbound::{Destinations, Outbound};
use crate::service::log::read::{Keys, keys_in, tile_in};
use crate::storage::database::Database;
use crate::storage::log;

/// The largest answer of a server, in bytes: 256 entries of 64 KiB.
const LARGEST_BUNDLE: u64 = 17 << 20;

/// An entry as it was found, with the id of the change that it is filed under, if that is known.
pub(super) struct StoredEntry {
    pub(super) entry: Vec<u8>,
    pub(super) filed_under: Option<String>,
}

/// A log.
pub(super) enum Source {
    Database(Database),
    Folder(PathBuf),
    Server { url: String, token: String, client: Outbound },
}

impl Source {
    pub(super) fn server(url: &str, token_file: &Path) -> Result<Self, String> {
        let token = std::fs::read_to_string(token_file);
        let token = token.map_err(|error| format!("`{}`: {error}", token_file.display()))?.trim().to_owned();
        let client = Outbound::default().with_answers_of(LARGEST_BUNDLE);
        Ok(Self::Server { url: url.trim_end_matches('/').to_owned(), token, client })
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Database(_) => "database".to_owned(),
            Self::Folder(folder) => format!("`{}`", folder.display()),
            Self::Server { url, .. } => url.clone(),
        }
    }

    pub(super) fn keys(&self) -> Result<Keys, String> {
        let text = match self {
            Self::Database(database) => {
                let keys = database.read(keys_in).map_err(explain)?;
                return keys.ok_or_else(|| "there is no log yet: a node that serves begins it".to_owned());
            }
            _ => self.required("key")?,
        };
        let keys: LogKeysView = read_json(&text).map_err(|error| format!("the keys of the log: {error}"))?;
        Ok(keys.into())
    }

    pub(super) fn checkpoint(&self) -> Result<String, String> {
        match self {
            Self::Database(database) => {
                let state = database.read(log::find).map_err(explain)?;
                match state {
                    Some(state) if !state.checkpoint.is_empty() => Ok(state.checkpoint),
                    Some(state) if state.size > 0 => Err(format!(
                        "the log has {} entries that a restore has left, and no checkpoint yet: the next node that serves \
                         signs one",
                        state.size
                    )),
                    _ => Err("nothing is in the log yet".to_owned()),
                }
            }
            _ => String::from_utf8(self.required("checkpoint")?).map_err(|_| "the checkpoint is no text".to_owned()),
        }
    }

    /// A tile of hashes; `None` if it is missing.
    pub(super) fn hashes(&self, path: TilePath) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Database(database) => database.read(move |connection| tile_in(connection, &path)).map_err(explain),
            _ => self.tile(path),
        }
    }

    /// The entries of a bundle, `None` for each that is missing.
    pub(super) fn entries(&self, path: TilePath) -> Result<Vec<Option<StoredEntry>>, String> {
        let width = usize::try_from(path.width).unwrap_or(0);
        let mut found: Vec<Option<StoredEntry>> = Vec::new();
        found.resize_with(width, || None);
        if let Self::Database(database) = self {
            let from = i64::try_from(path.place * TILE_WIDTH).map_err(|error| error.to_string())?;
            let leaves = database.read(|connection| log::leaves(connection, from, i64::try_from(width).unwrap_or(0)));
            for leaf in leaves.map_err(explain)? {
                let place = usize::try_from(leaf.place - from).unwrap_or(usize::MAX);
                if let Some(entry) = found.get_mut(place) {
                    *entry = Some(StoredEntry { entry: leaf.entry.into_bytes(), filed_under: Some(leaf.change_id) });
                }
            }
            return Ok(found);
        }
        let entries = self.tile(path)?.as_deref().and_then(unbundle).unwrap_or_default();
        if entries.len() == width {
            for (place, entry) in found.iter_mut().zip(entries) {
                *place = Some(StoredEntry { entry, filed_under: None });
            }
        }
        Ok(found)
    }

    /// A tile as a file. A copy may have a wider one instead of a partial one.
    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, String> {
        let found = self.file(&format!("tile/{path}"))?;
        if found.is_some() || path.width == TILE_WIDTH {
            return Ok(found);
        }
        let Some(full) = self.file(&format!("tile/{}", TilePath { width: TILE_WIDTH, ..path }))? else {
            return Ok(None);
        };
        let width = usize::try_from(path.width).unwrap_or(0);
        Ok(match path.kind {
            Kind::Hashes(_) => full.get(..HASH_SIZE * width).map(<[u8]>::to_vec),
            Kind::Entries => {
                let entries = unbundle(&full).unwrap_or_default();
                bundle(entries.iter().take(width).map(Vec::as_slice)).ok()
            }
        })
    }

    fn required(&self, name: &str) -> Result<Vec<u8>, String> {
        self.file(name)?.ok_or_else(|| format!("{} has no `{name}`", self.name()))
    }

    fn file(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Database(_) => Ok(None),
            Self::Folder(folder) => {
                let path = folder.join(name);
                match std::fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(format!("`{}`: {error}", path.display())),
                }
            }
            Self::Server { url, token, client } => {
                let url = format!("{url}/audit/log/{name}");
                let failed = |error: String| format!("{url}: {error}");
                let request = Request::get(&url).header(AUTHORIZATION, format!("Bearer {token}"));
                let request = request.body(Vec::new()).map_err(|error| failed(error.to_string()))?;
                let answer = client.send_blocking(request, Destinations::Anywhere);
                let answer = answer.map_err(|error| failed(error.to_string()))?;
                match answer.status() {
                    StatusCode::OK => Ok(Some(answer.into_body())),
                    StatusCode::NOT_FOUND => Ok(None),
                    status => Err(failed(format!("the server answers {status}"))),
                }
            }
        }
    }
}
