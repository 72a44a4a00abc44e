//! Who may change what a persona grants. `authority.rs` has the rules about what its policies are about.

use uuid::Uuid;

use crate::domain::error::{Error, Result};
use crate::domain::ids::PersonaId;
use crate::domain::persona::Persona;
use crate::domain::principal::PrincipalKind;
use crate::service::Transaction;
use crate::service::authz::{authority, sight};
use crate::storage::search;

/// Checks that a key does not change what its own personas give it.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change_own_persona(transaction: &Transaction<'_>, persona: PersonaId) -> Result<()> {
    let actor = transaction.actor;
    if actor.principal().kind == PrincipalKind::ServiceAccount && actor.has_persona(persona) {
        let message =
            format!("`{}` cannot change what a persona grants while it is linked to that persona", actor.username());
        return Err(Error::Forbidden(message));
    }
    Ok(())
}

/// Checks that the actor may enable or disable a persona that the transaction has locked.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_switch(transaction: &mut Transaction<'_>, before: &Persona, enabled: bool) -> Result<()> {
    if enabled == before.enabled {
        return Ok(());
    }
    may_change_own_persona(transaction, before.id)?;
    if enabled { authority::may_enable(transaction, before.id) } else { authority::may_release(transaction, before.id) }
}

/// Answers an unseen policy like a missing one.
///
/// # Errors
/// `unknown`
pub(in crate::service) fn may_find_policy(
    transaction: &mut Transaction<'_>,
    policy: Uuid,
    unknown: impl FnOnce() -> Error,
) -> Result<()> {
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    if search::is_seen(transaction.connection, &policy.to_string(), &sight)? { Ok(()) } else { Err(unknown()) }
}
