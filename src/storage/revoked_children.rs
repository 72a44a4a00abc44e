//! The child tokens that were revoked before they expired.

use diesel::prelude::*;
use uuid::Uuid;

use super::database::{AnyConnection, is_duplicate};
use super::rows::corrupt;
use super::schema::revoked_children;
use crate::domain::error::Result;

/// Revokes a child until it expires; again is harmless.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, id: Uuid, expires_at: i64) -> Result<()> {
    let row = (revoked_children::id.eq(id.to_string()), revoked_children::expires_at.eq(expires_at));
    if has_any(connection, [id].into_iter())? {
        return Ok(());
    }
    match connection
        .transaction(|connection| diesel::insert_into(revoked_children::table).values(row).execute(connection))
    {
        Err(error) if !is_duplicate(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether any of these children is revoked.
///
/// # Errors
/// When the storage fails.
pub fn has_any(connection: &mut AnyConnection, ids: impl Iterator<Item = Uuid>) -> Result<bool> {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let found = revoked_children::table.filter(revoked_children::id.eq_any(ids));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(connection)?)
}

/// At most that many of the children that had expired at `instant`.
///
/// # Errors
/// When the storage fails.
pub fn expired(connection: &mut AnyConnection, instant: i64, at_most: i64) -> Result<Vec<Uuid>> {
    let found = revoked_children::table.filter(revoked_children::expires_at.le(instant)).limit(at_most);
    let ids: Vec<String> = found.select(revoked_children::id).load(connection)?;
    ids.iter().map(|id| Uuid::parse_str(id).map_err(|_| corrupt("id", id))).collect()
}

/// Forgets those of these children that had expired at `instant`.
///
/// # Errors
/// When the storage fails.
pub fn delete_expired(connection: &mut AnyConnection, ids: &[Uuid], instant: i64) -> Result<()> {
    for some in ids.chunks(super::MANY) {
        let texts: Vec<String> = some.iter().map(Uuid::to_string).collect();
        let found = revoked_children::table.filter(revoked_children::id.eq_any(texts));
        diesel::delete(found.filter(revoked_children::expires_at.le(instant))).execute(connection)?;
    }
    Ok(())
}
