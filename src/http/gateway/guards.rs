//! What protects the doors that need no credential.

use std::num::NonZeroU32;

use data_encoding::BASE64;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde::Deserialize;

use crate::clock::Clock;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;

/// How many reports of leaks a network may send in a minute.
const REPORTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
/// How many networks are remembered before those that have been quiet are forgotten.
const NETWORKS: usize = 10_000;

/// Counts reports of leaked tokens by network.
pub struct LeakReports(RateLimiter<Network, HashMapStateStore<Network>, Clock, NoOpMiddleware<Nanos>>);

impl LeakReports {
    /// No reports yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let store = HashMapStateStore::default();
        Self(RateLimiter::new(Quota::per_minute(REPORTS), store, clock))
    }

    /// Counts one.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when that network has sent too many.
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
    /// Reads GitHub's document; keys that are not current any more are left out.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn parse(json: &str) -> Result<Self, String> {
        let published: Published = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let current = published.public_keys.into_iter().filter(|key| key.is_current);
        let read = |PublishedKey { key_identifier, key, .. }| match VerifyingKey::from_public_key_pem(&key) {
            Ok(key) => Ok((key_identifier, key)),
            Err(error) => Err(format!("the key `{key_identifier}`: {error}")),
        };
        current.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is a key of that name.
    #[must_use]
    pub fn has(&self, key_identifier: &str) -> bool {
        self.0.iter().any(|(identifier, _)| identifier == key_identifier)
    }

    /// Whether `signature`, in base64, is that of the key over the body.
    #[must_use]
    pub fn verify(&self, key_identifier: &str, signature: &str, body: &[u8]) -> bool {
        let key = self.0.iter().find(|(identifier, _)| identifier == key_identifier).map(|(_, key)| key);
        let signature = BASE64.decode(signature.as_bytes()).ok().and_then(|der| Signature::from_der(&der).ok());
        matches!((key, signature), (Some(key), Some(signature)) if key.verify(body, &signature).is_ok())
    }
}
