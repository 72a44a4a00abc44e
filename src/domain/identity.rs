//! Identities and claims from OpenID Connect providers, and the roles and personas that groups give.

use std::collections::{BTreeMap, BTreeSet};

use super::principal::Role;

/// The stable identity of a user at a provider. Unlike a name or an email address, it is never reassigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer identifier of the provider (`iss`).
    pub issuer: String,
    /// The subject identifier of the user (`sub`).
    pub subject: String,
}

/// The validated claims of an ID token.
#[derive(Debug, Clone)]
pub struct ProviderClaims {
    /// The user's identity.
    pub identity: Identity,
    /// The id of the session at the provider (`sid`); empty if absent.
    pub sid: String,
    /// Time of the authentication at the provider (`auth_time`), in epoch milliseconds; 0 if absent.
    pub authenticated_at: i64,
    /// The user name that a new user gets.
    pub username: String,
    /// The display name; may be empty.
    pub display_name: String,
    /// The email address; may be empty. For display only, never for authentication.
    pub email: String,
    /// The user's groups.
    pub groups: BTreeSet<String>,
}

/// The roles and personas of a provider's groups, as the operator configured them.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// The role of each group.
    pub roles: BTreeMap<String, Role>,
    /// The role of users in none of these groups; without it they cannot sign in.
    pub otherwise: Option<Role>,
    /// The qualified names of the personas of each group.
    pub personas: BTreeMap<String, Vec<String>>,
}

impl Mapping {
    /// The most powerful role of these groups.
    #[must_use]
    pub fn role(&self, groups: &BTreeSet<String>) -> Option<Role> {
        let rank = |role: &Role| match role {
            Role::Admin => 3,
            Role::Member => 2,
            Role::Guest => 1,
            Role::ApiToken => 0,
        };
        groups.iter().filter_map(|group| self.roles.get(group)).copied().max_by_key(rank).or(self.otherwise)
    }

    /// The qualified names of the personas of these groups, without duplicates.
    #[must_use]
    pub fn personas(&self, groups: &BTreeSet<String>) -> Vec<String> {
        let named: BTreeSet<&String> = groups.iter().filter_map(|group| self.personas.get(group)).flatten().collect();
        named.into_iter().cloned().collect()
    }
}

/// Makes a user name of a claim: trimmed and in lower case, because user names are case-insensitive.
#[must_use]
pub fn username(claim: &str) -> String {
    claim.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn of_several_groups_the_role_that_may_most_counts() {
        let roles = [("staff", Role::Member), ("ops", Role::Admin), ("visitors", Role::Guest)];
        let roles = roles.map(|(group, role)| (group.to_owned(), role)).into();
        let mapping = Mapping { roles, ..Mapping::default() };
        assert_eq!(mapping.role(&groups(&["staff", "ops", "visitors"])), Some(Role::Admin));
        assert_eq!(mapping.role(&groups(&["visitors", "staff"])), Some(Role::Member));
        assert_eq!(mapping.role(&groups(&["Ops", "other"])), None, "groups are compared letter by letter");
        let open = Mapping { otherwise: Some(Role::Guest), ..mapping };
        assert_eq!(open.role(&groups(&[])), Some(Role::Guest));
    }

    #[test]
    fn the_personas_of_several_groups_come_together() {
        let personas = [("a", vec!["p", "q"]), ("b", vec!["q", "r"]), ("c", vec!["s"])];
        let personas =
            personas.map(|(group, names)| (group.to_owned(), names.into_iter().map(str::to_owned).collect())).into();
        let mapping = Mapping { personas, ..Mapping::default() };
        assert_eq!(mapping.personas(&groups(&["a", "b", "x"])), ["p", "q", "r"]);
    }
}
