//! `/entities`, `/entitiesV2`: reads and deletes users, service accounts and access tokens by URN.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::caller::Caller;
use super::proposals::{AspectWrites, read_snapshot};
use super::urn;
use crate::domain::access_token::AccessToken;
use crate::domain::actor::Actor;
use crate::domain::api_key::NEVER;
use crate::domain::error::{Error, Violation};
use crate::domain::profile::{Aspect, AspectName, Profile};
use crate::domain::service_account::PREFIX;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::{Params, Raw, read_or};
use crate::service::keys::{access_tokens, service_accounts};
use crate::service::people::{profiles, users};

/// A user, service account or access token, as its aspects.
pub struct Entity {
    /// The URN of the entity.
    pub urn: String,
    /// `corpuser` or `dataHubAccessToken`.
    pub kind: &'static str,
    /// The aspects that clients see.
    pub aspects: Vec<Aspect>,
}

impl Entity {
    /// Gets the entity with that URN, if the actor may read it.
    ///
    /// # Errors
    /// 404
    pub async fn get(state: &State, actor: &Actor, text: &str) -> Result<Self, Failure> {
        let missing = || Failure::DataHub(StatusCode::NOT_FOUND, "There is no such entity.".to_owned());
        if let Some(id) = urn::token_id(text) {
            return match access_tokens::get(&state.service, actor, id.to_owned()).await {
                Ok(token) => Ok(Self::of_token(&token)),
                Err(Error::NotFound { .. }) => Err(missing()),
                Err(error) => Err(error.into()),
            };
        }
        let username = urn::username(text).ok_or_else(missing)?;
        let found = profiles::find(&state.service, actor, username.to_owned()).await?;
        found.map(Self::of_user).ok_or_else(missing)
    }

    fn of_user(profile: Profile) -> Self {
        let username = profile.username();
        let told = |name: &str, value: Value| Aspect {
            name: name.to_owned(),
            value,
            created_by: username.clone(),
            created_at: profile.principal.created_at,
        };
        let mut aspects = vec![told("corpUserKey", json!({"username": username}))];
        if profile.aspect(AspectName::CorpUserInfo).is_none() {
            let mut info = json!({"active": profile.principal.enabled, "displayName": profile.display_name});
            if !profile.email.is_empty() {
                info["email"] = json!(profile.email);
            }
            aspects.push(told("corpUserInfo", info));
        }
        if profile.is_service_account() {
            aspects.push(told("subTypes", json!({"typeNames": ["SERVICE_ACCOUNT"]})));
        }
        aspects.extend(profile.aspects);
        Self { urn: urn::of_user(username), kind: "corpuser", aspects }
    }

    fn of_token(token: &AccessToken) -> Self {
        let told = |name: &str, value: Value| Aspect {
            name: name.to_owned(),
            value,
            created_by: token.owner.username.clone(),
            created_at: token.created_at,
        };
        let mut info = json!({
            "name": token.name, "description": token.description, "createdAt": token.created_at,
            "actorUrn": urn::of_user(&token.actor.username), "ownerUrn": urn::of_user(&token.owner.username),
        });
        if token.expires_at != NEVER {
            info["expiresAt"] = json!(token.expires_at);
        }
        let key = told("dataHubAccessTokenKey", json!({"id": token.id}));
        let aspects = vec![key, told("dataHubAccessTokenInfo", info)];
        Self { urn: urn::of_token(&token.id), kind: "dataHubAccessToken", aspects }
    }
}

/// The name of the record in DataHub's model that holds an aspect.
#[must_use]
pub fn record(aspect: &str) -> &'static str {
    match aspect {
        "corpUserKey" => "com.linkedin.metadata.key.CorpUserKey",
        "corpUserInfo" => "com.linkedin.identity.CorpUserInfo",
        "corpUserEditableInfo" => "com.linkedin.identity.CorpUserEditableInfo",
        "corpUserStatus" => "com.linkedin.identity.CorpUserStatus",
        "groupMembership" => "com.linkedin.identity.GroupMembership",
        "nativeGroupMembership" => "com.linkedin.identity.NativeGroupMembership",
        "origin" => "com.linkedin.common.Origin",
        "subTypes" => "com.linkedin.common.SubTypes",
        "dataHubAccessTokenKey" => "com.linkedin.metadata.key.DataHubAccessTokenKey",
        "dataHubAccessTokenInfo" => "com.linkedin.access.token.DataHubAccessTokenInfo",
        _ => "com.linkedin.common.Status",
    }
}

/// Get an entity
///
/// A user, a service account or an access token, with the requested aspects; all of them if `aspects` is absent.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_entity",
    params(
        ("urn" = String, Path, description = "The URN of the entity", example = "urn:li:corpuser:admin"),
        ("aspects" = Option<String>, Query, description = "`List(corpUserInfo,status)`"),
    ),
    responses(
        (status = 200, description = "The aspects of the entity", body = Object),
        Fails<401>,
        Fails<404>,
    ),
)]
#[get("/entitiesV2/{urn}")]
pub async fn read(
    state: web::Data<State>,
    Caller(actor): Caller,
    urn: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let entity = Entity::get(&state, &actor, &urn).await?;
    let params = Params::parse(request.query_string());
    let wanted = params.get("aspects")?;
    let wanted: Vec<&str> = wanted
        .strip_prefix("List(")
        .and_then(|rest| rest.strip_suffix(')'))
        .map(|names| names.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let aspects: Map<String, Value> = entity
        .aspects
        .into_iter()
        .filter(|aspect| wanted.is_empty() || wanted.contains(&aspect.name.as_str()))
        .map(|aspect| {
            let created = json!({"actor": urn::of_user(&aspect.created_by), "time": aspect.created_at});
            let told = json!({
                "name": aspect.name, "type": "VERSIONED", "version": 0, "value": aspect.value, "created": created,
            });
            (aspect.name, told)
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"urn": entity.urn, "entityName": entity.kind, "aspects": aspects})))
}

