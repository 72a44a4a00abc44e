//! Platform permissions.

/// A platform-level permission; `workspacePermissions` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Create API keys, and update and delete keys whose reach is within the actor's own.
    ManageApiKeys,
    /// Create, update and delete personas, and link any persona to an API key.
    ManagePersonas,
    /// Read the audit trail.
    ViewAudit,
    /// Verify other actors' tokens.
    VerifyTokens,
    /// Create personal tokens for the actor itself. DataHub's.
    GeneratePersonalAccessTokens,
    /// List and revoke every user's personal tokens, and create them for users whose reach is within the actor's own.
    /// DataHub's.
    ManageAccessTokens,
    /// Create and delete service accounts, and create tokens for them. DataHub's.
    ManageServiceAccounts,
    /// Create, update and delete policies. DataHub's.
    ManagePolicies,
    /// Disable and delete users whose reach is within the actor's own, and give them roles. DataHub's.
    ManageUsersAndGroups,
    /// Invite users. DataHub's.
    ManageUserCredentials,
    /// View usage analytics of the platform. DataHub's.
    ViewAnalytics,
    /// See every API key, and every persona that a key can be linked to.
    ViewApiKeys,
    /// See every user, and every service account other than API keys'.
    ViewUsers,
    /// Act as users whose reach is within the actor's own, by token exchange.
    ImpersonateUsers,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 14] = [
        Self::ManageApiKeys,
        Self::ManagePersonas,
        Self::ViewAudit,
        Self::VerifyTokens,
        Self::GeneratePersonalAccessTokens,
        Self::ManageAccessTokens,
        Self::ManageServiceAccounts,
        Self::ManagePolicies,
        Self::ManageUsersAndGroups,
        Self::ManageUserCredentials,
        Self::ViewAnalytics,
        Self::ViewApiKeys,
        Self::ViewUsers,
        Self::ImpersonateUsers,
    ];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ManageApiKeys => "MANAGE_APIKEYS",
            Self::ManagePersonas => "MANAGE_PERSONAS",
            Self::ViewAudit => "VIEW_AUDIT",
            Self::VerifyTokens => "VERIFY_TOKENS",
            Self::GeneratePersonalAccessTokens => "GENERATE_PERSONAL_ACCESS_TOKENS",
            Self::ManageAccessTokens => "MANAGE_ACCESS_TOKENS",
            Self::ManageServiceAccounts => "MANAGE_SERVICE_ACCOUNTS",
            Self::ManagePolicies => "MANAGE_POLICIES",
            Self::ManageUsersAndGroups => "MANAGE_USERS_AND_GROUPS",
            Self::ManageUserCredentials => "MANAGE_USER_CREDENTIALS",
            Self::ViewAnalytics => "VIEW_ANALYTICS",
            Self::ViewApiKeys => "VIEW_APIKEYS",
            Self::ViewUsers => "VIEW_USERS",
            Self::ImpersonateUsers => "IMPERSONATE_USERS",
        }
    }

    /// Whether this permission includes `other`. Permissions to manage API keys, or to name users, include seeing them,
    /// because their answers reveal whether they exist. Permissions to make users members include what members see.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        let makes_members = matches!(self, Self::ManageUsersAndGroups | Self::ManageUserCredentials);
        let names_users = matches!(
            self,
            Self::ManageAccessTokens | Self::ManagePersonas | Self::ManagePolicies | Self::ImpersonateUsers
        );
        match other {
            _ if self == other => true,
            Self::ViewApiKeys => makes_members || self == Self::ManageApiKeys,
            Self::ViewUsers => makes_members || names_users,
            _ => false,
        }
    }

    /// The permission of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    /// The permissions of those names.
    ///
    /// # Errors
    /// A message that names the unknown ones and lists the known ones.
    pub fn parse_all(names: &[String]) -> Result<Permissions, String> {
        let quote = |name: &str| format!("`{name}`");
        let unknown: Vec<_> = names.iter().filter(|name| Self::find(name).is_none()).map(|name| quote(name)).collect();
        if unknown.is_empty() {
            return Ok(names.iter().filter_map(|name| Self::find(name)).collect());
        }
        Err(format!("names no permission: {}; the permissions are {}", unknown.join(", "), Self::listed()))
    }

    /// The names of all permissions, for messages.
    #[must_use]
    pub fn listed() -> String {
        Self::ALL.map(|permission| format!("`{}`", permission.name())).join(", ")
    }
}

/// A set of permissions, with those that they include; the empty set allows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// All permissions.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether the set holds `permission`, or a permission that includes it.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0 || self.iter().any(|held| held.includes(permission))
    }

    /// The union of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The permissions in this set that `other` lacks.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.iter().filter(|permission| !other.contains(*permission)).collect()
    }

    /// The permissions in this set that remain when `denied` ones are removed, together with those that include a
    /// denied one.
    #[must_use]
    pub fn denied(self, denied: Self) -> Self {
        let is_denied = |permission: Permission| denied.iter().any(|each| permission.includes(each));
        self.iter().filter(|permission| !is_denied(*permission)).collect()
    }

    /// The explicit members in declared order, without included permissions.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.0 & bit(*permission) != 0)
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | bit(permission)))
    }
}

fn bit(permission: Permission) -> u32 {
    1 << permission as u32
}

#[cfg(test)]
mod tests {
    use super::Permission::{ManageAccessTokens, ManageApiKeys, VerifyTokens, ViewApiKeys, ViewAudit, ViewUsers};
    use super::*;

    fn set(permissions: &[Permission]) -> Permissions {
        permissions.iter().copied().collect()
    }

    #[test]
    fn what_manages_includes_what_views() {
        assert!(set(&[ManageApiKeys]).contains(ViewApiKeys) && !set(&[ManageApiKeys]).contains(ViewUsers));
        assert!(set(&[ManageAccessTokens]).contains(ViewUsers) && !set(&[ManageAccessTokens]).contains(ViewApiKeys));
        assert!(!set(&[ViewApiKeys, ViewUsers]).contains(ManageApiKeys));
        assert!(!set(&[VerifyTokens, ViewAudit]).contains(ViewUsers));
        assert_eq!(set(&[ManageApiKeys]).iter().collect::<Vec<_>>(), [ManageApiKeys]);
    }

    #[test]
    fn what_is_included_is_nothing_beyond() {
        assert_eq!(set(&[ViewApiKeys]).without(set(&[ManageApiKeys])), Permissions::NONE);
        assert_eq!(set(&[ManageApiKeys]).without(set(&[ViewApiKeys])), set(&[ManageApiKeys]));
    }

    #[test]
    fn a_denial_takes_what_includes_it_too() {
        let held = set(&[ManageApiKeys, ViewApiKeys, ViewAudit]);
        assert_eq!(held.denied(set(&[ViewApiKeys])), set(&[ViewAudit]));
        assert_eq!(held.denied(set(&[ManageApiKeys])), set(&[ViewApiKeys, ViewAudit]));
    }
}
