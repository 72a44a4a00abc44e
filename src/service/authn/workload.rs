//! Workload identity: which API key a program acts as that presents an ID token of its platform instead of a secret.

use serde_json::{Map, Value};

use crate::directory::FirstUse;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::domain::oauth_client::{OauthClient, TrustRule, Warrant};
use crate::domain::party::Party;
use crate::service::Service;
use crate::storage::oauth_clients;

/// A workload that acts as an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The API key. The caller must check that it exists and may be used.
    pub key: PrincipalId,
    /// When its ID token expires, in epoch milliseconds: nothing made from it may live longer.
    pub expires_at: i64,
    /// The name of the trust rule.
    pub rule: String,
    /// The trust rule.
    pub warrant: Warrant,
    /// The issuer of its ID token.
    pub issuer: String,
    /// The subject of its ID token.
    pub subject: String,
}

/// The claims of an ID token whose signature and times have been checked.
#[derive(Debug, Clone)]
pub struct IdentityClaims {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The only value of `aud`.
    pub audience: String,
    /// `exp`, in epoch milliseconds.
    pub expires_at: i64,
    /// Every claim.
    pub all: Map<String, Value>,
}

/// The settings of an API key, for a program in this network that has not authenticated yet; the default for a key without
/// settings, and for an id that no key has.
///
/// # Errors
/// When the storage fails, or too many look-ups wait.
pub async fn settings(service: &Service, key: PrincipalId, network: Network) -> Result<OauthClient> {
    let _turn = service.look_ups.turn(Party::Network(network)).await?;
    service.look_up(move |connection| oauth_clients::get(connection, key)).await
}

/// Whether a client assertion is used for the first time. `id` is the digest of its issuer and its `jti`; `until` is when it
/// expires, in epoch milliseconds.
///
/// # Errors
/// [`Error::Overloaded`] when no more can be remembered.
pub fn is_first_use(service: &Service, key: PrincipalId, id: [u8; 32], until: i64) -> Result<bool> {
    match service.directory.used_assertions.record(key, id, until, service.clock.now()) {
        FirstUse::Yes => Ok(true),
        FirstUse::No => Ok(false),
        FirstUse::HolderIsFull | FirstUse::Full => Err(Error::Overloaded),
    }
}

/// The workload with these claims, by the first rule of the key that they match.
#[must_use]
pub fn recognise(key: PrincipalId, rules: &[TrustRule], claims: &IdentityClaims) -> Option<Workload> {
    let matches = |rule: &&TrustRule| {
        rule.issuer == claims.issuer && rule.audience == claims.audience && rule.matches(&claims.all)
    };
    rules.iter().find(matches).map(|rule| Workload {
        key,
        expires_at: claims.expires_at,
        rule: rule.name.clone(),
        warrant: Warrant::of_rule(rule),
        issuer: claims.issuer.clone(),
        subject: claims.subject.clone(),
    })
}
