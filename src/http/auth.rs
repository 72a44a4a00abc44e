//! The credential of a request. An [`Actor`] among a handler's arguments means: only the
//! authenticated. A handler that also takes a body takes both as `Asked`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::asked::{Bearer, Identify, state};
use super::problem::Failure;
use super::request_id::RequestId;
use super::valid::Params;
use crate::app::State;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal};
use crate::service::authn::sign_ins::Origin;

/// Where programs put a key when `Authorization` is taken.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl FromRequest for Actor {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = state(&request)?;
            let actor = Bearer::identify(&state, &request, Look::First).await?.requesting(request_id(&request));
            tracing::Span::current().record("actor", tracing::field::display(actor.username()));
            Ok(actor)
        })
    }
}

/// When in a request its credential is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Before anything else: a use of the credential, which is counted.
    First,
    /// When the body has arrived: the same use.
    Again,
}

/// The actor of a bearer token; what is left of its rate limit goes with the answer.
///
/// # Errors
/// Those of [`crate::service::Service::authenticate`].
pub async fn authenticate(state: &State, bearer: &str, request: &HttpRequest, look: Look) -> Result<Actor, Error> {
    let address = state.trusted.client_address(request);
    if look == Look::Again {
        return state.service.authenticate_again(bearer, address).await;
    }
    let actor = state.service.authenticate(bearer, address).await?;
    if let Some(allowance) = actor.allowance {
        request.extensions_mut().insert(allowance);
    }
    Ok(actor)
}

/// The id of the request, as the envelope determined it.
pub fn request_id(request: &HttpRequest) -> Arc<str> {
    request.extensions().get::<RequestId>().map_or_else(Arc::default, RequestId::text)
}

/// Whence somebody signs in or signs up.
pub fn origin(state: &State, request: &HttpRequest) -> Origin {
    Origin { address: state.trusted.client_address(request), request_id: request_id(request) }
}

/// The one bearer token of a request. Two different ones are refused: no two layers shall disagree on which counts.
///
/// # Errors
/// [`Refusal::Missing`], or `Failure::Credentials` for more than one, or for one in the query string.
pub fn bearer(request: &HttpRequest) -> Result<&str, Failure> {
    refuse_token_in(request.query_string())?;
    let authorization = only(request, &AUTHORIZATION)?.map(bearer_of).transpose()?;
    let api_key = only(request, &API_KEY)?.map(visible).transpose()?;
    match (authorization, api_key) {
        (Some(bearer), Some(key)) if bearer != key => {
            Err(Failure::Credentials("`Authorization` and `X-API-Key` hold different credentials"))
        }
        (Some(bearer), _) | (None, Some(bearer)) => Ok(bearer),
        (None, None) => Err(Error::Unauthenticated(Refusal::Missing).into()),
    }
}

/// Refuses a token in a query string (RFC 6750, section 2.3), wherever else there is one.
///
/// # Errors
/// `Failure::Credentials`.
pub fn refuse_token_in(query: &str) -> Result<(), Failure> {
    if Params::parse(query).has("access_token") {
        return Err(Failure::Credentials("a token in the query string ends up in logs: send it in `Authorization`"));
    }
    Ok(())
}

fn only<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut values = request.headers().get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    Ok(first)
}

fn bearer_of(value: &HeaderValue) -> Result<&str, Failure> {
    let (scheme, token) = visible(value)?.split_once(' ').unwrap_or_default();
    if token.contains(',') {
        return Err(Failure::Credentials("the request has more than one credential"));
    }
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(Error::Unauthenticated(Refusal::Missing).into()) }
}

fn visible(value: &HeaderValue) -> Result<&str, Failure> {
    value.to_str().map_err(|_| Error::Unauthenticated(Refusal::Invalid).into())
}
