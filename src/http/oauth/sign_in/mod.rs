//! Signing in with a provider: this server as a client of OpenID Connect (authorization code with PKCE).
//!
//! | look for | in |
//! |---|---|
//! | what the operator writes about providers | `settings.rs` |
//! | what a provider says about itself, and its keys | `provider.rs`, `keys.rs` |
//! | the signatures of tokens, and what they must claim | `jws.rs`, `id_token.rs`, `logout_token.rs` |
//! | what ties an answer to the browser that asked | `flow.rs` |
//! | the paths | `pages.rs`, `back_channel.rs` |
//!
//! What follows from a sign-in is `service/people/sign_in.rs`. The rules that hold, each with its test: docs/sign-in.md.

pub mod back_channel;
mod flow;
mod id_token;
mod jws;
mod keys;
mod logout_token;
pub mod pages;
mod provider;
pub mod settings;

use std::sync::Arc;

use self::provider::Provider;
use self::settings::ProviderSettings;
use crate::clock::Clock;

/// By how much the clocks of a provider and of this server may differ, in seconds.
const LEEWAY: i64 = 60;

/// The providers where people can sign in.
#[derive(Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// Those of these settings; `base` is how browsers reach this server, without a slash at its end.
    #[must_use]
    pub fn new(settings: Vec<ProviderSettings>, base: &str, clock: &Clock) -> Self {
        Self(settings.into_iter().map(|each| Arc::new(Provider::new(each, base, clock.clone()))).collect())
    }

    /// The provider of that name.
    fn find(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| &*provider.settings.id == id)
    }
}

/// Why a sign-in with a provider came to nothing. What it tells goes to the log.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// The provider cannot be reached, is too slow, or is not what it was configured to be.
    #[error("{0}")]
    Unavailable(String),
    /// The provider's answer is not to be trusted.
    #[error("{0}")]
    Rejected(String),
    /// The provider, or somebody in front of it, said no.
    #[error("the provider answered `{0}`")]
    Denied(String),
}

impl Trouble {
    fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected(message.into())
    }
}
