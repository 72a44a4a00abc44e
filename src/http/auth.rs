//! Extracts and checks the credential of a request.

use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use super::dpop::{self, BoundToken};
use super::problem::Failure;
use super::request_id::Numbered;
use super::valid::Params;
use crate::domain::actor::{Actor, Request};
use crate::domain::base64;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Refusal};
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::Thumbprint;
use crate::domain::party::Party;
use crate::http::state::State;
use crate::service::authn::sign_ins::Origin;

/// `X-API-Key`: the alternative to `Authorization` for clients that need that header for something else.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Whether authenticating counts as a use of the credential and against its rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metering {
    /// Authenticating counts: the first check of a request, before its body is read.
    Counted,
    /// Authenticating does not count: the second check, after the body has arrived.
    Uncounted,
}

/// Authenticates a token that is not in `Authorization`, as in a cookie or a form.
///
/// # Errors
/// Those of [`crate::service::Service::authenticate`]; [`Refusal::Unproved`] for a token that is bound to a key.
pub async fn authenticate(
    state: &State,
    token: &str,
    request: &HttpRequest,
    metering: Metering,
) -> Result<Actor, Error> {
    let presented = Presentation::bearer(token, state.trusted.client_address(request));
    authenticate_presented(state, presented, request, metering).await
}

/// Authenticates the token in `Authorization` or `X-API-Key`, with a proof of its key if it is bound to one.
///
/// # Errors
/// Those of [`bearer`] and of [`authenticate`]; `Failure::Proof`.
pub async fn authenticate_head(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
    let token = bearer(request)?;
    let address = state.trusted.client_address(request);
    let proof_key = if is_dpop(request) { Some(proven_key(state, token, request).await?) } else { None };
    let presented = Presentation { token, address, audience: Audience::Issuer, proof_key };
    Ok(authenticate_presented(state, presented, request, metering).await?)
}

/// Authenticates a token, and stores what is left of its rate limit for the response headers.
///
/// # Errors
/// Those of [`crate::service::Service::authenticate`].
pub async fn authenticate_presented(
    state: &State,
    presented: Presentation<'_>,
    request: &HttpRequest,
    metering: Metering,
) -> Result<Actor, Error> {
    if metering == Metering::Uncounted {
        return state.service.authenticate_uncounted(presented).await;
    }
    let actor = state.service.authenticate(presented).await?;
    if let Some(allowance) = actor.allowance {
        request.extensions_mut().insert(allowance);
    }
    Ok(actor)
}

/// The key of a bound token that the request proves (RFC 9449, section 7). The second check of a request takes the result
/// of the first, because a proof is accepted once.
async fn proven_key(state: &State, token: &str, request: &HttpRequest) -> Result<Thumbprint, Failure> {
    let known = request.extensions().get::<ProvenKey>().copied();
    if let Some(ProvenKey(key)) = known {
        return Ok(key);
    }
    let bound = bound_token(state, token, request).await?;
    dpop::at_own_endpoint(state, request, &bound)?;
    request.extensions_mut().insert(ProvenKey(bound.key));
    Ok(bound.key)
}

/// The token that a request sends with `Authorization: DPoP`.
///
/// # Errors
/// [`Refusal::Unbound`] for a token that is bound to no key; the token's refusal.
pub async fn bound_token<'a>(state: &State, token: &'a str, request: &HttpRequest) -> Result<BoundToken<'a>, Failure> {
    let address = state.trusted.client_address(request);
    let bound = state.service.bound_key(token, address).await.map_err(Failure::or_unavailable)?;
    let (key, holder) = bound.ok_or(Error::Unauthenticated(Refusal::Unbound))?;
    Ok(BoundToken { token, key, party: Party::Actor(holder) })
}

/// In the extensions of a request: the key that it has proven.
#[derive(Clone, Copy)]
struct ProvenKey(Thumbprint);

