//! Sessions that began at a provider.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::database::AnyConnection;
use super::principals::lock_by_id;
use super::rows::parse_id;
use super::schema::{credentials, provider_sessions};
use crate::domain::error::Result;
use crate::domain::identity::ProviderClaims;
use crate::domain::ids::PrincipalId;
use crate::domain::token::KeyId;

/// A session that began at a provider.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = provider_sessions)]
pub struct ProviderSession {
    /// The key id of the session here.
    key_id: String,
    /// The provider's name in the configuration.
    pub provider: String,
    issuer: String,
    subject: String,
    sid: String,
    /// Time of the authentication at the provider, in epoch milliseconds; 0 if the provider did not send it.
    pub authenticated_at: i64,
}

/// Stores the provider of a session, and the session's id there.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, key_id: KeyId, provider: &str, claims: &ProviderClaims) -> Result<()> {
    let row = ProviderSession {
        key_id: key_id.to_string(),
        provider: provider.to_owned(),
        issuer: claims.identity.issuer.clone(),
        subject: claims.identity.subject.clone(),
        sid: claims.sid.clone(),
        authenticated_at: claims.authenticated_at,
    };
    diesel::insert_into(provider_sessions::table).values(row).execute(connection)?;
    Ok(())
}

/// The provider of a session; `None` if it did not begin at one.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, key_id: KeyId) -> Result<Option<ProviderSession>> {
    let row = provider_sessions::table.find(key_id.to_string()).select(ProviderSession::as_select());
    Ok(row.get_result(connection).optional()?)
}

/// Copies the provider of session `from` to session `to`, so that the provider's logout ends both.
///
/// # Errors
/// When the storage fails.
pub fn inherit(connection: &mut AnyConnection, from: KeyId, to: KeyId) -> Result<()> {
    let Some(session) = find(connection, from)? else { return Ok(()) };
    let row = ProviderSession { key_id: to.to_string(), ..session };
    diesel::insert_into(provider_sessions::table).values(row).execute(connection)?;
    Ok(())
}

/// Deletes the sessions with this `sid` at the issuer, and those of the subject whose `sid` is unknown because the ID
/// token had none; returns their users without duplicates.
///
/// # Errors
/// When the storage fails.
pub fn end(connection: &mut AnyConnection, issuer: &str, sid: &str, subject: Option<&str>) -> Result<Vec<PrincipalId>> {
    let known = sessions(connection, issuer, sid, subject)?;
    // In the order of their ids, which avoids deadlocks.
    for principal in known.into_iter().map(|(_, principal)| principal).collect::<BTreeSet<_>>() {
        lock_by_id(connection, parse_id(&principal)?)?;
    }
    let mut ended = Vec::new();
    // Read again: a token that was derived from one of them meanwhile ends, too.
    for (key_id, principal) in sessions(connection, issuer, sid, subject)? {
        diesel::delete(credentials::table.find(key_id)).execute(connection)?;
        let principal = parse_id(&principal)?;
        if !ended.contains(&principal) {
            ended.push(principal);
        }
    }
    Ok(ended)
}

/// The key ids of these sessions, and the ids of their users.
fn sessions(
    connection: &mut AnyConnection,
    issuer: &str,
    sid: &str,
    subject: Option<&str>,
) -> Result<Vec<(String, String)>> {
    let mut found = provider_sessions::table
        .inner_join(credentials::table)
        .filter(provider_sessions::issuer.eq(issuer))
        .into_boxed();
    found = match subject {
        None => found.filter(provider_sessions::sid.eq(sid)),
        Some(subject) => found
            .filter(provider_sessions::sid.eq(sid).or(provider_sessions::sid.eq("")))
            .filter(provider_sessions::subject.eq(subject)),
    };
    Ok(found.select((credentials::key_id, credentials::principal_id)).load(connection)?)
}
