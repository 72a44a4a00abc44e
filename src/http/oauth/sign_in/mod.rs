//! Signing in with a provider: this server as an OpenID Connect client (authorization code flow with PKCE).
//!
//! | look for | in |
//! |---|---|
//! | the operator's settings | `settings.rs` |
//! | discovery, keys, signatures of tokens | `../issuer/` |
//! | the provider's endpoints | `provider.rs` |
//! | claims of tokens | `id_token.rs`, `logout_token.rs` |
//! | the cookie that binds a callback to its browser | `flow.rs` |
//! | the endpoints | `pages.rs`, `back_channel.rs` |
//!
//! `service/people/sign_in.rs` creates the user and the session. docs/sign-in.md lists the rules, each with its test.

pub mod back_channel;
mod flow;
mod id_token;
mod logout_token;
pub mod pages;
mod provider;
pub mod settings;

#[cfg(feature = "fuzzing")]
pub use self::{
    id_token::{Expected, IdToken},
    logout_token::LogoutToken,
};

use std::sync::Arc;

use self::provider::Provider;
use self::settings::ProviderSettings;
use super::issuer::ProviderError;
use crate::clock::Clock;

/// The configured providers.
#[derive(Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// Creates the providers; `base` is the public URL of this server, without a slash at its end.
    #[must_use]
    pub fn new(settings: Vec<ProviderSettings>, base: &str, clock: &Clock) -> Self {
        Self(settings.into_iter().map(|each| Arc::new(Provider::new(each, base, clock.clone()))).collect())
    }

    /// The provider with this id.
    fn find(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| &*provider.settings.id == id)
    }
}

/// The error for an error code of the provider. Any page can send a browser here with any text, so only what looks like a
/// code of RFC 6749 is logged.
fn denied(code: &str) -> ProviderError {
    let is_code = (1..=40).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    ProviderError::Denied(if is_code { code.to_owned() } else { "(no error code)".to_owned() })
}
