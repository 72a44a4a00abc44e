//! `/oauth/backchannel-logout/{provider}`: OpenID Connect Back-Channel Logout 1.0.

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;

use super::Providers;
use super::logout_token::LogoutToken;
use crate::clock::SECOND;
use crate::domain::error::Error;
use crate::http::auth::origin;
use crate::http::oauth::form::Form;
use crate::http::oauth::issuer::ProviderError;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::people::sign_out;

/// End the sessions that a provider has ended
///
/// OpenID Connect Back-Channel Logout 1.0. The logout token, signed by the provider, is the credential. Requests that
/// begin after the answer are refused with those sessions.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "delete_provider_sessions",
    security(()),
    params(("provider" = String, Path, description = "The name of the provider in the configuration")),
    request_body(content = LogoutRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The sessions have ended, if there were any"),
        Fails<404>,
        Fails<429>,
    ),
)]
#[post("/oauth/backchannel-logout/{provider}")]
pub async fn log_out(
    state: web::Data<State>,
    providers: web::Data<Providers>,
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let provider = providers.find(&id).ok_or(Failure::NoEndpoint)?;
    let token = Form::read(&state, &request, payload.into_inner()).await?.required("logout_token")?;
    // `typ` is optional, and may be that of an ID token: the claims tell the two kinds apart.
    let is_logout_token = |kind: Option<&str>| {
        kind.is_none_or(|kind| {
            ["logout+jwt", "application/logout+jwt", "jwt"].iter().any(|it| kind.eq_ignore_ascii_case(it))
        })
    };
    let accepted = async {
        let token: LogoutToken = provider.verified(&token, is_logout_token).await?;
        token.accept(&provider.settings, state.service.clock.now() / SECOND)
    };
    let ended = accepted.await.map_err(|trouble| match trouble {
        ProviderError::Unavailable(message) => Failure::Unavailable(message.into()),
        ProviderError::Rejected(message) | ProviderError::Denied(message) => Failure::Body(message),
    })?;
    match sign_out::sign_out(&state.service, ended, origin(&state, &request)).await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(Error::Conflict(message)) => Err(Failure::Body(message)),
        Err(error) => Err(Failure::or_unavailable(error)),
    }
}

/// A logout request (Back-Channel Logout 1.0, section 2.5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct LogoutRequest {
    /// The logout token, signed by the provider.
    logout_token: String,
}
