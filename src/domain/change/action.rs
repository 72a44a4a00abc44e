//! The actions of changes, and what each may do.

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
    /// An actor got its invitation link. Its name is the role.
    InviteLinkGiven,
    /// An invitation for one person was created.
    InvitationCreated,
    /// An invitation for one person was revoked.
    InvitationRevoked,
    /// A new user, who is the actor, signed up with an invitation. Its subject is the inviter.
    InvitationAccepted,
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
    /// An actor asked for something that it may not do. Its subject is the actor, its name the operation.
    RequestRefused,
}

/// How a change can affect the access of principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// It changes no access, and no request that makes such a change could have taken something away.
    Nothing,
    /// It changes no access: no cached record depends on it. But a request that makes such a change could have taken
    /// something away, and perhaps repeats a request that did.
    Describes,
    /// It only grants: cached records may lack something new, but accept nothing that is forbidden.
    Gives,
    /// It may take something away: the answer waits until every node has acknowledged it.
    TakesAway,
}

impl Impact {
    /// Whether cached records depend on it.
    #[must_use]
    pub const fn concerns_records(self) -> bool {
        matches!(self, Self::Gives | Self::TakesAway)
    }
}

/// Which states of the subject of a change are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// None: the change is about credentials or sessions, or about what an asset says of the subject, which the change of the
    /// asset has.
    None,
    /// Only the state after the change: the subject did not exist before.
    After,
    /// The states before and after the change.
    Both,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 46] = [
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
        Self::InviteLinkGiven,
        Self::InvitationCreated,
        Self::InvitationRevoked,
        Self::InvitationAccepted,
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
        Self::RequestRefused,
    ];

    /// The names of all of them.
    pub const NAMES: [&'static str; 46] = {
        let mut names = [""; 46];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// How the change can affect the access of principals.
    #[must_use]
    pub const fn impact(self) -> Impact {
        match self {
            Self::InviteLinkGiven
            | Self::InvitationCreated
            | Self::InvitationRevoked
            | Self::InvitationAccepted
            | Self::DeviceApproved
            | Self::DeviceDenied
            | Self::RequestRefused => Impact::Nothing,
            Self::UserDescribed | Self::PersonaDescribed | Self::PolicyDescribed => Impact::Describes,
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
            | Self::UserImpersonated => Impact::Gives,
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
            | Self::RestoreAccepted => Impact::TakesAway,
        }
    }

    /// Which states of its subject the audit trail keeps.
    #[must_use]
    pub const fn keeps(self) -> Kept {
        match self {
            Self::ApiKeyCreated
            | Self::PersonaCreated
            | Self::PolicyCreated
            | Self::AssetCreated
            | Self::ServiceAccountCreated
            | Self::UserCreated => Kept::After,
            Self::ApiKeyUpdated
            | Self::ApiKeyDeleted
            | Self::ApiKeyOauthReplaced
            | Self::ApiKeyTokenRemoved
            | Self::PersonaUpdated
            | Self::PersonaDescribed
            | Self::PersonaDeleted
            | Self::PolicyUpdated
            | Self::PolicyDescribed
            | Self::PolicyDeleted
            | Self::AssetUpdated
            | Self::AssetDeleted
            | Self::ServiceAccountDeleted
            | Self::UserUpdated
            | Self::UserDescribed
            | Self::UserDeleted => Kept::Both,
            Self::AssetAccessChanged
            | Self::ApiKeyTokenReplaced
            | Self::ApiKeySecretCreated
            | Self::LeakedTokenRevoked
            | Self::AccessTokenCreated
            | Self::AccessTokenRevoked
            | Self::InvitesRenewed
            | Self::InviteLinkGiven
            | Self::InvitationCreated
            | Self::InvitationRevoked
            | Self::InvitationAccepted
            | Self::UserPasswordSet
            | Self::SessionCreated
            | Self::SessionRefused
            | Self::SessionEnded
            | Self::SessionRefreshed
            | Self::RefreshTokenReused
            | Self::DeviceApproved
            | Self::DeviceDenied
            | Self::ChildRevoked
            | Self::UserImpersonated
            | Self::SigningKeyChanged
            | Self::RestoreAccepted
            | Self::RequestRefused => Kept::None,
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
            Self::InviteLinkGiven => "invites.link_given",
            Self::InvitationCreated => "invitation.created",
            Self::InvitationRevoked => "invitation.revoked",
            Self::InvitationAccepted => "invitation.accepted",
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
            Self::RequestRefused => "request.refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_listed() {
        let named = include_str!("action.rs")
            .lines()
            .filter(|line| line.trim().starts_with("Self::") && line.contains(" => \""));
        assert_eq!(named.count(), Action::ALL.len());
        for (index, name) in Action::NAMES.iter().enumerate() {
            assert!(!Action::NAMES[..index].contains(name), "{name} twice");
        }
    }
}
