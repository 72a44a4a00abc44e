//! `/oauth/introspect`: token introspection, RFC 7662.

use std::borrow::Cow;

use actix_web::http::header::ContentType;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, post, web};
use chrono::DateTime;
use oauth2::basic::BasicTokenType;
use oauth2::{ClientId, ExtraTokenFields, Scope, StandardTokenIntrospectionResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::api_key::NEVER;
use crate::domain::error::{Error, Refusal};
use crate::http::asked::{Asked, Identify};
use crate::http::auth::{Look, authenticate, basic, bearer};
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Raw;
use crate::service::authn::verify;

/// How long gateways may keep an answer about a token, in milliseconds.
#[derive(Default)]
pub struct AnswerLifetime(pub i64);

/// Introspect a token
///
/// RFC 7662. The caller authenticates with a bearer token, or with HTTP Basic as `apikey-<id>` and its token, and needs
/// the permission `VERIFY_TOKENS` unless it asks about itself. `exp` is never further away than a few minutes, even if
/// the token lives longer, because gateways cache an answer until then. So an answer tells nothing of how often a token
/// is used: nothing is taken from its rate limit.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "introspect_token",
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Whom the token authenticates; `active: false` and nothing else if nobody", body = Introspection),
        AnyError, Fails<403>, Fails<503>,
    ),
)]
#[post("/oauth/introspect")]
pub async fn introspect(
    state: web::Data<State>,
    lifetime: web::Data<AnswerLifetime>,
    request: HttpRequest,
    Asked { actor: caller, body, .. }: Asked<Raw, OauthClient>,
) -> Result<HttpResponse, Failure> {
    let form = body.bytes()?;
    let token =
        only_token(&request, &form).ok_or_else(|| Failure::Body("the form must have one `token`".to_owned()))?;
    let now = state.service.clock.now();
    let answer = match verify::introspect(&state.service, &caller, &token).await {
        Ok(actor) => active(&actor, now, lifetime.0),
        // Nobody says from where the token is used, so one that is bound to addresses is never let in.
        Err(Error::Unauthenticated(_) | Error::ForeignAddress) => Introspected::new(false, Details::default()),
        Err(error) => return Err(Failure::or_unavailable(error)),
    };
    let mut json = Vec::with_capacity(ANSWER_LENGTH);
    serde_json::to_writer(&mut json, &answer).map_err(|error| Error::Internal(error.into()))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// The largest form that is read, in bytes.
const FORM_LENGTH: usize = 16_384;
/// How much room an answer usually needs, in bytes.
const ANSWER_LENGTH: usize = 512;

/// The `token` of the form, if there is one and not more.
fn only_token<'a>(request: &HttpRequest, form: &'a [u8]) -> Option<Cow<'a, str>> {
    if !request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    // Most forms are this and nothing else, and to decode one takes as long as to verify its token.
    if let Some(token) = form.strip_prefix(b"token=")
        && token.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return std::str::from_utf8(token).ok().map(Cow::Borrowed);
    }
    let mut tokens = form_urlencoded::parse(form).filter(|(name, _)| name == "token").map(|(_, value)| value);
    tokens.next().filter(|_| tokens.next().is_none())
}

/// Who asks: by bearer token, or as an OAuth client by RFC 6749, section 2.3.1.
pub struct OauthClient;

impl Identify for OauthClient {
    const LONGEST: usize = FORM_LENGTH;

    async fn identify(state: &State, request: &HttpRequest, look: Look) -> Result<Actor, Failure> {
        let Some((client_id, token)) = basic(request).and_then(|(_, decoded)| decoded) else {
            return authenticate(state, bearer(request)?, request, look).await.map_err(Failure::or_unavailable);
        };
        let actor = authenticate(state, &token, request, look).await.map_err(Failure::or_unavailable)?;
        if actor.client_id().is_none_or(|id| id.to_string() != client_id) {
            return Err(Error::Unauthenticated(Refusal::Invalid).into());
        }
        Ok(actor)
    }
}

/// What RFC 7662 says of an active token.
fn active(actor: &Actor, now: i64, at_most: i64) -> Introspected {
    let details = Details { personas: actor.enabled_personas().map(str::to_owned).collect() };
    let mut answer = Introspected::new(true, details);
    let scopes = actor.permissions().iter().map(|permission| Scope::new(permission.name().to_owned())).collect();
    let expires_at = actor.expires_at().unwrap_or(NEVER).min(now + at_most);
    answer.set_scopes(Some(scopes));
    answer.set_client_id(actor.client_id().map(|id| ClientId::new(id.to_string())));
    answer.set_username(Some(actor.username().to_string()));
    answer.set_token_type(Some(BasicTokenType::Bearer));
    answer.set_exp(DateTime::from_timestamp_secs(expires_at / SECOND));
    answer.set_iat(DateTime::from_timestamp_secs(actor.principal().created_at / SECOND));
    answer.set_sub(Some(actor.id().to_string()));
    answer
}

type Introspected = StandardTokenIntrospectionResponse<Details, BasicTokenType>;

/// Members beyond those of the RFC.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    personas: Vec<String>,
}

impl ExtraTokenFields for Details {}

/// The form of RFC 7662, section 2.1. `token_type_hint` is not needed: a token says what it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct IntrospectionRequest {
    /// The token to ask about.
    token: String,
}

/// The answer as it is documented.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct Introspection {
    active: bool,
    /// Names of permissions, with spaces.
    scope: Option<String>,
    /// `apikey-<id>`
    client_id: Option<String>,
    username: Option<String>,
    /// Always `bearer`.
    token_type: Option<String>,
    /// Epoch seconds: until when this answer may be kept.
    exp: Option<i64>,
    /// Epoch seconds.
    iat: Option<i64>,
    /// The id of the principal.
    sub: Option<String>,
    /// Qualified names of the enabled personas.
    personas: Option<Vec<String>>,
}
