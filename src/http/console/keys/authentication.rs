//! How an API key authenticates: with its token, with public keys, as workloads.

use crate::domain::ids::PrincipalId;
use crate::domain::oauth_client::{ClientSecret, OauthClient, PublicJwk, TrustRule};
use crate::http::console::SignedInRequest;
use crate::http::problem::Failure;
use crate::service::keys::oauth;

/// How an API key authenticates, in words.
pub(super) struct Authentication {
    pub(super) has_token: bool,
    /// The `kid`s of its public keys.
    pub(super) keys: Vec<String>,
    pub(super) workloads: Vec<Workload>,
    pub(super) audiences: Vec<String>,
}

/// Workloads that act as the key: those whose ID tokens meet a trust rule.
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) issuer: String,
    /// `sub = repo:acme/*`
    pub(super) claims: Vec<String>,
}

impl Authentication {
    /// Reads the settings of a key that the user sees.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) async fn of(request: &SignedInRequest, id: PrincipalId) -> Result<Self, Failure> {
        let OauthClient { audiences, keys, trust, secret, .. } =
            oauth::get(&request.state.service, &request.actor, id).await?;
        let kid = |key: &PublicJwk| key.json()["kid"].as_str().unwrap_or_default().to_owned();
        let workload = |rule: TrustRule| Workload {
            name: rule.name,
            issuer: rule.issuer,
            claims: rule.claims.iter().map(|(claim, pattern)| format!("{claim} = {pattern}")).collect(),
        };
        Ok(Self {
            has_token: secret == ClientSecret::Token,
            keys: keys.iter().map(kid).collect(),
            workloads: trust.into_iter().map(workload).collect(),
            audiences,
        })
    }
}
