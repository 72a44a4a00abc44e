//! `/api/service/apikeys/verify`: verifies one or more tokens, in JSON.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::actor::Actor;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::permission::Permission;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::gateway::keep::{self, Depends};
use crate::http::openapi::{AnyError, Fails, examples, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::verify;

/// The most tokens in a request.
const TOKENS: u64 = 100;

/// Verify tokens
///
/// Tokens of other principals require the permission `VERIFY_TOKENS`. The results are in the order of the tokens.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "verify_tokens",
    request_body = VerifyTokensRequest,
    responses(
        (status = 200, description = "A result for each token", body = VerifiedTokens),
        AnyError, Fails<403>, Fails<503>, Fails<413>,
    ),
)]
#[post("/api/service/apikeys/verify")]
pub async fn verify_tokens(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<VerifyTokensRequest>,
) -> Result<HttpResponse, Failure> {
    let asked = body.valid()?;
    let address = asked.address.as_deref().map(str::parse).transpose();
    let address = address.map_err(|_| Violation::new("address", "must be an IP address"))?;
    let mut results = Vec::with_capacity(asked.tokens.len());
    let mut active = Vec::new();
    for token in &asked.tokens {
        let audience = asked.audience.as_deref().map_or(Audience::Issuer, Audience::Named);
        let presented = Presentation { token, address, audience, proof_key: None };
        let outcome = verify::verify(&state.service, &actor, presented).await;
        active.extend(outcome.as_ref().ok().cloned());
        results.push(VerifiedToken::of(outcome).map_err(Failure::or_unavailable)?);
    }
    let all_active = active.len() == results.len();
    let mut response = HttpResponse::Ok().json(VerifiedTokens { results });
    if all_active {
        keep::mark(&state, &request, response.headers_mut(), |now| {
            let depends = Depends::new(now).on_use(&actor, actor.address);
            active.iter().fold(depends, |depends, verified| depends.on_use(verified, address))
        });
    }
    Ok(response)
}

/// The tokens to verify.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = examples::verify_tokens_request)]
pub struct VerifyTokensRequest {
    /// 1 to 100 tokens.
    #[validate(length(min = 1, max = "TOKENS", message = "must have 1 to 100 members"))]
    #[schema(min_items = 1, max_items = 100)]
    tokens: Vec<String>,
    /// The client's IP address; needed for keys with allowed addresses.
    address: Option<String>,
    /// The audience that children must be for: the URL of what the asking program protects. This server if absent.
    #[validate(length(max = 512, message = "must have at most 512 characters"))]
    #[schema(max_length = 512)]
    audience: Option<String>,
}

/// One result for each token.
#[derive(Serialize, ToSchema)]
pub struct VerifiedTokens {
    /// The results, in the order of the tokens.
    results: Vec<VerifiedToken>,
}

/// The principal that a token authenticates.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedToken {
    /// Whether the token authenticates a principal now.
    active: bool,
    /// Why it is not active. Details are given for genuine tokens only; any other is just invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The id of the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The user name of the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// `apikey-<id>`
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Qualified names of the enabled personas.
    personas: Vec<String>,
    #[schema(schema_with = sets::permissions)]
    permissions: Vec<&'static str>,
    /// Epoch milliseconds; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl VerifiedToken {
    /// Turns an outcome into a result; a missing permission or an unavailable storage fails the whole request.
    fn of(outcome: Result<Actor>) -> Result<Self> {
        match outcome {
            Ok(actor) => Ok(Self {
                active: true,
                reason: None,
                id: Some(actor.id().to_string()),
                username: Some(actor.username().to_string()),
                client_id: actor.client_id().map(|id| id.to_string()),
                personas: actor.enabled_personas().map(str::to_owned).collect(),
                permissions: actor.permissions().iter().map(Permission::name).collect(),
                expires_at: actor.expires_at(),
            }),
            Err(error @ (Error::Unauthenticated(_) | Error::RateLimited { .. } | Error::ForeignAddress)) => {
                Ok(Self { reason: Some(error.to_string()), ..Self::default() })
            }
            Err(error) => Err(error),
        }
    }
}
