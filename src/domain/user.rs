//! Local users, and the rules for their names.

use super::actor::OPERATOR;
use super::device::COMMAND_LINE;
use super::principal::{CLIENT_ID_PREFIX, OAUTH_CLIENT_PREFIX, Principal, SERVICE_ACCOUNT_PREFIX};

/// A user: a principal with a display name and an email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The principal.
    pub principal: Principal,
    /// For people; defaults to the user name.
    pub display_name: String,
    /// Empty if unknown.
    pub email: String,
}

/// The prefix of built-in actors' names, which no user may have.
pub const RESERVED_PREFIX: &str = "__";

/// The prefix of user names of service accounts other than API keys'.
const PROGRAM_PREFIX: &str = "service_";

/// Names that suggest authority, in lower case. Only the operator at the terminal may give them to users.
const AUTHORITIES: [&str; 10] = [
    "admin",
    "administrator",
    "anonymous",
    "datahub",
    "datahubsystem",
    "everyone",
    "root",
    "superuser",
    "system",
    "tessera",
];

/// Names that nobody may give to users: those of a built-in actor and of the built-in OAuth client.
const NEVER_GIVEN: [&str; 2] = [OPERATOR, COMMAND_LINE];

/// Who chooses a new user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The operator at the terminal, who may give the names in `AUTHORITIES`, in lower case.
    Operator,
    /// A client, by signing up or by writing a user through an API.
    Client,
}

/// Whether a text has the form of a user name. Sign-in checks only this, because existing names may be reserved.
#[must_use]
pub fn is_username(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(plain)
}

/// Checks the name of a new user.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_username(name: &str, by: NamedBy) -> Result<(), String> {
    if !is_username(name) {
        return Err("must be 1 to 100 ASCII letters, digits, `.`, `_`, `@`, `+` or `-`".to_owned());
    }
    let looks = skeleton(name);
    let prefixes = [SERVICE_ACCOUNT_PREFIX, CLIENT_ID_PREFIX, OAUTH_CLIENT_PREFIX, PROGRAM_PREFIX];
    if name.starts_with(RESERVED_PREFIX) || prefixes.iter().any(|prefix| looks.starts_with(&skeleton(prefix))) {
        return Err("is reserved".to_owned());
    }
    let words = letters(&looks);
    let authority = AUTHORITIES.into_iter().chain(NEVER_GIVEN).find(|word| letters(&skeleton(word)) == words);
    match authority {
        None => Ok(()),
        Some(word) if word == name && !NEVER_GIVEN.contains(&word) && by == NamedBy::Operator => Ok(()),
        Some(word) if word == name => Err("is reserved".to_owned()),
        Some(word) => Err(format!("looks like the reserved name `{word}`")),
    }
}

/// Maps a name to its visual skeleton: names with the same skeleton are easily confused. It maps the confusables of
/// Unicode Technical Standard 39 among the characters of user names, and ignores case.
fn skeleton(name: &str) -> String {
    let alike = |each: char| match each {
        '0' => 'o',
        '1' | 'i' => 'l',
        '5' => 's',
        other => other,
    };
    let folded: String = name.chars().map(|each| alike(each.to_ascii_lowercase())).collect();
    folded.replace("rn", "m").replace("vv", "w")
}

/// A skeleton without punctuation.
fn letters(skeleton: &str) -> String {
    skeleton.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_reserved_ones_are_refused_to_everybody() {
        let looks = "Admin ADMIN adm1n adrnin Adm.in admin- _admin 0perator OPERATOR op.erator R00t r-o-o-t Sy5tem DataHub \
                     data_hub Tessera superUser Service-Account-apikey-1 serv1ce-account-x SERVICE_x service_1 Service_X \
                     apikey-1 ApiKey-1 ap1key-1 oauth-client-1 0auth-client-1 __datahub_system __x operator tessera-cli \
                     Tessera-CL1 tessera.cli";
        for name in looks.split_whitespace() {
            for by in [NamedBy::Operator, NamedBy::Client] {
                assert!(check_username(name, by).is_err(), "{name} {by:?}");
            }
        }
    }

    #[test]
    fn the_names_of_authorities_are_the_operators_to_give() {
        for name in AUTHORITIES {
            assert!(check_username(name, NamedBy::Client).is_err(), "{name}");
            assert_eq!(check_username(name, NamedBy::Operator), Ok(()), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_free() {
        for name in "ada Bob carol@example.org admin@example.org service-desk systems rooty administration x _x a.b+c"
            .split(' ')
        {
            assert_eq!(check_username(name, NamedBy::Client), Ok(()), "{name}");
        }
    }
}
