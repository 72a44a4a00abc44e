//! Changes: what every committed write leaves behind, for the audit trail and for whoever caches.

use uuid::Uuid;

/// One committed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique; sorts by time.
    pub id: Uuid,
    /// Epoch milliseconds.
    pub changed_at: i64,
    /// The id of the principal who did it.
    pub actor_id: Uuid,
    /// Its user name then.
    pub actor_name: String,
    /// What was done: the name of an [`Action`].
    pub action: String,
    /// What was changed.
    pub subject: Subject,
    /// Its name then.
    pub subject_name: String,
    /// The request that did it; empty for the command line.
    pub request_id: String,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user or a service account: itself, its credentials, permissions or persona links.
    Principal(Uuid),
    /// A persona, and so everybody linked to it.
    Persona(Uuid),
}

impl Subject {
    /// The name of its kind in the database.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Principal(_) => "principal",
            Self::Persona(_) => "persona",
        }
    }

    /// The id of the principal or persona.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Principal(id) | Self::Persona(id) => id,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An API key was created.
    ApiKeyCreated,
    /// The token of an API key whose create request was repeated was replaced.
    ApiKeyTokenReplaced,
    /// An API key was updated.
    ApiKeyUpdated,
    /// An API key was deleted.
    ApiKeyDeleted,
    /// Somebody showed a live token that had leaked, and it was revoked.
    LeakedTokenRevoked,
    /// A persona was created.
    PersonaCreated,
    /// A persona was updated.
    PersonaUpdated,
    /// A persona was deleted.
    PersonaDeleted,
    /// A user was created.
    UserCreated,
    /// A user was given another role, or was enabled or disabled.
    UserUpdated,
    /// A user was given another password, which ended their sessions.
    UserPasswordSet,
    /// A user was deleted.
    UserDeleted,
    /// A user signed in.
    SessionCreated,
    /// A user signed out.
    SessionEnded,
}

impl Action {
    /// The name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKeyCreated => "apikey.created",
            Self::ApiKeyTokenReplaced => "apikey.token_replaced",
            Self::ApiKeyUpdated => "apikey.updated",
            Self::ApiKeyDeleted => "apikey.deleted",
            Self::LeakedTokenRevoked => "token.leaked_revoked",
            Self::PersonaCreated => "persona.created",
            Self::PersonaUpdated => "persona.updated",
            Self::PersonaDeleted => "persona.deleted",
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserPasswordSet => "user.password_set",
            Self::UserDeleted => "user.deleted",
            Self::SessionCreated => "session.created",
            Self::SessionEnded => "session.ended",
        }
    }
}
