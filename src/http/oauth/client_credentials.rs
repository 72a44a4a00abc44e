//! The client credentials grant (RFC 6749, section 4.4): an API key trades its token for a child.

use actix_web::{HttpRequest, HttpResponse};

use super::answer::child_response;
use super::client;
use super::form::Form;
use super::wanted::{Parties, client_of, refused, wanted};
use crate::domain::actor::Actor;
use crate::domain::party::Party;
use crate::http::dpop;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::children::{self, Minted};

/// The `grant_type` of the grant.
pub const GRANT: &str = "client_credentials";

/// Answers the grant at the token endpoint.
///
/// # Errors
/// Those of RFC 6749, section 5.2, and of RFC 8707, section 2.
pub(super) async fn redeem(state: &State, request: &HttpRequest, form: &Form) -> Result<HttpResponse, Failure> {
    let (minted, actor) = child(state, request, form).await?;
    Ok(child_response(state, minted, &actor, None))
}

/// The child that the grant makes, and the API key whose child it is.
///
/// # Errors
/// Those of RFC 6749, section 5.2.
pub async fn child(state: &State, request: &HttpRequest, form: &Form) -> Result<(Minted, Actor), Failure> {
    let actor = client::required(state, request, form).await?;
    let proof_key = dpop::at_token_endpoint(state, request, Party::of(&actor))?;
    let parties = Parties { client: client_of(&actor), asking: &actor, subject: &actor };
    let wanted = wanted(state, request, form, parties, proof_key).await?;
    let minted = children::mint(&state.service, &actor, None, wanted).await.map_err(refused)?;
    Ok((minted, actor))
}
