//! How the OpenAPI document describes errors: one component per status, with examples rendered by the real error code.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{IntoResponses, ToSchema};

use super::examples::REQUEST;
use crate::domain::error::{Error, Refusal, Violation};
use crate::http::problem::{AtlanError, DataHubError, Failure, PROBLEM_JSON, Problem, Shape};

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
        let mut responses: BTreeMap<_, _> = [reference(STATUS)].into();
        if STATUS == 413 {
            // An operation with a body can also time out while reading it.
            responses.extend([reference(408)]);
        }
        responses
    }
}

/// An error status of an operation at DataHub's paths, with DataHub's error body.
pub struct DataHubFails<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for DataHubFails<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let description = match STATUS {
            400 => "The request is invalid; `message` says why",
            401 => "No credential, or a bad one",
            403 => "Not permitted",
            404 => "Not found, or not visible to the actor",
            _ => "Too many requests of the actor are waiting",
        };
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(DataHubError::name()))).build();
        let response = ResponseBuilder::new().description(description).content("application/json", body).build();
        [(STATUS.to_string(), response.into())].into()
    }
}

fn reference(status: u16) -> (String, RefOr<Response>) {
    (status.to_string(), Ref::from_response_name(name(status)).into())
}

const fn name(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        412 => "Changed",
        408 => "TooSlow",
        413 => "TooLarge",
        429 => "TooManyRequests",
        503 => "Unavailable",
        504 => "Timeout",
        _ => "ServerError",
    }
}

/// The response components that operations refer to.
pub(super) fn components() -> impl Iterator<Item = (String, Response)> {
    let missing = Error::NotFound { kind: "API key", id: "01a205f3-fb6b-777b-b71f-c9b5970ce30f".to_owned() };
    let forbidden =
        "`service-account-apikey-01a205f3-fb6b-777b-b71f-c9b5970ce30f` lacks the permission `MANAGE_APIKEYS`";
    let nameless = Violation::new("displayName", "must not be blank");
    [
        (400, "A parameter or the body breaks a rule; `causes` names each", nameless.into()),
        (401, "The bearer token is missing or invalid", Error::Unauthenticated(Refusal::Invalid).into()),
        (403, "The actor may not do this", Error::Forbidden(forbidden.to_owned()).into()),
        (404, "Not found, or not visible to the actor", missing.into()),
        (
            409,
            "The request conflicts with the current state",
            Error::Conflict("a persona with the name `Data engineers` exists".to_owned()).into(),
        ),
        (412, "`If-Match` names another edition than the current one", Error::Changed.into()),
        (408, "The body arrived too slowly", Failure::Slow),
        (413, "The body is too large", Failure::TooLarge(262_144)),
        (429, "Too many requests", Error::Busy.into()),
        (500, "The server failed; the log says more under the same request id", Failure::Panic),
        (
            503,
            "The server cannot answer now: the token may be valid, and no change was made unless it was committed",
            Failure::Unavailable("not shown".into()),
        ),
        (504, "The time limit passed; the request may still have been carried out", Failure::Timeout),
    ]
    .into_iter()
    .map(|(status, description, example): (u16, &str, Failure)| {
        (name(status).to_owned(), response(status, description, &example))
    })
}

fn response(status: u16, description: &str, example: &Failure) -> Response {
    let body = |schema: &str, shape: Shape| {
        let example = example.body(shape, REQUEST).ok();
        ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(example).build()
    };
    let header = |description: &str| {
        HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(description)).build()
    };
    let response = ResponseBuilder::new()
        .description(description)
        .header("X-Request-Id", header("Identifies the request in the logs"))
        .content("application/json", body(&AtlanError::name(), Shape::Atlan))
        .content(PROBLEM_JSON, body(&Problem::name(), Shape::Problem));
    match status {
        401 => response.header("WWW-Authenticate", header("The challenge of RFC 6750, section 3")),
        403 | 429 | 503 => response.header("Retry-After", header("Seconds to wait before the next attempt")),
        _ => response,
    }
    .build()
}
