//! The settings of an API key as an OAuth client: its audiences, its public keys, and the workloads that it trusts.

mod jwk;
mod resource;
mod trust;
mod warrant;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::jwk::PublicJwk;
pub use self::resource::metadata_address;
pub use self::trust::{TrustRule, find_claim};
pub use self::warrant::Warrant;
use super::error::Violation;

/// The most audiences of one API key.
pub const AUDIENCES: usize = 32;
/// The most public keys of one API key.
pub const KEYS: usize = 8;
/// The most trust rules of one API key.
pub const RULES: usize = 32;

/// The secret with which an API key authenticates, besides the public keys and the workloads of its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientSecret {
    /// The token of the key.
    #[default]
    Token,
    /// No secret: the key has given its token up, for good.
    None,
}

impl ClientSecret {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Token, Self::None];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::None => "none",
        }
    }
}

/// The settings of an API key as an OAuth client. Replaced wholesale, except for `secret`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthClient {
    /// The resources that tokens of the key may be for (RFC 8707), besides Tessera itself.
    pub audiences: Vec<String>,
    /// The public keys that the key's client assertions are verified with (`private_key_jwt`).
    pub keys: Vec<PublicJwk>,
    /// The workloads that act as the key, in the order in which they are tried.
    pub trust: Vec<TrustRule>,
    /// Whether it has a token.
    #[serde(default)]
    pub secret: ClientSecret,
    /// Who has added each public key and trust rule, by its warrant. Entries made by older versions have no adder.
    #[serde(default)]
    pub adders: BTreeMap<String, Uuid>,
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
        let client = Self { audiences, keys: accepted, trust, ..Self::default() };
        if violations.is_empty() { Ok(client) } else { Err(violations) }
    }

    /// These settings, with the requested secret, or that of the former settings.
    ///
    /// # Errors
    /// A violation for a key that has given up its token and asks for it again, or that would keep nothing to
    /// authenticate with.
    pub fn with_secret(self, asked: Option<ClientSecret>, before: &Self) -> Result<Self, Violation> {
        let secret = asked.unwrap_or(before.secret);
        let wrong = |message: &str| Err(Violation::new("secret", message));
        match (before.secret, secret) {
            (ClientSecret::None, ClientSecret::Token) => {
                wrong("must stay `none`: the token has been given up for good, so create another API key")
            }
            (_, ClientSecret::None) if self.keys.is_empty() && self.trust.is_empty() => wrong(
                "can be `none` only with a public key in `jwks` or a rule in `trust`: nothing else proves the key then",
            ),
            _ => Ok(Self { secret, ..self }),
        }
    }

    /// Whether everything in these settings is also in those: they give no new access.
    #[must_use]
    pub fn is_within(&self, before: &Self) -> bool {
        self.audiences.iter().all(|each| before.audiences.contains(each))
            && self.keys.iter().all(|each| before.keys.contains(each))
            && self.trust.iter().all(|each| before.trust.contains(each))
    }
}
