//! Changes: written by every transaction that changes something, for the audit trail and cache invalidation.

use uuid::Uuid;

/// One committed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique; sorts by time.
    pub id: Uuid,
    /// Epoch milliseconds.
    pub changed_at: i64,
    /// The id of the principal who made it.
    pub actor_id: Uuid,
    /// The principal's user name at that time.
    pub actor_name: String,
    /// The user names of those who acted for the principal, the latest first, separated by commas; empty if there are none.
    pub acted_by: String,
    /// The name of an [`Action`].
    pub action: String,
    /// What was changed.
    pub subject: ChangeSubject,
    /// The name of the subject at that time.
    pub subject_name: String,
    /// The id of the request; empty for the command line.
    pub request_id: String,
}

/// The subject of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSubject {
    /// A user or a service account: itself, its credentials, permissions or persona links.
    Principal(Uuid),
    /// A persona, which concerns every principal linked to it.
    Persona(Uuid),
    /// A policy, which concerns all its subjects.
    Policy(Uuid),
    /// An asset, except its people: changes of those have the principals and roles as subjects.
    Asset(Uuid),
    /// Every principal with that role.
    Role(Uuid),
}

impl ChangeSubject {
    /// The names of all kinds.
    pub const KINDS: [&'static str; 5] = ["principal", "persona", "policy", "asset", "role"];

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

    /// The subject of that kind and id.
    #[must_use]
    pub fn parse(kind: &str, id: Uuid) -> Option<Self> {
        Some(match kind {
            "principal" => Self::Principal(id),
            "persona" => Self::Persona(id),
            "policy" => Self::Policy(id),
            "asset" => Self::Asset(id),
            "role" => Self::Role(id),
            _ => return None,
        })
    }

    /// Whether the permissions of any principal may depend on it.
    #[must_use]
    pub fn affects_all_principals(self) -> bool {
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

/// The action of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An API key was created.
    ApiKeyCreated,
    /// The token of an API key whose create request was repeated was replaced.
    ApiKeyTokenReplaced,
    /// An API key gave up its token, with the secrets beside it.
    ApiKeyTokenRemoved,
    /// A short-lived secret of an API key was made beside its token.
    ApiKeySecretCreated,
    /// An API key was updated.
    ApiKeyUpdated,
    /// An API key was deleted.
    ApiKeyDeleted,
    /// The audiences, public keys or trust rules of an API key were replaced.
    ApiKeyOauthReplaced,
    /// A leaked token that was still valid was reported, and revoked.
    LeakedTokenRevoked,
    /// A persona was created.
    PersonaCreated,
    /// A persona was updated.
    PersonaUpdated,
    /// A persona changed, but neither its name nor whether it is enabled: no cached record depends on it.
    PersonaDescribed,
    /// A persona was deleted.
    PersonaDeleted,
    /// A policy was created.
    PolicyCreated,
    /// A policy was updated.
    PolicyUpdated,
    /// A policy changed, but not its rule, its persona or whether it is enabled.
    PolicyDescribed,
    /// A policy was deleted.
    PolicyDeleted,
    /// An asset was created.
    AssetCreated,
    /// An asset was updated.
    AssetUpdated,
    /// An asset was deleted.
    AssetDeleted,
    /// A principal or a role was added to or removed from an asset's people.
    AssetAccessChanged,
    /// A service account was created.
    ServiceAccountCreated,
    /// A service account was deleted.
    ServiceAccountDeleted,
    /// An access token was created.
    AccessTokenCreated,
    /// An access token was revoked.
    AccessTokenRevoked,
    /// All earlier invitations were invalidated.
    InvitesRenewed,
    /// An invitation for one person was created.
    InvitationCreated,
    /// An invitation for one person was revoked.
    InvitationRevoked,
    /// A user was created.
    UserCreated,
    /// The role of a user changed, or the user was enabled or disabled.
    UserUpdated,
    /// The profile of a user or a service account changed, but neither its role nor whether it is enabled.
    UserDescribed,
    /// The password of a user changed, which ended the user's sessions.
    UserPasswordSet,
    /// A user was deleted.
    UserDeleted,
    /// A user signed in.
    SessionCreated,
    /// A sign-in failed: wrong password or unknown user name.
    SessionRefused,
    /// A user signed out.
    SessionEnded,
    /// A program used a refresh token of a user's session.
    SessionRefreshed,
    /// A refresh token was sent that had been used before, which ended its session.
    RefreshTokenReused,
    /// A user approved a device authorization.
    DeviceApproved,
    /// A user denied a device authorization.
    DeviceDenied,
    /// A child token was revoked before it expired.
    ChildRevoked,
    /// An actor began to act as a user, by token exchange.
    UserImpersonated,
    /// A key that signs child tokens was added or removed.
    SigningKeyChanged,
    /// The operator accepted a restored copy of the database, which ended every session.
    RestoreAccepted,
}

/// What a change may do to what principals may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: no cached record depends on it.
    Describes,
    /// It only gives: cached records become incomplete, but let nobody in who may not.
    Gives,
    /// It may take something away: its answer waits until every node knows of it.
    TakesAway,
}

impl Change {
    /// What it may do to what others may do. An unknown action, written by a later version, may take something away.
    #[must_use]
    pub fn effect(&self) -> Effect {
        Action::find(&self.action).map_or(Effect::TakesAway, Action::effect)
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 43] = [
        Self::ApiKeyCreated,
        Self::ApiKeyTokenReplaced,
        Self::ApiKeyTokenRemoved,
        Self::ApiKeySecretCreated,
        Self::ApiKeyUpdated,
        Self::ApiKeyDeleted,
        Self::ApiKeyOauthReplaced,
        Self::LeakedTokenRevoked,
        Self::PersonaCreated,
        Self::PersonaUpdated,
        Self::PersonaDescribed,
        Self::PersonaDeleted,
        Self::PolicyCreated,
        Self::PolicyUpdated,
        Self::PolicyDescribed,
        Self::PolicyDeleted,
        Self::AssetCreated,
        Self::AssetUpdated,
        Self::AssetDeleted,
        Self::AssetAccessChanged,
        Self::ServiceAccountCreated,
        Self::ServiceAccountDeleted,
        Self::AccessTokenCreated,
        Self::AccessTokenRevoked,
        Self::InvitesRenewed,
        Self::InvitationCreated,
        Self::InvitationRevoked,
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDescribed,
        Self::UserPasswordSet,
        Self::UserDeleted,
        Self::SessionCreated,
        Self::SessionRefused,
        Self::SessionEnded,
        Self::SessionRefreshed,
        Self::RefreshTokenReused,
        Self::DeviceApproved,
        Self::DeviceDenied,
        Self::ChildRevoked,
        Self::UserImpersonated,
        Self::SigningKeyChanged,
        Self::RestoreAccepted,
    ];

