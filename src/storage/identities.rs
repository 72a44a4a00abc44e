//! Identities of users at OpenID Connect providers.

use diesel::prelude::*;

use super::database::{AnyConnection, concurrent_change, is_duplicate, storage};
use super::principals;
use super::rows::parse_id;
use super::schema::identities;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::ids::{PersonaId, PrincipalId};
use crate::domain::principal::Principal;
use crate::domain::sight::SeenPrincipals;

/// A user with an identity at a provider.
pub struct Linked {
    /// The user; the row is locked.
    pub user: Principal,
    /// The personas given by the provider's groups at the last sign-in: only these can be removed with the groups.
    pub personas: Vec<PersonaId>,
}

/// Finds the identity and its user, locks both for the rest of the transaction, and updates `seen_at`.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, identity: &Identity, now: i64) -> Result<Option<Linked>> {
    let row = || identities::table.find((identity.issuer.clone(), identity.subject.clone()));
    if diesel::update(row()).set(identities::seen_at.eq(now)).execute(connection)? == 0 {
        return Ok(None);
    }
    let (id, personas): (String, String) =
        row().select((identities::principal_id, identities::personas)).get_result(connection)?;
    let Some(user) = principals::find_many(connection, &[id], &SeenPrincipals::everybody())?.pop() else {
        // A concurrent transaction removed the user between the two statements.
        return Err(concurrent_change());
    };
    let user = principals::lock(connection, &user.username().to_string())?.ok_or_else(concurrent_change)?;
    let personas: Vec<String> = serde_json::from_str(&personas).map_err(storage)?;
    let personas = personas.iter().map(|id| parse_id(id)).collect::<Result<_>>()?;
    Ok(Some(Linked { user, personas }))
}

/// Links a new user to an identity.
///
/// # Errors
/// When the storage fails, or a concurrent transaction has linked the identity: then the transaction must be run again.
pub fn insert(connection: &mut AnyConnection, identity: &Identity, user: PrincipalId, now: i64) -> Result<()> {
    let row = (
        identities::issuer.eq(&identity.issuer),
        identities::subject.eq(&identity.subject),
        identities::principal_id.eq(user.to_string()),
        identities::personas.eq("[]"),
        identities::created_at.eq(now),
        identities::seen_at.eq(now),
    );
    match diesel::insert_into(identities::table).values(row).execute(connection) {
        Err(error) if is_duplicate(&error) => Err(concurrent_change()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Stores which of the user's personas come from the provider's groups.
///
/// # Errors
/// When the storage fails.
pub fn set_personas(connection: &mut AnyConnection, identity: &Identity, personas: &[PersonaId]) -> Result<()> {
    let ids: Vec<String> = personas.iter().map(ToString::to_string).collect();
    let row = identities::table.find((&identity.issuer, &identity.subject));
    let text = serde_json::to_string(&ids).map_err(storage)?;
    diesel::update(row).set(identities::personas.eq(text)).execute(connection)?;
    Ok(())
}

/// Whether the user signs in at a provider.
///
/// # Errors
/// When the storage fails.
pub fn has_any(connection: &mut AnyConnection, user: PrincipalId) -> Result<bool> {
    let rows = identities::table.filter(identities::principal_id.eq(user.to_string()));
    Ok(diesel::select(diesel::dsl::exists(rows)).get_result(connection)?)
}

/// The user with this identity.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, identity: &Identity) -> Result<Option<PrincipalId>> {
    let row = identities::table.find((&identity.issuer, &identity.subject)).select(identities::principal_id);
    let id: Option<String> = row.get_result(connection).optional()?;
    id.map(|id| parse_id(&id)).transpose()
}
