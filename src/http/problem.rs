//! Error responses: Atlan's body by default, RFC 9457 for `Accept: application/problem+json`, DataHub's and OAuth's at
//! their paths.
//!
//! Atlan's body has exactly the members and types that all of Atlan's SDKs parse; an unknown member would break the
//! Java SDK.

mod bodies;
mod datahub;
mod proof;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use self::bodies::{AtlanCause, ProblemError};
pub use self::bodies::{AtlanError, OauthError, Problem, answers_as_oauth};
pub use self::datahub::{DataHubError, UNAUTHORIZED};
pub use self::proof::Presented;
use crate::domain::error::{Error, Refusal, Violation};
use crate::domain::nesting::{DuplicateMember, LimitExceeded};
use crate::service::authn::proofs::ProofRefusal;

/// Why a request is answered with an error.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An error of the service.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The body does not fit the endpoint.
    #[error("{0}")]
    Body(String),
    /// The request has more than one credential, or one in the query string.
    #[error("{0}")]
    Credentials(&'static str),
    /// There is no entity with this GUID. The message is Atlas's.
    #[error("Given instance guid {0} is invalid/not found")]
    NoInstance(String),
    /// There is no entity of this type with this qualified name. The message is Atlas's.
    #[error("Instance {type_name} with unique attribute {{qualifiedName={name}}} does not exist")]
    NoNamedInstance {
        /// The type.
        type_name: String,
        /// The qualified name.
        name: String,
    },
    /// There is no endpoint at this path.
    #[error("there is no such endpoint")]
    NoEndpoint,
    /// The endpoint exists, but for other methods (given here).
    #[error("this endpoint answers {0} only")]
    Method(String),
    /// The body is compressed: its size would be known only after too much of it was decompressed.
    #[error("a body is taken without `Content-Encoding` only, so not compressed")]
    Encoded,
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body arrived too slowly.
    #[error("the body arrived too slowly")]
    Slow,
    /// The memory for request bodies is used up.
    #[error("too many bodies are being read, try again in a second")]
    Overloaded,
    /// The storage did not answer, at a gateway endpoint: 503 instead of 500.
    #[error("the storage does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `/readyz`: requests cannot be served, for that reason.
    #[error("not ready: {0}")]
    NotReady(&'static str),
    /// The time limit passed. The request may still have been carried out.
    #[error("the request took too long; it may still have been carried out")]
    Timeout,
    /// A handler panicked.
    #[error("internal error")]
    Panic,
    /// An error with DataHub's status and message.
    #[error("{1}")]
    DataHub(StatusCode, String),
    /// An OAuth client failed to authenticate (RFC 6749, section 5.2).
    #[error("the client is not authenticated: {}", of_client(*.0))]
    Client(Refusal),
    /// There is no credential where a client or the holder of a token is asked for (RFC 7662, section 2.1).
    #[error("the client is not authenticated: {}, or a bearer token", of_client(Refusal::Missing))]
    ClientOrHolder,
    /// An OAuth client is not accepted, for that reason (RFC 6749, section 5.2).
    #[error("{0}")]
    ClientRefused(String),
    /// The keys of the issuer of an ID token cannot be fetched: not an error of the grant (RFC 6749, section 5.2), which would be
    /// final.
    #[error("the keys of the issuer of this token cannot be fetched: try again")]
    NoIssuer,
    /// An OAuth error code with its description (RFC 6749, section 5.2; RFC 8628, section 3.5).
    #[error("{1}")]
    Oauth(&'static str, String),
    /// A DPoP proof is refused (RFC 9449).
    #[error("{1}")]
    Proof(Presented, ProofRefusal),
    /// The framework refused the request.
    #[error("the request was refused")]
    Framework(StatusCode),
}

/// The challenge for OAuth clients.
const OF_CLIENTS: &str = r#"Basic realm="tessera", charset="UTF-8""#;

impl From<LimitExceeded> for Failure {
    fn from(excess: LimitExceeded) -> Self {
        Self::Body(format!("the body {excess}"))
    }
}

impl From<DuplicateMember> for Failure {
    fn from(twice: DuplicateMember) -> Self {
        Self::Body(format!("the body {twice}"))
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Domain(violation.into())
    }
}

impl Failure {
    /// Turns storage errors and timeouts into 503 at gateway endpoints, so that an outage never looks like a verdict on
    /// the token.
    #[must_use]
    pub fn or_unavailable(error: Error) -> Self {
        match error {
            Error::Storage(source) => Self::Unavailable(source),
            error @ Error::TooSlow => Self::Unavailable(error.into()),
            other => other.into(),
        }
    }

    /// Like [`Failure::or_unavailable`], of a failure.
    #[must_use]
    pub fn unavailable(self) -> Self {
        match self {
            Self::Domain(error) => Self::or_unavailable(error),
            other => other,
        }
    }

    /// The status and the stable code of each failure.
    pub(super) fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Domain(Error::Invalid(_)) => (StatusCode::BAD_REQUEST, "TESSERA-400-001"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "TESSERA-400-002"),
            Self::Credentials(_) => (StatusCode::BAD_REQUEST, "TESSERA-400-003"),
            Self::Domain(Error::Unauthenticated(refusal)) | Self::Client(refusal) => (
                StatusCode::UNAUTHORIZED,
                match refusal {
                    Refusal::Missing => "TESSERA-401-001",
                    Refusal::Invalid => "TESSERA-401-002",
                    Refusal::Expired => "TESSERA-401-003",
                    Refusal::Disabled => "TESSERA-401-004",
                    Refusal::WrongPassword => "TESSERA-401-005",
                    Refusal::Ambiguous => "TESSERA-401-006",
                    Refusal::Outgrown => "TESSERA-401-007",
                    Refusal::OtherAudience => "TESSERA-401-008",
                    Refusal::Unproved | Refusal::Unbound => "TESSERA-401-009",
                },
            ),
            Self::ClientOrHolder => (StatusCode::UNAUTHORIZED, "TESSERA-401-001"),
            Self::ClientRefused(_) => (StatusCode::UNAUTHORIZED, "TESSERA-401-002"),
            Self::Domain(Error::Forbidden(_)) => (StatusCode::FORBIDDEN, "TESSERA-403-001"),
            Self::Domain(Error::ForeignAddress) => (StatusCode::FORBIDDEN, "TESSERA-403-002"),
            Self::Domain(Error::PasswordsOff) => (StatusCode::FORBIDDEN, "TESSERA-403-003"),
            Self::Domain(Error::NotFound { .. }) => (StatusCode::NOT_FOUND, "TESSERA-404-001"),
            // Atlas's own codes, which its clients check.
            Self::NoInstance(_) => (StatusCode::NOT_FOUND, "ATLAS-404-00-005"),
            Self::NoNamedInstance { .. } => (StatusCode::NOT_FOUND, "ATLAS-404-00-009"),
            Self::NoEndpoint => (StatusCode::NOT_FOUND, "TESSERA-404-002"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "TESSERA-405-001"),
            Self::Domain(Error::Conflict(_)) => (StatusCode::CONFLICT, "TESSERA-409-001"),
            Self::Domain(Error::Changed) => (StatusCode::PRECONDITION_FAILED, "TESSERA-412-001"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "TESSERA-408-001"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "TESSERA-413-001"),
            Self::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "TESSERA-415-001"),
            Self::Domain(Error::RateLimited { .. }) => (StatusCode::TOO_MANY_REQUESTS, "TESSERA-429-002"),
            Self::Domain(Error::Busy) => (StatusCode::TOO_MANY_REQUESTS, "TESSERA-429-001"),
            Self::Domain(Error::SlowedDown { .. }) => (StatusCode::TOO_MANY_REQUESTS, "TESSERA-429-003"),
            // 500, not 503: pyatlan takes a 503 for success.
            Self::Domain(Error::Storage(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "TESSERA-500-002"),
            Self::Domain(Error::Internal(_)) | Self::Panic => (StatusCode::INTERNAL_SERVER_ERROR, "TESSERA-500-001"),
            Self::Unavailable(_) | Self::NotReady(_) | Self::NoIssuer | Self::Domain(Error::Unavailable(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "TESSERA-503-001")
            }
            Self::Overloaded | Self::Domain(Error::Overloaded) => (StatusCode::SERVICE_UNAVAILABLE, "TESSERA-503-002"),
            Self::Domain(Error::Contended) => (StatusCode::SERVICE_UNAVAILABLE, "TESSERA-503-003"),
            Self::Timeout | Self::Domain(Error::TooSlow) => (StatusCode::GATEWAY_TIMEOUT, "TESSERA-504-001"),
            Self::Oauth(..) => (StatusCode::BAD_REQUEST, "TESSERA-400-005"),
            Self::Proof(Presented::AtTokenEndpoint, _) => (StatusCode::BAD_REQUEST, "TESSERA-400-006"),
            Self::Proof(Presented::WithToken, _) => (StatusCode::UNAUTHORIZED, "TESSERA-401-010"),
            Self::Framework(status) | Self::DataHub(status, _) => (*status, "TESSERA-400-004"),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Domain(Error::Invalid(violations)) => violations,
            _ => &[],
        }
    }

    /// Renders the response in the given shape.
    #[must_use]
    pub fn render(&self, shape: Shape, request_id: &str) -> HttpResponse {
        let (status, code) = self.code();
        let mut response = HttpResponse::build(status);
        self.add_headers(&mut response);
        match shape {
            // `/readyz` answers in plain text on success, too.
            _ if matches!(self, Self::NotReady(_)) => response.content_type("text/plain").body(format!("{self}\n")),
            Shape::Atlan => response.json(self.atlan(status, code, request_id)),
            Shape::Problem => {
                let problem = serde_json::to_string(&self.problem(status, code, request_id)).unwrap_or_default();
                response.content_type(PROBLEM_JSON).body(problem)
            }
            Shape::Oauth => response.json(self.oauth(status, code, request_id)),
            Shape::DataHub => response.json(self.datahub(status, request_id)),
        }
    }

    /// The body of the response as JSON, as an example for the OpenAPI document.
    pub(super) fn body(&self, shape: Shape, request_id: &str) -> serde_json::Result<serde_json::Value> {
        let (status, code) = self.code();
        match shape {
            Shape::Atlan => serde_json::to_value(self.atlan(status, code, request_id)),
            Shape::Problem => serde_json::to_value(self.problem(status, code, request_id)),
            Shape::DataHub => serde_json::to_value(self.datahub(status, request_id)),
            Shape::Oauth => serde_json::to_value(self.oauth(status, code, request_id)),
        }
    }

    /// Adds the header fields that belong to the failure.
    pub(super) fn add_headers(&self, response: &mut HttpResponseBuilder) {
        match self {
            Self::Domain(Error::Unauthenticated(refusal)) => {
                response.insert_header((WWW_AUTHENTICATE, challenge(*refusal)));
            }
            Self::Client(_) | Self::ClientRefused(_) => {
                response.insert_header((WWW_AUTHENTICATE, OF_CLIENTS));
            }
            Self::ClientOrHolder => {
                response.insert_header((WWW_AUTHENTICATE, OF_CLIENTS));
                response.append_header((WWW_AUTHENTICATE, challenge(Refusal::Missing)));
            }
            // pyatlan retries a 403 five times with growing pauses; with this header it gives up after five seconds.
            Self::Domain(
                Error::Forbidden(_)
                | Error::ForeignAddress
                | Error::PasswordsOff
                | Error::Busy
                | Error::Overloaded
                | Error::Contended
                | Error::Unavailable(_),
            )
            | Self::Overloaded
            | Self::Unavailable(_)
            | Self::NoIssuer
            | Self::NotReady(_) => {
                response.insert_header((RETRY_AFTER, HeaderValue::from_static("1")));
            }
            Self::Domain(Error::RateLimited { retry_after } | Error::SlowedDown { retry_after }) => {
                response.insert_header((RETRY_AFTER, *retry_after));
            }
            Self::Proof(presented, refusal) => presented.add_headers(refusal, response),
            Self::Encoded => {
                response.insert_header((ACCEPT_ENCODING, HeaderValue::from_static("identity")));
            }
            Self::Method(allowed) => {
                response.insert_header((ALLOW, allowed.as_str()));
            }
            _ => {}
        }
    }

    fn atlan(&self, status: StatusCode, code: &'static str, request_id: &str) -> AtlanError {
        let message = self.to_string();
        let cause = |violation: &Violation| AtlanCause {
            error_type: "VALIDATION",
            error_message: violation.message.clone(),
            location: violation.field.clone(),
        };
        AtlanError {
            error_code: code,
            error_message: message.clone(),
            message,
            code: status.as_u16(),
            status: status.as_str().to_owned(),
            request_id: request_id.to_owned(),
            causes: self.violations().iter().map(cause).collect(),
        }
    }

    /// OAuth's error body, with the codes of RFC 6749, sections 4.1.2.1 and 5.2, and of RFC 6750, section 3.1.
    fn oauth(&self, status: StatusCode, code: &'static str, request_id: &str) -> OauthError {
        let error = match (self, status.as_u16()) {
            (Self::Oauth(error, _), _) => error,
            (Self::Proof(_, refusal), _) => proof::code(refusal),
            (Self::Client(_) | Self::ClientOrHolder | Self::ClientRefused(_), 401) => "invalid_client",
            (_, 401) => "invalid_token",
            (_, 403) => "insufficient_scope",
            (_, 408 | 429 | 503 | 504) => "temporarily_unavailable",
            (_, 400..=499) => "invalid_request",
            _ => "server_error",
        };
        let told = |letter: char| if matches!(letter, ' '..='~') && !"\"\\".contains(letter) { letter } else { '?' };
        let atlan = self.atlan(status, code, request_id);
        OauthError { error, error_description: atlan.message.chars().map(told).collect(), atlan }
    }

    fn datahub(&self, status: StatusCode, request_id: &str) -> DataHubError {
        DataHubError {
            message: datahub::message(self),
            status: status.as_str().to_owned(),
            request_id: request_id.to_owned(),
        }
    }

    fn problem(&self, status: StatusCode, code: &'static str, request_id: &str) -> Problem {
        let error =
            |violation: &Violation| ProblemError { field: violation.field.clone(), message: violation.message.clone() };
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            request_id: request_id.to_owned(),
            errors: self.violations().iter().map(error).collect(),
        }
    }
}

