//! Client authentication by a signed assertion (`private_key_jwt`, RFC 7523): for API keys that registered a public key.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::issuer::LEEWAY;
use crate::clock::SECOND;
use crate::domain::error::Error;
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::{KeySet, Keys, OF_PROGRAMS};
use crate::domain::jws::{AudienceClaim, Seconds, Unchecked};
use crate::domain::network::Network;
use crate::domain::oauth_client::Warrant;
use crate::domain::principal::parse_client_id;
use crate::domain::text::is_hidden;
use crate::service::Service;
use crate::service::authn::workload;

/// The `client_assertion_type` of an assertion.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long before its end an assertion may be used, in seconds: as long as those that Authlib makes by default.
const LONGEST_LIFE: i64 = 3_600;
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 255;

/// Why an assertion was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAsserted {
    /// It is unreadable, of an unknown client, or its signature is wrong: only who can sign is told more.
    #[error("the client assertion is not signed by a registered key of an API key")]
    Stranger,
    /// A claim is wrong.
    #[error("the client assertion is not accepted: {0}")]
    Rejected(&'static str),
    /// The storage failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The claims of an assertion (RFC 7523, section 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: AudienceClaim,
    exp: Seconds,
    iat: Option<Seconds>,
    nbf: Option<Seconds>,
    jti: String,
}

/// The claim by which the client is found before the signature is checked.
#[derive(Deserialize)]
struct Claimed {
    sub: String,
}

/// The API key that signed this assertion, and which of its public keys it signed with. `audiences` are the issuer and the addresses of
/// the token endpoint and of the endpoint of the request, `network` is that of the client.
///
/// # Errors
/// [`NotAsserted`]
pub async fn authenticate(
    service: &Service,
    assertion: &str,
    audiences: &[&str],
    network: Network,
) -> Result<(PrincipalId, Warrant), NotAsserted> {
    let stranger = |_| NotAsserted::Stranger;
    let token = Unchecked::read(assertion, &OF_PROGRAMS).map_err(stranger)?;
    let Claimed { sub } = token.unverified().map_err(stranger)?;
    let key = parse_client_id(&sub).ok_or(NotAsserted::Stranger)?;
    let kinds = ["jwt", "client-authentication+jwt", "application/client-authentication+jwt"];
    if token.kind.as_deref().is_some_and(|kind| !kinds.iter().any(|known| kind.eq_ignore_ascii_case(known))) {
        return Err(NotAsserted::Stranger);
    }
    let registered = workload::settings(service, key, network).await?.keys;
    let keys = registered.iter().map(|key| Value::Object(key.json().clone())).collect();
    let keys = Keys::from(KeySet { keys });
    let signer = keys.find_key(token.key_id.as_deref(), token.algorithm).ok_or(NotAsserted::Stranger)?;
    let decoding = signer.decoding(token.algorithm).ok_or(NotAsserted::Stranger)?;
    let claims: Value = token.claims(decoding).map_err(stranger)?;
    let claims: Assertion = serde_json::from_value(claims)
        .map_err(|_| NotAsserted::Rejected("it needs the claims `iss`, `sub`, `aud`, `exp` and `jti`"))?;
    accept(&claims, audiences, service.clock.now() / SECOND).map_err(NotAsserted::Rejected)?;
    let id = Sha256::new().chain_update(key.uuid()).chain_update(&claims.jti).finalize();
    let until = claims.exp.whole() * SECOND;
    if !workload::is_first_use(service, key, id.into(), until)? {
        return Err(NotAsserted::Rejected("its `jti` was used before"));
    }
    Ok((key, Warrant::from(signer.thumbprint())))
}

/// Checks the claims; `now` is in epoch seconds.
fn accept(claims: &Assertion, audiences: &[&str], now: i64) -> Result<(), &'static str> {
    let (expires, one) = (claims.exp.whole(), claims.aud.single());
    let rules = [
        (claims.iss == claims.sub, "`iss` and `sub` must both be the client id"),
        (
            one.is_some_and(|one| audiences.contains(&one)),
            "`aud` must be the issuer, the token endpoint or this endpoint, and nothing else",
        ),
        (expires > now, "it has expired"),
        (expires <= now + LONGEST_LIFE + LEEWAY, "`exp` must be at most an hour ahead"),
        (claims.iat.is_none_or(|iat| iat.whole() < now + LEEWAY), "it is of the future"),
        (claims.nbf.is_none_or(|nbf| nbf.whole() < now + LEEWAY), "it is not valid yet"),
        (
            (1..=LONGEST_ID).contains(&claims.jti.len()) && !claims.jti.chars().any(is_hidden),
            "`jti` must have 1 to 255 bytes and no hidden characters",
        ),
    ];
    rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, wrong)| Err(*wrong))
}
