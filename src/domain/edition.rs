//! Editions (entity tags): optimistic concurrency control, so that two clients do not overwrite each other's changes.

use sha2::{Digest, Sha256};

use super::api_key::ApiKey;
use super::error::{Error, Result};
use super::oauth_client::{OauthClient, PublicJwk, TrustRule};
use super::permission::Permission;
use super::persona::Persona;
use super::policy::Policy;

/// A digest of everything that clients can write of a resource; the `ETag` on the wire (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition(pub String);

impl Edition {
    fn of(state: &serde_json::Value) -> Self {
        let digest = Sha256::digest(state.to_string());
        Self(data_encoding::HEXLOWER.encode(&digest[..16]))
    }
}

/// The editions that a conditional request accepts (`If-Match`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Any edition.
    Any,
    /// One of these editions.
    OneOf(Vec<Edition>),
}

impl Expected {
    /// Checks the current edition.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is another edition.
    pub fn check(&self, found: &Edition) -> Result<()> {
        match self {
            Self::OneOf(editions) if !editions.contains(found) => Err(Error::Changed),
            Self::Any | Self::OneOf(_) => Ok(()),
        }
    }
}

impl ApiKey {
    /// The edition of the API key.
    #[must_use]
    pub fn edition(&self) -> Edition {
        let personas: Vec<&str> = self.personas.iter().map(|persona| persona.qualified_name.as_str()).collect();
        Edition::of(&serde_json::json!([
            self.id.to_string(),
            self.display_name,
            self.description,
            self.validity.seconds(),
            self.expires_at,
            self.permissions.iter().map(Permission::name).collect::<Vec<_>>(),
            personas,
            self.limits.addresses.texts().collect::<Vec<_>>(),
            self.limits.rate.map(|rate| [rate.requests, rate.seconds]),
        ]))
    }
}

impl OauthClient {
    /// The edition of the OAuth settings.
    #[must_use]
    pub fn edition(&self) -> Edition {
        let keys: Vec<_> = self.keys.iter().map(PublicJwk::json).collect();
        let rule = |rule: &TrustRule| serde_json::json!([rule.name, rule.issuer, rule.audience, rule.claims]);
        Edition::of(&serde_json::json!([
            self.audiences,
            keys,
            self.trust.iter().map(rule).collect::<Vec<_>>(),
            self.secret.name()
        ]))
    }
}

impl Persona {
    /// The edition of the persona.
    #[must_use]
    pub fn edition(&self) -> Edition {
        let Self { id, name, display_name, description, enabled, .. } = self;
        Edition::of(&serde_json::json!([id.to_string(), name, display_name, description, enabled]))
    }

    /// The edition of the persona together with these policies, in their order.
    #[must_use]
    pub fn edition_with(&self, policies: &[Policy]) -> Edition {
        let policies: Vec<String> = policies.iter().map(|policy| policy.edition().0).collect();
        Edition::of(&serde_json::json!([self.edition().0, policies]))
    }
}

impl Policy {
    /// The edition of the policy.
    #[must_use]
    pub fn edition(&self) -> Edition {
        let Self { id, name, description, rule, enabled, attributes, .. } = self;
        let (category, effect) = (rule.category.name(), rule.effect.name());
        let rule = (category, effect, &rule.actions, &rule.resources, &rule.subjects);
        Edition::of(&serde_json::json!([id.to_string(), name, description, rule, enabled, attributes]))
    }
}
