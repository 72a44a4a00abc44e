//! Errors in GraphQL answers, with DataHub's codes, types and texts.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, ServerError};
use serde_json::{Value, json};

use crate::domain::error::{Error, Violation};
use crate::http::problem::UNAUTHORIZED;

/// The error of one field.
#[derive(Debug, Clone)]
pub struct FieldError {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    BadRequest,
    Unauthorized,
    NotFound,
    Conflict,
    Unavailable,
    StorageUnavailable,
    Server,
}

impl Kind {
    fn code(self) -> (i32, &'static str) {
        match self {
            Self::BadRequest => (400, "BAD_REQUEST"),
            Self::Unauthorized => (403, "UNAUTHORIZED"),
            Self::NotFound => (404, "NOT_FOUND"),
            Self::Conflict => (409, "CONFLICT"),
            Self::Unavailable | Self::StorageUnavailable => (503, "SERVICE_UNAVAILABLE"),
            Self::Server => (500, "SERVER_ERROR"),
        }
    }
}

impl FieldError {
    /// A server error with DataHub's text for it.
    pub fn server(message: &str) -> Self {
        Self { kind: Kind::Server, message: message.to_owned() }
    }

    /// Replaces the text of an authorization error; other errors stay as they are.
    pub fn refused_as(mut self, message: &str) -> Self {
        if self.kind == Kind::Unauthorized {
            message.clone_into(&mut self.message);
        }
        self
    }

    /// Turns `NotFound` into a server error with that text; other errors stay as they are.
    pub fn missing_as(self, message: &str) -> Self {
        if self.kind == Kind::NotFound { Self::server(message) } else { self }
    }
}

impl From<Error> for FieldError {
    fn from(error: Error) -> Self {
        let (kind, message) = match &error {
            Error::Invalid(violations) => {
                (Kind::BadRequest, violations.iter().map(text).collect::<Vec<_>>().join("; "))
            }
            Error::Unauthenticated(_) | Error::Forbidden(_) | Error::ForeignAddress => {
                (Kind::Unauthorized, UNAUTHORIZED.to_owned())
            }
            Error::PasswordsOff => (Kind::Unauthorized, error.to_string()),
            Error::NotFound { kind: "service account", id } => {
                (Kind::NotFound, format!("Service account not found: urn:li:corpuser:{id}"))
            }
            Error::NotFound { .. } => (Kind::NotFound, error.to_string()),
            Error::Conflict(_) | Error::Changed => (Kind::Conflict, error.to_string()),
            Error::RateLimited { .. }
            | Error::SlowedDown { .. }
            | Error::Busy
            | Error::Overloaded
            | Error::Contended
            | Error::TooSlow => (Kind::Unavailable, error.to_string()),
            Error::Unavailable(_) => (Kind::StorageUnavailable, error.to_string()),
            Error::Storage(source) | Error::Internal(source) => {
                tracing::error!(%source, "{error}");
                (Kind::Server, "An unknown error occurred.".to_owned())
            }
        };
        Self { kind, message }
    }
}

impl From<Violation> for FieldError {
    fn from(violation: Violation) -> Self {
        Error::from(violation).into()
    }
}

/// Prefixes a message with the field, unless it is one of DataHub's whole sentences.
fn text(violation: &Violation) -> String {
    if violation.message.starts_with(char::is_uppercase) {
        return violation.message.clone();
    }
    format!("`{}` {}", violation.field, violation.message)
}

impl From<FieldError> for async_graphql::Error {
    fn from(problem: FieldError) -> Self {
        let (code, kind) = problem.kind.code();
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", code);
        extensions.set("type", kind);
        extensions.set("classification", "DataFetchingException");
        let source = (problem.kind == Kind::StorageUnavailable).then(|| Arc::new(StorageUnavailable) as Arc<_>);
        Self { message: problem.message, source, extensions: Some(extensions) }
    }
}

/// The longest message, in bytes; clipped because messages may quote the request.
pub const MESSAGE: usize = 1024;

/// Marks the error of a field whose storage is unavailable.
struct StorageUnavailable;

/// Whether the storage is unavailable, so that the whole request fails with 503.
pub fn is_away(error: &ServerError) -> bool {
    error.source::<StorageUnavailable>().is_some()
}

/// Whether the actor is not authorized for the field.
pub fn is_refused(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code.is_some_and(|code| *code == async_graphql::Value::from(Kind::Unauthorized.code().0))
}

/// Renders an error as JSON. An error without a classification is the engine's own, about the document, and gets
/// `ValidationError`, by which DataHub's client recognises an unknown field.
pub fn render(error: &ServerError) -> Value {
    let mut error = error.clone();
    if error.message.len() > MESSAGE {
        error.message.truncate(error.message.floor_char_boundary(MESSAGE));
        error.message.push('…');
    }
    let mut rendered = serde_json::to_value(&error).unwrap_or_else(|_| json!({"message": error.message}));
    if rendered["extensions"]["classification"].is_null() {
        rendered["extensions"] = json!({"classification": "ValidationError"});
    }
    rendered
}
