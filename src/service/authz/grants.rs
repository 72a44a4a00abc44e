//! No escalation: who may grant what.

use crate::domain::actor::Actor;
use crate::domain::api_key::{ApiKey, Status};
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::persona::PersonaRef;

/// Nobody grants a permission they do not hold.
pub(in crate::service) fn may_grant(actor: &Actor, permissions: Permissions) -> Result<()> {
    let beyond: Vec<_> = permissions.without(actor.permissions()).iter().map(Permission::name).collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::Forbidden(format!("`{}` cannot grant what it does not hold: {}", actor.username(), beyond.join(", "))))
}

/// Nobody links a persona they are not linked to themselves, except those who manage personas.
pub(in crate::service) fn may_link(actor: &Actor, personas: &[PersonaRef]) -> Result<()> {
    let beyond: Vec<_> = personas
        .iter()
        .filter(|persona| !actor.permissions().contains(Permission::ManagePersonas) && !actor.has_persona(persona.id))
        .map(|persona| persona.qualified_name.as_str())
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "`{}` cannot link personas it is not linked to without the permission `{}`: {}",
        actor.username(),
        Permission::ManagePersonas.name(),
        beyond.join(", ")
    )))
}

/// Only what an update adds needs the right to grant it, and nobody adds anything to themselves.
pub(in crate::service) fn may_update(actor: &Actor, before: &ApiKey, after: &ApiKey, now: i64) -> Result<()> {
    let permissions = after.permissions.without(before.permissions);
    let personas: Vec<_> =
        after.personas.iter().filter(|persona| !before.personas.contains(persona)).cloned().collect();
    // Also a persona less may be a gain: its policies may deny.
    let gains = permissions != Permissions::NONE
        || after.personas != before.personas
        || after.expires_at > before.expires_at
        || after.limits != before.limits;
    if actor.id() == before.id && gains {
        return Err(Error::Forbidden(
            "an API key cannot give itself permissions or time, nor change its own limits or personas".to_owned(),
        ));
    }
    if after.expires_at != before.expires_at && Status::of(before.expires_at, now) == Status::Expired {
        return Err(Error::Conflict("the API key has expired, and an expired key stays expired".to_owned()));
    }
    may_grant(actor, permissions)?;
    may_link(actor, &personas)
}
