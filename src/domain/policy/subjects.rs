//! Whom a policy is about.

use serde::{Deserialize, Serialize};

use crate::domain::principal::{Principal, Role};

/// Whom a policy is about. Nobody, unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subjects {
    /// User names, of users and of service accounts.
    pub users: Vec<String>,
    /// Names of groups. Tessera knows no groups: they are kept, and nobody is in them.
    pub groups: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Everybody but API keys: those have only what they were given themselves.
    pub everyone: bool,
    /// Everybody who is in any group.
    pub every_group: bool,
    /// Whoever owns the resource.
    pub owners: bool,
    /// Kinds of ownership, as the client wrote them.
    pub owner_types: Vec<String>,
}

/// A part of the policies that are no persona's: those about the same principals. Whether a principal is in a bucket is
/// all that decides whether those policies are about it, so what they permit is the same for everybody in the bucket.
/// Policies about owners are in none: whether they are about a principal depends on the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// About everybody but API keys.
    Everyone,
    /// About those who have a role.
    Role(&'static str),
    /// About the one with that user name.
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
    /// The buckets that a policy about these belongs in.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let everyone = self.everyone.then_some(Bucket::Everyone);
        let roles = self.roles.iter().filter_map(|name| Role::find(name)).map(|role| Bucket::Role(role.name()));
        let users = self.users.iter().cloned().map(Bucket::User);
        everyone.into_iter().chain(roles).chain(users)
    }
}
