//! Row locks against change or deletion, held until the transaction ends.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::{credentials, personas, principals, revisions};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::principal::PrincipalState;
use crate::domain::token::KeyId;

/// Whether a credential exists; if so it cannot be deleted until the transaction ends. PostgreSQL takes a key-share
/// lock; SQLite has only one writer.
///
/// # Errors
/// When the storage fails.
pub fn hold_credential(connection: &mut AnyConnection, key_id: KeyId) -> Result<bool> {
    let found = credentials::table.find(key_id.to_string()).select(credentials::key_id);
    let held: Option<String> = match connection {
        AnyConnection::Postgres(postgres) => found.for_key_share().get_result(postgres).optional()?,
        AnyConnection::Sqlite(sqlite) => found.get_result(sqlite).optional()?,
    };
    Ok(held.is_some())
}

/// Holds a principal until the transaction ends, and reads its state. It conflicts with every transaction that locks the
/// principal: one that changes its role, state, grants, limits or persona links, or ends all its credentials of a kind.
///
/// # Errors
/// When the storage fails.
pub fn hold_standing(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<PrincipalState>> {
    let found = principals::table.find(id.to_string()).select(principals::enabled);
    let enabled: Option<bool> = match connection {
        AnyConnection::Postgres(postgres) => found.for_share().get_result(postgres).optional()?,
        AnyConnection::Sqlite(sqlite) => found.get_result(sqlite).optional()?,
    };
    Ok(enabled.map(|enabled| if enabled { PrincipalState::Enabled } else { PrincipalState::Disabled }))
}

/// Holds the revision of all invitation links, so that none of another revision begins until the transaction ends.
///
/// # Errors
/// When the storage fails.
pub fn hold_invite_links(connection: &mut AnyConnection) -> Result<()> {
    let found = revisions::table.find(super::invitation_links::NAME).select(revisions::revision);
    let _held: Option<i64> = match connection {
        AnyConnection::Postgres(postgres) => found.for_share().get_result(postgres).optional()?,
        AnyConnection::Sqlite(sqlite) => found.get_result(sqlite).optional()?,
    };
    Ok(())
}

/// Locks principals against changes until the transaction ends. They can still act: what they do takes the same lock.
///
/// # Errors
/// When the storage fails.
pub fn hold_unchanged(connection: &mut AnyConnection, ids: &[PrincipalId]) -> Result<()> {
    let AnyConnection::Postgres(postgres) = connection else { return Ok(()) };
    let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.sort_unstable();
    for chunk in ids.chunks(super::MANY) {
        let found = principals::table.filter(principals::id.eq_any(chunk)).order(principals::id);
        found.select(principals::id).for_share().load::<String>(postgres)?;
    }
    Ok(())
}

/// Locks the personas with those qualified names against deletion until the transaction ends, and returns their ids.
///
/// # Errors
/// When the storage fails.
pub fn hold_personas(connection: &mut AnyConnection, qualified_names: &[String]) -> Result<Vec<String>> {
    let found = personas::table.filter(personas::qualified_name.eq_any(qualified_names)).select(personas::id);
    Ok(match connection {
        AnyConnection::Postgres(postgres) => found.order(personas::id).for_key_share().load(postgres)?,
        AnyConnection::Sqlite(sqlite) => found.load(sqlite)?,
    })
}

/// A principal that cannot be deleted until the transaction ends.
#[derive(Queryable)]
pub struct HeldPrincipal {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its user name.
    pub username: String,
}

/// Locks the principals with those user names against deletion until the transaction ends, and reads them.
///
/// # Errors
/// When the storage fails.
pub fn hold_principals(connection: &mut AnyConnection, usernames: &[&str]) -> Result<Vec<HeldPrincipal>> {
    let mut held = Vec::new();
    for chunk in usernames.chunks(super::MANY) {
        let found = principals::table.filter(principals::username.eq_any(chunk));
        let found = found.select((principals::id, principals::kind, principals::username));
        held.extend(match connection {
            AnyConnection::Postgres(postgres) => found.order(principals::id).for_key_share().load(postgres)?,
            AnyConnection::Sqlite(sqlite) => found.load(sqlite)?,
        });
    }
    Ok(held)
}
