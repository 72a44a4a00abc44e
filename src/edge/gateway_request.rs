//! A request of a gateway: the parts that are forwarded, and the parts that the answer may depend on.

use actix_web::HttpRequest;
use actix_web::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, FORWARDED, HOST, HeaderMap,
    HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use actix_web::web::Bytes;

use super::memory::{Key, Memory};
use crate::domain::edge::KEEP;
use crate::http::address::sent_path;
use crate::http::auth::{API_KEY, is_dpop, refuse_token_in};
use crate::http::gateway::forward_auth::decided_by;
use crate::http::gateway::original::{FORWARDED_HOST, FORWARDED_PROTO, PATH};
use crate::http::request_id::{ATLAN_REQUEST_ID, REQUEST_ID, is_usable};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The headers that decide every answer: the credential, and the addresses.
const OF_ALL: [HeaderName; 4] = [AUTHORIZATION, API_KEY, X_FORWARDED_FOR, FORWARDED];
/// The headers that decide answers with a body, besides.
const OF_BODIES: [HeaderName; 5] = [ACCEPT, CONTENT_TYPE, CONTENT_ENCODING, FORWARDED_PROTO, FORWARDED_HOST];
/// The headers that are forwarded and decide nothing but whether the credential is one of a kind that is not kept.
const OTHERS: [HeaderName; 8] = [
    X_ORIGINAL_METHOD,
    X_ORIGINAL_URI,
    X_FORWARDED_METHOD,
    X_FORWARDED_URI,
    DPOP,
    REQUEST_ID,
    ATLAN_REQUEST_ID,
    USER_AGENT,
];

/// A request of a gateway.
pub struct GatewayRequest {
    /// Path and query, as the gateway sent them.
    pub target: String,
    /// The headers that are forwarded. What a client writes under the names of an edge's own headers is not among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    is_verification: bool,
    /// The requirements that decide the answer, besides headers and body; `None` if the answer must come from the
    /// server.
    decided_by: Option<String>,
}

impl GatewayRequest {
    /// The request to forward, with that body.
    pub fn of(request: &HttpRequest, body: Bytes) -> Self {
        let (path, query) = (sent_path(request), request.query_string());
        let target = if query.is_empty() { path.to_string() } else { format!("{path}?{query}") };
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for name in OF_ALL.iter().chain(&OF_BODIES).chain(&OTHERS) {
            headers.extend(request.headers().get_all(name).map(|value| (name.clone(), value.clone())));
        }
        add_peer(request, &mut headers);
        let is_verification = request.path().starts_with(PATH);
        if is_verification {
            tell_target(request, &target, &mut headers);
        }
        let mut gateway_request = Self { target, headers, body, is_verification, decided_by: None };
        if may_be_kept(request, query) {
            let by = if is_verification { decided_by(&path, query) } else { gateway_request.target.clone() };
            gateway_request.decided_by = Some(by);
        }
        gateway_request
    }

    /// Whether the request is one of forward authentication.
    pub fn is_verification(&self) -> bool {
        self.is_verification
    }

    /// The key under which the answer is kept; `None` if it may not be kept.
    pub fn key(&self, memory: &Memory) -> Option<Key> {
        let decided_by = self.decided_by.as_ref()?;
        let of_bodies = if self.is_verification() { &[][..] } else { &OF_BODIES };
        let deciding = |name: &HeaderName| OF_ALL.contains(name) || of_bodies.contains(name);
        let headers = self.headers.iter().filter(|(name, _)| deciding(name));
        let headers = headers.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        let body = if self.is_verification() { &[][..] } else { &self.body };
        Some(memory.key([decided_by.as_bytes(), body].into_iter().chain(headers)))
    }
}

/// Whether the answer may be kept at all: not for a proof of a key, which is used once, and not for a token in a query
/// string, which the server refuses by the URL that the gateway tells.
fn may_be_kept(request: &HttpRequest, query: &str) -> bool {
    let told = [X_ORIGINAL_URI, X_FORWARDED_URI];
    let told = told.iter().flat_map(|name| request.headers().get_all(name));
    let mut urls = told.map(|value| value.to_str().unwrap_or("?access_token"));
    let is_plain = |url: &str| refuse_token_in(url.split_once('?').map_or("", |(_, query)| query)).is_ok();
    !is_dpop(request) && !request.headers().contains_key(DPOP) && refuse_token_in(query).is_ok() && urls.all(is_plain)
}

/// Adds the peer of the connection to the addresses, as every proxy does. A server believes them if it trusts the edge.
fn add_peer(request: &HttpRequest, headers: &mut Vec<(HeaderName, HeaderValue)>) {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return };
    let is_there = |headers: &[(HeaderName, HeaderValue)], name| headers.iter().any(|(known, _)| *known == name);
    let (custom, standard) = (is_there(headers, X_FORWARDED_FOR), is_there(headers, FORWARDED));
    // After the values of the same name, so that the nearest address is the last one.
    if (custom || !standard)
        && let Ok(value) = HeaderValue::from_str(&peer.to_string())
    {
        headers.push((X_FORWARDED_FOR, value));
    }
    let node = if peer.is_ipv6() { format!("for=\"[{peer}]\"") } else { format!("for={peer}") };
    if standard && let Ok(value) = HeaderValue::from_str(&node) {
        headers.push((FORWARDED, value));
    }
}

/// Tells the client's request in headers where the gateway tells it in the path, as Envoy does: the edge sends another
/// method and another `Host`.
fn tell_target(request: &HttpRequest, target: &str, headers: &mut Vec<(HeaderName, HeaderValue)>) {
    let is_told = headers.iter().any(|(name, _)| *name == X_ORIGINAL_URI || *name == X_FORWARDED_URI);
    let Some(below) = target.strip_prefix(PATH).filter(|below| below.starts_with('/')) else { return };
    if is_told {
        return;
    }
    headers.retain(|(name, _)| *name != FORWARDED_HOST && *name != X_FORWARDED_METHOD);
    let host = request.headers().get(HOST).cloned();
    let told = [
        (X_FORWARDED_METHOD, HeaderValue::from_str(request.method().as_str()).ok()),
        (X_FORWARDED_URI, HeaderValue::from_str(below).ok()),
        (FORWARDED_HOST, host),
    ];
    headers.extend(told.into_iter().filter_map(|(name, value)| Some((name, value?))));
}

/// Whether a header of an answer is passed on to the client.
pub fn is_passed_on(name: &HeaderName) -> bool {
    let own = [CONTENT_LENGTH, TRANSFER_ENCODING, DATE];
    !own.contains(name) && !["connection", "keep-alive", "upgrade", KEEP].contains(&name.as_str())
}

/// The headers of an answer from memory that are of one request only.
pub fn is_of_one_request(name: &HeaderName) -> bool {
    *name == REQUEST_ID || *name == ATLAN_REQUEST_ID
}

/// The request id of a client, if it sends one that may be echoed.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(&REQUEST_ID).or_else(|| headers.get(&ATLAN_REQUEST_ID))?;
    id.to_str().ok().filter(|_| is_usable(id))
}
