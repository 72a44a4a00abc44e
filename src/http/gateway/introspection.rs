//! `/oauth/introspect`: token introspection, RFC 7662.

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, ContentType};
use actix_web::{HttpRequest, HttpResponse, post, web};
use chrono::DateTime;
use oauth2::basic::BasicTokenType;
use oauth2::{ClientId, ExtraTokenFields, Scope, StandardTokenIntrospectionResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::api_key::NEVER;
use crate::domain::child::{ActClaim, Child, Confirmation};
use crate::domain::error::Error;
use crate::domain::network::Network;
use crate::domain::token::TokenKind;
use crate::http::auth::{self, API_KEY, Metering, authenticate_head, mark_authenticated};
use crate::http::base_url::base_url;
use crate::http::bodies::Sender;
use crate::http::gateway::keep::{self, Depends};
use crate::http::oauth::client;
use crate::http::oauth::form::Form;
use crate::http::openapi::sets;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::{refresh, verify};
use crate::service::authz::search_access;
use crate::service::children::signing_keys;

/// How long gateways may cache an answer about a token, in milliseconds.
#[derive(Default)]
pub struct AnswerLifetime(pub i64);

/// Introspect a token
///
/// RFC 7662. The caller authenticates with a bearer token, or as the OAuth client `apikey-<id>` as at `/oauth/token`: with
/// its token as the secret, with HTTP Basic, percent-encoded or not, or as `client_id` and `client_secret` in the form
/// (RFC 6749, section 2.3.1); or with a `client_assertion` (RFC 7523). It needs the permission `VERIFY_TOKENS` unless it
/// asks about itself. `exp` is at most a few minutes ahead, even if the token lives longer, because gateways cache an
/// answer until then. Because answers are cached, introspection does not count towards the rate limit of the token.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "introspect_token",
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The principal of the token; only `active: false` if the token is not active", body = Introspection),
    ),
    security(("bearer" = []), ("apiKey" = []), ("basic" = [])),
)]
#[post("/oauth/introspect")]
pub async fn introspect(
    state: web::Data<State>,
    lifetime: web::Data<AnswerLifetime>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let (caller, form) = identify(&state, &request, payload.into_inner()).await?;
    let token = form.required("token")?;
    let issuer = base_url(&state, &request).ok();
    let told = if refresh::is_refresh_token(&state.service, &token) {
        let known = refresh::introspect(&state.service, &caller, &token).await;
        // A resource server that asks about a bearer token would accept any active token.
        let is_meant = form.optional("token_type_hint")?.is_some_and(|hint| hint == "refresh_token");
        known.map(|known| {
            let known = known.filter(|_| is_meant);
            known.map(|known| (of_refresh_token(&known, state.service.clock.now(), lifetime.0, issuer), None))
        })
    } else {
        of_bearer_token(&state, &caller, &token, lifetime.0, issuer).await
    };
    let (answer, actor) = match told.map_err(Failure::or_unavailable)? {
        None => (Introspected::new(false, Details::default()), None),
        Some(told) => told,
    };
    if wants_jwt(&request) {
        return signed(&state, &request, &caller, &answer).await;
    }
    let mut json = Vec::with_capacity(ANSWER_LENGTH);
    serde_json::to_writer(&mut json, &answer).map_err(|error| Error::Internal(error.into()))?;
    let mut response = HttpResponse::Ok().content_type(ContentType::json()).body(json);
    if let Some(actor) = actor {
        keep::mark(&state, &request, response.headers_mut(), |now| {
            let depends = Depends::new(now).on_use(&caller, caller.address).on_use(&actor, None).on_assets();
            // What is given from memory can be cached for half as long at least.
            depends.until(now + lifetime.0 / 2)
        });
    }
    Ok(response)
}

