//! What the policies about a parent become for a restricted child: every deny binds it, and what allows is reduced to
//! the personas and the tools that it carries.

use crate::domain::actor::Standing;
use crate::domain::child::{CALL_TOOL, TOOL};
use crate::domain::policy::{Category, Condition, Criterion, Effect, Facet, Policy};

/// The policy as it applies to a standing; `None` if it does not.
#[must_use]
pub(in crate::service) fn narrowed(standing: &Standing, policy: Policy) -> Option<Policy> {
    let Some(restriction) = &standing.restriction else { return Some(policy) };
    let carried = |id| standing.personas.iter().any(|persona| persona.id == id);
    if policy.rule.effect == Effect::Deny || policy.persona.is_some_and(carried) {
        return Some(policy);
    }
    let calls = policy.rule.actions.iter().any(|action| action == CALL_TOOL);
    if restriction.tools.is_empty() || policy.rule.category != Category::Entities || !calls {
        return None;
    }
    let only = |field, values| Criterion { field, condition: Condition::Equals, values };
    let mut policy = policy;
    policy.rule.actions = vec![CALL_TOOL.to_owned()];
    policy.rule.resources.push(only(Facet::Type, vec![TOOL.to_owned()]));
    policy.rule.resources.push(only(Facet::Name, restriction.tools.clone()));
    Some(policy)
}
