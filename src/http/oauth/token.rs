//! `/oauth/token`: the token endpoint (RFC 6749, section 3.2).

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;

use super::answer::OauthToken;
use super::form::Form;
use super::{Settings, device};
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;

/// The supported grant types.
pub const GRANTS: [&str; 1] = [device::GRANT];

/// Exchange a grant for a token
///
/// RFC 6749, section 3.2. The supported grant is `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628, section
/// 3.4): the client polls until the user has decided, at most once per interval.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_oauth_token",
    security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The session of the approving user", body = OauthToken),
        Fails<429>,
    ),
)]
#[post("/oauth/token")]
pub async fn token(
    state: web::Data<State>,
    settings: web::Data<Settings>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let form = Form::read(&state, &request, payload.into_inner()).await?;
    if form.required("grant_type")? == device::GRANT {
        return device::redeem(&state, &settings, &request, &form).await;
    }
    Err(Failure::Oauth("unsupported_grant_type", format!("`grant_type` must be one of: {}", GRANTS.join(", "))))
}

/// A token request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct TokenForm {
    /// `urn:ietf:params:oauth:grant-type:device_code`
    grant_type: String,
    /// `tessera-cli`, or a client id of `TESSERA_DEVICE_CLIENTS`.
    client_id: String,
    /// The `device_code` of the device authorization.
    device_code: String,
}
