//! The readable parts of the log: checkpoints, tiles, entries and proofs.

use std::cell::RefCell;
use std::sync::Arc;

use tlog_tiles::{Error as TreeError, Hash, HashReader, prove_record, prove_tree};
use uuid::Uuid;

use super::{checkpoint, count, verifier_key};
use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result};
use crate::domain::log::bundle;
use crate::domain::log::path::{Kind, TilePath};
use crate::domain::log::tree::{HASH_SIZE, Tiles};
use crate::domain::party::Party;
use crate::domain::permission::Permission;
use crate::service::Service;
use crate::storage::changes;
use crate::storage::database::{AnyConnection, storage};
use crate::storage::log::{self, LogState};

/// The state of the log: from memory, which a node renews when it looks for changes, or from the database.
async fn state(service: &Service, party: Party) -> Result<Arc<LogState>> {
    if let Some(known) = service.log.known() {
        return Ok(known);
    }
    let _turn = service.look_ups.turn(party).await?;
    let found = service.look_up(log::find).await?.ok_or_else(absent)?;
    service.log.learn(&found);
    Ok(Arc::new(found))
}

fn absent() -> Error {
    Error::NotFound { kind: "checkpoint", id: "latest".to_owned() }
}

/// The latest checkpoint: a signed note, with the cosignatures for it.
///
/// # Errors
/// [`Error::NotFound`] when nothing has been appended yet.
pub async fn latest_checkpoint(service: &Service, party: Party) -> Result<String> {
    let state = state(service, party).await?;
    if state.checkpoint.is_empty() { Err(absent()) } else { Ok(checkpoint(&state).to_owned()) }
}

/// The latest checkpoint that a witness has cosigned.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn witnessed_checkpoint(service: &Service, party: Party) -> Result<String> {
    let state = state(service, party).await?;
    if state.witnessed.is_empty() {
        return Err(Error::NotFound { kind: "cosigned checkpoint", id: "witnessed".to_owned() });
    }
    Ok(state.witnessed.clone())
}

/// A log that a restore has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLog {
    /// The verifier key of the ended log.
    pub verifier_key: String,
    /// How many leaves of the ended log are left: the log that follows begins with them.
    pub size: i64,
    /// The root hash of its tree of that size, in base64.
    pub root: String,
    /// Epoch milliseconds.
    pub ended_at: i64,
}

/// The keys of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The origin.
    pub origin: String,
    /// The verifier key.
    pub verifier_key: String,
    /// The logs that restores have ended, the first one first.
    pub ended: Vec<EndedLog>,
}

/// The keys of the log, for this party.
///
/// # Errors
/// [`Error::NotFound`] when there is no log yet.
pub async fn keys(service: &Service, party: Party) -> Result<Keys> {
    let _turn = service.look_ups.turn(party).await?;
    service.look_up(|connection| keys_in(connection)?.ok_or_else(absent)).await
}

/// The keys of the log in a database, if there is a log.
///
/// # Errors
/// When the storage fails.
pub fn keys_in(connection: &mut AnyConnection) -> Result<Option<Keys>> {
    let Some(state) = log::find(connection)? else { return Ok(None) };
    let key = verifier_key(&state)?;
    let ended = log::forks(connection)?.into_iter().map(|fork| EndedLog {
        verifier_key: key.renamed(&fork.origin).to_string(),
        size: fork.size,
        root: fork.root,
        ended_at: fork.ended_at,
    });
    Ok(Some(Keys { ended: ended.collect(), origin: state.origin, verifier_key: key.to_string() }))
}

/// A tile of hashes, which says nothing about what was hashed.
///
/// # Errors
/// [`Error::NotFound`] when the log has no such tile.
pub async fn tile(service: &Service, party: Party, path: TilePath) -> Result<Vec<u8>> {
    if !matches!(path.kind, Kind::Hashes(_)) {
        return Err(no_tile(&path));
    }
    check(service, party, &path).await?;
    let _turn = service.look_ups.turn(party).await?;
    service.look_up(move |connection| tile_in(connection, &path)?.ok_or_else(|| no_tile(&path))).await
}

/// A bundle of entries; `written` is the path as the client wrote it.
///
/// # Errors
/// [`Error::Forbidden`] without the permission `VIEW_AUDIT`, [`Error::NotFound`] when the log has no such bundle.
pub async fn entries(service: &Service, actor: &Actor, path: Option<TilePath>, written: &str) -> Result<Vec<u8>> {
    service.require(actor, Permission::ViewAudit)?;
    let path = path.filter(|path| path.kind == Kind::Entries);
    let path = path.ok_or_else(|| Error::NotFound { kind: "bundle of entries", id: written.to_owned() })?;
    check(service, Party::of(actor), &path).await?;
    service.list(actor, move |connection| tile_in(connection, &path)?.ok_or_else(|| no_tile(&path))).await
}

