//! The installation: its identity, and the latest time its processes have seen.

use diesel::prelude::*;
use uuid::Uuid;

use super::database::{AnyConnection, is_duplicate};
use super::rows::corrupt;
use super::schema::{installation, revisions};
use crate::domain::error::Result;
use crate::domain::installation::Installation;

/// The key of the only row.
const ROW_KEY: i64 = 0;

/// The installation, if its row exists.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection) -> Result<Option<Installation>> {
    let columns = (installation::id, installation::latest_time);
    let row: Option<(String, i64)> = installation::table.find(ROW_KEY).select(columns).first(connection).optional()?;
    let Some((id, latest_time)) = row else { return Ok(None) };
    let id = Uuid::parse_str(&id).map_err(|_| corrupt("id", &id))?;
    Ok(Some(Installation { id, latest_time }))
}

/// Inserts the installation's row unless another process has.
///
/// # Errors
/// When the storage fails.
pub fn begin(connection: &mut AnyConnection, begun: Installation) -> Result<()> {
    let row = (
        installation::place.eq(ROW_KEY),
        installation::id.eq(begun.id.to_string()),
        installation::latest_time.eq(begun.latest_time),
    );
    let insert =
        |connection: &mut AnyConnection| diesel::insert_into(installation::table).values(row).execute(connection);
    match connection.transaction(insert) {
        Err(error) if is_duplicate(&error) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Raises the latest time to `now`; an earlier `now` changes nothing.
///
/// # Errors
/// When the storage fails.
pub fn raise_time(connection: &mut AnyConnection, now: i64) -> Result<()> {
    let earlier = installation::table.find(ROW_KEY).filter(installation::latest_time.lt(now));
    diesel::update(earlier).set(installation::latest_time.eq(now)).execute(connection)?;
    Ok(())
}

/// Writes, to test whether the database takes writes. The written value must differ each time: SQLite writes nothing
/// for an update that changes nothing, and so would not notice a full disk.
///
/// # Errors
/// When the storage fails.
pub fn check_writable(connection: &mut AnyConnection) -> Result<()> {
    let row = revisions::table.find("writes");
    diesel::update(row).set(revisions::revision.eq(revisions::revision + 1)).execute(connection)?;
    Ok(())
}

/// Sets the latest time to `now`, even back in time.
///
/// # Errors
/// When the storage fails.
pub fn set_time(connection: &mut AnyConnection, now: i64) -> Result<()> {
    diesel::update(installation::table.find(ROW_KEY)).set(installation::latest_time.eq(now)).execute(connection)?;
    Ok(())
}
