//! Which rules deny a principal something, and whether a deny has any effect.

use crate::domain::actor::Standing;
use crate::domain::error::Result;
use crate::domain::ids::PersonaId;
use crate::domain::policy::{Bucket, Effect, Rule, Scope};
use crate::domain::principal::PrincipalKind;
use crate::service::Service;
use crate::storage::database::AnyConnection;
use crate::storage::{assets, policies};

/// The deny rules about assets that bind a principal: of its personas, enabled or not, and of the policies about it.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn of(
    service: &Service,
    connection: &mut AnyConnection,
    standing: &Standing,
) -> Result<Vec<Rule>> {
    let standing = standing.whole();
    let principal = &standing.principal;
    if principal.kind == PrincipalKind::User && principal.is_administrator() {
        return Ok(Vec::new());
    }
    let mut rules = Vec::new();
    for persona in &*standing.personas {
        rules.extend(policies::of_persona(connection, persona.id)?.into_iter().map(|policy| policy.rule));
    }
    let about = Bucket::of(principal);
    let mut owns = None;
    for policy in service.shared_policies_in_write(connection)?.about(principal) {
        if policy.rule.effect == Effect::Allow {
            continue;
        }
        let directly = policy.rule.subjects.buckets().any(|bucket| about.contains(&bucket));
        let concerns = directly
            || if let Some(owns) = owns {
                owns
            } else {
                let owned = assets::owned_by(connection, &principal.username().to_string())?;
                *owns.insert(!owned.is_empty())
            };
        if concerns {
            rules.push(policy.rule.clone());
        }
    }
    rules.retain(|rule| rule.effect == Effect::Deny);
    Ok(rules)
}

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
