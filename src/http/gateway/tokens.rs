//! `/api/service/apikeys/verify`: one token or many, in JSON.

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result, Violation};
use crate::domain::permission::Permission;
use crate::http::asked::Asked;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::verify;

/// How many tokens can be verified at once.
const TOKENS: u64 = 100;

/// Verify tokens
///
/// It takes the permission `VERIFY_TOKENS` to ask about tokens of others. The answers come in the order of the tokens.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "verify_tokens",
    request_body = VerifyTokensRequest,
    responses(
        (status = 200, description = "Whom each token authenticates", body = VerifiedTokens),
        AnyError, Fails<403>, Fails<503>, Fails<413>,
    ),
)]
#[post("/api/service/apikeys/verify")]
pub async fn verify_tokens(
    state: web::Data<State>,
    Asked { actor, body, .. }: Asked<VerifyTokensRequest>,
) -> Result<HttpResponse, Failure> {
    let asked = body.valid()?;
    let address = asked.address.as_deref().map(str::parse).transpose();
    let address = address.map_err(|_| Violation::new("address", "must be an IP address"))?;
    let mut results = Vec::with_capacity(asked.tokens.len());
    for token in &asked.tokens {
        let outcome = verify::verify(&state.service, &actor, token, address).await;
        results.push(VerifiedToken::of(outcome).map_err(Failure::or_unavailable)?);
    }
    Ok(HttpResponse::Ok().json(VerifiedTokens { results }))
}

/// The tokens to ask about.
#[derive(Deserialize, Validate, ToSchema)]
pub struct VerifyTokensRequest {
    /// One or more.
    #[validate(length(min = 1, max = "TOKENS", message = "must have 1 to 100 members"))]
    #[schema(min_items = 1, max_items = 100)]
    tokens: Vec<String>,
    /// Where they are used from; needed for keys that are bound to addresses.
    address: Option<String>,
}

/// One answer for each token.
#[derive(Serialize, ToSchema)]
pub struct VerifiedTokens {
    results: Vec<VerifiedToken>,
}

/// Whom a token authenticates.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedToken {
    active: bool,
    /// Why not. Only who holds a genuine token learns more than that it is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The id of the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// `apikey-<id>`
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Qualified names of the enabled personas.
    personas: Vec<String>,
    permissions: Vec<&'static str>,
    /// Epoch milliseconds; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl VerifiedToken {
    /// Not permitted to ask, and not able to answer, are failures of the request; all else is an answer.
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
