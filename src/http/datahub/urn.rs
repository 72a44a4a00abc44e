//! DataHub's URNs, such as `urn:li:corpuser:ada`.

use std::fmt::Display;

use crate::domain::error::Violation;
use crate::domain::principal::Role;
use crate::domain::text::is_hidden;

const USER: &str = "urn:li:corpuser:";
const TOKEN: &str = "urn:li:dataHubAccessToken:";
const ROLE: &str = "urn:li:dataHubRole:";

/// The URN of the principal with that user name.
pub fn of_user(username: impl Display) -> String {
    format!("{USER}{username}")
}

/// The URN of the access token with that id.
pub fn of_token(id: &str) -> String {
    format!("{TOKEN}{id}")
}

/// The user name in a principal's URN.
pub fn username(urn: &str) -> Option<&str> {
    usable(urn.strip_prefix(USER)?)
}

/// The id in an access token's URN.
pub fn token_id(urn: &str) -> Option<&str> {
    usable(urn.strip_prefix(TOKEN)?)
}

fn usable(rest: &str) -> Option<&str> {
    (!rest.is_empty() && !rest.chars().any(is_hidden)).then_some(rest)
}

/// The user name in a principal's URN, or a violation.
///
/// # Errors
/// A violation of `field`.
pub fn user(field: &'static str, urn: &str) -> Result<String, Violation> {
    username(urn)
        .map(str::to_owned)
        .ok_or_else(|| Violation::new(field, format!("must be a user's URN such as `{USER}ada`")))
}

/// The roles with DataHub's names.
const ROLES: [(Role, &str); 3] = [(Role::Admin, "Admin"), (Role::Member, "Editor"), (Role::Guest, "Reader")];

/// The URN of a role, if DataHub has that role.
pub fn of_role(role: Role) -> Option<String> {
    ROLES.iter().find(|(known, _)| *known == role).map(|(_, name)| format!("{ROLE}{name}"))
}

/// The role with that URN.
///
/// # Errors
/// A violation of `field`.
pub fn role(field: &'static str, urn: &str) -> Result<Role, Violation> {
    let name = urn.strip_prefix(ROLE);
    ROLES.iter().find(|(_, known)| Some(*known) == name).map(|(role, _)| *role).ok_or_else(|| {
        Violation::new(field, format!("must be one of `{ROLE}Admin`, `{ROLE}Editor` and `{ROLE}Reader`"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_urn_is_read_back_as_it_is_written(name in "[^\\p{C}\\p{Z}]{1,40}", id in "[0-9A-Za-z+/]{43}=") {
            prop_assume!(!name.chars().any(is_hidden));
            let (of_user, of_token) = (of_user(&name), of_token(&id));
            prop_assert_eq!(username(&of_user), Some(name.as_str()));
            prop_assert_eq!(user("actorUrn", &of_user).ok(), Some(name.clone()));
            prop_assert_eq!(token_id(&of_token), Some(id.as_str()));
            // One kind of URN is not read as another.
            prop_assert_eq!((username(&of_token), token_id(&of_user)), (None, None));
        }
    }

    #[test]
    fn the_urn_of_a_role_is_read_back() {
        for (known, _) in ROLES {
            assert_eq!(role("roleUrn", &of_role(known).unwrap()).ok(), Some(known));
        }
    }
}
