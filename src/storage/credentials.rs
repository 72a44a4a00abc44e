//! Credentials, and the standing of their principals for the directory.

use diesel::prelude::*;

use super::api_keys::TermsRow;
use super::database::{AnyConnection, storage};
use super::holds::hold_standing;
use super::principals::{PrincipalRow, lock_by_id};
use super::rows::{Existed, corrupt, parse_id};
use super::schema::{api_keys, credentials, principals};
use super::standings;
use crate::domain::api_key::NEVER;
use crate::domain::credential::{Credential, KnownCredential};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::pepper::{Digest, PepperId};
use crate::domain::token::{KeyId, TokenKind};

/// A row of `credentials`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = credentials)]
struct CredentialRow {
    key_id: String,
    kind: String,
    principal_id: String,
    digest: String,
    pepper: String,
    created_at: i64,
    expires_at: i64,
}

impl CredentialRow {
    fn into_domain(self) -> Result<Credential> {
        Ok(Credential {
            key_id: KeyId::parse(&self.key_id).ok_or_else(|| corrupt("key id", &self.key_id))?,
            kind: TokenKind::find(&self.kind).ok_or_else(|| corrupt("credential kind", &self.kind))?,
            principal: parse_id(&self.principal_id)?,
            digest: Digest::parse(&self.digest).ok_or_else(|| storage("the database holds a malformed digest"))?,
            pepper: PepperId::parse(&self.pepper).ok_or_else(|| corrupt("pepper", &self.pepper))?,
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

/// Adds a credential. Holds the principal until the transaction ends, which conflicts with [`delete_all`]: that deletes the
/// credential, or has ended first. So what authorises the credential is checked after the principal is held, or in the
/// end.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, credential: &Credential) -> Result<()> {
    hold_standing(connection, credential.principal)?;
    let row = CredentialRow {
        key_id: credential.key_id.to_string(),
        kind: credential.kind.name().to_owned(),
        principal_id: credential.principal.to_string(),
        digest: credential.digest.hex(),
        pepper: credential.pepper.to_string(),
        created_at: credential.created_at,
        expires_at: credential.expires_at,
    };
    diesel::insert_into(credentials::table).values(row).execute(connection)?;
    Ok(())
}

/// The credential with that key id, with everything needed to authenticate its holder except what policies permit;
/// `None` when there is none.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, key_id: KeyId) -> Result<Option<KnownCredential>> {
    let Some(bare) = find_without_assets(connection, key_id)? else { return Ok(None) };
    let standing = standings::with_assets(connection, bare.standing)?;
    Ok(Some(KnownCredential { standing, ..bare }))
}

/// Like [`find`], without the grants of assets.
///
/// # Errors
/// When the storage fails.
pub fn find_without_assets(connection: &mut AnyConnection, key_id: KeyId) -> Result<Option<KnownCredential>> {
    let found: Option<(CredentialRow, PrincipalRow, Option<TermsRow>)> = credentials::table
        .inner_join(principals::table.left_join(api_keys::table))
        .filter(credentials::key_id.eq(key_id.to_string()))
        .select((CredentialRow::as_select(), PrincipalRow::as_select(), Option::<TermsRow>::as_select()))
        .get_result(connection)
        .optional()?;
    let Some((credential, principal, api_key)) = found else { return Ok(None) };
    let (key_expires_at, limits) = match api_key {
        Some(terms) => (terms.expires_at, terms.limits.into_domain()?),
        None => (NEVER, Limits::default()),
    };
    let mut credential = credential.into_domain()?;
    credential.expires_at = credential.expires_at.min(key_expires_at);
    let standing = standings::without_assets(connection, principal.into_domain()?)?;
    Ok(Some(KnownCredential { credential, standing, limits }))
}

/// The own credential of an API key, from which everything is derived that authenticates the key.
///
/// # Errors
/// When the storage fails.
pub fn find_of_api_key(connection: &mut AnyConnection, key: PrincipalId) -> Result<Option<KnownCredential>> {
    // Earlier versions stored short-lived secrets beside it, which have an expiry.
    let found: Option<String> = credentials::table
        .filter(credentials::principal_id.eq(key.to_string()))
        .filter(credentials::kind.eq(TokenKind::ApiKey.name()))
        .filter(credentials::expires_at.eq(NEVER))
        .select(credentials::key_id)
        .get_result(connection)
        .optional()?;
    let Some(key_id) = found else { return Ok(None) };
    find(connection, KeyId::parse(&key_id).ok_or_else(|| corrupt("key id", &key_id))?)
}

/// The credentials of one kind of a principal that have not expired, the latest first; at most so many.
///
/// # Errors
/// When the storage fails.
pub fn alive(
    connection: &mut AnyConnection,
    principal: PrincipalId,
    kind: TokenKind,
    now: i64,
    most: i64,
) -> Result<Vec<Credential>> {
    let found = credentials::table
        .filter(credentials::principal_id.eq(principal.to_string()))
        .filter(credentials::kind.eq(kind.name()))
        .filter(credentials::expires_at.gt(now))
        .order((credentials::created_at.desc(), credentials::key_id))
        .limit(most);
    let rows: Vec<CredentialRow> = found.select(CredentialRow::as_select()).load(connection)?;
    rows.into_iter().map(CredentialRow::into_domain).collect()
}

/// Changes when a credential expires.
///
/// # Errors
/// When the storage fails.
pub fn set_expiry(connection: &mut AnyConnection, key_id: KeyId, expires_at: i64) -> Result<Existed> {
    let found = credentials::table.find(key_id.to_string());
    Ok(Existed::from(diesel::update(found).set(credentials::expires_at.eq(expires_at)).execute(connection)?))
}

/// Removes one credential. Holds its principal first: whoever locks the principal removes credentials in that order, too.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, key_id: KeyId) -> Result<Existed> {
    let found = credentials::table.find(key_id.to_string()).select(credentials::principal_id);
    let principal: Option<String> = found.get_result(connection).optional()?;
    let Some(principal) = principal else { return Ok(Existed::No) };
    hold_standing(connection, parse_id(&principal)?)?;
    Ok(Existed::from(diesel::delete(credentials::table.find(key_id.to_string())).execute(connection)?))
}

/// Removes every credential of one kind of a principal. Locks the principal first: a `DELETE` alone would not see the
/// credentials that other transactions have added and not yet committed.
///
/// # Errors
/// When the storage fails.
pub fn delete_all(connection: &mut AnyConnection, principal: PrincipalId, kind: TokenKind) -> Result<()> {
    lock_by_id(connection, principal)?;
    let found = credentials::table
        .filter(credentials::principal_id.eq(principal.to_string()))
        .filter(credentials::kind.eq(kind.name()));
    diesel::delete(found).execute(connection)?;
    Ok(())
}

/// Like [`delete_all`], except for one credential; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn delete_all_but(
    connection: &mut AnyConnection,
    principal: PrincipalId,
    kind: TokenKind,
    kept: KeyId,
) -> Result<usize> {
    lock_by_id(connection, principal)?;
    let found = credentials::table
        .filter(credentials::principal_id.eq(principal.to_string()))
        .filter(credentials::kind.eq(kind.name()))
        .filter(credentials::key_id.ne(kept.to_string()));
    Ok(diesel::delete(found).execute(connection)?)
}

