//! Revocation of leaked tokens: possession of a live token is enough to revoke it.

use std::collections::HashMap;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::error::Error;
use crate::domain::nesting::{Unreadable, read_json};
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::http::auth;
use crate::http::bodies::{Sender, UNAUTHENTICATED_LENGTH};
use crate::http::gateway::guards::{GithubKeys, LeakReports};
use crate::http::openapi::{AnyError, Fails, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Body;
use crate::service::authn::verify::{Leaked, revoke_found, revoke_leaked};

/// Revoke a leaked token
///
/// Needs no other credential than the token. The answer does not tell whether the token was live; if it was, it is
/// revoked.
#[utoipa::path(
    tag = "Leaks",
    operation_id = "revoke_leaked_token",
    security(()),
    request_body = RevokeLeakedRequest,
    responses((status = 200, description = "If the token was live, it is revoked"), AnyError, Fails<413>, Fails<429>),
)]
#[post("/api/service/apikeys/revoke-leaked")]
pub async fn revoke(
    state: web::Data<State>,
    reports: web::Data<LeakReports>,
    request: HttpRequest,
    body: Body<RevokeLeakedRequest>,
) -> Result<HttpResponse, Failure> {
    let network = Network::of(state.trusted.client_address(&request));
    reports.take(network)?;
    let asking = auth::request(&request).named("revoke-leaked");
    revoke_found(&state.service, &body.strict()?.token, network, asking).await?;
    Ok(HttpResponse::Ok().finish())
}

/// A leaked token.
#[derive(Deserialize, ToSchema)]
pub struct RevokeLeakedRequest {
    /// The token.
    token: String,
}

/// The header with the identifier of GitHub's signing key.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");
/// The header with GitHub's signature of the body.
const KEY_SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// The longest body with alerts, in bytes: 10,000 alerts with long URLs.
const ALERTS_LENGTH: usize = 8 << 20;
/// The most alerts in a body. An invalid token costs no look-up, a live one a transaction.
const ALERTS: usize = 10_000;

/// Receive alerts of GitHub's secret scanning
///
/// The body must be signed with one of the configured public keys (`TESSERA_GITHUB_PUBLIC_KEYS`); it has at most 8 MiB
/// and 10,000 alerts. Live tokens are revoked and labelled `true_positive`, all others `false_positive`, including
/// those revoked before, because no record of them is kept.
#[utoipa::path(
    tag = "Leaks",
    operation_id = "take_github_alerts",
    security(()),
    params(
        ("Github-Public-Key-Identifier" = String, Header, description = "The identifier of the signing key"),
        ("Github-Public-Key-Signature" = String, Header, description = "ECDSA on P-256 with SHA-256, DER in base64"),
    ),
    request_body = Vec<GithubAlertRequest>,
    responses((status = 200, description = "A label for each alert", body = Vec<GithubLabel>), AnyError, Fails<413>, Fails<429>),
)]
#[post("/gateway/github-secret-scanning")]
pub async fn github(
    state: web::Data<State>,
    keys: web::Data<GithubKeys>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Failure> {
    let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    // A large body is read only if the request names a known key.
    let limit = if keys.has(header(&KEY_IDENTIFIER)) { ALERTS_LENGTH } else { UNAUTHENTICATED_LENGTH };
    let sender = Sender::Stranger(Network::of(state.trusted.client_address(&request)));
    let body = state.bodies.read(&request, body.into_inner(), limit, sender).await?;
    let (identifier, signature) = (header(&KEY_IDENTIFIER).to_owned(), header(&KEY_SIGNATURE).to_owned());
    // Verified on the blocking pool: 8 MiB would block this thread for as long as thousands of verifications take.
    let alerts = web::block(move || read_alerts(&keys, &identifier, &signature, &body)).await;
    let alerts = alerts.map_err(|error| Error::Internal(error.into()))??;
    // A token may be in many alerts: revoked once, then looked up here.
    let asking = auth::request(&request).named("github-secret-scanning");
    let mut known: HashMap<&str, &'static str> = HashMap::new();
    for alert in &alerts {
        if !known.contains_key(alert.token.as_str()) {
            let label = match revoke_leaked(&state.service, &alert.token, Party::Finder, asking.clone()).await? {
                Leaked::Revoked => "true_positive",
                Leaked::Dead => "false_positive",
            };
            known.insert(&alert.token, label);
        }
    }
    let label = |alert: &GithubAlertRequest| GithubLabel {
        token_raw: alert.token.clone(),
        token_type: alert.r#type.clone(),
        label: known.get(alert.token.as_str()).copied().unwrap_or("false_positive"),
    };
    Ok(HttpResponse::Ok().json(alerts.iter().map(label).collect::<Vec<_>>()))
}

/// Verifies GitHub's signature and parses the alerts.
fn read_alerts(
    keys: &GithubKeys,
    identifier: &str,
    signature: &str,
    body: &[u8],
) -> Result<Vec<GithubAlertRequest>, Failure> {
    if !keys.verify(identifier, signature, body) {
        return Err(Failure::Body("the signature of the alerts is missing or wrong".to_owned()));
    }
    let alerts: Vec<GithubAlertRequest> = read_json(body).map_err(|error| match error {
        Unreadable::LimitExceeded(excess) => excess.into(),
        Unreadable::DuplicateMember(twice) => twice.into(),
        Unreadable::Json(_) => {
            Failure::Body("the alerts must be an array of objects with `token` and `type`".to_owned())
        }
    })?;
    if alerts.len() > ALERTS {
        return Err(Failure::Body(format!("there must be at most {ALERTS} alerts, not {}", alerts.len())));
    }
    Ok(alerts)
}

/// One alert, as GitHub's secret scanning partner program sends it.
#[derive(Deserialize, ToSchema)]
pub struct GithubAlertRequest {
    /// The token that was found.
    token: String,
    /// The type that GitHub assigned to it.
    r#type: String,
}

/// The label of an alert, for GitHub.
#[derive(Serialize, ToSchema)]
pub struct GithubLabel {
    /// The text that was reported.
    token_raw: String,
    /// The type of token that GitHub took it for.
    token_type: String,
    /// `true_positive` or `false_positive`.
    #[schema(schema_with = sets::labels)]
    label: &'static str,
}
