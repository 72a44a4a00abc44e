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
    /// A policy, and so everybody it is about.
    Policy(Uuid),
    /// An asset, but not whom it names: that is a change of those principals and roles.
    Asset(Uuid),
    /// Everybody who has a role.
    Role(Uuid),
}

impl Subject {
    /// The name of its kind in the database.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Principal(_) => "principal",
            Self::Persona(_) => "persona",
            Self::Policy(_) => "policy",
            Self::Asset(_) => "asset",
            Self::Role(_) => "role",
        }
    }

    /// Whether the rights of anybody may follow from it.
    #[must_use]
    pub fn concerns_everybody(self) -> bool {
        match self {
            Self::Persona(_) | Self::Policy(_) | Self::Role(_) => true,
            Self::Principal(_) | Self::Asset(_) => false,
        }
    }

    /// The id of what was changed.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Principal(id) | Self::Persona(id) | Self::Policy(id) | Self::Asset(id) | Self::Role(id) => id,
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
    /// A persona was described otherwise: nobody may do more or less for it.
    PersonaDescribed,
    /// A persona was deleted.
    PersonaDeleted,
    /// A policy was created.
    PolicyCreated,
    /// A policy was updated.
    PolicyUpdated,
    /// A policy was named or described otherwise: it says what it said.
    PolicyDescribed,
    /// A policy was deleted.
    PolicyDeleted,
    /// An asset was created.
    AssetCreated,
    /// An asset was updated.
    AssetUpdated,
    /// An asset was deleted.
    AssetDeleted,
    /// An asset began or ceased to name a principal or a role.
    AssetAccessChanged,
    /// A service account was created.
    ServiceAccountCreated,
    /// A service account was deleted.
    ServiceAccountDeleted,
    /// An access token was created.
    AccessTokenCreated,
    /// An access token was revoked.
    AccessTokenRevoked,
    /// The invitations handed out before became void.
    InvitesRenewed,
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
    /// Somebody gave a wrong password for a user, or a name that nobody bears.
    SessionRefused,
    /// A user signed out.
    SessionEnded,
    /// The operator took a restored copy of the database as the database, which ended every session.
    RestoreAccepted,
}

impl Change {
    /// Whether anything that is in memory may be wrong after it. What an unknown action does is not known.
    #[must_use]
    pub fn decides(&self) -> bool {
        !Action::DESCRIBING.iter().any(|action| action.name() == self.action)
    }
}

impl Action {
    /// What decides nothing.
    const DESCRIBING: [Self; 2] = [Self::PersonaDescribed, Self::PolicyDescribed];

    /// Whether anything that is in memory may be wrong after it.
    #[must_use]
    pub fn decides(self) -> bool {
        !Self::DESCRIBING.contains(&self)
    }

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
            Self::PersonaDescribed => "persona.described",
            Self::PersonaDeleted => "persona.deleted",
            Self::PolicyCreated => "policy.created",
            Self::PolicyUpdated => "policy.updated",
            Self::PolicyDescribed => "policy.described",
            Self::PolicyDeleted => "policy.deleted",
            Self::AssetCreated => "asset.created",
            Self::AssetUpdated => "asset.updated",
            Self::AssetDeleted => "asset.deleted",
            Self::AssetAccessChanged => "asset.access_changed",
            Self::ServiceAccountCreated => "service_account.created",
            Self::ServiceAccountDeleted => "service_account.deleted",
            Self::AccessTokenCreated => "access_token.created",
            Self::AccessTokenRevoked => "access_token.revoked",
            Self::InvitesRenewed => "invites.renewed",
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserPasswordSet => "user.password_set",
            Self::UserDeleted => "user.deleted",
            Self::SessionCreated => "session.created",
            Self::SessionRefused => "session.refused",
            Self::SessionEnded => "session.ended",
            Self::RestoreAccepted => "installation.restore_accepted",
        }
    }
}
