//! DPoP proofs (RFC 9449): a client signs method and URL of each request with a key of its own, and a token that is
//! bound to the key is worth nothing without it.
//!
//! Here is what can be checked without memory: form, signature, and claims. `service/authn/proofs.rs` adds nonces and
//! refuses a proof that has been used.

mod address;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::address::normalized;
use super::jwk::{Key, OF_PROGRAMS, PRIVATE, Thumbprint};
use crate::clock::SECOND;
use crate::domain::jws::{Rejected, Seconds, Unchecked};

/// The `typ` header of a proof.
const KIND: &str = "dpop+jwt";
/// The longest proof, in bytes: one with an RSA key of 4096 bits and a URL of 2 KiB has room.
pub const LONGEST: usize = 8_192;
/// The longest modulus of an RSA key in base64url characters: 4096 bits. Unauthenticated clients can send proofs, and a
/// larger key costs more to check than a proof may.
const LONGEST_MODULUS: usize = 683;
/// The longest `jti` and the longest `nonce`, in bytes.
const LONGEST_ID: usize = 256;
/// How far `iat` may be from now in either direction, in milliseconds. Programs run on machines whose clocks are off by
/// seconds; and a proof must be remembered for as long, so that it is not used twice.
pub const WINDOW: i64 = 60 * SECOND;
/// The names of the accepted algorithms, for metadata and challenges. `Ed25519` is the newer name of `EdDSA` (RFC
/// 9864).
pub const ALGORITHM_NAMES: [&str; 5] = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];

/// Why a proof is not accepted, in words for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the DPoP proof is not accepted: {0}")]
pub struct Refused(String);

impl Refused {
    /// A refusal for that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Algorithm => Self(format!("`alg` must be one of {}", ALGORITHM_NAMES.join(", "))),
            other => Self(other.to_string()),
        }
    }
}

/// The request that a proof must be made for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL as the client sees it.
    pub url: &'a str,
    /// The access token of the request; none at the token endpoint.
    pub token: Option<&'a str>,
    /// Now, in epoch milliseconds.
    pub now: i64,
}

/// A proof whose signature and claims are right.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key that it is signed with.
    pub key: Thumbprint,
    /// Its `nonce`.
    pub nonce: Option<String>,
    /// Identifies the proof: a digest of its key, its `jti` and its URL.
    pub id: [u8; 32],
    /// The time until which the proof would be accepted, in epoch milliseconds.
    pub until: i64,
}

#[derive(Deserialize)]
struct Claims {
    htm: Option<String>,
    htu: Option<String>,
    iat: Option<Seconds>,
    jti: Option<String>,
    ath: Option<String>,
    nonce: Option<String>,
}

impl Proof {
    /// Checks a proof as RFC 9449, section 4.3, says, up to its nonce.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn verify(text: &str, expected: &Expected<'_>) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused(format!("it has more than {LONGEST} bytes")));
        }
        let mut unchecked = Unchecked::read(text, &OF_PROGRAMS)?;
        if unchecked.kind.as_deref() != Some(KIND) {
            return Err(Refused(format!("`typ` must be `{KIND}`")));
        }
        let jwk = unchecked.key.take().ok_or_else(|| Refused::new("its header has no `jwk`"))?;
        if let Some(member) = PRIVATE.into_iter().find(|member| jwk.contains_key(*member)) {
            return Err(Refused(format!("its `jwk` has the private member `{member}`: make a new key")));
        }
        if jwk.get("n").and_then(Value::as_str).is_some_and(|modulus| modulus.len() > LONGEST_MODULUS) {
            return Err(Refused::new("its `jwk` is an RSA key of more than 4096 bits: use a smaller one, or ES256"));
        }
        let key = Key::read(Value::Object(jwk));
        let key = key.ok_or_else(|| Refused::new("its `jwk` is no key that can be used for signatures"))?;
        let decoding = key.decoding(unchecked.algorithm);
        let claims = unchecked.claims(decoding.ok_or_else(|| Refused::new("its `jwk` is no key for its `alg`"))?)?;
        Self::accept(claims, key.thumbprint(), expected)
    }

    fn accept(claims: Claims, key: Thumbprint, expected: &Expected<'_>) -> Result<Self, Refused> {
        let Claims { htm, htu, iat, jti, ath, nonce } = claims;
        let missing = |claim: &str| Refused(format!("the claim `{claim}` is missing"));
        let jti = jti.ok_or_else(|| missing("jti"))?;
        let too_long = |text: &str| text.len() > LONGEST_ID;
        if jti.is_empty() || too_long(&jti) {
            return Err(Refused(format!("`jti` must have 1 to {LONGEST_ID} bytes")));
        }
        if nonce.as_deref().is_some_and(too_long) {
            return Err(Refused(format!("`nonce` must have at most {LONGEST_ID} bytes")));
        }
        if htm.ok_or_else(|| missing("htm"))? != expected.method {
            return Err(Refused::new("`htm` is not the method of this request"));
        }
        let url = normalized(&htu.ok_or_else(|| missing("htu"))?);
        let url = url.ok_or_else(|| Refused::new("`htu` must be an `https` or `http` URL"))?;
        if Some(&url) != normalized(expected.url).as_ref() {
            // Of the server's own making, so it reveals nothing that the client does not know.
            let seen = expected.url.split(['?', '#']).next().unwrap_or_default();
            return Err(Refused(format!("`htu` is not the URL of this request, {seen}")));
        }
        let issued_at = iat.ok_or_else(|| missing("iat"))?.whole().saturating_mul(SECOND);
        if issued_at < expected.now.saturating_sub(WINDOW) {
            return Err(Refused::new("`iat` is too old: make a proof for each request, and set the clock"));
        }
        if issued_at > expected.now.saturating_add(WINDOW) {
            return Err(Refused::new("`iat` is in the future: set the clock"));
        }
        if let Some(token) = expected.token
            && !is_digest_of(&ath.ok_or_else(|| missing("ath"))?, token)
        {
            return Err(Refused::new("`ath` is not the digest of the access token"));
        }
        let id = Sha256::new_with_prefix(key.0).chain_update(Sha256::digest(&jti)).chain_update(&url).finalize();
        // A millisecond more: `iat` exactly at the limit is accepted.
        Ok(Self { key, nonce, id: id.into(), until: issued_at + WINDOW + 1 })
    }
}

/// Whether `ath` is the SHA-256 of the token in base64url. No secret is compared: both come from the client.
fn is_digest_of(ath: &str, token: &str) -> bool {
    data_encoding::BASE64URL_NOPAD.encode(&Sha256::digest(token)) == ath
}

#[cfg(test)]
mod tests;
