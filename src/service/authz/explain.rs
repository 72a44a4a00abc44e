//! Why, or why not: a decision with what decided it, and with what is missing when the answer is no.

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
use crate::service::authz::decide::Inquiry;
use crate::service::authz::{effective, sight};
use crate::storage::database::AnyConnection;
use crate::storage::{api_keys, personas, policies, principals, standings};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Explain {
    /// About whom: a user name, a client id, or an id; whoever asks, if `None`.
    pub actor: Option<String>,
    /// What they would do.
    pub inquiry: Inquiry,
    /// The qualified names of the personas they would have instead of their own; `None` for their own.
    pub personas: Option<Vec<String>>,
}

/// A decision, explained.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The user name of whom it is about.
    pub username: String,
    /// The decision.
    pub decision: Decision,
    /// The policies that decided.
    pub policies: Vec<Policy>,
    /// What else decided.
    pub sources: Vec<EffectivePermission>,
    /// The personas that were considered.
    pub personas: Vec<PersonaRef>,
    /// What would have to be otherwise for a yes.
    pub missing: Option<Missing>,
    /// Who could write a policy about the resource; `None` for the platform.
    pub writers: Option<PolicyWriters>,
}

/// Why the answer is no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// They are disabled.
    ActorDisabled,
    /// Their API key has expired.
    KeyExpired,
    /// A policy denies it.
    Denied,
    /// These personas would allow it, and are disabled.
    PersonaDisabled(Vec<String>),
    /// These policies would allow it, and are disabled.
    PolicyDisabled(Vec<String>),
    /// They have no persona at all.
    NoPersona,
    /// No policy of theirs allows it.
    NoPolicy,
    /// They lack the permission.
    NoPermission,
}

/// Explains a decision: about oneself, or about anybody to whoever manages keys. Of policies the answer tells those about
/// oneself, and those that the actor who asks may read.
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
    sight::tell(began, outcome).await
}

/// Why a principal can do nothing at all.
fn cannot_act(connection: &mut AnyConnection, standing: &Standing, now: i64) -> Result<Option<Missing>> {
    if !standing.principal.enabled {
        return Ok(Some(Missing::ActorDisabled));
    }
    let key = api_keys::find(connection, standing.principal.id)?;
    Ok(key.filter(|key| key.expires_at <= now).map(|_| Missing::KeyExpired))
}

/// The standing of the principal of that user name, client id or id, if it is seen.
fn find(connection: &mut AnyConnection, name: &str, sight: &SeenPrincipals) -> Result<Option<Standing>> {
    let found = principals::find_named(connection, name)?.filter(|principal| sight.sees(principal));
    found.map(|principal| standings::of(connection, principal)).transpose()
}

/// The personas of these names, as what they permit will be told: those whose policies the actor may read. Any other is
/// unknown to it.
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

/// Who is told of policies.
struct Reader<'a> {
    actor: &'a Actor,
    about_self: bool,
}

impl Reader<'_> {
    /// Those of these policies that may be told.
    fn readable(&self, connection: &mut AnyConnection, policies: Vec<Policy>) -> Result<Vec<Policy>> {
        sight::readable(connection, self.actor, self.about_self, policies)
    }
}

/// A permission of the platform.
fn of_permission(
    connection: &mut AnyConnection,
    reader: &Reader<'_>,
    standing: &Standing,
    inquiry: &Inquiry,
) -> Result<Explanation> {
    let mut sources = effective::of(connection, standing)?;
    sources.retain(|source| bears_on(source, &inquiry.action));
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

/// Whether what permits or denies one permission permits or denies another: what includes it permits it, and what it
/// includes denies it.
fn bears_on(source: &EffectivePermission, action: &str) -> bool {
    match (Permission::find(&source.action), Permission::find(action), source.effect) {
        (Some(permitted), Some(asked), Effect::Allow) => permitted.includes(asked),
        (Some(denied), Some(asked), Effect::Deny) => asked.includes(denied),
        _ => source.action == action,
    }
}

/// An action on a resource.
fn of_action(
    service: &Service,
    connection: &mut AnyConnection,
    reader: &Reader<'_>,
    standing: &Standing,
    inquiry: &Inquiry,
) -> Result<Explanation> {
    let decision = service.tell_decision(connection, reader.actor, standing, inquiry)?;
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

/// What would make an answer a yes that nothing made one.
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
        if service.tell_decision(connection, reader.actor, &alone(persona), inquiry)?.is_allowed() {
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
