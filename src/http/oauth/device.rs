//! `/oauth/device_authorization`, and the device grant at `/oauth/token`: RFC 8628.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::OauthSettings;
use super::answer::{granted_response, token_response};
use super::form::Form;
use super::wanted::{asked_of_user, oauth, refused};
use crate::clock::SECOND;
use crate::domain::child::ChildScope;
use crate::domain::refresh::is_asked_for;
use crate::http::auth::origin;
use crate::http::base_url::base_url;
use crate::http::dpop;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::device_sign_in::{self, Begun, Issue, Polled};
use crate::service::children::Wanted;

/// The `grant_type` of the device grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Create a device authorization
///
/// RFC 8628, section 3.1: for programs on machines without a browser. The program shows `user_code` and
/// `verification_uri` to a user, and polls `/oauth/token` with `device_code` until the user has decided. It gets a session,
/// which has the permissions of its user; or, with the scope `offline_access`, a child of a session and a refresh token. `openid`,
/// `profile` and `email` carry nothing; other scopes, and a `resource` that is not this server, are refused.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_device_authorization",
    security(()),
    request_body(content = DeviceAuthorizationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The codes, and where the user types theirs", body = DeviceAuthorized),
        Fails<429>,
    ),
)]
#[post("/oauth/device_authorization")]
pub async fn authorize(
    state: web::Data<State>,
    settings: web::Data<OauthSettings>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let form = Form::read(&state, &request, payload.into_inner()).await?;
    let client = form.public_client(&settings, &request)?;
    let verification_uri = format!("{}/device", base_url(&state, &request)?);
    let offline = form.optional("scope")?.is_some_and(|scope| is_asked_for(&scope));
    let wanted = asked_of_user(&state, &request, &form, client.clone())?;
    if offline {
        fits_approval(&form, &wanted)?;
    } else {
        fits_session(&form, &wanted)?;
    }
    let begun = device_sign_in::begin(&state.service, client, offline, origin(&state, &request)).await;
    let Begun { device_code, user_code, lifetime, interval } = begun.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().json(DeviceAuthorized {
        device_code: device_code.expose(),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        user_code: user_code.to_string(),
        verification_uri,
        expires_in: lifetime / SECOND,
        interval: interval / SECOND,
    }))
}

/// Answers a poll of the device grant at the token endpoint.
///
/// # Errors
/// Those of RFC 8628, section 3.5.
pub(super) async fn redeem(
    state: &State,
    settings: &OauthSettings,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, Failure> {
    let client = form.public_client(settings, request)?;
    let device_code = form.required("device_code")?;
    let wanted = asked_of_user(state, request, form, client)?;
    let asked = wanted.clone();
    let prove = |party, issue| {
        if issue == Issue::Session {
            fits_session(form, &asked)?;
        }
        dpop::at_token_endpoint(state, request, party)
    };
    let polled = device_sign_in::poll(&state.service, &device_code, wanted, origin(state, request), prove).await;
    let (error, message) = match polled.map_err(Failure::or_unavailable)? {
        Polled::Session(session, permissions) => return Ok(token_response(state, session, permissions)),
        Polled::Granted(granted) => return Ok(granted_response(state, *granted)),
        Polled::Refused(failure) => return Err(failure),
        Polled::NotMinted(reason) => return Err(refused(reason)),
        Polled::Unbindable => {
            let message = "a session is bound to no key: leave the header `DPoP` out, and exchange the session for a token that is \
                           bound; or ask for the scope `offline_access` at the device authorization endpoint";
            return Err(oauth("invalid_request", message));
        }
        Polled::Pending => ("authorization_pending", "not decided yet: poll again after the interval"),
        Polled::TooSoon => ("slow_down", "poll less often: wait five seconds longer from now on"),
        Polled::Denied => ("access_denied", "the request was denied, or the session that approved it has ended"),
        Polled::Expired => ("expired_token", "`device_code` has expired: request another one"),
        Polled::Unknown => ("invalid_grant", "`device_code` was not issued to this client, or has been used"),
    };
    Err(Failure::Oauth(error, message.to_owned()))
}

/// Parameters that say how a child is made.
const OF_CHILDREN: [&str; 3] = ["lifetime", "token_format", "requested_token_type"];

/// Checks that a request asks for nothing that a session cannot be: it carries everything that its user may do, at this server.
fn fits_session(form: &Form, wanted: &Wanted) -> Result<(), Failure> {
    const ADVICE: &str =
        "ask for the scope `offline_access` at the device authorization endpoint, or exchange the session";
    if wanted.audience.is_some() {
        return Err(oauth("invalid_target", format!("a session is for this server alone: {ADVICE}")));
    }
    if narrows(wanted) {
        return Err(oauth("invalid_scope", format!("a session carries everything that its user may do: {ADVICE}")));
    }
    absent(form, "of a session cannot be chosen")
}

/// Checks that a request asks for nothing that is not kept with a device authorization: the user approves everything for this
/// server, and the token request says which part of it the token carries.
fn fits_approval(form: &Form, wanted: &Wanted) -> Result<(), Failure> {
    if wanted.audience.as_ref().is_some_and(|audience| *audience != wanted.issuer) {
        return Err(oauth("invalid_target", format!("no audiences are registered for `{}`", wanted.client)));
    }
    if narrows(wanted) {
        return Err(oauth(
            "invalid_scope",
            "the user approves everything: send a smaller `scope` to the token endpoint",
        ));
    }
    absent(form, "is sent to the token endpoint")
}

/// Whether the scope names anything that a token can carry.
fn narrows(wanted: &Wanted) -> bool {
    wanted.scope.as_ref().is_some_and(|scope| *scope != ChildScope::default())
}

fn absent(form: &Form, why: &str) -> Result<(), Failure> {
    for name in OF_CHILDREN {
        if form.optional(name)?.is_some() {
            return Err(oauth("invalid_request", format!("`{name}` {why}")));
        }
    }
    Ok(())
}

/// A request for a device authorization.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct DeviceAuthorizationForm {
    /// `tessera-cli`, or a client id of `TESSERA_DEVICE_CLIENTS`.
    client_id: String,
    /// Names separated by spaces; `offline_access` asks for a refresh token. `openid`, `profile` and `email` carry nothing, others
    /// are refused.
    scope: Option<String>,
    /// For whom the token is (RFC 8707): only this server, and only with `offline_access`.
    resource: Option<String>,
}

/// A device authorization (RFC 8628, section 3.2).
#[derive(Serialize, ToSchema)]
struct DeviceAuthorized {
    /// The secret for fetching the session.
    device_code: String,
    /// The code that the user types.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// The page where the user types it.
    #[schema(example = "https://tessera.example.org/device")]
    verification_uri: String,
    /// The page with the code filled in.
    verification_uri_complete: String,
    /// Lifetime of both codes, in seconds.
    expires_in: i64,
    /// Minimum time between two polls, in seconds.
    interval: i64,
}
