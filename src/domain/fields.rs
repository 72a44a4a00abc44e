//! What the collections can be filtered and sorted by: the allow-lists.

use super::api_key::ApiKey;
use super::change::Change;
use super::filter::Value;
use super::listing::{Direction, Field, Kind};
use super::persona::Persona;
use super::text::fold;
use super::user::User;

/// What API keys can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyField {
    /// The GUID.
    Id,
    /// `apikey-<id>`; `service-account-apikey-<id>` is taken too, as some SDKs send it.
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
    /// Of any persona it is linked to.
    PersonaQualifiedName,
}

impl Field for ApiKeyField {
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

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::ClientId => "clientId",
            Self::DisplayName => "displayName",
            Self::Description => "description",
            Self::CreatedBy => "createdBy",
            Self::CreatedAt => "createdAt",
            Self::UpdatedAt => "updatedAt",
            Self::ExpiresAt => "expiresAt",
            Self::LastUsedAt => "lastUsedAt",
            Self::Status => "status",
            Self::PersonaQualifiedName => "personaQualifiedName",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id | Self::ClientId | Self::Status | Self::PersonaQualifiedName => Kind::Exact,
            Self::DisplayName | Self::Description | Self::CreatedBy => Kind::Text,
            Self::CreatedAt | Self::UpdatedAt | Self::ExpiresAt | Self::LastUsedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        !matches!(self, Self::ClientId | Self::Description | Self::Status | Self::PersonaQualifiedName)
    }
}

impl ApiKey {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: ApiKeyField) -> Value {
        match field {
            ApiKeyField::CreatedAt => Value::Instant(self.created_at),
            ApiKeyField::UpdatedAt => Value::Instant(self.updated_at),
            ApiKeyField::ExpiresAt => Value::Instant(self.expires_at),
            ApiKeyField::LastUsedAt => Value::Instant(self.last_used_at),
            ApiKeyField::DisplayName => Value::Text(fold(&self.display_name)),
            ApiKeyField::CreatedBy => Value::Text(self.created_by.clone()),
            ApiKeyField::Id
            | ApiKeyField::ClientId
            | ApiKeyField::Description
            | ApiKeyField::Status
            | ApiKeyField::PersonaQualifiedName => Value::Text(self.id.to_string()),
        }
    }
}

/// What personas can be filtered and sorted by.
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
    const ALL: &'static [Self] = &[Self::Id, Self::QualifiedName, Self::Name, Self::DisplayName, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::QualifiedName => "qualifiedName",
            Self::Name => "name",
            Self::DisplayName => "displayName",
            Self::CreatedAt => "createdAt",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id | Self::QualifiedName => Kind::Exact,
            Self::Name | Self::DisplayName => Kind::Text,
            Self::CreatedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        matches!(self, Self::Name | Self::CreatedAt)
    }
}

impl Persona {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: PersonaField) -> Value {
        match field {
            PersonaField::CreatedAt => Value::Instant(self.created_at),
            PersonaField::Name => Value::Text(self.name.clone()),
            PersonaField::Id | PersonaField::QualifiedName | PersonaField::DisplayName => {
                Value::Text(self.id.to_string())
            }
        }
    }
}

/// What users can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// The GUID.
    Id,
    /// The unique name.
    Username,
    /// The address, if known.
    Email,
    /// When they were created.
    CreatedAt,
}

impl Field for UserField {
    const ALL: &'static [Self] = &[Self::Id, Self::Username, Self::Email, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::Username, Direction::Ascending);

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Username => "username",
            Self::Email => "email",
            Self::CreatedAt => "createdAt",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id => Kind::Exact,
            Self::Username | Self::Email => Kind::Text,
            Self::CreatedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        self == Self::Username || self == Self::CreatedAt
    }
}

impl User {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: UserField) -> Value {
        match field {
            UserField::CreatedAt => Value::Instant(self.principal.created_at),
            UserField::Username => Value::Text(self.principal.username().to_string()),
            UserField::Id | UserField::Email => Value::Text(self.principal.id.to_string()),
        }
    }
}

/// What the audit trail can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeField {
    /// The id of the change.
    Id,
    /// When it was made.
    ChangedAt,
    /// The id of who made it.
    ActorId,
    /// The user name of who made it.
    Actor,
    /// What was done.
    Action,
    /// `principal`, `persona`, `policy`, `asset` or `role`.
    SubjectKind,
    /// The id of what was changed.
    SubjectId,
    /// The name of what was changed.
    Subject,
    /// The request that did it.
    RequestId,
}

impl Field for ChangeField {
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

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::ChangedAt => "changedAt",
            Self::ActorId => "actorId",
            Self::Actor => "actor",
            Self::Action => "action",
            Self::SubjectKind => "subjectKind",
            Self::SubjectId => "subjectId",
            Self::Subject => "subject",
            Self::RequestId => "requestId",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id | Self::ActorId | Self::SubjectKind | Self::SubjectId | Self::RequestId => Kind::Exact,
            Self::Actor | Self::Action | Self::Subject => Kind::Text,
            Self::ChangedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        self == Self::ChangedAt
    }
}

impl Change {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: ChangeField) -> Value {
        match field {
            ChangeField::ChangedAt => Value::Instant(self.changed_at),
            _ => Value::Text(self.id.to_string()),
        }
    }
}
