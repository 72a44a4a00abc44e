//! Rows that stay as they are until the transaction ends.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::{credentials, personas, principals};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::token::KeyId;

/// Whether a credential is there, and stays there until the transaction ends: on PostgreSQL by a lock that only its
/// deletion minds, on SQLite because there is one writer.
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

/// What a principal is, for as long as it is held.
#[derive(Queryable)]
pub struct HeldStanding {
    /// The name of its role.
    pub role: String,
    /// Whether it may act at all.
    pub enabled: bool,
}

/// The role and the state of a principal, which stay as they are until the transaction ends, as above.
///
/// # Errors
/// When the storage fails.
pub fn hold_standing(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<HeldStanding>> {
    let found = principals::table.find(id.to_string()).select((principals::role, principals::enabled));
    Ok(match connection {
        AnyConnection::Postgres(postgres) => found.for_share().get_result(postgres).optional()?,
        AnyConnection::Sqlite(sqlite) => found.get_result(sqlite).optional()?,
    })
}

/// The ids of the personas with those qualified names, which stay until the transaction ends, as above.
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

/// A principal that stays until the transaction ends.
#[derive(Queryable)]
pub struct HeldPrincipal {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its user name.
    pub username: String,
}

/// The principals with those user names, which stay until the transaction ends, as above.
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