/// Get a user as a snapshot
///
/// The `curl` commands in DataHub's documentation use this.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_snapshot",
    params(("urn" = String, Path, description = "The URN of the entity", example = "urn:li:corpuser:admin")),
    responses(
        (status = 200, description = "The aspects of the entity", body = Object),
        Fails<401>,
        Fails<404>,
    ),
)]
#[get("/entities/{urn}")]
pub async fn snapshot(
    state: web::Data<State>,
    Caller(actor): Caller,
    urn: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let entity = Entity::get(&state, &actor, &urn).await?;
    let aspects: Vec<Value> =
        entity.aspects.into_iter().map(|aspect| json!({record(&aspect.name): aspect.value})).collect();
    let kind = match entity.kind {
        "corpuser" => "com.linkedin.metadata.snapshot.CorpUserSnapshot",
        _ => "com.linkedin.metadata.snapshot.DataHubAccessTokenSnapshot",
    };
    Ok(HttpResponse::Ok().json(json!({"value": {kind: {"urn": entity.urn, "aspects": aspects}}})))
}

/// Delete an entity permanently, or write a snapshot
///
/// `?action=delete` deletes a user, a service account or an access token; `?action=deleteReferences` does nothing.
/// `?action=ingest` writes the aspects of a snapshot in `entity.value`, as `emit_mce` sends it, in one transaction.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "delete_datahub_entity",
    params(("action" = inline(EntitiesAction), Query, description = "What to do")),
    request_body = EntityAction,
    responses(
        (status = 200, description = "The number of deleted rows", body = Object),
        Fails<400>,
        Fails<401>,
        Fails<403>,
        Fails<404>,
        Fails<409>,
    ),
)]
#[post("/entities")]
pub async fn act(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<Raw, Caller>,
) -> Result<HttpResponse, Failure> {
    let body = body.bytes()?;
    let params = Params::parse(request.query_string());
    let named = || read_or(&body, || Violation::new("urn", "must be a text in a JSON object"));
    match EntitiesAction::parse(params.get("action")?)? {
        EntitiesAction::Delete => {
            let EntityAction { urn } = named()?;
            let rows = delete(&state, &actor, &urn).await?;
            Ok(HttpResponse::Ok().json(json!({"value": {"urn": urn, "rows": rows, "timeseriesRows": 0}})))
        }
        EntitiesAction::DeleteReferences => {
            let EntityAction { .. } = named()?;
            Ok(HttpResponse::Ok().json(json!({"value": {"total": 0, "relatedAspects": [], "relatedSearchCount": 0}})))
        }
        EntitiesAction::Ingest => {
            let wrong = || Violation::new("entity", "must be an object whose `value` is DataHub's snapshot");
            let Ingested { entity } = read_or(&body, wrong)?;
            let AspectWrites { writings, .. } = read_snapshot("entity.", &entity.value)?;
            if !writings.is_empty() {
                profiles::write(&state.service, &actor, writings).await?;
            }
            // DataHub's clients look at the status only.
            Ok(HttpResponse::Ok().json(json!({"value": null})))
        }
    }
}

/// What can be done at `/entities`.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "camelCase")]
enum EntitiesAction {
    /// Delete an entity.
    Delete,
    /// Delete what refers to it.
    DeleteReferences,
    /// Write a snapshot.
    Ingest,
}

impl EntitiesAction {
    fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "delete" => Ok(Self::Delete),
            "deleteReferences" => Ok(Self::DeleteReferences),
            "ingest" => Ok(Self::Ingest),
            _ => Err(Violation::new("action", "must be `delete`, `deleteReferences` or `ingest`")),
        }
    }
}

async fn delete(state: &State, actor: &Actor, text: &str) -> Result<i32, Failure> {
    let outcome = if let Some(id) = urn::token_id(text) {
        access_tokens::revoke(&state.service, actor, id.to_owned()).await
    } else {
        match urn::user("urn", text)? {
            program if program.starts_with(PREFIX) => service_accounts::delete(&state.service, actor, program).await,
            user => return Ok(users::remove(&state.service, actor, user).await?),
        }
    };
    match outcome {
        Ok(()) => Ok(1),
        Err(Error::NotFound { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// The entity to delete.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct EntityAction {
    /// The URN of the entity.
    urn: String,
}

/// The body of `?action=ingest`.
#[derive(Deserialize)]
struct Ingested {
    entity: SnapshotHolder,
}

#[derive(Deserialize)]
struct SnapshotHolder {
    value: Map<String, Value>,
}
