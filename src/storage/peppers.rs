//! The peppers that this database's digests were made with.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::schema::peppers;
use crate::domain::error::Result;
use crate::domain::pepper::PepperId;

/// Notes that a pepper is in use; noting it twice is fine.
///
/// # Errors
/// When the storage fails.
pub fn note(connection: &mut AnyConnection, pepper: PepperId, now: i64) -> Result<()> {
    let row = (peppers::id.eq(pepper.to_string()), peppers::first_used_at.eq(now));
    match diesel::insert_into(peppers::table).values(row).execute(connection) {
        Err(error) if is_duplicate(&error) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
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
