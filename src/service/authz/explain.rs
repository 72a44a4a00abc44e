//! Explains a decision: what decided it and, for a denial, what is missing.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::actor::{Actor, Standing};
use crate::domain::effective::{EffectivePermission, Source};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::domain::policy::{Decision, Effect, Ground, Outcome, Policy};
use crate::domain::sight::SeenPrincipals;
use crate::service::Service;
use crate::service::authz::authority::{self, PolicyWriters};
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::{effective, sight};
use crate::storage::database::AnyConnection;
use crate::storage::{api_keys, personas, policies, principals, standings};

/// A request to explain a decision.
#[derive(Debug, Clone)]
pub struct Explain {
    /// The subject: a user name, a client id, or an id; `None` is the asking actor.
    pub actor: Option<String>,
    /// The action and the resource.
    pub inquiry: Inquiry,
    /// Qualified names of personas to assume instead of the subject's own; `None` for its own.
    pub personas: Option<Vec<String>>,
}

/// A decision, explained.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The user name of the subject.
    pub username: String,
    /// The decision.
    pub decision: Decision,
    /// The policies that decided.
    pub policies: Vec<Policy>,
    /// Everything else that decided.
    pub sources: Vec<EffectivePermission>,
    /// The personas that were considered.
    pub personas: Vec<PersonaRef>,
    /// What would have to change for an allow.
    pub missing: Option<Missing>,
    /// Who can write a policy about the resource; `None` for the platform.
    pub writers: Option<PolicyWriters>,
}

/// Why the action is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The subject is disabled.
    ActorDisabled,
    /// The subject's API key has expired.
    KeyExpired,
    /// A policy denies it.
    Denied,
    /// Disabled personas that would allow it.
    PersonaDisabled(Vec<String>),
    /// Disabled policies that would allow it.
    PolicyDisabled(Vec<String>),
    /// The subject has no persona.
    NoPersona,
    /// No policy about the subject allows it.
    NoPolicy,
    /// The subject lacks the permission.
    NoPermission,
}

/// Explains a decision about the actor itself, or about any principal if the actor manages keys. The answer lists the
/// policies about the actor itself and those that it may read.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], or a violation that names unknown personas.
pub async fn explain(service: &Service, asking: &Actor, explain: Explain) -> Result<Explanation> {
    let about_self = explain.actor.as_ref().is_none_or(|name| asking.principal().is_named(name));
    if !about_self {
        service.require(asking, Permission::ManageApiKeys)?;
    }
    let (began, parts, id, asking) = (Instant::now(), service.clone(), asking.id(), asking.clone());
    let sight = sight::principals(&asking);
    let outcome = service
        .read(move |connection| {
            let standing = match explain.actor.as_deref().filter(|_| !about_self) {
                None => standings::find(connection, id)?,
                Some(name) => find(connection, name, &sight)?,
            };
            let name = explain.actor.clone().unwrap_or_else(|| id.to_string());
            let standing = standing.ok_or(Error::NotFound { kind: "actor", id: name })?;
            let standing = parts.with_policies(connection, standing)?;
            let standing = match &explain.personas {
                None => standing,
                Some(names) => Standing { personas: named(connection, &asking, names)?.into(), ..standing },
            };
            let reader = Reader { actor: &asking, about_self };
            let explanation = if explain.inquiry.resource.is_platform() {
                of_permission(connection, &reader, &standing, &explain.inquiry)?
            } else {
                of_action(&parts, connection, &reader, &standing, &explain.inquiry)?
            };
            Ok(match cannot_act(connection, &standing, parts.clock.now())? {
                None => explanation,
                Some(missing) => Explanation {
                    decision: Decision { outcome: Outcome::Denied, grounds: Vec::new() },
                    policies: Vec::new(),
                    sources: Vec::new(),
                    missing: Some(missing),
                    ..explanation
                },
            })
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// Why a principal can do nothing at all, if so.
fn cannot_act(connection: &mut AnyConnection, standing: &Standing, now: i64) -> Result<Option<Missing>> {
    if !standing.principal.enabled {
        return Ok(Some(Missing::ActorDisabled));
    }
    let key = api_keys::find(connection, standing.principal.id)?;
    Ok(key.filter(|key| key.expires_at <= now).map(|_| Missing::KeyExpired))
}

/// The standing of the principal with this user name, client id or id, if the actor sees it.
fn find(connection: &mut AnyConnection, name: &str, sight: &SeenPrincipals) -> Result<Option<Standing>> {
    let found = principals::find_named(connection, name)?.filter(|principal| sight.sees(principal));
    found.map(|principal| standings::of(connection, principal)).transpose()
}

/// The personas with these names whose policies the actor may read; any other name is reported as unknown, because the
/// explanation reveals what the personas permit.
fn named(connection: &mut AnyConnection, asking: &Actor, names: &[String]) -> Result<Vec<PersonaRef>> {
    let reads_all = sight::reads_all_policies(asking);
    let mut found = personas::find_by_qualified_names(connection, names)?;
    found.retain(|persona| reads_all || asking.has_persona(persona.id));
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| found.iter().all(|persona| persona.qualified_name != **name))
        .map(|name| format!("`{name}`"))
        .collect();
    if unknown.is_empty() {
        return Ok(found);
    }
    Err(Violation::new("personas", format!("names no persona: {}", unknown.join(", "))).into())
}

/// The actor that the explanation is for.
struct Reader<'a> {
    actor: &'a Actor,
    about_self: bool,
}

impl Reader<'_> {
    /// The policies among these that the actor may read.
    fn readable(&self, connection: &mut AnyConnection, policies: Vec<Policy>) -> Result<Vec<Policy>> {
        sight::readable(connection, self.actor, self.about_self, policies)
    }
}

