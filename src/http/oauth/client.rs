//! Client authentication (RFC 6749, section 2.3.1): an API key is the client `apikey-<id>`, and its secret is its token.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::form::Form;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal};
use crate::http::auth::{self, API_KEY, Metering, authenticate, basic};
use crate::http::problem::Failure;
use crate::http::state::State;

/// Authenticates the client of a request by HTTP Basic, or by `client_id` and `client_secret` in the form.
///
/// # Errors
/// [`Failure::Client`] without a client or with a wrong secret; `Failure::Credentials` for two ways at once.
pub async fn required(state: &State, request: &HttpRequest, form: &Form) -> Result<Actor, Failure> {
    optional(state, request, form).await?.ok_or(Failure::Client(Refusal::Missing))
}

/// Like [`required`], if the request has a client secret at all.
///
/// # Errors
/// [`Failure::Client`] for a wrong secret; `Failure::Credentials` for two ways at once.
pub async fn optional(state: &State, request: &HttpRequest, form: &Form) -> Result<Option<Actor>, Failure> {
    let secret = form.optional("client_secret")?;
    let actor = if let Some(credentials) = in_head(request)? {
        if secret.is_some() {
            return Err(Failure::Credentials("the request has more than one credential"));
        }
        let (id, secret) = credentials;
        if form.optional("client_id")?.is_some_and(|named| named != id) {
            return Err(Failure::Client(Refusal::Invalid));
        }
        by_secret(state, request, (&id, &secret), Metering::Counted).await?
    } else if let Some(secret) = secret {
        by_secret(state, request, (&form.required("client_id")?, &secret), Metering::Counted).await?
    } else {
        return Ok(None);
    };
    auth::mark_authenticated(&actor, request);
    Ok(Some(actor.requesting(auth::request(request))))
}

/// The client id and the secret in `Authorization: Basic`, if there is such a header.
///
/// RFC 6749 requires form encoding of both, which many clients omit. Decoding is safe in both cases, because ids and
/// tokens contain no characters that it changes.
///
/// # Errors
/// `Failure::Credentials` for more than one credential, [`Failure::Client`] for a malformed one.
pub fn in_head(request: &HttpRequest) -> Result<Option<(String, String)>, Failure> {
    let Some((_, credentials)) = basic(request) else { return Ok(None) };
    let headers = request.headers();
    if headers.get_all(AUTHORIZATION).count() > 1 || headers.contains_key(API_KEY) {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    let decoded = |text: &str| {
        form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    let (id, secret) = credentials.ok_or(Failure::Client(Refusal::Invalid))?;
    Ok(Some((decoded(&id), decoded(&secret))))
}

/// Authenticates an API key by its client id and its token.
///
/// # Errors
/// [`Failure::Client`] when the token is refused or is another client's.
pub async fn by_secret(
    state: &State,
    request: &HttpRequest,
    (id, secret): (&str, &str),
    metering: Metering,
) -> Result<Actor, Failure> {
    let actor = authenticate(state, secret, request, metering).await.map_err(|error| match error {
        Error::Unauthenticated(refusal) => Failure::Client(refusal),
        other => Failure::or_unavailable(other),
    })?;
    if actor.client_id().is_none_or(|own| own.to_string() != id) {
        return Err(Failure::Client(Refusal::Invalid));
    }
    Ok(actor)
}
