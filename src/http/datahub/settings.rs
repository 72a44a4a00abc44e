//! What this door can be told.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::domain::access_token::Lifetimes;
use crate::domain::password::PasswordRule;
use crate::domain::user::RESERVED_PREFIX;

/// What this door can be told.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether callers must prove who they are.
    pub authentication: Authentication,
    /// The program that may do everything, if there is one.
    pub system_client: Option<SystemClient>,
    /// How long access tokens may live.
    pub lifetimes: Lifetimes,
    /// What is asked of the password of who signs up.
    pub password_rule: PasswordRule,
}

/// Whether callers must prove who they are. DataHub's `METADATA_SERVICE_AUTH_ENABLED`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authentication {
    /// They must.
    #[default]
    On,
    /// Whoever they say they are, they are: for a test installation that nobody else can reach.
    Off,
    /// The same where others can reach it, by whatever name.
    OffAnywhere,
}

/// What the caller is called who says nothing while authentication is off.
pub const SYSTEM: &str = "__datahub_system";

/// A program that authenticates with a name and a secret and may do everything. DataHub's frontend is one.
#[derive(Clone)]
pub struct SystemClient {
    id: String,
    secret: String,
}

/// The secrets that DataHub has shipped.
const PUBLISHED: [&str; 1] = ["JohnSnowKnowsNothing"];

impl SystemClient {
    /// Checks both.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn new(id: &str, secret: &str) -> Result<Self, String> {
        // No user has such a name, whichever way they are made.
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

    /// Whether these are its name and its secret.
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