/// The answer about a token that authenticates, which may be cached for `at_most` milliseconds, and its actor; `None` for
/// one that is not active.
async fn of_bearer_token(
    state: &State,
    caller: &Actor,
    token: &str,
    at_most: i64,
    issuer: Option<String>,
) -> Result<Option<(Introspected, Option<Actor>)>, Error> {
    match verify::introspect(&state.service, caller, token).await {
        Ok(actor) => {
            let tools = tools(state, &actor).await?;
            let answer = active(&actor, state.service.clock.now(), at_most, issuer, tools);
            Ok(Some((answer, Some(actor))))
        }
        // Introspection does not tell the client's address, so a token with allowed addresses is never active.
        Err(Error::Unauthenticated(_) | Error::ForeignAddress) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The answer about a refresh token. It has no `token_type`, because no request can be made with it.
fn of_refresh_token(known: &refresh::Introspected, now: i64, at_most: i64, issuer: Option<String>) -> Introspected {
    let mut answer = active(&known.user, now, at_most, issuer, Vec::new());
    answer.set_client_id(Some(ClientId::new(known.client.clone())));
    answer.set_token_type(None);
    answer
}

/// The initial capacity of an answer, in bytes; usually enough.
const ANSWER_LENGTH: usize = 512;

/// Authenticates the asking actor, as a client or by a bearer token, and reads the form.
///
/// A credential in the headers is verified before the form is read, which then counts against the actor's share of the
/// memory, and again afterwards.
async fn identify(state: &State, request: &HttpRequest, payload: Payload) -> Result<(Actor, Form), Failure> {
    let bearer = async |metering| authenticate_head(state, request, metering).await.map_err(Failure::unavailable);
    let has_head = request.headers().contains_key(AUTHORIZATION) || request.headers().contains_key(API_KEY);
    let in_head = client::in_head(request)?;
    let sender = match &in_head {
        Some((id, secret)) => {
            Sender::Actor(client::by_secret(state, request, (id, secret), Metering::Uncounted).await?.id())
        }
        None if has_head => Sender::Actor(bearer(Metering::Counted).await?.id()),
        None if !Form::is_sent(request) => return Err(Failure::ClientOrHolder),
        None => Sender::Stranger(Network::of(state.trusted.client_address(request))),
    };
    let form = Form::read_of(state, request, payload, sender).await?;
    if has_head && in_head.is_none() {
        if form.optional("client_secret")?.is_some() || form.optional("client_assertion")?.is_some() {
            return Err(Failure::Credentials("the request has more than one credential"));
        }
        let actor = bearer(Metering::Uncounted).await?.requesting(auth::request(request));
        mark_authenticated(&actor, request);
        return Ok((actor, form));
    }
    let client = client::optional(state, request, &form).await?.ok_or(Failure::ClientOrHolder)?;
    Ok((client, form))
}

/// The media type of a signed answer (RFC 9701, section 5).
const SIGNED: &str = "application/token-introspection+jwt";
/// The `typ` of a signed answer.
const SIGNED_TYPE: &str = "token-introspection+jwt";

fn wants_jwt(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|each| each.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SIGNED))
}

/// The answer as a JWT for the asking actor (RFC 9701).
async fn signed(
    state: &State,
    request: &HttpRequest,
    caller: &Actor,
    answer: &Introspected,
) -> Result<HttpResponse, Failure> {
    let audience = caller.client_id().map_or_else(|| caller.username().to_string(), |id| id.to_string());
    let claims = json!({
        "iss": base_url(state, request)?,
        "aud": audience,
        "iat": state.service.clock.now() / SECOND,
        "token_introspection": answer,
    });
    let jwt = signing_keys::sign(&state.service, SIGNED_TYPE, &claims).await.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().content_type(SIGNED).body(jwt))
}

/// The tools that policies let a child for another audience call, if it is not restricted: its scopes there.
async fn tools(state: &State, actor: &Actor) -> Result<Vec<String>, Error> {
    match &actor.child {
        Some(child) if child.scope.is_none() && !child.is_for_its_issuer() => {
            search_access::tools(&state.service, actor).await
        }
        _ => Ok(Vec::new()),
    }
}

