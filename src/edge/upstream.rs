//! Requests of an edge to its upstream, a server.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, Request, Response, Uri};

use super::gateway_request::{GatewayRequest, is_passed_on};
use super::memory::{EdgeAnswer, Sending};
use crate::domain::edge::{EDGE, EDGE_SECRET, KEEP, Keep, LOOK_TIMEOUT};
use crate::domain::nesting::read_json;
use crate::http::gateway::edges::{EdgeLook, EdgeLookRequest, EdgeRequest, RegisteredEdge};
use crate::outbound::{Destinations, EDGE_TIME, Outbound, Unreachable, check};

/// Where edges register.
const EDGES: &str = "/api/service/edges";

// An edge that gave up first would not learn that a look of the server is late.
const _: () = assert!(LOOK_TIMEOUT.as_millis() < EDGE_TIME.as_millis());

/// The server that an edge asks.
#[derive(Clone)]
pub struct Upstream {
    /// For requests of gateways.
    client: Outbound,
    /// For requests of the edge itself, which do not wait for those of gateways.
    own: Outbound,
    /// `https://` and a host, perhaps with a path; without a slash at its end.
    base: String,
    token: String,
}

/// Why a request of the edge itself failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There was no answer.
    #[error("the server does not answer: {0}")]
    Unreachable(#[from] Unreachable),
    /// The request could not be made.
    #[error("the request cannot be made: {0}")]
    Unsendable(#[from] ureq::http::Error),
    /// The server has answered with an error.
    #[error("the server has answered {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// The message of the error.
        message: String,
    },
    /// The answer is not the one of a server.
    #[error("the answer cannot be read")]
    Unreadable,
}

impl Failed {
    /// Whether the edge is not registered any more.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

impl Upstream {
    /// The server at that URL, to which the edge shows that token. One client is for requests of gateways, one for its own.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn new([client, own]: [Outbound; 2], url: &str, token: String) -> Result<Self, String> {
        let base = url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        check(&uri).map_err(|error| error.to_string())?;
        if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must be a URL without a query string and without a user".to_owned());
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token file must hold one token".to_owned());
        }
        Ok(Self { client, own, base, token })
    }

    /// Registers an edge. `replaces`: its former registration.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers what cannot be read.
    pub async fn register(&self, name: &str, replaces: Option<&RegisteredEdge>) -> Result<RegisteredEdge, Failed> {
        let request = EdgeRequest { name: name.to_owned(), replaces: replaces.map(|old| old.id.clone()) };
        read(&self.call(Method::POST, EDGES, replaces, &request).await?)
    }

    /// Waits for a look of the server.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers what cannot be read.
    pub async fn look(&self, own: &RegisteredEdge, request: &EdgeLookRequest) -> Result<EdgeLook, Failed> {
        read(&self.call(Method::POST, &format!("{EDGES}/{}/looks", own.id), Some(own), request).await?)
    }

    /// Removes an edge.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers what cannot be read.
    pub async fn remove(&self, own: &RegisteredEdge) -> Result<(), Failed> {
        self.call(Method::DELETE, &format!("{EDGES}/{}", own.id), Some(own), &()).await.map(drop)
    }

    /// Sends a request of the edge itself, which is about the registration `own`.
    async fn call(
        &self,
        method: Method,
        path: &str,
        own: Option<&RegisteredEdge>,
        body: &impl Serialize,
    ) -> Result<Vec<u8>, Failed> {
        let body = serde_json::to_vec(body).map_err(|_| Failed::Unreadable)?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        if let Some(own) = own {
            request = request.header(EDGE_SECRET, &own.secret);
        }
        let answer = self.own.send(request.body(body)?, Destinations::Anywhere).await?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(answer.into_body());
        }
        let told: serde_json::Value = read_json(answer.body()).unwrap_or_default();
        let message = told["message"].as_str().unwrap_or_default().chars().take(200).collect();
        Err(Failed::Refused { status, message })
    }

    /// Forwards a request of a gateway. Returns the answer, and how long it may be kept.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers what cannot be read.
    pub async fn forward(
        &self,
        gateway_request: &GatewayRequest,
        sending: &Sending,
    ) -> Result<(EdgeAnswer, Option<Keep>), Failed> {
        // Forward authentication is answered alike for every method; the other doors have only this one.
        let method = if gateway_request.is_verification() { Method::GET } else { Method::POST };
        let mut request = Request::builder().method(method).uri(format!("{}{}", self.base, gateway_request.target));
        for (name, value) in &gateway_request.headers {
            request = request.header(name.as_str(), value.as_bytes());
        }
        if let Some(pass) = &sending.pass {
            request = request.header(EDGE, pass);
        }
        let answer = self.client.send(request.body(gateway_request.body.to_vec())?, Destinations::Anywhere).await?;
        read_answer(answer)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failed> {
    read_json(body).map_err(|_| Failed::Unreadable)
}

fn read_answer(answer: Response<Vec<u8>>) -> Result<(EdgeAnswer, Option<Keep>), Failed> {
    let (parts, body) = answer.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16()).map_err(|_| Failed::Unreadable)?;
    let keep = parts.headers.get(KEEP).filter(|_| status == StatusCode::OK);
    let keep = keep.and_then(|value| read_json(value.as_bytes()).ok());
    let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok().filter(is_passed_on)?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let headers = parts.headers.iter().filter_map(header).collect();
    Ok((EdgeAnswer { status, headers, body: Bytes::from(body) }, keep))
}
