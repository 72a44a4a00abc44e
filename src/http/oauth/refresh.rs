//! The refresh token grant (RFC 6749, section 6): a program that a user has approved gets the next child of its session.

use actix_web::{HttpRequest, HttpResponse};

use super::OauthSettings;
use super::answer::granted_response;
use super::form::Form;
use super::wanted::{asked_of_user, oauth, refused};
use crate::http::auth::origin;
use crate::http::dpop;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::refresh::{self, NotRenewed};

/// The `grant_type` of the grant.
pub const GRANT: &str = "refresh_token";

/// Answers the grant at the token endpoint.
///
/// # Errors
/// Those of RFC 6749, section 5.2.
pub(super) async fn redeem(
    state: &State,
    settings: &OauthSettings,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, Failure> {
    let client = form.public_client(settings, request)?;
    let token = form.required("refresh_token")?;
    let wanted = asked_of_user(state, request, form, client)?;
    let prove = |party| dpop::at_token_endpoint(state, request, party);
    match refresh::renew(&state.service, &token, wanted, origin(state, request), prove).await {
        Ok(granted) => Ok(granted_response(state, granted)),
        Err(NotRenewed::Grant(message)) => Err(oauth("invalid_grant", message)),
        Err(NotRenewed::Proof(failure)) => Err(failure),
        Err(NotRenewed::NotMinted(reason)) => Err(refused(reason)),
    }
}
