//! Deletes principals with everything that belongs to them.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::rows::Existed;
use super::schema::{api_keys, principals};
use super::{api_keys as keys, assets, key_counts, policies};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::principal::PrincipalKind;

/// Deletes a principal with everything that belongs to it; returns whether it existed.
///
/// # Errors
/// When the storage fails.
pub fn principal(connection: &mut AnyConnection, id: PrincipalId, kind: PrincipalKind) -> Result<Existed> {
    let found = || principals::table.filter(principals::id.eq(id.to_string())).filter(principals::kind.eq(kind.name()));
    diesel::update(found()).set(principals::kind.eq(kind.name())).execute(connection)?;
    let username: Option<String> = found().select(principals::username).get_result(connection).optional()?;
    let Some(username) = username else { return Ok(Existed::No) };
    keys::hand_over(connection, &id.to_string())?;
    // Not by `ON DELETE CASCADE`, because the number of deleted keys is needed for the key count.
    let removed = diesel::delete(api_keys::table.find(id.to_string())).execute(connection)?;
    diesel::delete(found()).execute(connection)?;
    if removed > 0 {
        key_counts::add(connection, id, -1)?;
    }
    // Only now: a transaction that adds the user to an asset or a policy holds a lock on the principal's row until it
    // ends.
    assets::forget_user(connection, &username)?;
    policies::forget_user(connection, id)?;
    Ok(Existed::Yes)
}
