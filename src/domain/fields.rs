//! The allow-lists of fields that collections can be filtered and sorted by.

use super::api_key::{ApiKey, Status};
use super::change::{Action, Change, ChangeSubject};
use super::filter::Value::{Instant, Text};
use super::filter::{Described, Direction, Field, Kind, Kind::Exact, filtered, sorted};
use super::persona::Persona;
use super::text::fold;
use super::user::User;

/// The fields that API keys can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyField {
    /// The GUID.
    Id,
    /// `apikey-<id>`; `service-account-apikey-<id>` is accepted too, because some SDKs send it.
    ClientId,
    /// The name.
    DisplayName,
    /// The description.
    Description,
    /// The creator's user name.
    CreatedBy,
    /// When it was created.
    CreatedAt,
    /// When it was last updated.
    UpdatedAt,
    /// When it expires, if ever.
    ExpiresAt,
    /// When it was last used, if ever.
    LastUsedAt,
    /// `active` or `expired`.
    Status,
    /// The qualified name of any persona it is linked to.
    PersonaQualifiedName,
}

impl Field for ApiKeyField {
    type Record = ApiKey;
    const ALL: &'static [Self] = &[
        Self::Id,
        Self::ClientId,
        Self::DisplayName,
        Self::Description,
        Self::CreatedBy,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::ExpiresAt,
        Self::LastUsedAt,
        Self::Status,
        Self::PersonaQualifiedName,
    ];
    const DEFAULT_SORT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);

    fn described(self) -> Described<ApiKey> {
        match self {
            Self::Id => sorted("id", Exact, |key| Text(key.id.to_string())),
            Self::ClientId => filtered("clientId", Exact),
            Self::DisplayName => {
                sorted("displayName", Kind::Text, |key: &ApiKey| Text(fold(&key.display_name))).trimmed()
            }
            Self::Description => filtered("description", Kind::Text),
            Self::CreatedBy => sorted("createdBy", Kind::Text, |key| Text(key.created_by.clone())),
            Self::CreatedAt => sorted("createdAt", Kind::Instant, |key| Instant(key.created_at)),
            Self::UpdatedAt => sorted("updatedAt", Kind::Instant, |key| Instant(key.updated_at)),
            Self::ExpiresAt => sorted("expiresAt", Kind::Instant, |key| Instant(key.expires_at)),
            Self::LastUsedAt => sorted("lastUsedAt", Kind::Instant, |key| Instant(key.last_used_at)),
            Self::Status => filtered("status", Exact).one_of(&Status::NAMES),
            Self::PersonaQualifiedName => filtered("personaQualifiedName", Exact),
        }
    }

    fn id_of(record: &ApiKey) -> String {
        record.id.to_string()
    }
}

/// The fields that personas can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonaField {
    /// The GUID.
    Id,
    /// `default/<22 characters>`.
    QualifiedName,
    /// The unique name.
    Name,
    /// The name for people.
    DisplayName,
    /// When it was created.
    CreatedAt,
}

impl Field for PersonaField {
    type Record = Persona;
    const ALL: &'static [Self] = &[Self::Id, Self::QualifiedName, Self::Name, Self::DisplayName, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);

    fn described(self) -> Described<Persona> {
        match self {
            Self::Id => filtered("id", Exact),
            Self::QualifiedName => filtered("qualifiedName", Exact),
            Self::Name => sorted("name", Kind::Text, |persona: &Persona| Text(persona.name.clone())).trimmed(),
            Self::DisplayName => filtered("displayName", Kind::Text).trimmed(),
            Self::CreatedAt => sorted("createdAt", Kind::Instant, |persona| Instant(persona.created_at)),
        }
    }

    fn id_of(record: &Persona) -> String {
        record.id.to_string()
    }
}

/// The fields that users can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// The GUID.
    Id,
    /// The unique name.
    Username,
    /// The email address, if known.
    Email,
    /// When the user was created.
    CreatedAt,
    /// The name of the role. Internal, not for clients.
    Role,
}

impl Field for UserField {
    type Record = User;
    const ALL: &'static [Self] = &[Self::Id, Self::Username, Self::Email, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::Username, Direction::Ascending);

    fn described(self) -> Described<User> {
        match self {
            Self::Id => filtered("id", Exact),
            Self::Username => sorted("username", Kind::Text, |user| Text(user.principal.username().to_string())),
            Self::Email => filtered("email", Kind::Text),
            Self::CreatedAt => sorted("createdAt", Kind::Instant, |user| Instant(user.principal.created_at)),
            Self::Role => filtered("role", Exact),
        }
    }

    fn id_of(record: &User) -> String {
        record.principal.id.to_string()
    }
}

/// The fields that the audit trail can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeField {
    /// The id of the change.
    Id,
    /// When the change was made.
    ChangedAt,
    /// The id of the actor.
    ActorId,
    /// The user name of the actor.
    Actor,
    /// The action of the change.
    Action,
    /// `principal`, `persona`, `policy`, `asset` or `role`.
    SubjectKind,
    /// The id of the subject.
    SubjectId,
    /// The name of the subject.
    Subject,
    /// The id of the request that made the change.
    RequestId,
}

impl Field for ChangeField {
    type Record = Change;
    const ALL: &'static [Self] = &[
        Self::Id,
        Self::ChangedAt,
        Self::ActorId,
        Self::Actor,
        Self::Action,
        Self::SubjectKind,
        Self::SubjectId,
        Self::Subject,
        Self::RequestId,
    ];
    const DEFAULT_SORT: (Self, Direction) = (Self::ChangedAt, Direction::Descending);

    fn described(self) -> Described<Change> {
        match self {
            Self::Id => filtered("id", Exact),
            Self::ChangedAt => sorted("changedAt", Kind::Instant, |change| Instant(change.changed_at)),
            Self::ActorId => filtered("actorId", Exact),
            Self::Actor => filtered("actor", Kind::Text),
            Self::Action => filtered("action", Kind::Text).one_of(&Action::NAMES),
            Self::SubjectKind => filtered("subjectKind", Exact).one_of(&ChangeSubject::KINDS),
            Self::SubjectId => filtered("subjectId", Exact),
            Self::Subject => filtered("subject", Kind::Text),
            Self::RequestId => filtered("requestId", Exact),
        }
    }

    fn id_of(record: &Change) -> String {
        record.id.to_string()
    }
}
