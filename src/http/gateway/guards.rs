//! Protection of the endpoints without authentication: rate limiting and GitHub's signatures.

use std::num::NonZeroU32;

use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde::Deserialize;

use crate::clock::Clock;
use crate::domain::base64;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;

/// The most reports of leaks from a network per minute.
const REPORTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
/// How many networks are remembered before idle ones are evicted.
const NETWORKS: usize = 10_000;

/// Rate limiter (GCRA) for reports of leaked tokens, per network.
pub struct LeakReports(RateLimiter<Network, HashMapStateStore<Network>, Clock, NoOpMiddleware<Nanos>>);

impl LeakReports {
    /// Creates a limiter that has counted no reports.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let store = HashMapStateStore::default();
        Self(RateLimiter::new(Quota::per_minute(REPORTS), store, clock))
    }

    /// Counts a report from a network.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when the network has sent too many.
    pub fn take(&self, network: Network) -> Result<()> {
        if self.0.len() > NETWORKS {
            self.0.retain_recent();
        }
        self.0.check_key(&network).map_err(|refused| {
            let wait = refused.wait_time_from(governor::clock::Clock::now(self.0.clock()));
            Error::RateLimited { retry_after: wait.as_secs() + 1 }
        })
    }
}

/// The public keys that GitHub signs its alerts with.
#[derive(Default)]
pub struct GithubKeys(Vec<(String, VerifyingKey)>);

/// The document that GitHub publishes at `/meta/public_keys/secret_scanning`.
#[derive(Deserialize)]
struct Published {
    public_keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    key_identifier: String,
    key: String,
    is_current: bool,
}

impl GithubKeys {
    /// Parses GitHub's document, without the keys that are no longer current.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn parse(json: &str) -> Result<Self, String> {
        let published: Published = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let current = published.public_keys.into_iter().filter(|key| key.is_current);
        let read = |PublishedKey { key_identifier, key, .. }| match VerifyingKey::from_public_key_pem(&key) {
            Ok(key) => Ok((key_identifier, key)),
            Err(error) => Err(format!("the key `{key_identifier}`: {error}")),
        };
        current.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is a key with that identifier.
    #[must_use]
    pub fn has(&self, key_identifier: &str) -> bool {
        self.0.iter().any(|(identifier, _)| identifier == key_identifier)
    }

    /// Verifies `signature`, in base64, of the body with the key.
    #[must_use]
    pub fn verify(&self, key_identifier: &str, signature: &str, body: &[u8]) -> bool {
        let key = self.0.iter().find(|(identifier, _)| identifier == key_identifier).map(|(_, key)| key);
        let signature = base64::decode(signature).and_then(|der| Signature::from_der(&der).ok());
        matches!((key, signature), (Some(key), Some(signature)) if key.verify(body, &signature).is_ok())
    }
}
