//! `/api/service/oauth-clients`: API keys in the wire format of Atlan's OAuth clients, and the sign-in with them.
//!
//! Every API key is an OAuth client. Its client id is `oauth-client-<id>` here, and `apikey-<id>` elsewhere; every token
//! endpoint accepts both. See docs/contracts/atlan.md, section 6.5.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::apikeys::request_key;
use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::api_key::{ApiKey, CreatedApiKey, NewApiKey, Validity, persona_set};
use crate::domain::child::USUAL_LIFE;
use crate::domain::error::{Error, Violation};
use crate::domain::fields::ApiKeyField;
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::listing::clip;
use crate::domain::principal::{OAUTH_CLIENT_PREFIX, Role, parse_client_id};
use crate::domain::text::{Description, DisplayName};
use crate::domain::token::Token;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::listing::{ListRequest, Records};
use crate::http::oauth::client_credentials;
use crate::http::oauth::form::Form;
use crate::http::openapi::{AnyError, Fails, IdempotencyKey, ListParams, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::{Body, Violations};
use crate::service::keys::{api_keys, oauth_clients};

type OauthClientPage = Records<OauthClientView>;

/// Create an OAuth client
///
/// Creates an API key with the permissions of `role`. Requires the permission `MANAGE_APIKEYS`, and everything that the role
/// and the personas give. Only this answer contains `clientSecret`, which is the token of the key.
#[utoipa::path(
    tag = "API keys",
    operation_id = "create_oauth_client",
    params(IdempotencyKey),
    request_body = OauthClientRequest,
    responses((status = 200, description = "The OAuth client with its secret", body = OauthClientView), AnyError, Fails<403>, Fails<409>, Fails<413>),
)]
#[post("/api/service/oauth-clients")]
pub async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<OauthClientRequest>,
) -> Result<HttpResponse, Failure> {
    let created = api_keys::create(&state.service, &actor, body.strict()?.into_new()?, request_key(&request)?).await?;
    let CreatedApiKey { api_key, token } = created;
    Ok(HttpResponse::Ok().json(OauthClientView::new(api_key, Some(token))))
}

/// List OAuth clients
///
/// All API keys that the caller sees: each of them is an OAuth client. The answer contains no secrets.
#[utoipa::path(
    tag = "API keys",
    operation_id = "list_oauth_clients",
    params(ListParams<ApiKeyField>),
    responses((status = 200, description = "One page of OAuth clients", body = OauthClientPage), AnyError),
)]
#[get("/api/service/oauth-clients")]
pub async fn list(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<ApiKeyField>::parse(&request, &state.service)?;
    let page = api_keys::list(&state.service, &actor, request.query.clone()).await?;
    Ok(request.respond(page, |key| OauthClientView::new(key, None)))
}

/// Get an OAuth client
///
/// 404 also for an OAuth client that the caller may not see.
#[utoipa::path(
    tag = "API keys",
    operation_id = "get_oauth_client",
    params(("clientId" = String, Path, description = "The `clientId` of the OAuth client")),
    responses((status = 200, description = "The OAuth client", body = OauthClientView), AnyError, Fails<404>),
)]
#[get("/api/service/oauth-clients/{clientId}")]
pub async fn read(state: web::Data<State>, actor: Actor, client: web::Path<String>) -> Result<HttpResponse, Failure> {
    let key = api_keys::get(&state.service, &actor, id_of(&client)?).await?;
    Ok(HttpResponse::Ok().json(OauthClientView::new(key, None)))
}

/// Update an OAuth client
///
/// Changes the name and the description; what is absent stays. Requires the permission `MANAGE_APIKEYS`.
#[utoipa::path(
    tag = "API keys",
    operation_id = "replace_oauth_client",
    params(("clientId" = String, Path, description = "The `clientId` of the OAuth client")),
    request_body = OauthClientUpdateRequest,
    responses((status = 200, description = "The OAuth client as it is now", body = OauthClientView), AnyError, Fails<403>, Fails<404>, Fails<412>, Fails<413>),
)]
#[put("/api/service/oauth-clients/{clientId}")]
pub async fn replace(
    state: web::Data<State>,
    client: web::Path<String>,
    body: AuthenticatedBody<OauthClientUpdateRequest>,
) -> Result<HttpResponse, Failure> {
    describe(&state, &client, body).await
}