/// Explains a decision about a platform permission.
fn of_permission(
    connection: &mut AnyConnection,
    reader: &Reader<'_>,
    standing: &Standing,
    inquiry: &Inquiry,
) -> Result<Explanation> {
    let mut sources = effective::of(connection, standing)?;
    sources.retain(|source| also_decides(source, &inquiry.action));
    let denied = sources.iter().any(|source| source.effect == Effect::Deny);
    let held = Permission::find(&inquiry.action).is_some_and(|permission| standing.permissions.contains(permission));
    let (outcome, missing) = match (held, denied) {
        (true, _) => (Outcome::Allowed, None),
        (false, true) => (Outcome::Denied, Some(Missing::Denied)),
        (false, false) => (Outcome::Unmatched, Some(Missing::NoPermission)),
    };
    let decisive = if denied { Effect::Deny } else { Effect::Allow };
    sources.retain(|source| source.effect == decisive);
    let policies: Vec<Policy> = sources
        .iter()
        .filter_map(|source| match &source.source {
            Source::Policy(policy) => Some((**policy).clone()),
            _ => None,
        })
        .collect();
    sources.retain(|source| !matches!(source.source, Source::Policy(..)));
    let grounds = policies.iter().map(|policy| Ground::Policy(policy.id)).collect();
    let policies = reader.readable(connection, policies)?;
    Ok(told(standing, Decision { outcome, grounds }, policies, sources, missing))
}

/// Whether a permit or deny of one permission also decides another: a permit covers the permissions that it includes,
/// and a deny of an included permission denies the one that includes it.
fn also_decides(source: &EffectivePermission, action: &str) -> bool {
    match (Permission::find(&source.action), Permission::find(action), source.effect) {
        (Some(permitted), Some(asked), Effect::Allow) => permitted.includes(asked),
        (Some(denied), Some(asked), Effect::Deny) => asked.includes(denied),
        _ => source.action == action,
    }
}

/// Explains a decision about an action on a resource.
fn of_action(
    service: &Service,
    connection: &mut AnyConnection,
    reader: &Reader<'_>,
    standing: &Standing,
    inquiry: &Inquiry,
) -> Result<Explanation> {
    let decision = service.decide_for_asker(connection, reader.actor, standing, inquiry)?;
    let mut decisive = Vec::new();
    for ground in &decision.grounds {
        if let Ground::Policy(id) = ground {
            decisive.extend(policies::find(connection, *id)?);
        }
    }
    let missing = match decision.outcome {
        Outcome::Allowed => None,
        Outcome::Denied => Some(Missing::Denied),
        Outcome::Unmatched => Some(lacking(service, connection, reader, standing, inquiry)?),
    };
    let policies = reader.readable(connection, decisive)?;
    let writers = authority::writers(connection, reader.actor, &inquiry.resource.name)?;
    let told = told(standing, decision, policies, Vec::new(), missing);
    Ok(Explanation { writers: Some(writers), ..told })
}

/// What is missing when no policy matched.
fn lacking(
    service: &Service,
    connection: &mut AnyConnection,
    reader: &Reader<'_>,
    standing: &Standing,
    inquiry: &Inquiry,
) -> Result<Missing> {
    let enabled = |persona: &PersonaRef| PersonaRef { enabled: true, ..persona.clone() };
    let alone = |persona: &PersonaRef| Standing { personas: Arc::new([enabled(persona)]), ..standing.clone() };
    let mut disabled = Vec::new();
    for persona in standing.personas.iter().filter(|persona| !persona.enabled) {
        if service.decide_for_asker(connection, reader.actor, &alone(persona), inquiry)?.is_allowed() {
            disabled.push(persona.qualified_name.clone());
        }
    }
    if !disabled.is_empty() {
        return Ok(Missing::PersonaDisabled(disabled));
    }
    let asleep = Service::disabled_policies_allowing(connection, standing, inquiry)?;
    Ok(if !asleep.is_empty() {
        let readable = reader.readable(connection, asleep)?;
        Missing::PolicyDisabled(readable.into_iter().map(|policy| policy.name).collect())
    } else if standing.personas.is_empty() {
        Missing::NoPersona
    } else {
        Missing::NoPolicy
    })
}

fn told(
    standing: &Standing,
    decision: Decision,
    policies: Vec<Policy>,
    sources: Vec<EffectivePermission>,
    missing: Option<Missing>,
) -> Explanation {
    Explanation {
        username: standing.principal.username().to_string(),
        decision,
        policies,
        sources,
        personas: standing.personas.to_vec(),
        missing,
        writers: None,
    }
}
