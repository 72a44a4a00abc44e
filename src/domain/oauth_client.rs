//! The settings of an API key as an OAuth client: its audiences, its public keys, and the workloads that it trusts.

mod jwk;
mod resource;
mod trust;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::jwk::PublicJwk;
pub use self::trust::{TrustRule, find_claim};
use super::error::Violation;

/// The most audiences of one API key.
pub const AUDIENCES: usize = 32;
/// The most public keys of one API key.
pub const KEYS: usize = 8;
/// The most trust rules of one API key.
pub const RULES: usize = 32;

/// The settings of an API key as an OAuth client. Replaced wholesale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthClient {
    /// The resources that tokens of the key may be for (RFC 8707), besides Tessera itself.
    pub audiences: Vec<String>,
    /// The public keys that the key's client assertions are verified with (`private_key_jwt`).
    pub keys: Vec<PublicJwk>,
    /// The workloads that act as the key, in the order in which they are tried.
    pub trust: Vec<TrustRule>,
}

impl OauthClient {
    /// Checks settings.
    ///
    /// # Errors
    /// A violation for every wrong audience, key and rule.
    pub fn parse(
        audiences: Vec<String>,
        keys: &[Map<String, Value>],
        trust: Vec<TrustRule>,
    ) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let mut wrong = |place: String, message: String| violations.push(Violation::new(place, message));
        for (name, length, most) in
            [("audiences", audiences.len(), AUDIENCES), ("jwks.keys", keys.len(), KEYS), ("trust", trust.len(), RULES)]
        {
            if length > most {
                wrong(name.to_owned(), format!("must have at most {most} elements, not {length}"));
            }
        }
        let mut seen = BTreeSet::new();
        for (index, audience) in audiences.iter().enumerate().take(AUDIENCES) {
            if let Err(message) = resource::check(audience) {
                wrong(format!("audiences[{index}]"), message);
            } else if !seen.insert(audience.as_str()) {
                wrong(format!("audiences[{index}]"), "is there twice".to_owned());
            }
        }
        let (mut accepted, mut ids) = (Vec::new(), BTreeSet::new());
        for (index, jwk) in keys.iter().enumerate().take(KEYS) {
            match PublicJwk::parse(jwk) {
                Err((member, message)) => wrong(format!("jwks.keys[{index}].{member}"), message),
                Ok(key) if !ids.insert(key.id().to_owned()) => {
                    wrong(format!("jwks.keys[{index}].kid"), "is that of another key".to_owned());
                }
                Ok(key) => accepted.push(key),
            }
        }
        let mut names = BTreeSet::new();
        for (index, rule) in trust.iter().enumerate().take(RULES) {
            if let Err((member, message)) = rule.check() {
                wrong(format!("trust[{index}].{member}"), message);
            } else if !names.insert(rule.name.as_str()) {
                wrong(format!("trust[{index}].name"), "is that of another rule".to_owned());
            }
        }
        if violations.is_empty() { Ok(Self { audiences, keys: accepted, trust }) } else { Err(violations) }
    }

    /// Whether everything in these settings is also in those: nobody gets access by them who had none before.
    #[must_use]
    pub fn is_within(&self, before: &Self) -> bool {
        self.audiences.iter().all(|each| before.audiences.contains(each))
            && self.keys.iter().all(|each| before.keys.contains(each))
            && self.trust.iter().all(|each| before.trust.contains(each))
    }
}