/// Update an OAuth client, as Atlan's Java SDK does
///
/// Like the operation with `PUT`.
#[utoipa::path(
    tag = "API keys",
    operation_id = "update_oauth_client",
    params(("clientId" = String, Path, description = "The `clientId` of the OAuth client")),
    request_body = OauthClientUpdateRequest,
    responses((status = 200, description = "The OAuth client as it is now", body = OauthClientView), AnyError, Fails<403>, Fails<404>, Fails<412>, Fails<413>),
)]
#[post("/api/service/oauth-clients/{clientId}")]
pub async fn update(
    state: web::Data<State>,
    client: web::Path<String>,
    body: AuthenticatedBody<OauthClientUpdateRequest>,
) -> Result<HttpResponse, Failure> {
    describe(&state, &client, body).await
}

async fn describe(
    state: &State,
    client: &str,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<OauthClientUpdateRequest>,
) -> Result<HttpResponse, Failure> {
    let (id, (name, description)) = (id_of(client)?, body.strict()?.parse()?);
    let key = oauth_clients::describe(&state.service, &actor, id, name, description).await?;
    Ok(HttpResponse::Ok().json(OauthClientView::new(key, None)))
}

/// Delete an OAuth client
///
/// Deletes the API key, permanently and immediately. A key may delete itself.
#[utoipa::path(
    tag = "API keys",
    operation_id = "delete_oauth_client",
    params(("clientId" = String, Path, description = "The `clientId` of the OAuth client")),
    responses((status = 200, description = "Deleted"), AnyError, Fails<403>, Fails<404>),
)]
#[delete("/api/service/oauth-clients/{clientId}")]
pub async fn delete(state: web::Data<State>, actor: Actor, client: web::Path<String>) -> Result<HttpResponse, Failure> {
    api_keys::delete(&state.service, &actor, id_of(&client)?).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Exchange the secret of an OAuth client for a token
///
/// The client credentials grant of `/oauth/token`, in JSON.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_oauth_client_token",
    security(()),
    request_body = OauthClientTokenRequest,
    responses((status = 200, description = "The token", body = OauthClientToken), Fails<401>, Fails<413>, Fails<429>),
)]
#[post("/api/service/oauth-clients/token")]
pub async fn redeem(
    state: web::Data<State>,
    request: HttpRequest,
    body: Body<OauthClientTokenRequest>,
) -> Result<HttpResponse, Failure> {
    let OauthClientTokenRequest { client_id, client_secret } = body.valid()?;
    let form = Form::of(&[("client_id", &client_id), ("client_secret", &client_secret)]);
    let (minted, _) = client_credentials::child(&state, &request, &form).await?;
    Ok(HttpResponse::Ok().json(OauthClientToken {
        expires_in: minted.child.expires_at - state.service.clock.now() / SECOND,
        token_type: minted.child.token_type(),
        access_token: minted.token.expose(),
    }))
}

fn id_of(client_id: &str) -> Result<PrincipalId, Error> {
    parse_client_id(client_id).ok_or_else(|| Error::NotFound { kind: "OAuth client", id: clip(client_id) })
}

/// The body to create an OAuth client.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthClientRequest {
    /// The display name; not unique.
    #[schema(min_length = 1, max_length = 255, example = "nightly-etl")]
    display_name: String,
    /// The description: what the client is for.
    #[schema(max_length = 4096)]
    description: Option<String>,
    #[schema(schema_with = sets::given_client_roles)]
    role: String,
    /// The set of personas, by qualified name.
    #[serde(rename = "personaQNs")]
    #[schema(max_items = 500)]
    persona_qns: Option<Vec<String>>,
}

