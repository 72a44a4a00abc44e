//! Leaked tokens: whoever can show a live one may kill it.

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
use crate::http::bodies::{STRANGERS, Sender};
use crate::http::gateway::guards::{GithubKeys, LeakReports};
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Body;
use crate::service::authn::verify::{Leaked, revoke_found, revoke_leaked};

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
    reports: web::Data<LeakReports>,
    request: HttpRequest,
    body: Body<RevokeLeakedRequest>,
) -> Result<HttpResponse, Failure> {
    let network = Network::of(state.trusted.client_address(&request));
    reports.take(network)?;
    let asking = auth::request(&request).named("revoke-leaked");
    revoke_found(&state.service, &body.known()?.token, network, asking).await?;
    Ok(HttpResponse::Ok().finish())
}

/// What was found.
#[derive(Deserialize, ToSchema)]
pub struct RevokeLeakedRequest {
    /// The token.
    token: String,
}

/// Where GitHub says which of its keys it signed with.
const KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");
/// Where GitHub puts its signature of the body.
const KEY_SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// The largest post of alerts that is read, in bytes: ten thousand alerts with long addresses of where they were found.
const ALERTS_LENGTH: usize = 8 << 20;
/// The most alerts in a post. A token that is none costs no look-up, a live one a transaction.
const ALERTS: usize = 10_000;

/// Take alerts of GitHub's secret scanning
///
/// The body must be signed with one of the configured public keys (`TESSERA_GITHUB_PUBLIC_KEYS`); it has at most 8 MiB
/// and 10,000 alerts. Live tokens are revoked and labelled `true_positive`, all others `false_positive`: also those that
/// had been revoked before, of which nothing is kept.
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
pub async fn github(
    state: web::Data<State>,
    keys: web::Data<GithubKeys>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Failure> {
    let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    // A large body is read only from who at least names a key.
    let limit = if keys.has(header(&KEY_IDENTIFIER)) { ALERTS_LENGTH } else { STRANGERS };
    let sender = Sender::Stranger(Network::of(state.trusted.client_address(&request)));
    let body = state.bodies.read(&request, body.into_inner(), limit, sender).await?;
    let (identifier, signature) = (header(&KEY_IDENTIFIER).to_owned(), header(&KEY_SIGNATURE).to_owned());
    // Not on this thread: to digest and to parse 8 MiB takes long enough for thousands of verifications.
    let alerts = web::block(move || read_alerts(&keys, &identifier, &signature, &body)).await;
    let alerts = alerts.map_err(|error| Error::Internal(error.into()))??;
    // The same token may be found in many places.
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

/// The alerts in a body that GitHub has signed.
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
        Unreadable::TooMuch(excess) => excess.into(),
        Unreadable::Twice(twice) => twice.into(),
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
