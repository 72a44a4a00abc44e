//! The peppers that this database's digests were made with.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate, storage};
use super::rows::Existed;
use super::schema::peppers;
use crate::domain::error::Result;
use crate::domain::pepper::PepperId;

/// Records that a pepper is in use at that place; returns whether the place or the pepper was taken already.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, pepper: PepperId, place: usize, now: i64) -> Result<Existed> {
    let place = i64::try_from(place).map_err(storage)?;
    let row = (peppers::id.eq(pepper.to_string()), peppers::place.eq(place), peppers::first_used_at.eq(now));
    let insert = |connection: &mut AnyConnection| diesel::insert_into(peppers::table).values(row).execute(connection);
    match connection.transaction(insert) {
        Err(error) if is_duplicate(&error) => Ok(Existed::Yes),
        outcome => Ok(outcome.map(|_| Existed::No)?),
    }
}

/// Every pepper ever in use.
///
/// # Errors
/// When the storage fails.
pub fn known(connection: &mut AnyConnection) -> Result<Vec<PepperId>> {
    let ids: Vec<String> = peppers::table.select(peppers::id).load(connection)?;
    Ok(ids.iter().filter_map(|id| PepperId::parse(id)).collect())
}
