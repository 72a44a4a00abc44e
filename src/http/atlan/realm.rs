//! `/auth/…`: the paths of Atlan's identity provider that its SDKs call, at the root of the host whatever the public URL is.
//!
//! See docs/contracts/atlan.md, section 6.5. Only the last segments mean anything: the realm is always `default`.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::apikeys::parse_guid;
use crate::domain::actor::Actor;
use crate::domain::fields::UserField;
use crate::domain::filter::Filter;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::user::User;
use crate::http::base_url::base_url;
use crate::http::oauth::OauthSettings;
use crate::http::oauth::answer::OauthToken;
use crate::http::oauth::form::Form;
use crate::http::oauth::token::{TokenForm, answer};
use crate::http::oauth::workload::Issuers;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::keys::client_secrets;
use crate::service::people::users;

/// Exchange a grant for a token, as Atlan's SDKs do
///
/// `/oauth/token` under another name. The bearer token in the `Authorization` header, which Atlan's SDKs send along, and the scope
/// `openid` are ignored.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_realm_token",
    security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = OauthToken), Fails<401>, Fails<429>),
)]
#[post("/auth/realms/default/protocol/openid-connect/token")]
pub async fn redeem(
    state: web::Data<State>,
    settings: web::Data<OauthSettings>,
    issuers: web::Data<Issuers>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    answer_sdk((&state, &settings, &issuers), &request, payload).await
}

/// Exchange a grant for a token, as Atlan's Java SDK does
///
/// Like the operation at the path without `/admin`.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_admin_realm_token",
    security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = OauthToken), Fails<401>, Fails<429>),
)]
#[post("/auth/admin/realms/default/protocol/openid-connect/token")]
pub async fn redeem_for_java(
    state: web::Data<State>,
    settings: web::Data<OauthSettings>,
    issuers: web::Data<Issuers>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    answer_sdk((&state, &settings, &issuers), &request, payload).await
}

/// Answers a token request of one of Atlan's SDKs.
async fn answer_sdk(
    (state, settings, issuers): (&State, &OauthSettings, &Issuers),
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let form = Form::read(state, request, payload.into_inner()).await?.without_openid();
    answer(state, settings, issuers, request, &form).await
}

/// Create a client secret of an API key
///
/// Atlan's SDKs ask for the existing secret, of which Tessera has only a digest. So each request creates another one, which
/// authenticates the API key for ten minutes beside the key's token: as a client secret and as a bearer token. The caller acts in it,
/// so it ends with the caller's token, and it creates no API keys and no access tokens. Requires the permission `MANAGE_APIKEYS` and
/// everything that the key reaches; a key cannot ask for its own, and a token that is bound to a key gets none.
#[utoipa::path(
    tag = "API keys",
    operation_id = "create_client_secret",
    params(("guid" = String, Path, description = "The `id` of the API key")),
    responses((status = 200, description = "The secret", body = ClientSecret), AnyError, Fails<403>, Fails<404>, Fails<409>),
)]
#[get("/auth/admin/realms/default/clients/{guid}/client-secret")]
pub async fn client_secret(
    state: web::Data<State>,
    actor: Actor,
    guid: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let issuer = base_url(&state, &request)?;
    let secret = client_secrets::create(&state.service, &actor, parse_guid(&guid)?, issuer).await?;
    Ok(HttpResponse::Ok().json(ClientSecret { r#type: "secret", value: secret.expose() }))
}

/// Find a user by name
///
/// A list of one user, or an empty one: also if the caller may not see the user.
#[utoipa::path(
    tag = "Users",
    operation_id = "list_users_by_name",
    params(("username" = String, Query, description = "The user name")),
    responses((status = 200, description = "The user, in a list", body = Vec<FoundUser>), AnyError),
)]
#[get("/auth/admin/realms/default/users")]
pub async fn find_users(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    params.only(&["username"])?;
    let query = Query {
        filter: Filter::<UserField>::parse(&json!({"username": params.get("username")?}).to_string())?,
        sort: Sort::parse("")?,
        limit: 1,
        start: Start::Offset(0),
        totals: Totals::Skipped,
    };
    let page = users::list(&state.service, &actor, query).await?;
    Ok(HttpResponse::Ok().json(page.records.into_iter().map(FoundUser::from).collect::<Vec<_>>()))
}

/// A secret of an API key.
#[derive(Serialize, ToSchema)]
pub struct ClientSecret {
    /// Always `secret`.
    r#type: &'static str,
    /// The secret.
    value: String,
}

/// A user who was found by name.
#[derive(Serialize, ToSchema)]
pub struct FoundUser {
    /// The GUID.
    id: String,
    /// The user name.
    username: String,
    /// Whether the user can authenticate.
    enabled: bool,
}

impl From<User> for FoundUser {
    fn from(user: User) -> Self {
        let principal = user.principal;
        Self { id: principal.id.to_string(), username: principal.username().to_string(), enabled: principal.enabled }
    }
}
