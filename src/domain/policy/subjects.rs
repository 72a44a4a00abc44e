//! The subjects of a policy.

use serde::{Deserialize, Serialize};

use crate::domain::principal::{Principal, Role};

/// The subjects of a policy; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subjects {
    /// User names, of users and of service accounts.
    pub users: Vec<String>,
    /// Names of groups. Stored only: Tessera has no groups, so no principal is in them.
    pub groups: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Every principal except API keys, which have only what they were granted themselves.
    pub everyone: bool,
    /// Every member of any group.
    pub every_group: bool,
    /// The owners of the resource.
    pub owners: bool,
    /// Kinds of ownership, as the client wrote them.
    pub owner_types: Vec<String>,
}

/// A bucket groups the policies that belong to no persona by their subjects. Bucket membership alone decides whether
/// such a policy applies to a principal, so what they permit is the same for every principal in the bucket. Policies
/// about owners are in no bucket: whether they apply depends on the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Policies about every principal except API keys.
    Everyone,
    /// Policies about the holders of a role.
    Role(&'static str),
    /// Policies about the principal with that user name.
    User(String),
}

impl Bucket {
    /// The buckets that a principal is in.
    #[must_use]
    pub fn of(principal: &Principal) -> Vec<Self> {
        let mut buckets = vec![Self::Role(principal.role.name()), Self::User(principal.username().to_string())];
        if principal.is_in_everyone() {
            buckets.push(Self::Everyone);
        }
        buckets
    }
}

impl Subjects {
    /// The buckets of a policy with these subjects.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let everyone = self.everyone.then_some(Bucket::Everyone);
        let roles = self.roles.iter().filter_map(|name| Role::find(name)).map(|role| Bucket::Role(role.name()));
        let users = self.users.iter().cloned().map(Bucket::User);
        everyone.into_iter().chain(roles).chain(users)
    }
}