/// The answer of RFC 7662 about an active token.
fn active(actor: &Actor, now: i64, at_most: i64, issuer: Option<String>, tools: Vec<String>) -> Introspected {
    let child = actor.child.as_deref();
    let claims = child.map(Child::claims);
    let mut answer = Introspected::new(
        true,
        Details {
            personas: actor.enabled_personas().map(str::to_owned).collect(),
            act: claims.as_ref().and_then(|claims| claims.act.clone()),
            cnf: claims.as_ref().and_then(|claims| claims.cnf.clone()),
        },
    );
    let names: Vec<String> = match child.and_then(|child| child.scope.as_ref()) {
        Some(scope) => scope.to_string().split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        None => actor.permissions().iter().map(|permission| permission.name().to_owned()).chain(tools).collect(),
    };
    let expires_at = actor.expires_at().unwrap_or(NEVER).min(now + at_most);
    // An API key's token is as old as the key. When a user's token was made is not kept in memory, so it is left out.
    let is_api_key = actor.credential.is_some_and(|credential| credential.kind == TokenKind::ApiKey);
    let issued_at = child.map(|child| child.issued_at);
    let issued_at = issued_at.or_else(|| is_api_key.then(|| actor.principal().created_at / SECOND));
    let client = child.map(|child| child.client.clone()).or_else(|| actor.client_id().map(|id| id.to_string()));
    answer.set_scopes((!names.is_empty()).then(|| names.into_iter().map(Scope::new).collect()));
    answer.set_client_id(client.map(ClientId::new));
    answer.set_username(Some(actor.username().to_string()));
    answer.set_token_type(Some(match child.and_then(|child| child.proof_key) {
        Some(_) => BasicTokenType::Extension("DPoP".to_owned()),
        None => BasicTokenType::Bearer,
    }));
    answer.set_exp(DateTime::from_timestamp_secs(expires_at / SECOND));
    answer.set_iat(issued_at.and_then(DateTime::from_timestamp_secs));
    answer.set_sub(Some(actor.id().to_string()));
    // Without a configured URL, clients choose by `Host` what the issuer is called; the asking server names the real one.
    answer.set_aud(child.map(|child| match &issuer {
        Some(issuer) if child.is_for_its_issuer() => vec![issuer.clone()],
        _ => vec![child.audience.clone()],
    }));
    answer.set_iss(issuer.or_else(|| child.map(|child| child.issuer.clone())));
    answer.set_jti(child.map(|child| child.id.to_string()));
    answer
}

type Introspected = StandardTokenIntrospectionResponse<Details, BasicTokenType>;

/// Members that RFC 7662 does not define.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    personas: Vec<String>,
    /// Who acts for the subject (RFC 8693, section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<ActClaim>>,
    /// The key that requests must prove (RFC 9449, section 6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

impl ExtraTokenFields for Details {}

/// The form of RFC 7662, section 2.1. `token_type_hint` is needed for refresh tokens only, which are inactive without it; every
/// other token shows its type.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct IntrospectionRequest {
    /// The token to introspect.
    token: String,
    /// `refresh_token` for a refresh token; of no effect otherwise.
    token_type_hint: Option<String>,
    /// `apikey-<id>` of the caller, if it sends no `Authorization`.
    client_id: Option<String>,
    /// The token of the API key `client_id`.
    client_secret: Option<String>,
    /// A JWT that is signed with a registered key of the client (RFC 7523), instead of `client_secret`.
    client_assertion: Option<String>,
    /// The type of `client_assertion`: `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`. Not read without it.
    client_assertion_type: Option<String>,
}

/// The answer, as documented in the OpenAPI description.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct Introspection {
    /// Whether the token authenticates its subject now.
    active: bool,
    /// Names of the permissions, separated by spaces; of a child also `persona:` and qualified names of personas, and names
    /// of tools.
    scope: Option<String>,
    /// `apikey-<id>`; of a child the client that it was issued to, `urn:tessera:no-client` if no client has asked for it.
    client_id: Option<String>,
    /// The user name of the subject.
    username: Option<String>,
    #[schema(schema_with = sets::introspected_token_types)]
    token_type: Option<String>,
    /// Epoch seconds until which this answer may be cached.
    exp: Option<i64>,
    /// Epoch seconds at which the child was issued, or the API key was created; absent for users' tokens.
    iat: Option<i64>,
    /// The URL of this server.
    iss: Option<String>,
    /// For whom a child is.
    aud: Option<Vec<String>>,
    /// The id of a child.
    jti: Option<String>,
    /// Who acts for the subject of a child, the latest first: `sub` and, nested, `act` (RFC 8693, section 4.1).
    act: Option<Value>,
    /// `jkt`: the thumbprint of the key that a child is bound to (RFC 9449).
    cnf: Option<Value>,
    /// The id of the principal.
    sub: Option<String>,
    /// Qualified names of the enabled personas.
    personas: Option<Vec<String>>,
}
