//! The one error of the service layer. It knows nothing of HTTP: each door maps it to its protocol's shape.

use std::fmt;

/// The result of everything below the doors.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not happen. Whatever it says is safe to show to the client, except the sources of
/// [`Error::Unavailable`], [`Error::Storage`] and [`Error::Internal`], which go to the log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input breaks rules; each violation names its field.
    #[error("{}", summary(.0))]
    Invalid(Vec<Violation>),
    /// No credential, or one that authenticates nobody.
    #[error("{0}")]
    Unauthenticated(Refusal),
    /// The actor is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// Nothing of this kind has this id.
    #[error("no {kind} has the id `{id}`")]
    NotFound {
        /// What was looked for: `API key`, `persona`.
        kind: &'static str,
        /// The id as the client wrote it.
        id: String,
    },
    /// The state does not allow it: a duplicate, or something that has ended.
    #[error("{0}")]
    Conflict(String),
    /// It is not the edition that the client has seen.
    #[error("it has changed since you read it: read it again")]
    Changed,
    /// The key is bound to addresses, and this is none of them.
    #[error("this API key may not be used from this address")]
    ForeignAddress,
    /// The key's rate limit is used up.
    #[error("the rate limit of this API key is used up, try again in {retry_after} s")]
    RateLimited {
        /// Seconds until the next request is let through.
        retry_after: u64,
    },
    /// Too many wrong passwords came before this attempt to sign in, which was not looked at.
    #[error("too many failed sign-ins, try again in {retry_after} s")]
    SlowedDown {
        /// Seconds until the next attempt is looked at.
        retry_after: u64,
    },
    /// Too much of a costly thing at once; the client may try again.
    #[error("too much at once, try again in a second")]
    Busy,
    /// More is waited for than there are places to wait; the client may try again.
    #[error("too many requests wait already, try again in a second")]
    Overloaded,
    /// It takes longer than it may.
    #[error("the request took too long; it may still have been carried out")]
    TooSlow,
    /// The database cannot be reached; the client may try again.
    #[error("the storage does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database answered nonsense.
    #[error("the storage failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something that cannot happen did.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One broken rule of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The member as the client spells it: `displayName`, `filter.createdAt`.
    pub field: String,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

impl Violation {
    /// A broken rule of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

/// Why a credential was refused. The precise reasons are told only to a client that proved possession of the
/// token: to anybody else an unknown, a malformed and a revoked one look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request has no credential.
    Missing,
    /// The request has more than one credential.
    Ambiguous,
    /// The token is malformed, unknown, revoked, or its secret is wrong.
    Invalid,
    /// The token is genuine and its time is over.
    Expired,
    /// The token is genuine and its principal is disabled.
    Disabled,
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
            Self::WrongPassword => "the user name or the password is wrong",
        })
    }
}

fn summary(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(|each| format!("`{}` {}", each.field, each.message)).collect();
    lines.join("; ")
}
