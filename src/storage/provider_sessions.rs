//! The sessions that began at a provider, and the logout tokens that providers have sent.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::rows::parse_id;
use super::schema::{credentials, logout_tokens, provider_sessions};
use crate::domain::error::{Error, Result};
use crate::domain::identity::Claims;
use crate::domain::ids::PrincipalId;
use crate::domain::token::KeyId;

/// A session that began at a provider.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = provider_sessions)]
pub struct ProviderSession {
    /// Its key id.
    key_id: String,
    /// The provider's name in the configuration.
    pub provider: String,
    issuer: String,
    subject: String,
    sid: String,
    /// When the person last proved to the provider who they are, in epoch milliseconds; 0 if it does not say.
    pub authenticated_at: i64,
}

/// Notes at which provider a session began, and what it is called there.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, key_id: KeyId, provider: &str, claims: &Claims) -> Result<()> {
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

/// Where a session began; `None` if not at a provider.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, key_id: KeyId) -> Result<Option<ProviderSession>> {
    let row = provider_sessions::table.find(key_id.to_string()).select(ProviderSession::as_select());
    Ok(row.get_result(connection).optional()?)
}

/// Has a session that was begun by another end with it, when the provider ends that.
///
/// # Errors
/// When the storage fails.
pub fn inherit(connection: &mut AnyConnection, from: KeyId, to: KeyId) -> Result<()> {
    let Some(session) = find(connection, from)? else { return Ok(()) };
    let row = ProviderSession { key_id: to.to_string(), ..session };
    diesel::insert_into(provider_sessions::table).values(row).execute(connection)?;
    Ok(())
}

/// Removes the sessions that an issuer calls that; tells whose they were.
///
/// # Errors
/// When the storage fails.
pub fn end(connection: &mut AnyConnection, issuer: &str, sid: &str, subject: Option<&str>) -> Result<Vec<PrincipalId>> {
    let mut found = provider_sessions::table
        .inner_join(credentials::table)
        .filter(provider_sessions::issuer.eq(issuer))
        .filter(provider_sessions::sid.eq(sid))
        .into_boxed();
    if let Some(subject) = subject {
        found = found.filter(provider_sessions::subject.eq(subject));
    }
    let rows: Vec<(String, String)> =
        found.select((credentials::key_id, credentials::principal_id)).load(connection)?;
    let mut ended = Vec::new();
    for (key_id, principal) in rows {
        diesel::delete(credentials::table.find(key_id)).execute(connection)?;
        let principal = parse_id(&principal)?;
        if !ended.contains(&principal) {
            ended.push(principal);
        }
    }
    Ok(ended)
}

/// Keeps that a logout token was taken, until it could not be taken any more.
///
/// # Errors
/// [`Error::Conflict`] for one that has been taken before.
pub fn take_logout_token(
    connection: &mut AnyConnection,
    issuer: &str,
    jti: &str,
    expires_at: i64,
    now: i64,
) -> Result<()> {
    diesel::delete(logout_tokens::table.filter(logout_tokens::expires_at.lt(now))).execute(connection)?;
    let row = (logout_tokens::issuer.eq(issuer), logout_tokens::jti.eq(jti), logout_tokens::expires_at.eq(expires_at));
    match diesel::insert_into(logout_tokens::table).values(row).execute(connection) {
        Err(error) if is_duplicate(&error) => Err(Error::Conflict("this logout token was taken before".to_owned())),
        outcome => Ok(outcome.map(drop)?),
    }
}
