//! `/api/service/apikeys/{guid}/permissions`: the effective permissions of a key, their sources and their last use.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::apikeys::parse_guid;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::domain::actor::Actor;
use crate::domain::asset::Relation;
use crate::domain::effective::{EffectivePermission, Source};
use crate::domain::error::Violation;
use crate::domain::policy::{Criterion, Policy};
use crate::http::openapi::{AnyError, Fails, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::authz::effective;

/// List the effective permissions of an API key
///
/// Every permission with its source (role, grant, policy or asset) and when the key last used it. A key may ask about
/// itself; other keys require the permission `MANAGE_APIKEYS`.
#[utoipa::path(
    tag = "API keys",
    operation_id = "list_api_key_permissions",
    params(
        ("guid" = String, Path, description = "The `id` of the API key"),
        ("unused_for" = Option<String>, Query, description = "Only allowed permissions that were not used for this \
            long, as candidates for removal: a number and `d`, `h`, `m` or `s`", example = "30d"),
    ),
    responses((status = 200, description = "The permissions", body = KeyPermissions), AnyError, Fails<403>, Fails<404>),
)]
#[get("/api/service/apikeys/{guid}/permissions")]
pub async fn list(
    state: web::Data<State>,
    actor: Actor,
    guid: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    params.only(&["unused_for"])?;
    let unused_since = match params.get("unused_for")? {
        "" => None,
        text => Some(state.service.clock.now().saturating_sub(parse_period(text)?)),
    };
    let found = effective::of_key(&state.service, &actor, parse_guid(&guid)?, unused_since).await?;
    let permissions = found.permissions.iter().map(PermissionView::from).collect();
    let hidden_sources = i64::try_from(found.hidden.count()).unwrap_or(i64::MAX);
    Ok(HttpResponse::Ok().json(KeyPermissions { permissions, hidden_sources }))
}

fn parse_period(text: &str) -> Result<i64, Violation> {
    let unit = match text.as_bytes().last() {
        Some(b'd') => Some(DAY),
        Some(b'h') => Some(HOUR),
        Some(b'm') => Some(MINUTE),
        Some(b's') => Some(SECOND),
        _ => None,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse::<u32>().ok());
    let period = unit.zip(number).map(|(unit, number)| unit.saturating_mul(number.into()));
    period.ok_or_else(|| Violation::new("unused_for", "must be a number followed by `d`, `h`, `m` or `s`"))
}

/// The effective permissions of a key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyPermissions {
    /// What the key is allowed or denied, with the reason, as far as the caller may read the source.
    permissions: Vec<PermissionView>,
    /// How many policies and assets allow or deny the key something that is not listed, because the caller may not read
    /// them. If it is 0, the list is complete. `unused_for` does not change it.
    #[schema(example = 0)]
    hidden_sources: i64,
}

/// Something that a principal is allowed or denied.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EffectivePermission)]
pub struct PermissionView {
    /// A permission of the platform, an action, or `*` for every action.
    action: String,
    /// `allow` or `deny`
    #[schema(schema_with = sets::effects)]
    effect: &'static str,
    /// `platform`, `metadata`, `data`, `glossary`, `domain` or `entities`
    #[schema(schema_with = sets::categories)]
    category: &'static str,
    /// Conditions that a resource must all meet; an empty list means every resource.
    resources: Vec<CriterionView>,
    source: SourceView,
    /// When the key last used it, in epoch milliseconds; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<i64>,
}

/// A condition on resources, met if one of the values matches.
#[derive(Serialize, ToSchema)]
#[schema(as = Criterion)]
pub struct CriterionView {
    /// `URN` for the qualified name, `TYPE` for the type, otherwise the name of a property.
    field: String,
    /// `EQUALS`, `STARTS_WITH`, `NOT_EQUALS`, or `COVERS`: a pattern with `*` that also matches resources beneath.
    #[schema(schema_with = sets::conditions)]
    condition: &'static str,
    /// The values: one of them has to satisfy the condition.
    values: Vec<String>,
}

/// The source of a permission.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionSource)]
pub struct SourceView {
    /// `role`, `grant`, `policy` or `asset`
    #[schema(schema_with = sets::sources)]
    kind: &'static str,
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    policy: Option<PolicyRefView>,
    /// The qualified name of the asset that names the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<String>,
    /// How the asset names the key: `admin` or `viewer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = sets::relations)]
    relation: Option<&'static str>,
}

/// A reference to a policy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PolicyRef)]
pub struct PolicyRefView {
    /// The id of the policy.
    id: String,
    /// The display name of the policy.
    name: String,
    /// The qualified name of the policy.
    qualified_name: String,
    /// `allow` or `deny`
    #[schema(schema_with = sets::effects)]
    effect: &'static str,
    /// The id of the persona it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    persona_id: Option<String>,
}

impl From<&EffectivePermission> for PermissionView {
    fn from(permission: &EffectivePermission) -> Self {
        Self {
            action: permission.action.clone(),
            effect: permission.effect.name(),
            category: permission.category.name(),
            resources: permission.resources.iter().map(CriterionView::from).collect(),
            source: SourceView::from(&permission.source),
            last_used_at: permission.last_used_at,
        }
    }
}

impl From<&Criterion> for CriterionView {
    fn from(criterion: &Criterion) -> Self {
        Self { field: criterion.field.field(), condition: criterion.condition.name(), values: criterion.values.clone() }
    }
}

impl From<&Source> for SourceView {
    fn from(source: &Source) -> Self {
        let kind = |kind| Self { kind, policy: None, asset: None, relation: None };
        match source {
            Source::Role => kind("role"),
            Source::Grant => kind("grant"),
            Source::Policy(policy) => Self { policy: Some(PolicyRefView::from(&**policy)), ..kind("policy") },
            Source::Asset(name, relation) => {
                let relation = match relation {
                    Relation::Admin => "admin",
                    Relation::Viewer => "viewer",
                };
                Self { asset: Some(name.clone()), relation: Some(relation), ..kind("asset") }
            }
        }
    }
}

impl From<&Policy> for PolicyRefView {
    fn from(policy: &Policy) -> Self {
        Self {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            qualified_name: policy.qualified_name.clone(),
            effect: policy.rule.effect.name(),
            persona_id: policy.persona.map(|persona| persona.to_string()),
        }
    }
}
