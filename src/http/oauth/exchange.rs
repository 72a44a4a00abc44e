//! Token exchange (RFC 8693): a token becomes a child that carries less, or in which somebody acts for its subject.
//!
//! The subject token is a token of Tessera; or the ID token of a workload, which becomes a child of the API key
//! `client_id` that trusts it (`workload.rs`).

use actix_web::{HttpRequest, HttpResponse};

use super::answer::child_response;
use super::client;
use super::form::Form;
use super::wanted::{ACCESS_TOKEN, ID_TOKEN, JWT, failed, oauth, refused, wanted};
use super::workload::{self, Issuers, NotRecognised};
use crate::domain::actor::Actor;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Refusal};
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::Thumbprint;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::principal::CLIENT_ID_PREFIX;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::{auth, dpop};
use crate::service::children;
use crate::service::people::impersonate::impersonate;

/// The `grant_type` of the grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Answers the grant at the token endpoint.
///
/// # Errors
/// Those of RFC 8693, section 2.2.2.
pub(super) async fn redeem(
    state: &State,
    issuers: &Issuers,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, Failure> {
    let client = client::optional(state, request, form).await?;
    let network = Party::Network(Network::of(state.trusted.client_address(request)));
    let proof_key = dpop::at_token_endpoint(state, request, client.as_ref().map_or(network, Party::of))?;
    let subject = if form.optional("subject_token_type")?.as_deref() == Some(ID_TOKEN) {
        of_workload(state, issuers, request, form).await?
    } else {
        let subject = token(state, request, form, "subject_token", proof_key).await?;
        subject.ok_or_else(|| oauth("invalid_request", "`subject_token` is required"))?
    };
    let actor = match token(state, request, form, "actor_token", proof_key).await? {
        Some(actor) => Some(actor),
        None => client.clone(),
    };
    let acting = client.as_ref().or(actor.as_ref()).unwrap_or(&subject);
    let wanted = wanted(state, request, form, acting, proof_key).await?;
    let Some(requested) = form.optional("requested_subject")? else {
        let minted = children::mint(&state.service, &subject, actor.as_ref(), wanted).await.map_err(refused)?;
        return Ok(child_response(state, minted, &subject, Some(ACCESS_TOKEN)));
    };
    if actor.as_ref().is_some_and(|actor| actor.id() != subject.id()) {
        return Err(oauth("invalid_request", "with `requested_subject`, `subject_token` is the client's own"));
    }
    let user = impersonate(&state.service, &subject, requested).await.map_err(failed)?;
    let minted = children::mint(&state.service, &user, Some(&subject), wanted).await.map_err(refused)?;
    Ok(child_response(state, minted, &user, Some(ACCESS_TOKEN)))
}

/// The actor of a token in the form, if it is there; its type must be given.
async fn token(
    state: &State,
    request: &HttpRequest,
    form: &Form,
    name: &str,
    proof_key: Option<Thumbprint>,
) -> Result<Option<Actor>, Failure> {
    let kind = format!("{name}_type");
    let (token, kind_given) = (form.optional(name)?, form.optional(&kind)?);
    let Some(token) = token else {
        return match kind_given {
            Some(_) => Err(oauth("invalid_request", format!("`{kind}` is there without `{name}`"))),
            None => Ok(None),
        };
    };
    match kind_given.as_deref() {
        Some(ACCESS_TOKEN | JWT) => {}
        // Atlan's SDKs leave it out where they ask for another subject.
        None if form.optional("requested_subject")?.is_some() => {}
        _ => {
            let message = format!("`{kind}` must be `{ACCESS_TOKEN}`, `{JWT}`, or for a workload `{ID_TOKEN}`");
            return Err(oauth("invalid_request", message));
        }
    }
    let address = state.trusted.client_address(request);
    let presented = Presentation { token: &token, address, audience: Audience::Any, proof_key };
    match state.service.authenticate(presented).await {
        Ok(actor) => Ok(Some(actor.requesting(auth::request(request)))),
        Err(Error::Unauthenticated(refusal)) => {
            let why = match refusal {
                Refusal::Invalid => "it is malformed, unknown or revoked".to_owned(),
                other => other.to_string(),
            };
            Err(oauth("invalid_grant", format!("`{name}`: {why}")))
        }
        Err(error) => Err(failed(error)),
    }
}

/// The API key as which a workload acts, until its ID token expires.
async fn of_workload(state: &State, issuers: &Issuers, request: &HttpRequest, form: &Form) -> Result<Actor, Failure> {
    let client = form.required("client_id")?;
    let key = client.strip_prefix(CLIENT_ID_PREFIX).and_then(PrincipalId::parse);
    let key =
        key.ok_or_else(|| oauth("invalid_request", "`client_id` must be `apikey-<id>` for the token of a workload"))?;
    let address = state.trusted.client_address(request);
    let token = form.required("subject_token")?;
    let found = workload::identify(&state.service, issuers, key, &token, Network::of(address)).await;
    let found = found.map_err(|wrong| match wrong {
        NotRecognised::Unavailable(reason) => {
            tracing::warn!(reason, %key, "the keys of a workload's issuer cannot be fetched");
            oauth("temporarily_unavailable", "the keys of the issuer of this token cannot be fetched: try again")
        }
        NotRecognised::Failed(error) => Failure::or_unavailable(error),
        other => oauth("invalid_grant", other.to_string()),
    })?;
    let mut actor = state.service.authenticate_key(found.key, address).await.map_err(failed)?;
    if let Some(credential) = &mut actor.credential {
        credential.expires_at = credential.expires_at.min(found.expires_at);
    }
    auth::mark_authenticated(&actor, request);
    tracing::info!(key = %found.key, rule = found.rule, issuer = found.issuer, subject = found.subject, "a workload acts as an API key");
    Ok(actor.requesting(auth::request(request)))
}
