//! `/oauth/token`: the token endpoint (RFC 6749, section 3.2).

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;
use utoipa::openapi::Schema;

use super::answer::OauthToken;
use super::form::Form;
use super::wanted::oauth;
use super::workload::Issuers;
use super::{OauthSettings, client_credentials, device, exchange, refresh, sets};
use crate::http::openapi::Fails;
use crate::http::openapi::sets::one_of;
use crate::http::problem::Failure;
use crate::http::state::State;

/// The supported grant types.
pub const GRANTS: [&str; 4] = [client_credentials::GRANT, exchange::GRANT, device::GRANT, refresh::GRANT];

/// Exchange a grant for a token
///
/// RFC 6749, section 3.2. The grants are `client_credentials`, where `apikey-<id>` authenticates with its token, with
/// HTTP Basic or in the form; `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693);
/// `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628, section 3.4), where the client polls until the user has
/// decided, at most once per interval; and `refresh_token`, whose token is replaced by the answer's. All but a device grant without
/// the scope `offline_access`, which gets a session, make a child: a token of minutes that carries no more than its
/// parent, and ends with it.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_oauth_token",
    security((), ("basic" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = OauthToken),
        Fails<401>, Fails<429>,
    ),
)]
#[post("/oauth/token")]
pub async fn token(
    state: web::Data<State>,
    settings: web::Data<OauthSettings>,
    issuers: web::Data<Issuers>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let form = Form::read(&state, &request, payload.into_inner()).await?;
    answer(&state, &settings, &issuers, &request, &form).await
}

/// Answers a token request, whatever its path.
///
/// # Errors
/// Those of the grant; `unsupported_grant_type`.
pub async fn answer(
    state: &State,
    settings: &OauthSettings,
    issuers: &Issuers,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, Failure> {
    match form.required("grant_type")?.as_str() {
        client_credentials::GRANT => client_credentials::redeem(state, request, form).await,
        exchange::GRANT => exchange::redeem(state, (settings, issuers), request, form).await,
        device::GRANT => device::redeem(state, settings, request, form).await,
        refresh::GRANT => refresh::redeem(state, settings, request, form).await,
        _ => Err(oauth("unsupported_grant_type", format!("`grant_type` must be one of: {}", GRANTS.join(", ")))),
    }
}

/// The grants in the document.
fn grants() -> Schema {
    one_of("The grant.", GRANTS)
}

/// A token request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct TokenForm {
    #[schema(schema_with = grants)]
    grant_type: String,
    /// `apikey-<id>`; for the device grant, its refresh tokens, and an exchange without a secret `tessera-cli`, or a client id of
    /// `TESSERA_DEVICE_CLIENTS`.
    client_id: Option<String>,
    /// The token of the API key `client_id`.
    client_secret: Option<String>,
    /// A JWT that is signed with a registered key of the client (RFC 7523), instead of `client_secret`.
    client_assertion: Option<String>,
    #[schema(schema_with = sets::client_assertion_types)]
    client_assertion_type: Option<String>,
    /// What the token carries, separated by spaces: names of permissions, `persona:<qualified name>`, and names of tools
    /// that a policy lets the parent call. Everything if absent.
    scope: Option<String>,
    /// For whom the token is (RFC 8707): an audience that is registered for the client. This server if absent.
    resource: Option<String>,
    /// Another name of `resource` (RFC 8693).
    audience: Option<String>,
    /// The lifetime of the token, in seconds, 60 to 3600; 600 if absent.
    lifetime: Option<i64>,
    #[schema(schema_with = sets::token_formats)]
    token_format: Option<String>,
    /// Token exchange: the token that the new one is derived from.
    subject_token: Option<String>,
    #[schema(schema_with = sets::subject_token_types)]
    subject_token_type: Option<String>,
    /// Token exchange: the token of an actor that will act for the subject. The client if absent.
    actor_token: Option<String>,
    #[schema(schema_with = sets::actor_token_types)]
    actor_token_type: Option<String>,
    #[schema(schema_with = sets::requested_token_types)]
    requested_token_type: Option<String>,
    /// Token exchange: the id or the name of a user to act as, with the permission `IMPERSONATE_USERS`.
    requested_subject: Option<String>,
    /// The `device_code` of the device authorization.
    device_code: Option<String>,
    /// The latest refresh token.
    refresh_token: Option<String>,
}
