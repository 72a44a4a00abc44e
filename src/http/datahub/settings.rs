//! Rules of DataHub's door.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::domain::access_token::Lifetimes;
use crate::domain::password::PasswordRule;
use crate::domain::user::RESERVED_PREFIX;

/// Rules of DataHub's door.
#[derive(Debug, Clone, Default)]
pub struct DoorRules {
    /// Whether clients must authenticate.
    pub authentication: Authentication,
    /// The program with all permissions, if there is one.
    pub system_client: Option<SystemClient>,
    /// How long access tokens may live.
    pub lifetimes: Lifetimes,
    /// The rule for passwords of users that sign up.
    pub password_rule: PasswordRule,
}

/// Whether clients must authenticate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Clients must authenticate.
    #[default]
    On,
    /// The client names its actor, without proof: for a test installation that no other machine can reach.
    Off,
    /// Like `Off`, for an installation that other machines reach under any host name.
    OffAnywhere,
}

/// The user name of the actor when a client names none while authentication is off.
pub const SYSTEM: &str = "__datahub_system";

/// A program with all permissions that authenticates with an id and a secret, such as DataHub's frontend.
#[derive(Clone)]
pub struct SystemClient {
    id: String,
    secret: String,
}

/// Secrets published in DataHub's distributions, which are refused.
const PUBLISHED: [&str; 1] = ["JohnSnowKnowsNothing"];

impl SystemClient {
    /// Creates the client after checking its id and its secret.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn new(id: &str, secret: &str) -> Result<Self, String> {
        // The prefix is reserved: no user can be created with it.
        if !id.starts_with(RESERVED_PREFIX) || id.contains(':') {
            return Err(format!(
                "the id of the system client must begin with `{RESERVED_PREFIX}`, which no user name does, and have no `:`"
            ));
        }
        if secret.len() < 16 || secret.contains(':') || PUBLISHED.contains(&secret) {
            return Err("the secret of the system client must have 16 characters or more, no `:`, and be no sample; \
                        draw one with `openssl rand -hex 32`"
                .to_owned());
        }
        Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// Its reserved user name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether these are its id and secret, in constant time.
    #[must_use]
    pub fn is(&self, id: &str, secret: &str) -> bool {
        let same = self.id.as_bytes().ct_eq(id.as_bytes()) & self.secret.as_bytes().ct_eq(secret.as_bytes());
        same.into()
    }
}

impl fmt::Debug for SystemClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SystemClient({}, redacted)", self.id)
    }
}
