//! The API key: a service account, its credential's metadata and its persona links.

use sha2::{Digest, Sha256};

use super::bounds::Bounds;
pub use super::bounds::NEVER;
use super::error::Violation;
use super::ids::PrincipalId;
use super::limits::{AllowedAddresses, Limits, RateLimit};
use super::listing::clip;
use super::permission::{Permission, Permissions};
use super::persona::PersonaRef;
use super::principal::PrincipalKind;
use super::text::{Description, DisplayName};
use super::token::Token;
use crate::clock::SECOND;

/// The most personas that one key can be linked to.
pub const PERSONAS: usize = 500;

/// An API key without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id of its service account; `guid` in paths. It begins with `created_at`, so keys sort by either alike.
    pub id: PrincipalId,
    /// Not unique: look-ups by name take the newest.
    pub display_name: String,
    /// The description; may be empty.
    pub description: String,
    /// The requested lifetime.
    pub validity: Validity,
    /// The user name of its creator; informational only.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
    /// Epoch milliseconds, or [`NEVER`].
    pub expires_at: i64,
    /// Epoch milliseconds, or 0 if never used.
    pub last_used_at: i64,
    /// How often the key was used.
    pub use_count: i64,
    /// The networks from which, and the rate at which, the key may be used.
    pub limits: Limits,
    /// The permissions granted beyond its role.
    pub permissions: Permissions,
    /// Ordered by qualified name.
    pub personas: Vec<PersonaRef>,
}

impl ApiKey {
    /// An update that changes nothing.
    ///
    /// # Errors
    /// When the stored name or description breaks a rule.
    pub fn unchanged(&self) -> Result<ApiKeyUpdate, String> {
        Ok(ApiKeyUpdate {
            display_name: DisplayName::parse(&self.display_name)?,
            description: Description::parse(&self.description)?,
            validity: None,
            personas: self.personas.iter().map(|persona| persona.qualified_name.clone()).collect(),
            permissions: None,
            addresses: None,
            rate: None,
        })
    }
}

/// The principal that made an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    /// The id of the maker; `None` if the maker was deleted before makers were stored by id.
    pub id: Option<PrincipalId>,
    /// The kind of the maker, known even after its deletion: a key made by a program manages only what it made itself.
    pub kind: PrincipalKind,
}

/// The maker and the bounds of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Its maker.
    pub maker: Maker,
    /// Until when, from where and how often the key may be used.
    pub bounds: Bounds,
}

/// An API key just created, with the only copy of its token.
pub struct CreatedApiKey {
    /// The key.
    pub api_key: ApiKey,
    /// Shown once.
    pub token: Token,
}

/// The input for creating an API key.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its name for people.
    pub display_name: DisplayName,
    /// Its description.
    pub description: Description,
    /// The lifetime of the key.
    pub validity: Validity,
    /// The complete set of personas, by qualified name.
    pub personas: Vec<String>,
    /// The permissions to grant; none by default.
    pub permissions: Permissions,
    /// Its limits; none by default.
    pub limits: Limits,
}

impl NewApiKey {
    /// A digest that is equal for equal requests regardless of spelling, to tell a repeated request from another one
    /// (idempotency key).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let permissions: Vec<_> = self.permissions.iter().map(Permission::name).collect();
        let request = serde_json::json!([
            self.display_name.as_str(),
            self.description.as_str(),
            self.validity.seconds(),
            self.personas,
            permissions,
            self.limits.addresses.texts().collect::<Vec<_>>(),
            self.limits.rate.map(|rate| [rate.requests, rate.seconds]),
        ]);
        data_encoding::HEXLOWER.encode(&Sha256::digest(request.to_string()))
    }
}

/// The input for updating an API key.
#[derive(Debug, Clone)]
pub struct ApiKeyUpdate {
    /// Replaces the name.
    pub display_name: DisplayName,
    /// Replaces the description.
    pub description: Description,
    /// The new lifetime, counted from the update; absent leaves the expiry alone.
    pub validity: Option<Validity>,
    /// Replaces all links: a persona left out is unlinked.
    pub personas: Vec<String>,
    /// Replaces the granted permissions; absent leaves them alone.
    pub permissions: Option<Permissions>,
    /// Replaces the networks it may be used from; absent leaves them alone.
    pub addresses: Option<AllowedAddresses>,
    /// Replaces the rate limit; absent leaves it alone.
    pub rate: Option<Rate>,
}