/// Removes every credential of one kind; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn delete_all_of(connection: &mut AnyConnection, kind: TokenKind) -> Result<usize> {
    Ok(diesel::delete(credentials::table.filter(credentials::kind.eq(kind.name()))).execute(connection)?)
}

/// A credential with its principal and, for an API key, its name.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct CredentialSummary {
    /// The name of the credential's kind.
    pub kind: String,
    /// The id of its principal.
    pub principal: String,
    /// The user name of its principal.
    pub username: String,
    /// The display name of an API key.
    pub display_name: Option<String>,
    /// When it was created, in epoch milliseconds.
    pub created_at: i64,
}

/// Every credential, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn holdings(connection: &mut AnyConnection) -> Result<Vec<CredentialSummary>> {
    let held = credentials::table
        .inner_join(principals::table)
        .left_join(api_keys::table.on(api_keys::id.eq(credentials::principal_id)))
        .order((credentials::created_at, credentials::key_id));
    let columns = (
        credentials::kind,
        principals::id,
        principals::username,
        api_keys::display_name.nullable(),
        credentials::created_at,
    );
    Ok(held.select(columns).load(connection)?)
}

/// How many unexpired credentials of one kind a principal has.
///
/// # Errors
/// When the storage fails.
pub fn count_alive(connection: &mut AnyConnection, principal: PrincipalId, kind: TokenKind, now: i64) -> Result<usize> {
    let found = credentials::table
        .filter(credentials::principal_id.eq(principal.to_string()))
        .filter(credentials::kind.eq(kind.name()))
        .filter(credentials::expires_at.gt(now));
    let count: i64 = found.count().get_result(connection)?;
    usize::try_from(count).map_err(|error| Error::Internal(error.into()))
}

/// Removes sessions, and secrets of API keys that earlier versions stored, that expired before `instant`; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn delete_ended(connection: &mut AnyConnection, instant: i64) -> Result<usize> {
    let found = credentials::table
        .filter(credentials::kind.eq_any([TokenKind::Session.name(), TokenKind::ApiKey.name()]))
        .filter(credentials::expires_at.lt(instant));
    Ok(diesel::delete(found).execute(connection)?)
}