impl OauthClientRequest {
    fn into_new(self) -> Result<NewApiKey, Error> {
        let mut violations = Violations::default();
        let name = violations.keep("displayName", DisplayName::parse(&self.display_name));
        let description = violations.keep("description", Description::parse(&self.description.unwrap_or_default()));
        let role = Role::OF_OAUTH_CLIENTS.into_iter().find(|role| role.name() == self.role);
        let names = Role::OF_OAUTH_CLIENTS.map(|role| format!("`{}`", role.name())).join(", ");
        let role = violations.keep("role", role.ok_or_else(|| format!("must be one of {names}")));
        let (Some(display_name), Some(description), Some(role)) = (name, description, role) else {
            return Err(violations.into_error());
        };
        let personas = persona_set(self.persona_qns.unwrap_or_default());
        let personas = personas.map_err(|wrong| Violation { field: "personaQNs".to_owned(), ..wrong })?;
        Ok(NewApiKey {
            display_name,
            description,
            validity: Validity::NEVER,
            personas,
            permissions: role.permissions(),
            limits: Limits::default(),
        })
    }
}

/// The body to update an OAuth client.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthClientUpdateRequest {
    /// The display name.
    #[schema(min_length = 1, max_length = 255, example = "nightly-etl")]
    display_name: Option<String>,
    /// The description: what the client is for.
    #[schema(max_length = 4096)]
    description: Option<String>,
}

impl OauthClientUpdateRequest {
    fn parse(self) -> Result<(Option<DisplayName>, Option<Description>), Error> {
        let mut violations = Violations::default();
        let name = self.display_name.as_deref().map(DisplayName::parse).transpose();
        let description = self.description.as_deref().map(Description::parse).transpose();
        match (violations.keep("displayName", name), violations.keep("description", description)) {
            (Some(name), Some(description)) => Ok((name, description)),
            _ => Err(violations.into_error()),
        }
    }
}

/// The secret of an OAuth client.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthClientTokenRequest {
    /// `oauth-client-<id>` or `apikey-<id>`.
    #[validate(length(max = 100, message = "must have at most 100 characters"))]
    #[schema(max_length = 100)]
    client_id: String,
    /// The secret: the token of the API key.
    #[validate(length(max = 1024, message = "must have at most 1024 characters"))]
    #[schema(format = Password, max_length = 1024)]
    client_secret: String,
}

/// The token of an OAuth client.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthClientToken {
    /// The bearer token.
    access_token: String,
    /// The lifetime of the token, in seconds.
    expires_in: i64,
    #[schema(schema_with = sets::token_types)]
    token_type: &'static str,
}

/// An OAuth client, in the format of Atlan's SDKs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OauthClient)]
pub struct OauthClientView {
    /// The GUID, which is that of the API key.
    id: String,
    /// `oauth-client-<id>`
    client_id: String,
    /// The secret: only in the answer to the request that created the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<String>,
    /// The display name; not unique.
    display_name: String,
    /// The description: what the client is for; may be empty.
    description: String,
    #[schema(schema_with = sets::client_roles)]
    role: &'static str,
    /// The qualified names of its personas.
    #[serde(rename = "personaQNs")]
    persona_qns: Vec<String>,
    /// For how many seconds its tokens work, unless a token request says otherwise.
    #[schema(example = 600)]
    token_expiry_seconds: i64,
    /// Epoch milliseconds.
    created_at: String,
    /// The user name of its creator.
    created_by: String,
    /// Epoch milliseconds.
    updated_at: String,
}

impl OauthClientView {
    fn new(key: ApiKey, secret: Option<Token>) -> Self {
        Self {
            id: key.id.to_string(),
            client_id: format!("{OAUTH_CLIENT_PREFIX}{}", key.id),
            client_secret: secret.map(Token::expose),
            display_name: key.display_name,
            description: key.description,
            role: Role::within(key.permissions).name(),
            persona_qns: key.personas.into_iter().map(|persona| persona.qualified_name).collect(),
            token_expiry_seconds: USUAL_LIFE / SECOND,
            created_at: key.created_at.to_string(),
            created_by: key.created_by,
            updated_at: key.updated_at.to_string(),
        }
    }
}
