//! The public base URL of this server.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;

use super::state::State;
use crate::domain::error::Violation;

/// The base URL for pages and OAuth clients, without a slash at its end: `TESSERA_PUBLIC_URL`, or else `https://` and the
/// request's host. A loopback host gets `http://`, unless a trusted proxy says that the request came by HTTPS.
///
/// # Errors
/// When the request names no host.
pub fn base_url(state: &State, request: &HttpRequest) -> Result<String, Violation> {
    let secure = secure_base_url(state, request)?;
    let proxied = request.connection_info().scheme() == "https" && state.trusted.is_peer(request);
    match secure.strip_prefix("https://") {
        Some(host) if state.public_url.is_none() && is_loopback(host) && !proxied => Ok(format!("http://{host}")),
        _ => Ok(secure),
    }
}

/// The base URL with `https://` also for loopback hosts, as `AuthZEN` requires.
///
/// # Errors
/// When the request names no host.
pub fn secure_base_url(state: &State, request: &HttpRequest) -> Result<String, Violation> {
    match &state.public_url {
        Some(url) => Ok(url.clone()),
        None => Ok(format!("https://{}", host(request)?)),
    }
}

/// Whether a client cannot choose by `Host` what this server is called: `TESSERA_PUBLIC_URL` is set, or the host is a loopback one,
/// as which no other server of the network is known.
///
/// # Errors
/// When the request names no host.
pub fn is_certain(state: &State, request: &HttpRequest) -> Result<bool, Violation> {
    Ok(state.public_url.is_some() || is_loopback(host(request)?))
}

/// The host of the request; fails unless it has only characters of host names.
fn host(request: &HttpRequest) -> Result<&str, Violation> {
    let named = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let authority = named.or_else(|| request.uri().authority().map(Authority::as_str));
    let plain = |host: &&str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    authority.filter(plain).ok_or_else(|| Violation::new("Host", "must name a host"))
}

/// Whether a `Host` is `localhost` or a loopback address.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
