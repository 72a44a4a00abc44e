//! Leaked tokens: whoever can show a live one may kill it.

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::app::State;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::valid::Body;
use crate::service::verify::{Leaked, revoke_leaked};

/// Revoke a leaked token
///
/// Needs nothing but the token itself. The answer is the same whatever was sent: if it was a live token, it is dead now.
#[utoipa::path(
    tag = "Leaks",
    operation_id = "revoke_leaked_token",
    security(()),
    request_body = RevokeLeakedRequest,
    responses((status = 200, description = "If it was a live token, it is dead now"), AnyError, Fails<413>, Fails<429>),
)]
#[post("/api/service/apikeys/revoke-leaked")]
pub async fn revoke(
    state: web::Data<State>,
    request: HttpRequest,
    body: Body<RevokeLeakedRequest>,
) -> Result<HttpResponse, Failure> {
    state.leak_reports.take(state.trusted.client_address(&request))?;
    revoke_leaked(&state.service, &body.valid()?.token, "revoke-leaked").await?;
    Ok(HttpResponse::Ok().finish())
}

/// What was found.
#[derive(Deserialize, Validate, ToSchema)]
pub struct RevokeLeakedRequest {
    /// The token.
    token: String,
}

/// Where GitHub says which of its keys it signed with.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");
/// Where GitHub puts its signature of the body.
const KEY_SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// Take alerts of GitHub's secret scanning
///
/// The body must be signed with one of the configured public keys (`TESSERA_GITHUB_PUBLIC_KEYS`). Live tokens are
/// revoked and labelled `true_positive`, all others `false_positive`.
#[utoipa::path(
    tag = "Leaks",
    operation_id = "take_github_alerts",
    security(()),
    params(
        ("Github-Public-Key-Identifier" = String, Header, description = "Which key signed the body"),
        ("Github-Public-Key-Signature" = String, Header, description = "ECDSA on P-256 with SHA-256, DER in base64"),
    ),
    request_body = Vec<GithubAlertRequest>,
    responses((status = 200, description = "A label for each alert", body = Vec<GithubLabel>), AnyError, Fails<413>, Fails<429>),
)]
#[post("/gateway/github-secret-scanning")]
pub async fn github(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !state.github_keys.verify(header(&KEY_IDENTIFIER), header(&KEY_SIGNATURE), &body) {
        return Err(Failure::Body("the signature of the alerts is missing or wrong".to_owned()));
    }
    let alerts: Vec<GithubAlertRequest> = serde_json::from_slice(&body)
        .map_err(|_| Failure::Body("the alerts must be an array of objects with `token` and `type`".to_owned()))?;
    let mut labels = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let label = match revoke_leaked(&state.service, &alert.token, "github-secret-scanning").await? {
            Leaked::Revoked => "true_positive",
            Leaked::Dead => "false_positive",
        };
        labels.push(GithubLabel { token_raw: alert.token, token_type: alert.r#type, label });
    }
    Ok(HttpResponse::Ok().json(labels))
}

/// One alert, as GitHub's secret scanning partner program sends it.
#[derive(Deserialize, ToSchema)]
pub struct GithubAlertRequest {
    /// The token that was found.
    token: String,
    /// What GitHub takes it for.
    r#type: String,
}

/// What GitHub is told of an alert.
#[derive(Serialize, ToSchema)]
pub struct GithubLabel {
    token_raw: String,
    token_type: String,
    /// `true_positive` or `false_positive`.
    label: &'static str,
}
