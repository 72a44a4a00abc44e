//! DPoP proofs of requests (RFC 9449): the header `DPoP`, and the URL as the client sees it.
//!
//! `domain/dpop.rs` has the rules for a proof, `service/authn/proofs.rs` nonces and the memory of used proofs.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::address::sent_path;
use super::base_url::base_url;
use super::problem::{Failure, Presented};
use super::state::State;
use crate::domain::dpop::{Expected, Refused};
use crate::domain::jwk::Thumbprint;
use crate::domain::party::Party;
use crate::service::authn::proofs::Unaccepted;

/// `DPoP`: the header with the proof.
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// A genuine access token that is bound to a key. It has no `Debug`, so that the token is not logged.
#[derive(Clone, Copy)]
pub struct BoundToken<'a> {
    /// The token.
    pub token: &'a str,
    /// The key: `cnf.jkt`.
    pub key: Thumbprint,
    /// The party that the token authenticates.
    pub party: Party,
}

/// The method and the URL of a request, as the client sees them.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL, with or without its query.
    pub url: String,
}

/// The key that a requested token is to be bound to: that of the proof of a token request; `None` if it has no proof. The
/// client has been authenticated, as `party`.
///
/// # Errors
/// `invalid_dpop_proof`, `use_dpop_nonce`
pub fn at_token_endpoint(state: &State, request: &HttpRequest, party: Party) -> Result<Option<Thumbprint>, Failure> {
    if !request.headers().contains_key(DPOP) {
        return Ok(None);
    }
    let target = own_target(state, request)?;
    accept(state, request, &target, None, party).map(Some)
}

/// Checks the proof of a request to this server with a bound token. Each proof is accepted once, so this is called once
/// for a request.
///
/// # Errors
/// `Failure::Proof`
pub fn at_own_endpoint(state: &State, request: &HttpRequest, bound: &BoundToken<'_>) -> Result<(), Failure> {
    let target = own_target(state, request)?;
    accept(state, request, &target, Some(bound), bound.party).map(drop)
}

/// Checks the proof of a request that a gateway forwards with a bound token. The gateway must tell method and URL:
/// `Original::target`.
///
/// # Errors
/// `Failure::Proof`
pub fn at_gateway(
    state: &State,
    request: &HttpRequest,
    original: Option<Target<'_>>,
    bound: &BoundToken<'_>,
) -> Result<(), Failure> {
    let target = original.ok_or_else(|| {
        let untold = Refused::new("the gateway does not tell method, scheme, host and path of the request");
        Failure::Proof(Presented::WithToken, untold.into())
    })?;
    accept(state, request, &target, Some(bound), bound.party).map(drop)
}

fn own_target<'a>(state: &State, request: &'a HttpRequest) -> Result<Target<'a>, Failure> {
    let url = format!("{}{}", base_url(state, request)?, sent_path(request));
    Ok(Target { method: request.method().as_str(), url })
}

fn accept(
    state: &State,
    request: &HttpRequest,
    target: &Target<'_>,
    bound: Option<&BoundToken<'_>>,
    party: Party,
) -> Result<Thumbprint, Failure> {
    let token = bound.map(|bound| bound.token);
    let presented = if bound.is_some() { Presented::WithToken } else { Presented::AtTokenEndpoint };
    let expected = Expected { method: target.method, url: &target.url, token, now: state.service.clock.now() };
    let accepted = only_proof(request)
        .map_err(Unaccepted::from)
        .and_then(|proof| state.service.accept_proof(proof, &expected, bound.map(|bound| bound.key), party));
    accepted.map_err(|unaccepted| match unaccepted {
        Unaccepted::Refused(refusal) => Failure::Proof(presented, refusal),
        Unaccepted::Failed(error) => error.into(),
    })
}

/// The value of the only header `DPoP`.
fn only_proof(request: &HttpRequest) -> Result<&str, Refused> {
    let mut values = request.headers().get_all(DPOP);
    let proof = values.next().ok_or_else(|| Refused::new("the request has no header `DPoP`"))?;
    if values.next().is_some() {
        return Err(Refused::new("the request has more than one header `DPoP`"));
    }
    proof.to_str().map_err(|_| Refused::new("it is no signed token in the compact form"))
}
