//! Token exchange (RFC 8693): a token becomes a child that carries less, or in which somebody acts for its subject.

use actix_web::{HttpRequest, HttpResponse};

use super::answer::child_response;
use super::client;
use super::form::Form;
use super::wanted::{ACCESS_TOKEN, JWT, failed, oauth, refused, wanted};
use crate::domain::actor::Actor;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Refusal};
use crate::http::auth;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::children;

/// The `grant_type` of the grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Answers the grant at the token endpoint.
///
/// # Errors
/// Those of RFC 8693, section 2.2.2.
pub(super) async fn redeem(state: &State, request: &HttpRequest, form: &Form) -> Result<HttpResponse, Failure> {
    let client = client::optional(state, request, form).await?;
    let subject = token(state, request, form, "subject_token").await?;
    let subject = subject.ok_or_else(|| oauth("invalid_request", "`subject_token` is required"))?;
    let actor = match token(state, request, form, "actor_token").await? {
        Some(actor) => Some(actor),
        None => client.clone(),
    };
    let acting = client.as_ref().or(actor.as_ref()).unwrap_or(&subject);
    let id = acting.client_id().map_or_else(|| acting.username().to_string(), |id| id.to_string());
    let wanted = wanted(state, request, form, id).await?;
    let requested = form.optional("requested_subject")?;
    if let Some(requested) = requested {
        if actor.as_ref().is_some_and(|actor| actor.id() != subject.id()) {
            return Err(oauth("invalid_request", "with `requested_subject`, `subject_token` is the client's own"));
        }
        let user = children::impersonate(&state.service, &subject, requested).await.map_err(failed)?;
        let minted = children::mint(&state.service, &user, Some(&subject), wanted).await.map_err(refused)?;
        return Ok(child_response(state, minted, &user, Some(ACCESS_TOKEN)));
    }
    let minted = children::mint(&state.service, &subject, actor.as_ref(), wanted).await.map_err(refused)?;
    Ok(child_response(state, minted, &subject, Some(ACCESS_TOKEN)))
}

/// The actor of a token in the form, if it is there; its type must be given.
async fn token(state: &State, request: &HttpRequest, form: &Form, name: &str) -> Result<Option<Actor>, Failure> {
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
        _ => return Err(oauth("invalid_request", format!("`{kind}` must be `{ACCESS_TOKEN}` or `{JWT}`"))),
    }
    let address = state.trusted.client_address(request);
    let presented = Presentation { token: &token, address, audience: Audience::Any, proof_key: None };
    match state.service.authenticate(presented).await {
        Ok(actor) => Ok(Some(actor.requesting(auth::request(request)))),
        Err(Error::Unauthenticated(refusal)) => {
            let why = if refusal == Refusal::Invalid { "malformed, unknown or revoked".to_owned() } else { refusal.to_string() };
            Err(oauth("invalid_grant", format!("`{name}`: {why}")))
        }
        Err(error) => Err(failed(error)),
    }
}