/// Whether a request sends its token with `Authorization: DPoP`.
#[must_use]
pub fn is_dpop(request: &HttpRequest) -> bool {
    let value = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    value.split_first_chunk::<5>().is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(b"dpop "))
}

/// In the extensions of an authenticated request: the principal of its API key, if it has one.
#[derive(Clone, Copy)]
pub struct Authenticated(pub Option<PrincipalId>);

/// The actor of a request that may change something, in the extensions of the request.
pub struct Asking(pub Actor);

/// Marks a request as authenticated and records the actor's name in its tracing span.
pub fn mark_authenticated(actor: &Actor, request: &HttpRequest) {
    request.extensions_mut().insert(Authenticated(actor.client_id().map(|_| actor.id())));
    tracing::Span::current().record("actor", tracing::field::display(actor.username()));
}

/// The number and the id that the envelope gave the request.
pub fn request(request: &HttpRequest) -> Request {
    request.extensions().get::<Numbered>().map(Numbered::request).unwrap_or_default()
}

/// The client address and the request of a sign-in or a sign-up.
pub fn origin(state: &State, request: &HttpRequest) -> Origin {
    Origin { address: state.trusted.client_address(request), request: self::request(request) }
}

/// The bearer token of a request, from `Authorization` or `X-API-Key`. Two different tokens are refused: a proxy in
/// front might choose the other one.
///
/// # Errors
/// [`Refusal::Missing`], or `Failure::Credentials` for more than one, or for one in the query string.
pub fn bearer(request: &HttpRequest) -> Result<&str, Failure> {
    refuse_token_in(request.query_string())?;
    let authorization = single_value(request, &AUTHORIZATION)?.map(bearer_of).transpose()?;
    let api_key = single_value(request, &API_KEY)?.map(visible).transpose()?;
    match (authorization, api_key) {
        (Some(bearer), Some(key)) if bearer != key => {
            Err(Failure::Credentials("`Authorization` and `X-API-Key` hold different credentials"))
        }
        (Some(bearer), _) | (None, Some(bearer)) => Ok(bearer),
        (None, None) => Err(Error::Unauthenticated(Refusal::Missing).into()),
    }
}

/// HTTP Basic credentials: the raw Base64 text, and the name and secret in it if it can be decoded. `None` for any
/// other scheme.
pub fn basic(request: &HttpRequest) -> Option<(&str, Option<(String, String)>)> {
    let value = request.headers().get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    // Bytes that are not UTF-8 become an empty credential, which matches no client.
    let encoded = std::str::from_utf8(encoded).unwrap_or_default().trim_start();
    let decoded = || {
        let text = String::from_utf8(base64::decode(encoded.trim_end())?).ok()?;
        text.split_once(':').map(owned)
    };
    scheme.eq_ignore_ascii_case(b"basic").then(|| (encoded, decoded()))
}

/// Copies a name and a secret into owned strings.
#[must_use]
pub fn owned((name, secret): (&str, &str)) -> (String, String) {
    (name.to_owned(), secret.to_owned())
}

/// Refuses a token in a query string (RFC 6750, section 2.3), even if a header holds one too.
///
/// # Errors
/// `Failure::Credentials`.
pub fn refuse_token_in(query: &str) -> Result<(), Failure> {
    if Params::parse(query).has("access_token") {
        return Err(Failure::Credentials("a token in the query string ends up in logs: send it in `Authorization`"));
    }
    Ok(())
}

fn single_value<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut values = request.headers().get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    Ok(first)
}

fn bearer_of(value: &HeaderValue) -> Result<&str, Failure> {
    let (scheme, token) = visible(value)?.split_once(' ').unwrap_or_default();
    let token = token.trim_start_matches(' ');
    if token.contains(',') {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    if ["bearer", "dpop"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        Ok(token)
    } else {
        Err(Error::Unauthenticated(Refusal::Missing).into())
    }
}

fn visible(value: &HeaderValue) -> Result<&str, Failure> {
    value.to_str().map_err(|_| Error::Unauthenticated(Refusal::Invalid).into())
}
