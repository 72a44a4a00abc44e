//! Warrants: public keys and trust rules with which a client authenticates as an API key, instead of the key's token.

use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{OauthClient, PublicJwk, TrustRule};
use crate::domain::jwk::{Key, Thumbprint};

/// A public key or a trust rule in the settings of an API key, by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warrant(Thumbprint);

impl Warrant {
    /// Reads the 43 base64url characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Thumbprint::parse(text).map(Self)
    }

    /// The warrant of a public key. A key stays the same under another `kid`.
    fn of_key(key: &PublicJwk) -> Option<Self> {
        Some(Self(Key::read(Value::Object(key.json().clone()))?.thumbprint()))
    }

    /// The warrant of a trust rule: a digest of everything that the rule requires. A rule stays the same under another
    /// name.
    #[must_use]
    pub fn of_rule(rule: &TrustRule) -> Self {
        let required = json!(["trust rule", rule.issuer, rule.audience, rule.claims]);
        Self(Thumbprint(Sha256::digest(required.to_string()).into()))
    }
}

/// The warrant of the public key with that thumbprint.
impl From<Thumbprint> for Warrant {
    fn from(key: Thumbprint) -> Self {
        Self(key)
    }
}

/// Writes the 43 base64url characters.
impl fmt::Display for Warrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl OauthClient {
    /// Whether one of the public keys or trust rules is this warrant.
    #[must_use]
    pub fn has(&self, warrant: Warrant) -> bool {
        self.trust.iter().any(|rule| Warrant::of_rule(rule) == warrant)
            || self.keys.iter().any(|key| Warrant::of_key(key) == Some(warrant))
    }
}
