//! What a provider says of somebody who signs in there, and what follows from it here.

use std::collections::{BTreeMap, BTreeSet};

use super::principal::Role;

/// What a provider knows somebody by. A name or an address can be given to somebody else; this cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider, as OpenID Connect names it.
    pub issuer: String,
    /// The somebody, as the provider names them for ever.
    pub subject: String,
}

/// What a provider says of somebody: its signature has been checked.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Who.
    pub identity: Identity,
    /// What it calls its own session; empty if it does not say.
    pub sid: String,
    /// When they last proved to it who they are, in epoch milliseconds; 0 if it does not say.
    pub authenticated_at: i64,
    /// The user name that they would have.
    pub username: String,
    /// For people; may be empty.
    pub display_name: String,
    /// For people; may be empty, and proves nothing.
    pub email: String,
    /// The groups that they are in.
    pub groups: BTreeSet<String>,
}

/// Which groups of a provider have which role and which personas. The operator has written it.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// The role of each group.
    pub roles: BTreeMap<String, Role>,
    /// The role of those who are in none of these groups; without it they are not let in.
    pub otherwise: Option<Role>,
    /// The qualified names of the personas of each group.
    pub personas: BTreeMap<String, Vec<String>>,
}

impl Mapping {
    /// The role of somebody in these groups: the one that may most.
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

    /// The qualified names of the personas of somebody in these groups.
    #[must_use]
    pub fn personas(&self, groups: &BTreeSet<String>) -> Vec<String> {
        let named: BTreeSet<&String> = groups.iter().filter_map(|group| self.personas.get(group)).flatten().collect();
        named.into_iter().cloned().collect()
    }
}

/// The user name that a provider's claim makes: in lower case, as names that differ in case alone are the same.
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
