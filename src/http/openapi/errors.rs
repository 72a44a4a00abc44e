//! The errors in the document: one component for each status and example, with the bodies that the server really sends.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{IntoResponses, ToSchema};

use super::case::Case;
use super::examples::REQUEST;
use crate::http::problem::{AtlanError, DataHubError, OauthError, PROBLEM_JSON, Problem, Shape};

/// The errors of every operation that requires authentication.
pub struct AnyError;

impl IntoResponses for AnyError {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [400, 401, 500, 503, 504].map(reference).into()
    }
}

/// An error status of an operation.
pub struct Fails<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Fails<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [reference(STATUS)].into()
    }
}

fn reference(status: u16) -> (String, RefOr<Response>) {
    (status.to_string(), Ref::from_response_name(base(status)).into())
}

/// The beginning of a component's name for a status.
fn base(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        412 => "Changed",
        408 => "TooSlow",
        413 => "TooLarge",
        415 => "Encoded",
        429 => "TooManyRequests",
        503 => "Unavailable",
        504 => "Timeout",
        _ => "ServerError",
    }
}

fn about(status: u16) -> &'static str {
    match status {
        400 => "A parameter or the body is invalid; the answer names each violation",
        401 => "The credential is missing or not valid",
        403 => "The actor may not do this, or not from this address",
        404 => "The path or the record does not exist, or the actor may not see it",
        409 => "The state does not allow it",
        412 => "`If-Match` names another edition than the current one",
        408 => "The body arrived too slowly",
        413 => "The body is too large",
        415 => "The body is compressed",
        429 => "Too many requests at once, or the rate limit of the API key is exhausted",
        503 => {
            "The server cannot answer now. This says nothing about any token; a change was made only if it was committed"
        }
        504 => "The answer took too long; the request may still have been carried out",
        _ => "The server failed; its log has the details under the request id",
    }
}

/// The protocol whose error body an operation answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Atlan's, or RFC 9457's.
    Atlan,
    /// DataHub's.
    DataHub,
    /// OAuth's.
    Oauth,
}

/// The name of the component of a case.
pub(super) fn name(body: Body, case: &Case) -> String {
    let family = match body {
        Body::Atlan => "",
        Body::DataHub => "DataHub",
        Body::Oauth => "Oauth",
    };
    format!("{family}{}{}", base(case.status), case.suffix)
}

/// The component of a case.
pub(super) fn response(body: Body, case: &Case) -> Response {
    let content = |schema: &str, shape: Shape| {
        let example = case.failure.as_ref().and_then(|failure| failure.body(shape, REQUEST).ok());
        ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(example).build()
    };
    let header = |description: &str| {
        HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(description)).build()
    };
    let response = ResponseBuilder::new()
        .description(about(case.status))
        .header("X-Request-Id", header("Finds the request in the logs"));
    let json = "application/json";
    let response = match body {
        Body::Atlan => response
            .content(json, content(&AtlanError::name(), Shape::Atlan))
            .content(PROBLEM_JSON, content(&Problem::name(), Shape::Problem)),
        Body::DataHub => response.content(json, content(&DataHubError::name(), Shape::DataHub)),
        Body::Oauth => response.content(json, content(&OauthError::name(), Shape::Oauth)),
    };
    match case.status {
        401 if body == Body::Oauth => {
            response.header("WWW-Authenticate", header("A challenge for each way to authenticate"))
        }
        401 => response.header("WWW-Authenticate", header("The challenge of RFC 6750, section 3")),
        403 | 429 | 503 => response.header("Retry-After", header("Seconds to wait before the next attempt")),
        415 => response.header("Accept-Encoding", header("The encoding that is accepted")),
        _ => response,
    }
    .build()
}
