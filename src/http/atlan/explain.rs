//! `/api/service/explain`: explains a decision, with the actor's own personas or with hypothetical ones.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permissions::{PermissionView, PolicyRefView};
use crate::domain::error::Error;
use crate::domain::policy::{Ground, Outcome, Resource};
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{AnyError, Fails, examples, sets};
use crate::http::present;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Violations;
use crate::service::authz::authority::PolicyWriters;
use crate::service::authz::explain::{self, Explain, Explanation, Missing};
use crate::service::authz::inquiry::Inquiry;

/// Explain a decision
///
/// Whether the actor may do something, which policies and grants decide it, and, for a denial, what is missing.
/// `personas` replaces the actor's own personas for this explanation only; nothing is changed. Other actors than the
/// caller require the permission `MANAGE_APIKEYS`. Personas that the caller is not linked to require `MANAGE_PERSONAS`
/// or `MANAGE_POLICIES`, otherwise they are unknown. Of policies about other actors, only those that the caller may
/// read are named.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "get_explanation",
    request_body = ExplainRequest,
    responses(
        (status = 200, description = "The decision and its reasons", body = ExplanationView),
        AnyError, Fails<403>, Fails<404>, Fails<413>,
    ),
)]
#[post("/api/service/explain")]
pub async fn ask(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<ExplainRequest>,
) -> Result<HttpResponse, Failure> {
    let explanation = explain::explain(&state.service, &actor, body.strict()?.into_domain()?).await?;
    Ok(HttpResponse::Ok().json(ExplanationView::from(explanation)))
}

/// A request for an explanation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::explain_request)]
pub struct ExplainRequest {
    /// The actor, by user name, client id or id; the caller by default.
    actor: Option<String>,
    /// A permission of the platform, an action of a persona's policy, or a DataHub privilege.
    #[schema(example = "persona-asset-read")]
    action: String,
    /// The resource of the action; absent for a permission of the platform.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    resource: Option<ExplainResource>,
    /// The qualified names of personas that replace the actor's own.
    personas: Option<Vec<String>>,
}

/// The resource of an action.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainResource {
    /// The type of the resource: `Table`.
    #[serde(default, rename = "type")]
    type_name: String,
    /// The qualified name or URN of the resource.
    #[schema(min_length = 1, example = "default/snowflake/1795324625/db")]
    id: String,
    /// Properties for conditions of policies.
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("must not be empty".to_owned()) } else { check_zero(name) }
}

fn check_zero(name: &str) -> Result<(), String> {
    if name.contains('\0') { Err("must not contain a zero character".to_owned()) } else { Ok(()) }
}

/// The most personas in a request.
const PERSONAS: usize = 100;

impl ExplainRequest {
    fn into_domain(self) -> Result<Explain, Error> {
        let mut violations = Violations::default();
        violations.keep("actor", self.actor.as_deref().map_or(Ok(()), check_name));
        violations.keep("action", check_name(&self.action));
        let personas = self.personas.as_deref().unwrap_or_default();
        let few = if personas.len() > PERSONAS { Err(format!("must have at most {PERSONAS} members")) } else { Ok(()) };
        violations.keep("personas", few.and_then(|()| personas.iter().try_for_each(|name| check_name(name))));
        if let Some(resource) = &self.resource {
            violations.keep("resource.id", check_name(&resource.id));
            violations.keep("resource.type", check_zero(&resource.type_name));
        }
        violations.into_result()?;
        let resource = self.resource.map(|resource| Resource {
            name: resource.id,
            type_name: resource.type_name,
            properties: resource.properties,
            ..Resource::default()
        });
        let resource = resource.unwrap_or_default();
        let inquiry = Inquiry { action: self.action, resource, ..Inquiry::default() };
        Ok(Explain { actor: self.actor, inquiry, personas: self.personas })
    }
}