    /// The names of all of them.
    pub const NAMES: [&'static str; 43] = {
        let mut names = [""; 43];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// What it may do to what others may do.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::UserDescribed
            | Self::PersonaDescribed
            | Self::PolicyDescribed
            | Self::InvitationCreated
            | Self::InvitationRevoked
            | Self::DeviceApproved
            | Self::DeviceDenied => Effect::Describes,
            Self::PersonaCreated
            | Self::AssetCreated
            | Self::SessionRefreshed
            | Self::ApiKeyCreated
            | Self::ApiKeySecretCreated
            | Self::ServiceAccountCreated
            | Self::AccessTokenCreated
            | Self::UserCreated
            | Self::SessionCreated
            | Self::SessionRefused
            | Self::UserImpersonated => Effect::Gives,
            Self::ApiKeyTokenReplaced
            | Self::ApiKeyTokenRemoved
            | Self::ApiKeyUpdated
            | Self::ApiKeyDeleted
            | Self::ApiKeyOauthReplaced
            | Self::LeakedTokenRevoked
            | Self::PersonaUpdated
            | Self::PersonaDeleted
            | Self::PolicyCreated
            | Self::PolicyUpdated
            | Self::PolicyDeleted
            | Self::AssetUpdated
            | Self::AssetDeleted
            | Self::AssetAccessChanged
            | Self::ServiceAccountDeleted
            | Self::AccessTokenRevoked
            | Self::InvitesRenewed
            | Self::UserUpdated
            | Self::UserPasswordSet
            | Self::UserDeleted
            | Self::SessionEnded
            | Self::RefreshTokenReused
            | Self::ChildRevoked
            | Self::SigningKeyChanged
            | Self::RestoreAccepted => Effect::TakesAway,
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// The name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKeyCreated => "apikey.created",
            Self::ApiKeyTokenReplaced => "apikey.token_replaced",
            Self::ApiKeyTokenRemoved => "apikey.token_removed",
            Self::ApiKeySecretCreated => "apikey.secret_created",
            Self::ApiKeyUpdated => "apikey.updated",
            Self::ApiKeyDeleted => "apikey.deleted",
            Self::ApiKeyOauthReplaced => "apikey.oauth_replaced",
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
            Self::InvitationCreated => "invitation.created",
            Self::InvitationRevoked => "invitation.revoked",
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserDescribed => "user.described",
            Self::UserPasswordSet => "user.password_set",
            Self::UserDeleted => "user.deleted",
            Self::SessionCreated => "session.created",
            Self::SessionRefused => "session.refused",
            Self::SessionEnded => "session.ended",
            Self::SessionRefreshed => "session.refreshed",
            Self::RefreshTokenReused => "session.refresh_token_reused",
            Self::DeviceApproved => "device.approved",
            Self::DeviceDenied => "device.denied",
            Self::ChildRevoked => "child.revoked",
            Self::UserImpersonated => "user.impersonated",
            Self::SigningKeyChanged => "installation.signing_key_changed",
            Self::RestoreAccepted => "installation.restore_accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_listed() {
        let named = include_str!("change.rs")
            .lines()
            .filter(|line| line.trim().starts_with("Self::") && line.contains(" => \""));
        let kinds = ChangeSubject::KINDS.len();
        assert_eq!(named.count(), Action::ALL.len() + kinds);
        for (index, name) in Action::NAMES.iter().enumerate() {
            assert!(!Action::NAMES[..index].contains(name), "{name} twice");
        }
    }
}
