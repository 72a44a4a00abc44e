//! Local users.

use super::actor::OPERATOR;
use super::filter::Value;
use super::listing::{Direction, Field, Kind};
use super::principal::{Principal, SERVICE_ACCOUNT_PREFIX};

/// A person: a principal and what only people have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub principal: Principal,
    /// For people; the user name unless given.
    pub display_name: String,
    /// Empty if unknown.
    pub email: String,
}

/// What users can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// The GUID.
    Id,
    /// The unique name.
    Username,
    /// The address, if known.
    Email,
    /// When they were created.
    CreatedAt,
}

impl Field for UserField {
    const ALL: &'static [Self] = &[Self::Id, Self::Username, Self::Email, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::Username, Direction::Ascending);

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Username => "username",
            Self::Email => "email",
            Self::CreatedAt => "createdAt",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id => Kind::Exact,
            Self::Username | Self::Email => Kind::Text,
            Self::CreatedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        self == Self::Username || self == Self::CreatedAt
    }
}

impl User {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: UserField) -> Value {
        match field {
            UserField::CreatedAt => Value::Instant(self.principal.created_at),
            UserField::Username => Value::Text(self.principal.username.clone()),
            UserField::Id | UserField::Email => Value::Text(self.principal.id.to_string()),
        }
    }
}

/// Checks the name of a new user.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_username(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
        return Err("must be 1 to 100 ASCII letters, digits, `.`, `_`, `@`, `+` or `-`".to_owned());
    }
    if name == OPERATOR || name.starts_with(SERVICE_ACCOUNT_PREFIX) || name.starts_with("service_") {
        return Err("is reserved".to_owned());
    }
    Ok(())
}

/// The shortest password a user can have, in characters (OWASP ASVS 5.0, 6.2.1).
pub const PASSWORD_LENGTH: usize = 8;

/// Checks a new password.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_password(password: &str) -> Result<(), String> {
    let length = password.chars().count();
    if (PASSWORD_LENGTH..=1024).contains(&length) {
        return Ok(());
    }
    Err(format!("must have {PASSWORD_LENGTH} to 1024 characters"))
}