/// A decision and its reasons.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
pub struct ExplanationView {
    /// The user name of the actor that the decision is about.
    actor: String,
    /// Whether the actor may do it.
    allowed: bool,
    /// `allowed`, `denied` (something forbids it) or `unmatched` (nothing allows it)
    #[schema(schema_with = sets::outcomes)]
    outcome: &'static str,
    /// The policies that decided.
    policies: Vec<PolicyRefView>,
    /// Other grounds of the decision: a role, a grant, or an asset that names the actor.
    sources: Vec<PermissionView>,
    /// The built-in rules that decided.
    #[schema(schema_with = sets::rules)]
    rules: Vec<&'static str>,
    /// The personas that were considered.
    personas: Vec<ConsideredPersona>,
    /// Why it is not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    missing: Option<MissingView>,
    /// Who can write a policy about the resource; absent for a permission of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    policy_writers: Option<PolicyWritersView>,
}

/// Who can write a policy about a resource: the admins of the object that it is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PolicyWriters)]
pub struct PolicyWritersView {
    /// The qualified name of the asset whose admins can; absent if there is none that the caller sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    object: Option<String>,
    /// Whether the caller can.
    asking: bool,
    /// A message for people.
    message: String,
}

impl From<PolicyWriters> for PolicyWritersView {
    fn from(writers: PolicyWriters) -> Self {
        let message = match &writers.object {
            Some(object) => {
                format!("the admins of `{object}` and users with the role `$admin` can write a policy about it")
            }
            None => "users with the role `$admin` can write a policy about it".to_owned(),
        };
        Self { object: writers.object, asking: writers.asking, message }
    }
}

/// A persona that was considered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsideredPersona {
    /// The id of the persona.
    id: String,
    /// The display name of the persona.
    name: String,
    /// The qualified name of the persona.
    qualified_name: String,
    /// A disabled persona grants nothing.
    enabled: bool,
}

/// Why it is not allowed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Missing)]
pub struct MissingView {
    /// `actor_disabled`, `key_expired`, `denied`, `persona_disabled`, `policy_disabled`, `no_persona`, `no_policy` or
    /// `no_permission`
    #[schema(schema_with = sets::reasons)]
    reason: &'static str,
    /// A message for people.
    message: String,
    /// The disabled personas or policies that would allow it if enabled.
    names: Vec<String>,
}

impl From<Explanation> for ExplanationView {
    fn from(explanation: Explanation) -> Self {
        let personas = explanation.personas.into_iter().map(|persona| ConsideredPersona {
            id: persona.id.to_string(),
            name: persona.name,
            qualified_name: persona.qualified_name,
            enabled: persona.enabled,
        });
        let rules = explanation.decision.grounds.iter().filter_map(|ground| match ground {
            Ground::BuiltIn(name) => Some(*name),
            Ground::Policy(_) => None,
        });
        Self {
            actor: explanation.username,
            allowed: explanation.decision.is_allowed(),
            outcome: match explanation.decision.outcome {
                Outcome::Allowed => "allowed",
                Outcome::Denied => "denied",
                Outcome::Unmatched => "unmatched",
            },
            policies: explanation.policies.iter().map(PolicyRefView::from).collect(),
            sources: explanation.sources.iter().map(PermissionView::from).collect(),
            rules: rules.collect(),
            personas: personas.collect(),
            missing: explanation.missing.map(MissingView::from),
            policy_writers: explanation.writers.map(PolicyWritersView::from),
        }
    }
}

impl From<Missing> for MissingView {
    fn from(missing: Missing) -> Self {
        let (reason, message, names) = match missing {
            Missing::ActorDisabled => ("actor_disabled", "the actor is disabled", Vec::new()),
            Missing::KeyExpired => ("key_expired", "the API key has expired", Vec::new()),
            Missing::Denied => ("denied", "a policy denies it", Vec::new()),
            Missing::PersonaDisabled(names) => ("persona_disabled", "the persona that allows it is disabled", names),
            Missing::PolicyDisabled(names) => ("policy_disabled", "the policy that allows it is disabled", names),
            Missing::NoPersona => ("no_persona", "the actor has no persona, and nothing else allows it", Vec::new()),
            Missing::NoPolicy => ("no_policy", "no policy of the actor's personas allows it", Vec::new()),
            Missing::NoPermission => ("no_permission", "the actor lacks the permission", Vec::new()),
        };
        Self { reason, message: message.to_owned(), names }
    }
}
