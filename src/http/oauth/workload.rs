//! Workload identity: an ID token of GitHub Actions, GitLab, Kubernetes or another OpenID Connect issuer, instead of a secret.
//!
//! The issuer must be one of a trust rule of the API key before anything is fetched from it. `service/authn/workload.rs`
//! finds the rule.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::issuer::{Endpoints, Issuer, IssuerSettings, LEEWAY, ProviderError};
use crate::clock::{Clock, DAY, SECOND};
use crate::domain::error::Error;
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::OF_PROGRAMS;
use crate::domain::jws::{AudienceClaim, Seconds, Unchecked};
use crate::domain::network::Network;
use crate::domain::text::is_hidden;
use crate::outbound::{Destinations, Outbound, Roots};
use crate::service::Service;
use crate::service::authn::workload::{self, IdentityClaims, Workload};

/// How many issuers are kept in memory with their keys.
const ISSUERS: usize = 256;
/// The longest lifetime of an ID token, in seconds.
const LONGEST_LIFE: i64 = DAY / SECOND;
/// The longest subject, in bytes.
const LONGEST_SUBJECT: usize = 1024;

/// The operator's settings.
#[derive(Debug, Clone, Default)]
pub struct WorkloadSettings {
    /// The issuers that may be in private networks, or name hosts there.
    pub private_issuers: Vec<String>,
    /// The certificate authorities of these issuers.
    pub private_roots: Roots,
}

/// The issuers of workloads.
pub struct Issuers {
    settings: WorkloadSettings,
    public: Outbound,
    private: Outbound,
    known: Cache<String, Arc<Issuer<NoEndpoints>>>,
    clock: Clock,
}

/// No endpoint of the issuer of a workload is used.
#[derive(Deserialize)]
struct NoEndpoints {}

impl Endpoints for NoEndpoints {
    fn addresses(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Why an ID token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotRecognised {
    /// The API key has no rule for the token's issuer, or does not exist, or the token cannot be read.
    #[error("no trust rule of this API key is for the issuer of this token")]
    Stranger,
    /// The issuer's keys cannot be fetched.
    #[error("the keys of the issuer of this token cannot be fetched: try again")]
    Unavailable(String),
    /// The signature, a time or the audience is wrong.
    #[error("the ID token is not accepted: {0}")]
    Rejected(String),
    /// The token is genuine, but no rule matches its claims.
    #[error("the ID token is genuine, but no trust rule of this API key matches its audience and its claims")]
    NoRule,
    /// The storage failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<ProviderError> for NotRecognised {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unavailable(message) => Self::Unavailable(message),
            ProviderError::Rejected(message) | ProviderError::Denied(message) => Self::Rejected(message),
        }
    }
}

impl Issuers {
    /// Knows no issuer yet.
    #[must_use]
    pub fn new(settings: WorkloadSettings, clock: &Clock) -> Self {
        Self {
            public: Outbound::default(),
            private: Outbound::new(&settings.private_roots),
            settings,
            known: Cache::new(ISSUERS),
            clock: clock.clone(),
        }
    }

    /// The issuer with this name, which a trust rule has.
    fn issuer(&self, name: &str) -> Arc<Issuer<NoEndpoints>> {
        let is_private = self.settings.private_issuers.iter().any(|private| private == name);
        let (client, destinations) =
            if is_private { (&self.private, Destinations::Anywhere) } else { (&self.public, Destinations::Public) };
        let new = || {
            Ok::<_, std::convert::Infallible>(Arc::new(Issuer::new(IssuerSettings {
                name: name.to_owned(),
                algorithms: &OF_PROGRAMS,
                own: destinations,
                others: destinations,
                client: client.clone(),
                clock: self.clock.clone(),
            })))
        };
        match self.known.get_or_insert_with(name, new) {
            Ok(issuer) => issuer,
            Err(never) => match never {},
        }
    }
}

/// The claims that every ID token must have.
#[derive(Deserialize)]
struct IdToken {
    sub: String,
    aud: AudienceClaim,
    exp: Seconds,
    iat: Seconds,
    nbf: Option<Seconds>,
}

/// The claim by which the rules, and so the keys, are found before the signature is checked.
#[derive(Deserialize)]
struct Claimed {
    iss: String,
}

/// The workload that presents this ID token to act as this API key. `network` is that of the client.
///
/// # Errors
/// [`NotRecognised`]
pub async fn identify(
    service: &Service,
    issuers: &Issuers,
    key: PrincipalId,
    token: &str,
    network: Network,
) -> Result<Workload, NotRecognised> {
    let Claimed { iss } = Unchecked::read(token, &OF_PROGRAMS)
        .and_then(|token| token.unverified())
        .map_err(|_| NotRecognised::Stranger)?;
    let rules = workload::settings(service, key, network).await?.trust;
    if !rules.iter().any(|rule| rule.issuer == iss) {
        return Err(NotRecognised::Stranger);
    }
    // `typ` is optional in an ID token; any value but `JWT` marks another kind of token (RFC 8725, section 3.11).
    let is_id_token = |kind: Option<&str>| kind.is_none_or(|kind| kind.eq_ignore_ascii_case("jwt"));
    let all: Map<String, Value> = issuers.issuer(&iss).verified(token, is_id_token).await?;
    let claims = accept(all, &iss, service.clock.now() / SECOND).map_err(NotRecognised::Rejected)?;
    workload::recognise(key, &rules, &claims).ok_or(NotRecognised::NoRule)
}

/// Checks the claims that every ID token must have; `now` is in epoch seconds.
fn accept(all: Map<String, Value>, issuer: &str, now: i64) -> Result<IdentityClaims, String> {
    let token: IdToken = serde_json::from_value(Value::Object(all.clone()))
        .map_err(|error| format!("a claim that every ID token has is missing or has a wrong type: {error}"))?;
    let audience = token.aud.single().ok_or("it must have exactly one audience")?.to_owned();
    let (ends, begins) = (token.exp.whole(), token.iat.whole());
    let rules = [
        // Without leeway: what is made from it must not live longer than it.
        (ends > now, "it has expired"),
        (begins < now + LEEWAY, "it is of the future"),
        (token.nbf.is_none_or(|nbf| nbf.whole() < now + LEEWAY), "it is not valid yet"),
        (ends > begins, "it ends before it begins"),
        (ends.saturating_sub(begins) <= LONGEST_LIFE, "it is valid for more than a day"),
        (
            (1..=LONGEST_SUBJECT).contains(&token.sub.len()) && !token.sub.chars().any(is_hidden),
            "its subject is empty, too long, or has hidden characters",
        ),
    ];
    if let Some((_, wrong)) = rules.iter().find(|(holds, _)| !holds) {
        return Err((*wrong).to_owned());
    }
    Ok(IdentityClaims { issuer: issuer.to_owned(), subject: token.sub, audience, expires_at: ends * SECOND, all })
}
