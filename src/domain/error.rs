//! The error type of the service layer. It is independent of HTTP: each protocol front end maps it to its own format.

use std::fmt;

/// The result type of everything below the protocol front ends.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case failed. Its message is safe to show to clients, except the sources of [`Error::Unavailable`],
/// [`Error::Storage`] and [`Error::Internal`], which are only logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is invalid; each violation names its field.
    #[error("{}", summary(.0))]
    Invalid(Vec<Violation>),
    /// No credential, or an invalid one.
    #[error("{0}")]
    Unauthenticated(Refusal),
    /// The actor is authenticated, but lacks permission.
    #[error("{0}")]
    Forbidden(String),
    /// No record of this kind has this id.
    #[error("no {kind} has the {} `{id}`", identifier_of(kind))]
    NotFound {
        /// The kind of the record: `API key`, `persona`.
        kind: &'static str,
        /// The id as the client wrote it.
        id: String,
    },
    /// The current state does not allow it, as for a duplicate or an expired key.
    #[error("{0}")]
    Conflict(String),
    /// The resource has another edition than the client expects.
    #[error("it has changed since you read it: read it again")]
    Changed,
    /// The API key may not be used from this address.
    #[error("this API key may not be used from this address")]
    ForeignAddress,
    /// The key's rate limit is used up.
    #[error("the rate limit of this API key is used up, try again in {retry_after} s")]
    RateLimited {
        /// Seconds until the next request is allowed.
        retry_after: u64,
    },
    /// Too many failed sign-ins; this attempt was not checked.
    #[error("too many failed sign-ins, try again in {retry_after} s")]
    SlowedDown {
        /// Seconds until the next attempt is checked.
        retry_after: u64,
    },
    /// The operator has turned password sign-in off.
    #[error("passwords are turned off on this server: sign in with a provider, on the page `/login`")]
    PasswordsOff,
    /// Too many costly operations at once; the client may retry.
    #[error("too much at once, try again in a second")]
    Busy,
    /// The queue of waiting requests is full (load shedding); the client may retry.
    #[error("too many requests wait already, try again in a second")]
    Overloaded,
    /// Other requests changed the same data each time that the transaction was tried: it was rolled back; the client may
    /// retry.
    #[error("other requests changed the same data meanwhile, and nothing was written: try again in a second")]
    Contended,
    /// The time limit is exceeded.
    #[error("the request took too long; it may still have been carried out")]
    TooSlow,
    /// The database cannot be reached; the client may retry.
    #[error("the storage does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed or returned invalid data.
    #[error("the storage failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A bug: something happened that should be impossible.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One invalid part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The member as the client spells it: `displayName`, `filter.createdAt`.
    pub field: String,
    /// The error in the field's value, and the allowed values.
    pub message: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

/// Why a credential was refused. The precise reason is given only to a client that proved possession of the token; to
/// others, unknown, malformed and revoked tokens look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request has no credential.
    Missing,
    /// The request has more than one credential.
    Ambiguous,
    /// The token is malformed, unknown, revoked, or its secret is wrong.
    Invalid,
    /// The token is genuine, but expired.
    Expired,
    /// The token is genuine, but its principal is disabled.
    Disabled,
    /// The child's token is genuine, but its parent has lost something that it carries.
    Outgrown,
    /// The child's token is genuine, but for another audience.
    OtherAudience,
    /// The child's token is genuine, but the request does not prove the key that it is bound to.
    Unproved,
    /// The token is sent as a bound token (`DPoP`), and is not bound to a key.
    Unbound,
    /// The user name or the password is wrong.
    WrongPassword,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "a bearer token is required: send `Authorization: Bearer <token>`",
            Self::Ambiguous => "the request has more than one credential",
            Self::Invalid => "the bearer token is malformed, unknown or revoked",
            Self::Expired => "the bearer token has expired",
            Self::Disabled => "the principal of this bearer token is disabled",
            Self::Outgrown => "this token carries a permission, a persona or a tool that its parent no longer has",
            Self::OtherAudience => "this token is for another audience",
            Self::Unproved => "this token is bound to a key: send `Authorization: DPoP <token>` and a `DPoP` proof",
            Self::Unbound => "this token is bound to no key: send `Authorization: Bearer <token>`",
            Self::WrongPassword => "the user name or the password is wrong",
        })
    }
}

/// What identifies a record of this kind in messages: its name or its id.
fn identifier_of(kind: &str) -> &'static str {
    match kind {
        "user" | "service account" => "name",
        _ => "id",
    }
}

fn summary(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(|each| format!("`{}` {}", each.field, each.message)).collect();
    lines.join("; ")
}
