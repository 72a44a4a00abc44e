//! The log: its state, its leaves and the hashes of its tree.

use data_encoding::HEXLOWER;
use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate, storage};
use super::schema::{log_forks, log_leaves, log_state, log_tiles};
use crate::domain::error::Result;
use crate::domain::log::tree::{TileKey, Tiles};

/// The key of the only row.
const ROW_KEY: i64 = 0;
/// The position of [`LogState`] that is before every change.
pub const BEGINNING: i64 = -1;

/// The state of the log.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = log_state)]
pub struct LogState {
    /// The origin before the first fork.
    pub base: String,
    /// The origin.
    pub origin: String,
    /// How many leaves there are.
    pub size: i64,
    /// The position of the change that was appended last, or [`BEGINNING`].
    pub position: i64,
    /// The id of that change.
    pub change_id: String,
    /// The checkpoint of the tree of that size, signed; empty before the first change, and after a fork.
    pub checkpoint: String,
    /// The latest checkpoint that a witness has cosigned, with the cosignatures; empty if there is none.
    pub witnessed: String,
    /// When something was appended last, in epoch milliseconds.
    pub appended_at: i64,
    /// When a node last began to ask the witnesses, in epoch milliseconds.
    pub witnessed_at: i64,
    /// The public key, in hexadecimal digits.
    pub public_key: String,
    /// The sealed private key, in hexadecimal digits.
    pub sealed: String,
    /// The pepper that the seal is derived from.
    pub pepper: String,
}

/// The log's state, if there is a log.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection) -> Result<Option<LogState>> {
    Ok(log_state::table.find(ROW_KEY).select(LogState::as_select()).first(connection).optional()?)
}

/// Inserts the state unless another process has.
///
/// # Errors
/// When the storage fails.
pub fn begin(connection: &mut AnyConnection, state: &LogState) -> Result<()> {
    let row = (log_state::place.eq(ROW_KEY), state.clone());
    let insert = |connection: &mut AnyConnection| diesel::insert_into(log_state::table).values(row).execute(connection);
    match connection.transaction(insert) {
        Err(error) if is_duplicate(&error) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Locks the state until the end of the transaction, and reads it: one process appends at a time.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection) -> Result<Option<LogState>> {
    diesel::update(log_state::table.find(ROW_KEY)).set(log_state::size.eq(log_state::size)).execute(connection)?;
    find(connection)
}

/// Writes the state.
///
/// # Errors
/// When the storage fails.
pub fn save(connection: &mut AnyConnection, state: &LogState) -> Result<()> {
    diesel::update(log_state::table.find(ROW_KEY)).set(state.clone()).execute(connection)?;
    Ok(())
}

/// Takes the turn to ask the witnesses, unless a process has taken it since `before`, and records `now` as its time.
/// Returns whether the turn was taken.
///
/// # Errors
/// When the storage fails.
pub fn take_turn_to_witness(connection: &mut AnyConnection, now: i64, before: i64) -> Result<bool> {
    // A time in the future was noted before the clock was set back.
    let due = log_state::witnessed_at.le(before).or(log_state::witnessed_at.gt(now));
    let taken = diesel::update(log_state::table.find(ROW_KEY).filter(due)).set(log_state::witnessed_at.eq(now));
    Ok(taken.execute(connection)? > 0)
}

/// Writes the checkpoint of this origin that witnesses have cosigned.
///
/// # Errors
/// When the storage fails.
pub fn set_witnessed(connection: &mut AnyConnection, origin: &str, witnessed: &str) -> Result<()> {
    let state = log_state::table.find(ROW_KEY).filter(log_state::origin.eq(origin));
    diesel::update(state).set(log_state::witnessed.eq(witnessed)).execute(connection)?;
    Ok(())
}

/// A leaf.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = log_leaves)]
pub struct Leaf {
    /// Its number, from 0.
    pub place: i64,
    /// The id of its change.
    pub change_id: String,
    /// The text that was hashed.
    pub entry: String,
}

/// Adds a leaf.
///
/// # Errors
/// When the storage fails.
pub fn add_leaf(connection: &mut AnyConnection, leaf: Leaf) -> Result<()> {
    diesel::insert_into(log_leaves::table).values(leaf).execute(connection)?;
    Ok(())
}

/// The leaves from one on, in order.
///
/// # Errors
/// When the storage fails.
pub fn leaves(connection: &mut AnyConnection, from: i64, at_most: i64) -> Result<Vec<Leaf>> {
    let range = log_leaves::table.filter(log_leaves::place.ge(from)).filter(log_leaves::place.lt(from + at_most));
    Ok(range.order(log_leaves::place).select(Leaf::as_select()).load(connection)?)
}

/// The leaf of a change.
///
/// # Errors
/// When the storage fails.
pub fn leaf_of(connection: &mut AnyConnection, change: &str) -> Result<Option<Leaf>> {
    let found = log_leaves::table.filter(log_leaves::change_id.eq(change)).select(Leaf::as_select());
    Ok(found.first(connection).optional()?)
}

/// The tiles with these keys that exist. A tile that is not hexadecimal digits counts as missing; readers that need it
/// report that the log was altered.
///
/// # Errors
/// When the storage fails.
pub fn tiles(connection: &mut AnyConnection, keys: &[TileKey]) -> Result<Tiles> {
    let mut tiles = Tiles::default();
    for key in keys {
        let hashes: Option<String> =
            log_tiles::table.find(row_key(*key)?).select(log_tiles::hashes).first(connection).optional()?;
        if let Some(bytes) = hashes.and_then(|hashes| HEXLOWER.decode(hashes.as_bytes()).ok()) {
            tiles.0.insert(*key, bytes);
        }
    }
    Ok(tiles)
}

/// Writes a tile.
///
/// # Errors
/// When the storage fails.
pub fn save_tile(connection: &mut AnyConnection, key: TileKey, hashes: &[u8]) -> Result<()> {
    let (level, place) = row_key(key)?;
    let hashes = log_tiles::hashes.eq(HEXLOWER.encode(hashes));
    let known = diesel::update(log_tiles::table.find((level, place))).set(hashes.clone()).execute(connection)?;
    if known == 0 {
        let row = (log_tiles::level.eq(level), log_tiles::place.eq(place), hashes);
        diesel::insert_into(log_tiles::table).values(row).execute(connection)?;
    }
    Ok(())
}

fn row_key((level, place): TileKey) -> Result<(i64, i64)> {
    Ok((level.into(), i64::try_from(place).map_err(storage)?))
}

/// A log that a restore has ended.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = log_forks)]
pub struct Fork {
    /// Its origin.
    pub origin: String,
    /// How many leaves of the ended log the restored copy had; the log that goes on begins with them.
    pub size: i64,
    /// The root hash of its tree of that size, in base64.
    pub root: String,
    /// Epoch milliseconds.
    pub ended_at: i64,
}

/// The logs that restores have ended, the first one first.
///
/// # Errors
/// When the storage fails.
pub fn forks(connection: &mut AnyConnection) -> Result<Vec<Fork>> {
    let order = (log_forks::ended_at, log_forks::size);
    Ok(log_forks::table.order(order).select(Fork::as_select()).load(connection)?)
}

/// Adds a log that a restore has ended.
///
/// # Errors
/// When the storage fails.
pub fn add_fork(connection: &mut AnyConnection, fork: Fork) -> Result<()> {
    diesel::insert_into(log_forks::table).values(fork).execute(connection)?;
    Ok(())
}
