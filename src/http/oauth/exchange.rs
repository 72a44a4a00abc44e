//! Token exchange (RFC 8693): a token becomes a child that carries less, or in which another principal acts for its subject.
//!
//! The subject token is a token of Tessera; or the ID token of a workload, which becomes a child of the API key
//! `client_id` that trusts it (`workload.rs`).
//!
//! A child is issued to the client that has authenticated, or to a public client that names itself. Without either it is issued to
//! the client of the token that the request shows, which a user's session does not have.

use actix_web::{HttpRequest, HttpResponse};

use super::OauthSettings;
use super::answer::child_response;
use super::client;
use super::form::Form;
use super::wanted::{ACCESS_TOKEN, ID_TOKEN, JWT, Parties, client_of, failed, oauth, refused, wanted};
use super::workload::{self, Issuers, NotRecognised};
use crate::domain::actor::Actor;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Refusal};
use crate::domain::jwk::Thumbprint;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::principal::parse_client_id;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::{auth, dpop};
use crate::service::children::{self, NotMinted};
use crate::service::people::impersonate::impersonate;

/// The `grant_type` of the grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Answers the grant at the token endpoint.
///
/// # Errors
/// Those of RFC 8693, section 2.2.2.
pub(super) async fn redeem(
    state: &State,
    (settings, issuers): (&OauthSettings, &Issuers),
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, Failure> {
    let client = client::optional(state, request, form).await?;
    let requested = form.optional("requested_subject")?;
    // A child for another resource server is no token of this one: it only becomes a narrower one for the same audience.
    let audience = if requested.is_some() { Audience::Issuer } else { Audience::Any };
    let (subject, proof_key) = if form.optional("subject_token_type")?.as_deref() == Some(ID_TOKEN) {
        let subject = of_workload(state, issuers, request, form).await?;
        let proof_key = dpop::at_token_endpoint(state, request, Party::of(&subject))?;
        (subject, proof_key)
    } else {
        let proof_key = proof_key(state, request, form, client.as_ref()).await?;
        let subject = token(state, request, form, "subject_token", (audience, proof_key)).await?;
        (subject.ok_or_else(|| oauth("invalid_request", "`subject_token` is required"))?, proof_key)
    };
    let actor = match token(state, request, form, "actor_token", (Audience::Issuer, proof_key)).await? {
        Some(actor) => Some(actor),
        None => client.clone(),
    };
    let asking = client.as_ref().or(actor.as_ref()).unwrap_or(&subject);
    let issued_to = if client.is_some() { client_of(asking) } else { named_client(settings, form, asking)? };
    let parties = Parties { client: issued_to, asking, subject: &subject };
    let wanted = wanted(state, request, form, parties, proof_key).await?;
    let issued = match form.optional("requested_token_type")?.as_deref() {
        Some(JWT) => JWT,
        _ => ACCESS_TOKEN,
    };
    let Some(requested) = requested else {
        let minted = children::mint(&state.service, &subject, actor.as_ref(), wanted).await.map_err(not_minted)?;
        return Ok(child_response(state, minted, &subject, Some(issued)));
    };
    if actor.as_ref().is_some_and(|actor| actor.id() != subject.id()) {
        return Err(oauth("invalid_request", "with `requested_subject`, `subject_token` is the client's own"));
    }
    let (minted, user) = impersonate(&state.service, &subject, requested, wanted).await.map_err(not_minted)?;
    Ok(child_response(state, minted, &user, Some(issued)))
}

/// The client that a request without client authentication names, or else that of the token that it shows. An API key is named only
/// by a token of its own: without one its `client_id` proves nothing.
fn named_client(settings: &OauthSettings, form: &Form, asking: &Actor) -> Result<String, Failure> {
    let own = client_of(asking);
    let Some(named) = form.optional("client_id")? else { return Ok(own) };
    if settings.knows(&named) {
        return Ok(named);
    }
    if parse_client_id(&named).is_some_and(|key| parse_client_id(&own) == Some(key)) {
        return Ok(own);
    }
    let message = "`client_id` must be `tessera-cli` or one of TESSERA_DEVICE_CLIENTS; or be that of an API key that authenticates";
    Err(Failure::ClientRefused(message.to_owned()))
}

/// The key that the request proves, if it has a proof. Proofs are counted for the client, or for whom the genuine subject
/// token authenticates, so strangers fill no memory.
async fn proof_key(
    state: &State,
    request: &HttpRequest,
    form: &Form,
    client: Option<&Actor>,
) -> Result<Option<Thumbprint>, Failure> {
    if !request.headers().contains_key(dpop::DPOP) {
        return Ok(None);
    }
    let party = if let Some(client) = client {
        Party::of(client)
    } else {
        let token = form.required("subject_token")?;
        let stranger = Party::Network(Network::of(state.trusted.client_address(request)));
        let holder = state.service.genuine_holder(&token, stranger).await;
        Party::Actor(holder.map_err(|error| subject_error("subject_token", error))?)
    };
    dpop::at_token_endpoint(state, request, party)
}

/// The failure of a token that is not accepted, for whatever reason: `invalid_request` (RFC 8693, section 2.2.2).
fn subject_error(name: &str, error: Error) -> Failure {
    match error {
        Error::Unauthenticated(Refusal::Invalid) => {
            oauth("invalid_request", format!("`{name}`: it is malformed, unknown or revoked"))
        }
        Error::Unauthenticated(_) | Error::ForeignAddress => oauth("invalid_request", format!("`{name}`: {error}")),
        error => failed(error),
    }
}

/// The failure of an exchange for which no token was made.
fn not_minted(reason: NotMinted) -> Failure {
    match reason {
        // It has ended since it was accepted.
        NotMinted::Failed(error) => subject_error("subject_token", error),
        reason => refused(reason),
    }
}

/// The actor of a token in the form; `None` without one. Its type may be absent only with `requested_subject`.
async fn token(
    state: &State,
    request: &HttpRequest,
    form: &Form,
    name: &str,
    (audience, proof_key): (Audience<'_>, Option<Thumbprint>),
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
    let presented = Presentation { token: &token, address, audience, proof_key };
    let actor = state.service.authenticate(presented).await.map_err(|error| subject_error(name, error))?;
    Ok(Some(actor.requesting(auth::request(request))))
}

/// The API key as which a workload acts, until its ID token expires.
async fn of_workload(state: &State, issuers: &Issuers, request: &HttpRequest, form: &Form) -> Result<Actor, Failure> {
    let client = form.required("client_id")?;
    let key = parse_client_id(&client)
        .ok_or_else(|| oauth("invalid_request", "`client_id` must be `apikey-<id>` for the token of a workload"))?;
    let address = state.trusted.client_address(request);
    let token = form.required("subject_token")?;
    let found = workload::identify(&state.service, issuers, key, &token, Network::of(address)).await;
    let found = found.map_err(|wrong| match wrong {
        NotRecognised::Unavailable(reason) => {
            tracing::warn!(reason, %key, "the keys of a workload's issuer cannot be fetched");
            Failure::NoIssuer
        }
        NotRecognised::Failed(error) => Failure::or_unavailable(error),
        other => oauth("invalid_request", other.to_string()),
    })?;
    let actor = state.service.authenticate_key(found.key, found.warrant, address).await;
    let mut actor = actor.map_err(|error| subject_error("subject_token", error))?;
    if let Some(credential) = &mut actor.credential {
        credential.expires_at = credential.expires_at.min(found.expires_at);
    }
    auth::mark_authenticated(&actor, request);
    tracing::info!(key = %found.key, rule = found.rule, issuer = found.issuer, subject = found.subject, "a workload acts as an API key");
    Ok(actor.requesting(auth::request(request)))
}
