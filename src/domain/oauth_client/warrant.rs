//! Warrants: public keys and trust rules with which a client authenticates as an API key, instead of the key's token.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{OauthClient, PublicJwk, TrustRule};
use crate::domain::ids::PrincipalId;
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

    /// These settings, with who has added each public key and trust rule: whoever first did, or this principal for those that the
    /// settings before do not have.
    #[must_use]
    pub fn with_adder(mut self, adder: PrincipalId, before: &Self) -> Self {
        let (old, new) = (before.warrants(), self.warrants());
        self.adders = before.adders.clone();
        self.adders.retain(|warrant, _| new.contains(warrant));
        self.adders.extend(new.into_iter().filter(|warrant| !old.contains(warrant)).map(|new| (new, adder.uuid())));
        self
    }

    /// Who has added the public keys and trust rules; `None` for an unknown principal.
    #[must_use]
    pub fn all_adders(&self) -> BTreeSet<Option<PrincipalId>> {
        self.warrants().iter().map(|warrant| self.adder(warrant)).collect()
    }

    /// These settings, without the public keys and trust rules that one of these principals has added.
    #[must_use]
    pub fn without_those_of(mut self, adders: &BTreeSet<Option<PrincipalId>>) -> Self {
        let stays = |adder: Option<PrincipalId>| !adders.contains(&adder);
        let known = self.adders.clone();
        let adder =
            |warrant: Option<Warrant>| adder_in(&known, &warrant.map(|each| each.to_string()).unwrap_or_default());
        self.keys.retain(|key| stays(adder(Warrant::of_key(key))));
        self.trust.retain(|rule| stays(adder(Some(Warrant::of_rule(rule)))));
        let left = self.warrants();
        self.adders.retain(|warrant, _| left.contains(warrant));
        self
    }

    fn adder(&self, warrant: &str) -> Option<PrincipalId> {
        adder_in(&self.adders, warrant)
    }

    /// The warrants of all public keys and trust rules. One that cannot be read has an empty one.
    fn warrants(&self) -> BTreeSet<String> {
        let rules = self.trust.iter().map(|rule| Some(Warrant::of_rule(rule)));
        let all = self.keys.iter().map(Warrant::of_key).chain(rules);
        all.map(|warrant| warrant.map(|each| each.to_string()).unwrap_or_default()).collect()
    }
}

fn adder_in(adders: &BTreeMap<String, Uuid>, warrant: &str) -> Option<PrincipalId> {
    adders.get(warrant).copied().map(PrincipalId::from)
}
