//! `/api/service/apikeys`: API keys, in the wire format of Atlan's API tokens.

mod body;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};

use self::body::{ApiToken, ApiTokenRequest};
use crate::domain::actor::Actor;
use crate::domain::api_key::CreatedApiKey;
use crate::domain::error::{Error, Violation};
use crate::domain::fields::ApiKeyField;
use crate::domain::ids::PrincipalId;
use crate::domain::redaction::has_token;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::edition::{expected, with_etag};
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, Fails, IdempotencyKey, IfMatch, ListParams, examples};
use crate::http::problem::Failure;
use crate::http::request_id::ATLAN_REQUEST_ID;
use crate::http::state::State;
use crate::service::keys::api_keys;

type ApiTokenPage = Records<ApiToken>;

/// Create an API key
///
/// Requires the permission `MANAGE_APIKEYS`. Only this answer contains `attributes.accessToken`.
///
/// A request repeated within a day with the same `X-Atlan-Request-Id` or `Idempotency-Key` creates no second key: it
/// returns the existing key with a new token, and the first token stops working.
#[utoipa::path(
    tag = "API keys",
    operation_id = "create_api_key",
    params(IdempotencyKey),
    request_body = ApiTokenRequest,
    responses(
        (status = 200, description = "The API key with its token", body = ApiToken, example = json!(examples::created_api_token())),
        AnyError, Fails<403>, Fails<409>, Fails<413>,
    ),
)]
#[post("/api/service/apikeys")]
pub async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<ApiTokenRequest>,
) -> Result<HttpResponse, Failure> {
    let created = api_keys::create(&state.service, &actor, body.strict()?.into_new()?, request_key(&request)?).await?;
    let CreatedApiKey { api_key, token } = created;
    Ok(HttpResponse::Ok().json(ApiToken::new(api_key, state.service.clock.now(), Some(token))))
}

/// List API keys
///
/// Names are not unique: a look-up by name returns the newest key first. The answer contains no tokens. Without the
/// permission `VIEW_APIKEYS` an API key sees only itself.
#[utoipa::path(
    tag = "API keys",
    operation_id = "list_api_keys",
    params(ListParams<ApiKeyField>),
    responses((status = 200, description = "One page of API keys", body = ApiTokenPage), AnyError),
)]
#[get("/api/service/apikeys")]
pub async fn list(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<ApiKeyField>::parse(&request, &state.service)?;
    let page = api_keys::list(&state.service, &actor, request.query.clone()).await?;
    let now = state.service.clock.now();
    Ok(request.respond(page, |key| ApiToken::new(key, now, None)))
}

/// Get an API key
///
/// All attributes except the token. 404 also for an API key that the caller may not see.
#[utoipa::path(
    tag = "API keys",
    operation_id = "get_api_key",
    params(("guid" = String, Path, description = "The `id` of the API key")),
    responses((status = 200, description = "The API key", body = ApiToken, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<404>),
)]
#[get("/api/service/apikeys/{guid}")]
pub async fn read(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let key = api_keys::get(&state.service, &actor, parse_guid(&guid)?).await?;
    Ok(with_etag(&mut HttpResponse::Ok(), key.edition()).json(ApiToken::new(key, state.service.clock.now(), None)))
}

/// Update an API key
///
/// Requires the permission `MANAGE_APIKEYS`.
///
/// `personaQualifiedNames` is the complete new set: a persona that it omits is unlinked, and if it is absent, all are.
/// `validitySeconds` counts from now; if it is absent, the expiry stays. An expired key stays expired.
#[utoipa::path(
    tag = "API keys",
    operation_id = "update_api_key",
    params(
        ("guid" = String, Path, description = "The `id` of the API key"),
        IfMatch,
    ),
    request_body = ApiTokenRequest,
    responses((status = 200, description = "The API key as it is now", body = ApiToken, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<403>, Fails<404>, Fails<409>, Fails<412>, Fails<413>),
)]
#[post("/api/service/apikeys/{guid}")]
pub async fn update(
    state: web::Data<State>,
    guid: web::Path<String>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<ApiTokenRequest>,
) -> Result<HttpResponse, Failure> {
    let (id, update, expected) = (parse_guid(&guid)?, body.strict()?.into_update()?, expected(&request));
    let key = api_keys::update(&state.service, &actor, id, update, expected).await?;
    Ok(with_etag(&mut HttpResponse::Ok(), key.edition()).json(ApiToken::new(key, state.service.clock.now(), None)))
}

/// Delete an API key
///
/// Permanent and immediate: requests that begin after the answer are refused, by every node. A key may delete itself.
#[utoipa::path(
    tag = "API keys",
    operation_id = "delete_api_key",
    params(("guid" = String, Path, description = "The `id` of the API key")),
    responses((status = 200, description = "Deleted"), AnyError, Fails<403>, Fails<404>),
)]
#[delete("/api/service/apikeys/{guid}")]
pub async fn delete(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    api_keys::delete(&state.service, &actor, parse_guid(&guid)?).await?;
    Ok(HttpResponse::Ok().finish())
}

pub(super) fn parse_guid(guid: &str) -> Result<PrincipalId, Error> {
    PrincipalId::parse(guid).ok_or_else(|| Error::NotFound { kind: "API key", id: crate::domain::listing::clip(guid) })
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The idempotency key of a create request. Atlan's SDKs send the same request id with every retry.
pub(super) fn request_key(request: &HttpRequest) -> Result<Option<String>, Violation> {
    for name in [IDEMPOTENCY_KEY, ATLAN_REQUEST_ID] {
        let Some(value) = request.headers().get(&name) else { continue };
        let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let key = key.ok_or_else(|| Violation::new(name.as_str(), "must be 1 to 255 visible ASCII characters"))?;
        if has_token(key) {
            // The key is stored, so it must not contain a token. As a request id it has already been replaced.
            if name == ATLAN_REQUEST_ID {
                continue;
            }
            return Err(Violation::new(name.as_str(), "must not hold a token"));
        }
        return Ok(Some(format!("{name}:{key}")));
    }
    Ok(None)
}
