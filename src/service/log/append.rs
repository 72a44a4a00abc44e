//! Appends committed changes to the log, in the order of their commits.

use std::sync::Arc;
use std::time::Duration;

use tlog_tiles::record_hash;

use super::key::{self, Opened, Sealed};
use super::signed::Signed;
use super::{altered, checkpoint, count, restored, verifier_key};
use crate::domain::error::{Error, Result};
use crate::domain::log::leaf;
use crate::domain::log::note::{LogKey, check_origin, open};
use crate::domain::log::tree::{Frontier, TileKey, Tiles};
use crate::service::Service;
use crate::storage::changes::{self, Next, Positioned};
use crate::storage::database::{AnyConnection, storage};
use crate::storage::installation;
use crate::storage::log::{self, BEGINNING, Fork, Leaf, LogState};

/// How often a node looks for changes that are not in the log.
pub const APPEND_EVERY: Duration = Duration::from_millis(500);
/// How many changes are appended in one transaction. SQLite's other writers wait that long.
const BATCH: i64 = 250;

/// Whether changes are left that could be appended now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlogged {
    /// Changes are left: there were more than are appended in one transaction.
    Some,
    /// No changes are left.
    None,
}

/// Appends all changes before which no other change can be committed. `origin` is the configured one. For tests and the
/// command line; a node calls [`append_some`].
///
/// # Errors
/// Those of [`append_some`].
pub async fn append(service: &Service, origin: Option<&str>) -> Result<()> {
    while append_some(service, origin).await? == Unlogged::Some {}
    Ok(())
}

/// Appends a bounded number of changes, and signs the new checkpoint. Creates the log if there is none.
///
/// # Errors
/// [`Error::Conflict`] when the key cannot be opened, the configured origin is not that of the log, or the log was
/// altered; when the storage fails.
pub async fn append_some(service: &Service, origin: Option<&str>) -> Result<Unlogged> {
    let (state, is_due) = service
        .read(|connection| {
            let Some(state) = log::find(connection)? else { return Ok((None, true)) };
            let next = changes::next(connection, (state.position, &state.change_id), 1)?;
            let is_due = next.last.is_some() || (state.checkpoint.is_empty() && state.size > 0);
            Ok((Some(state), is_due))
        })
        .await?;
    let signed = service.log.signed();
    let Some(state) = state else {
        if signed.is_some() {
            return Err(altered("it is gone"));
        }
        create(service, origin).await?;
        return Ok(Unlogged::Some);
    };
    let signed = match signed {
        None => Signed::of(&state)?,
        signed => signed,
    };
    service.log.trust(signed.clone());
    service.log.learn(&state);
    agrees(&state, origin)?;
    let Opened { key, resealed } = key::open(&state, &service.peppers, service.entropy)?;
    if !is_due && resealed.is_none() {
        return Ok(Unlogged::None);
    }
    let (key, resealed, clock) = (Arc::new(key), Arc::new(resealed), service.clock.clone());
    let now = clock.now();
    let appended = service
        .write_upkeep(move |connection| append_in(connection, &key, resealed.as_ref().as_ref(), signed.as_ref(), now))
        .await?;
    let Some((state, left)) = appended else { return Ok(Unlogged::Some) };
    service.log.trust(Signed::of(&state)?);
    service.log.learn(&state);
    Ok(left)
}

/// Begins the log if there is none, or checks that the configured origin is that of the log. A log that this process knows
/// from a kept checkpoint is not begun anew: [`append_some`] reports that it is gone.
///
/// # Errors
/// [`Error::Conflict`] when the origins differ or the configured one is unusable; when the storage fails.
pub async fn begin(service: &Service, origin: Option<&str>) -> Result<()> {
    match service.read(log::find).await? {
        Some(state) => agrees(&state, origin),
        None if service.log.signed().is_some() => Ok(()),
        None => create(service, origin).await,
    }
}

fn agrees(state: &LogState, origin: Option<&str>) -> Result<()> {
    match origin.filter(|origin| *origin != state.base) {
        None => Ok(()),
        Some(origin) => Err(Error::Conflict(format!(
            "the origin of the log is `{}`, and stays so; --audit-log-origin says `{origin}`",
            state.base
        ))),
    }
}

