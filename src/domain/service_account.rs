//! Service accounts other than API keys': programs with any number of access tokens. A DataHub concept.

use super::entropy::Entropy;
use super::error::Result;
use super::filter::Value::Instant;
use super::filter::{Described, Direction, Field, Kind, filtered, sorted};
use super::principal::Principal;

/// The prefix of the user names of such service accounts, reserved for them.
pub const PREFIX: &str = "service_";

/// A service account: a principal with its names and description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The principal.
    pub principal: Principal,
    /// For people; defaults to the user name.
    pub display_name: String,
    /// The description; may be empty.
    pub description: String,
    /// The user name of its creator; informational only.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// A new user name: the prefix and a random UUID, as DataHub's are.
///
/// # Errors
/// When there is no randomness.
pub fn generate_username(entropy: Entropy) -> Result<String> {
    let mut random = [0; 16];
    entropy.fill(&mut random)?;
    Ok(format!("{PREFIX}{}", uuid::Builder::from_random_bytes(random).into_uuid()))
}

/// The fields that service accounts can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceAccountField {
    /// The user name.
    Username,
    /// The name for people.
    DisplayName,
    /// When it was created.
    CreatedAt,
}

impl Field for ServiceAccountField {
    type Record = ServiceAccount;
    const ALL: &'static [Self] = &[Self::Username, Self::DisplayName, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);

    fn described(self) -> Described<ServiceAccount> {
        match self {
            Self::Username => filtered("username", Kind::Text),
            Self::DisplayName => filtered("displayName", Kind::Text).trimmed(),
            Self::CreatedAt => sorted("createdAt", Kind::Instant, |account| Instant(account.created_at)),
        }
    }

    fn id_of(record: &ServiceAccount) -> String {
        record.principal.id.to_string()
    }
}
