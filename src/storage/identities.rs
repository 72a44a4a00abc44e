//! What providers know users by.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate, overtaken, storage};
use super::principals;
use super::rows::parse_id;
use super::schema::identities;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::ids::{PersonaId, PrincipalId};
use crate::domain::principal::Principal;
use crate::domain::sight::SeenPrincipals;

/// A user whom a provider knows.
pub struct Linked {
    /// Who, with the row locked.
    pub user: Principal,
    /// The personas that the provider last said they have: those are its to take away.
    pub personas: Vec<PersonaId>,
}

/// Locks the identity and its user for the rest of the transaction, if there is one, and notes that it was seen.
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
        // Removed between the two statements.
        return Err(overtaken());
    };
    let user = principals::lock(connection, &user.username().to_string())?.ok_or_else(overtaken)?;
    let personas: Vec<String> = serde_json::from_str(&personas).map_err(storage)?;
    let personas = personas.iter().map(|id| parse_id(id)).collect::<Result<_>>()?;
    Ok(Some(Linked { user, personas }))
}

/// Ties a new user to what a provider knows them by.
///
/// # Errors
/// When the storage fails, or when another transaction has just tied somebody to it: then this one is to be run again.
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
        Err(error) if is_duplicate(&error) => Err(overtaken()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Keeps which personas the provider says a user has.
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

/// The user whom a provider knows by that subject.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, identity: &Identity) -> Result<Option<PrincipalId>> {
    let row = identities::table.find((&identity.issuer, &identity.subject)).select(identities::principal_id);
    let id: Option<String> = row.get_result(connection).optional()?;
    id.map(|id| parse_id(&id)).transpose()
}