async fn create(service: &Service, origin: Option<&str>) -> Result<()> {
    let Sealed { public_key, private_key: sealed, pepper } = key::draw(&service.peppers, service.entropy)?;
    let base = if let Some(origin) = origin {
        origin.to_owned()
    } else {
        let known = service.read(installation::find).await?;
        let id = known.ok_or_else(|| Error::Internal("the installation has no row".into()))?.id;
        format!("tessera/{id}")
    };
    check_origin(&base).map_err(|message| Error::Conflict(format!("the origin of the log {message}")))?;
    let after_restore = restored::another_origin(&base, service.entropy)?;
    service
        .write_upkeep(move |connection| {
            // A backup from before there was a log may have followed one with this origin.
            let origin = if restored::was_ever(connection)? { &after_restore } else { &base };
            let state = LogState {
                base: base.clone(),
                origin: origin.clone(),
                size: 0,
                position: BEGINNING,
                change_id: String::new(),
                checkpoint: String::new(),
                witnessed: String::new(),
                appended_at: 0,
                witnessed_at: 0,
                public_key: public_key.clone(),
                sealed: sealed.clone(),
                pepper: pepper.clone(),
            };
            log::begin(connection, &state)
        })
        .await
}

/// Appends some changes. `None` if a restore has begun another log meanwhile.
fn append_in(
    connection: &mut AnyConnection,
    key: &LogKey,
    resealed: Option<&Sealed>,
    signed: Option<&Signed>,
    now: i64,
) -> Result<Option<(LogState, Unlogged)>> {
    let state = log::lock(connection)?;
    let mut state = state.ok_or_else(|| storage("the log has gone"))?;
    if !key.is_of(&state.origin, &state.public_key) {
        return Ok(None);
    }
    if let Some(signed) = signed {
        signed.is_continued_by(connection, &state)?;
    }
    if let Some(resealed) = resealed {
        (state.sealed, state.pepper) = (resealed.private_key.clone(), resealed.pepper.clone());
    }
    let Next { unlogged, last, is_full } = changes::next(connection, (state.position, &state.change_id), BATCH)?;
    if let Some((position, id)) = last {
        (state.position, state.change_id) = (position, id);
    }
    if !unlogged.is_empty() {
        state.appended_at = now;
    }
    if !unlogged.is_empty() || (state.checkpoint.is_empty() && state.size > 0) {
        grow(connection, &mut state, &unlogged, key)?;
    }
    let left = if is_full { Unlogged::Some } else { Unlogged::None };
    log::save(connection, &state)?;
    Ok(Some((state, left)))
}

/// Adds leaves, if there are any, and signs the checkpoint of the tree with them.
fn grow(connection: &mut AnyConnection, state: &mut LogState, found: &[Positioned], key: &LogKey) -> Result<()> {
    let size = count(state.size)?;
    let mut tiles = log::tiles(connection, &Tiles::at_edge(size))?;
    let mut frontier = Frontier::of(size, &tiles).map_err(|error| altered(&error.to_string()))?;
    check(connection, state, &frontier)?;
    let mut changed = Vec::<TileKey>::new();
    for Positioned { change, states, .. } in found {
        let entry = leaf(change, states);
        let completed = frontier.push(record_hash(&entry));
        changed.extend(tiles.add(frontier.size(), &completed));
        let entry = String::from_utf8(entry).map_err(|error| Error::Internal(error.into()))?;
        log::add_leaf(connection, Leaf { place: state.size, change_id: change.id.to_string(), entry })?;
        state.size += 1;
    }
    changed.sort_unstable();
    changed.dedup();
    for key in changed {
        log::save_tile(connection, key, tiles.0.get(&key).map(Vec::as_slice).unwrap_or_default())?;
    }
    state.checkpoint = key.sign(frontier.size(), frontier.root())?;
    Ok(())
}

/// Checks before appending that the stored hashes are those of the checkpoint signed last. A log without a checkpoint
/// must be empty, or have the tree that a restore has left of an ended log.
fn check(connection: &mut AnyConnection, state: &LogState, frontier: &Frontier) -> Result<()> {
    if state.checkpoint.is_empty() {
        let root = frontier.root().to_string();
        let is_left = |fork: Fork| fork.size == state.size && fork.root == root && fork.origin != state.origin;
        return if state.size == 0 || log::forks(connection)?.into_iter().any(is_left) {
            Ok(())
        } else {
            Err(altered("its checkpoint is gone"))
        };
    }
    let signed = open(checkpoint(state), &[verifier_key(state)?], &[]).map_err(|message| altered(&message))?.checkpoint;
    if signed.size() == frontier.size() && *signed.hash() == frontier.root() {
        Ok(())
    } else {
        Err(altered("its hashes are not those that were signed last"))
    }
}