/// Why a client is refused.
fn of_client(refusal: Refusal) -> String {
    match refusal {
        Refusal::Missing => {
            "send its id and secret with HTTP Basic or as `client_id` and `client_secret`, or a `client_assertion`"
                .to_owned()
        }
        Refusal::Invalid => "its id or its secret is wrong, or the secret was revoked".to_owned(),
        other => other.to_string(),
    }
}

/// The `WWW-Authenticate` challenge of RFC 6750, section 3.
fn challenge(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing | Refusal::WrongPassword | Refusal::Ambiguous => r#"Bearer realm="tessera""#,
        Refusal::Invalid | Refusal::Disabled => {
            r#"Bearer realm="tessera", error="invalid_token", error_description="the token is malformed, unknown or revoked""#
        }
        Refusal::Expired => {
            r#"Bearer realm="tessera", error="invalid_token", error_description="the token has expired""#
        }
        Refusal::Outgrown => {
            r#"Bearer realm="tessera", error="invalid_token", error_description="the token carries more than its parent""#
        }
        Refusal::OtherAudience => {
            r#"Bearer realm="tessera", error="invalid_token", error_description="the token is for another audience""#
        }
        Refusal::Unbound => {
            r#"Bearer realm="tessera", error="invalid_token", error_description="the token is bound to no key""#
        }
        Refusal::Unproved => {
            r#"DPoP realm="tessera", error="invalid_token", error_description="the token is bound to a key", algs="ES256 EdDSA Ed25519 RS256 PS256""#
        }
    }
}

/// Lets handlers return a `Failure`. The envelope renders it; actix's rendering is discarded.
impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.code().0
    }
}

/// Marker in the extensions of an error response: its body is complete and must not be replaced.
pub struct Complete;

/// The format of an error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Atlan's.
    Atlan,
    /// RFC 9457's.
    Problem,
    /// DataHub's, at its paths.
    DataHub,
    /// RFC 6749's, at OAuth's paths.
    Oauth,
}

/// The media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";
