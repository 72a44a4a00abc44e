//! Client authentication (RFC 6749, section 2.3): an API key is the client `apikey-<id>`. Its secret is its token, or it
//! signs assertions with a key that it has registered.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::client_assertion::{self, ASSERTION_TYPE, NotAsserted};
use super::form::Form;
use super::wanted::oauth;
use crate::domain::actor::Actor;
use crate::domain::child::Purpose;
use crate::domain::error::{Error, Refusal};
use crate::domain::network::Network;
use crate::http::auth::{self, API_KEY, Metering, authenticate, basic};
use crate::http::base_url::{base_url, is_certain};
use crate::http::problem::Failure;
use crate::http::state::State;

/// Authenticates the client of a request by HTTP Basic, by `client_id` and `client_secret` in the form, or by a signed
/// `client_assertion`.
///
/// # Errors
/// `Failure::Client` without a client or with a wrong secret; `Failure::Credentials` for two ways at once.
pub async fn required(state: &State, request: &HttpRequest, form: &Form) -> Result<Actor, Failure> {
    optional(state, request, form).await?.ok_or(Failure::Client(Refusal::Missing))
}

/// Authenticates the client if the request has a secret or an assertion; `None` otherwise.
///
/// # Errors
/// `Failure::Client` for a wrong secret; `Failure::Credentials` for two ways at once.
pub async fn optional(state: &State, request: &HttpRequest, form: &Form) -> Result<Option<Actor>, Failure> {
    let secret = form.optional("client_secret")?;
    let assertion = form.optional("client_assertion")?;
    if assertion.is_some() && (secret.is_some() || request.headers().contains_key(AUTHORIZATION)) {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    let actor = if let Some(assertion) = assertion {
        by_assertion(state, request, form, &assertion).await?
    } else if let Some(credentials) = in_head(request)? {
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

/// Authenticates an API key by an assertion that is signed with its registered key (RFC 7523).
async fn by_assertion(state: &State, request: &HttpRequest, form: &Form, assertion: &str) -> Result<Actor, Failure> {
    if form.required("client_assertion_type")? != ASSERTION_TYPE {
        return Err(oauth("invalid_request", format!("`client_assertion_type` must be `{ASSERTION_TYPE}`")));
    }
    if !is_certain(state, request)? {
        let message = "client assertions are accepted once TESSERA_PUBLIC_URL is set: without it, one for another server would be";
        return Err(Failure::ClientRefused(message.to_owned()));
    }
    let issuer = base_url(state, request)?;
    let (token_endpoint, endpoint) = (format!("{issuer}/oauth/token"), format!("{issuer}{}", request.path()));
    let address = state.trusted.client_address(request);
    let network = Network::of(address);
    let audiences = [issuer.as_str(), &token_endpoint, &endpoint];
    let signer = client_assertion::authenticate(&state.service, assertion, &audiences, network).await;
    let (key, warrant) = signer.map_err(|wrong| match wrong {
        NotAsserted::Stranger | NotAsserted::Rejected(_) => Failure::ClientRefused(wrong.to_string()),
        NotAsserted::Failed(error) => Failure::or_unavailable(error),
    })?;
    let actor = state.service.authenticate_key(key, warrant, address).await.map_err(client_error)?;
    if form.optional("client_id")?.is_some_and(|named| actor.client_id().is_none_or(|own| !own.is(&named))) {
        return Err(Failure::Client(Refusal::Invalid));
    }
    Ok(actor)
}

/// The failure of a client that is refused. RFC 6749, section 5.2, knows no other status for it than 401, so a foreign address is
/// told by that, too.
fn client_error(error: Error) -> Failure {
    match error {
        Error::Unauthenticated(refusal) => Failure::Client(refusal),
        Error::ForeignAddress => Failure::ClientRefused(error.to_string()),
        other => Failure::or_unavailable(other),
    }
}

/// The client id and the secret in `Authorization: Basic`, if there is such a header.
///
/// RFC 6749 requires form encoding of both, which many clients omit. Decoding is safe in both cases, because ids and
/// tokens contain no characters that it changes.
///
/// # Errors
/// `Failure::Credentials` for more than one credential, `Failure::Client` for a malformed one.
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

/// Authenticates an API key by its client id and its token, or a short-lived secret beside it.
///
/// # Errors
/// `Failure::Client` when the token is refused or is another client's.
pub async fn by_secret(
    state: &State,
    request: &HttpRequest,
    (id, secret): (&str, &str),
    metering: Metering,
) -> Result<Actor, Failure> {
    let actor = authenticate(state, secret, request, metering).await.map_err(client_error)?;
    // Other children are no secrets of a client: they are exchanged.
    let is_other_child = actor.child.as_ref().is_some_and(|child| child.purpose != Purpose::ClientSecret);
    if is_other_child || actor.client_id().is_none_or(|own| !own.is(id)) {
        return Err(Failure::Client(Refusal::Invalid));
    }
    Ok(actor)
}
