//! Local users.

use super::actor::OPERATOR;
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

/// The names of programs that may do everything begin so, and no user's does.
pub const RESERVED_PREFIX: &str = "__";

/// Checks the name of a new user.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_username(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
        return Err("must be 1 to 100 ASCII letters, digits, `.`, `_`, `@`, `+` or `-`".to_owned());
    }
    if name == OPERATOR
        || name.starts_with(SERVICE_ACCOUNT_PREFIX)
        || name.starts_with("service_")
        || name.starts_with(RESERVED_PREFIX)
    {
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
