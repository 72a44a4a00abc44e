//! How sessions of users begin, so that a user recognises each of theirs.

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// With the user's password.
    Password,
    /// At an identity provider.
    Provider,
    /// As a bearer token that the user made in another session.
    Token,
    /// As that of a program, by a device authorization that the user approved.
    Program,
    /// As that of an actor that acts as the user.
    Impersonation,
}

impl SessionKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Password, Self::Provider, Self::Token, Self::Program, Self::Impersonation];

    /// The name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "provider",
            Self::Token => "token",
            Self::Program => "program",
            Self::Impersonation => "impersonation",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How, from where and when a session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOrigin {
    /// How it began.
    pub kind: SessionKind,
    /// The address of the client that began it; empty if it is unknown.
    pub address: String,
    /// When it began, in epoch milliseconds: a session that is derived from another has the other's time of sign-in.
    pub began_at: i64,
}