async fn check(service: &Service, party: Party, path: &TilePath) -> Result<()> {
    let size = count(state(service, party).await?.size)?;
    if path.is_in(size) { Ok(()) } else { Err(no_tile(path)) }
}

fn no_tile(path: &TilePath) -> Error {
    Error::NotFound { kind: "tile", id: path.to_string() }
}

/// A tile or a bundle as it is served and written to a folder. `None` if rows are missing.
///
/// # Errors
/// When the storage fails.
pub fn tile_in(connection: &mut AnyConnection, path: &TilePath) -> Result<Option<Vec<u8>>> {
    let width = usize::try_from(path.width).map_err(storage)?;
    match path.kind {
        Kind::Hashes(level) => {
            let tiles = log::tiles(connection, &[(level, path.place)])?;
            let hashes = tiles.0.into_values().next().unwrap_or_default();
            Ok(hashes.get(..width * HASH_SIZE).map(<[u8]>::to_vec))
        }
        Kind::Entries => {
            let from = path.place.checked_mul(crate::domain::log::TILE_WIDTH);
            let from = i64::try_from(from.unwrap_or(u64::MAX)).map_err(storage)?;
            let leaves = log::leaves(connection, from, i64::try_from(path.width).map_err(storage)?)?;
            if leaves.len() != width {
                return Ok(None);
            }
            bundle(leaves.iter().map(|leaf| leaf.entry.as_bytes())).map(Some)
        }
    }
}

/// The proof that an entry is in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The number of its leaf, from 0.
    pub leaf_index: u64,
    /// The size of the tree that it is proved to be in.
    pub tree_size: u64,
    /// The entry, as it was hashed.
    pub leaf: String,
    /// The hashes beside the path from the leaf to the root, from below: RFC 6962, section 2.1.1.
    pub hashes: Vec<Hash>,
    /// The checkpoint with the root.
    pub checkpoint: String,
}

/// Proves that a change is in the log.
///
/// # Errors
/// [`Error::Forbidden`] without the permission `VIEW_AUDIT`, [`Error::NotFound`] for an unknown change,
/// [`Error::Conflict`] for one that was not appended yet.
pub async fn prove(service: &Service, actor: &Actor, id: &str) -> Result<Proof> {
    service.require(actor, Permission::ViewAudit)?;
    let id = Change::parse_id(id)?;
    service.list(actor, move |connection| proof_in(connection, id)).await
}

pub(super) fn proof_in(connection: &mut AnyConnection, id: Uuid) -> Result<Proof> {
    let state = log::find(connection)?;
    let leaf = log::leaf_of(connection, &id.to_string())?;
    let (Some(state), Some(leaf)) = (state.filter(|state| !state.checkpoint.is_empty()), leaf) else {
        if changes::exists(connection, id)? {
            return Err(Error::Conflict("this change is not in the log yet, try again in a second".to_owned()));
        }
        return Err(Change::unknown(&id.to_string()));
    };
    let (leaf_index, tree_size) = (count(leaf.place)?, count(state.size)?);
    let hashes = reading(connection, |hashes| prove_record(tree_size, leaf_index, hashes))?;
    Ok(Proof { leaf_index, tree_size, leaf: leaf.entry, hashes, checkpoint: checkpoint(&state).to_owned() })
}

/// The proof that a tree of size `new` continues one of size `old`: RFC 6962, section 2.1.2.
pub(super) fn consistency(connection: &mut AnyConnection, old: u64, new: u64) -> Result<Vec<Hash>> {
    if old == 0 { Ok(Vec::new()) } else { reading(connection, |hashes| prove_tree(new, old, hashes)) }
}

fn reading<T>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&StoredHashes<'_>) -> Result<T, TreeError>,
) -> Result<T> {
    let hashes = StoredHashes { connection: RefCell::new(connection), failure: RefCell::default() };
    let done = work(&hashes);
    match hashes.failure.into_inner() {
        Some(error) => Err(error),
        None => done.map_err(storage),
    }
}

/// The hashes of the tree in the database.
struct StoredHashes<'a> {
    connection: RefCell<&'a mut AnyConnection>,
    /// The error of the database, which the library's type cannot hold.
    failure: RefCell<Option<Error>>,
}

impl HashReader for StoredHashes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError> {
        let tiles = log::tiles(&mut self.connection.borrow_mut(), &Tiles::needed(indexes)).map_err(|error| {
            *self.failure.borrow_mut() = Some(error);
            TreeError::IndexesNotInTree
        })?;
        tiles.read_hashes(indexes)
    }
}