impl ApiKeyUpdate {
    /// The input for creating a key with these values: without a lifetime it never expires.
    #[must_use]
    pub fn into_new(self) -> NewApiKey {
        let Self { display_name, description, validity, personas, permissions, addresses, rate } = self;
        NewApiKey {
            display_name,
            description,
            validity: validity.unwrap_or(Validity::NEVER),
            personas,
            permissions: permissions.unwrap_or(Permissions::NONE),
            limits: Limits { addresses: addresses.unwrap_or_default(), rate: rate.and_then(Rate::limit) },
        }
    }
}

/// The new rate limit of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// No limit.
    Unlimited,
    /// This limit.
    Limited(RateLimit),
}

impl Rate {
    /// The limit, if there is one.
    #[must_use]
    pub fn limit(self) -> Option<RateLimit> {
        match self {
            Self::Unlimited => None,
            Self::Limited(limit) => Some(limit),
        }
    }
}

/// A requested lifetime in seconds; [`Validity::NEVER_FROM`] and more mean unlimited. Both numbers are those of Atlan's
/// documentation of `validitySeconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity(i64);

impl Validity {
    /// From this many seconds on, a key never expires.
    pub const NEVER_FROM: i64 = 409_968_000;
    /// Unlimited.
    pub const NEVER: Self = Self(Self::NEVER_FROM);

    /// Checks a number of seconds.
    ///
    /// # Errors
    /// A message that says what is allowed.
    pub fn parse(seconds: i64) -> Result<Self, String> {
        if seconds > 0 {
            return Ok(Self(seconds));
        }
        Err(format!("must be a positive number of seconds ({} or more for never), not {seconds}", Self::NEVER_FROM))
    }

    /// The number as it was given.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// When a lifetime that begins `now` ends, in epoch milliseconds.
    #[must_use]
    pub fn ends(self, now: i64) -> i64 {
        if self.0 >= Self::NEVER_FROM { NEVER } else { now.saturating_add(self.0 * SECOND) }
    }
}

/// Whether a key still works; `status` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The key works.
    Active,
    /// The key has expired, for good.
    Expired,
}

impl Status {
    /// The names on the wire.
    pub const NAMES: [&'static str; 2] = [Self::Active.name(), Self::Expired.name()];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }

    /// The status at `now` of a key that expires at `expires_at`.
    #[must_use]
    pub fn of(expires_at: i64, now: i64) -> Self {
        if expires_at > now { Self::Active } else { Self::Expired }
    }
}

/// Checks the personas' names and number, and removes duplicates.
///
/// # Errors
/// When there are more than [`PERSONAS`].
pub fn persona_set(mut names: Vec<String>) -> Result<Vec<String>, Violation> {
    names.sort_unstable();
    names.dedup();
    if let Some(name) = names.iter().find(|name| name.contains('\0')) {
        let message = format!("names no persona: `{}`", clip(name));
        return Err(Violation::new("personaQualifiedNames", message));
    }
    if names.len() > PERSONAS {
        let message = format!("must have at most {PERSONAS} members, not {}", names.len());
        return Err(Violation::new("personaQualifiedNames", message));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_ends_after_it_begins_or_never() {
        let now = 1_795_391_999_000;
        for seconds in [1, 60, 157_680_000, Validity::NEVER_FROM - 1] {
            assert_eq!(Validity::parse(seconds).unwrap().ends(now), now + seconds * 1000);
        }
        for seconds in [Validity::NEVER_FROM, i64::from(i32::MAX), 1 << 53, i64::MAX] {
            assert_eq!(Validity::parse(seconds).unwrap().ends(now), NEVER);
        }
        assert!([0, -1, i64::MIN].into_iter().all(|seconds| Validity::parse(seconds).is_err()));
    }
}
