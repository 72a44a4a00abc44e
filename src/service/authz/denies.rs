//! Whether a deny of a persona has any effect.

use crate::domain::error::Result;
use crate::domain::ids::PersonaId;
use crate::domain::policy::{Effect, Rule, Scope};
use crate::storage::database::AnyConnection;
use crate::storage::{assets, policies};

/// Whether a deny of a persona has any effect: a policy allows some of what it denies, or an asset within its scope
/// names a principal linked to the persona.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn keeps_back(
    connection: &mut AnyConnection,
    persona: PersonaId,
    denied: &Rule,
) -> Result<bool> {
    let scope = denied.scope();
    let named = assets::naming_linked(connection, persona)?;
    if Scope::Within(named).overlaps(&scope) {
        return Ok(true);
    }
    let is_denied = |action: &String| denied.actions.contains(action);
    let gives = |rule: Rule| rule.actions.iter().any(is_denied) && rule.scope().overlaps(&scope);
    Ok(policies::allowing(connection)?.into_iter().any(gives))
}

/// Whether any deny of a persona has an effect.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn persona_keeps_back(connection: &mut AnyConnection, persona: PersonaId) -> Result<bool> {
    for policy in policies::of_persona(connection, persona)? {
        if policy.rule.effect == Effect::Deny && keeps_back(connection, persona, &policy.rule)? {
            return Ok(true);
        }
    }
    Ok(false)
}
