//! JWS compact serialization (RFC 7515): parses the header, checks the signature, then reads the claims.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::ProviderError;
use super::keys::algorithm;
use crate::domain::nesting::read_json;

/// Maximum length of a token, in bytes.
pub(super) const LONGEST: usize = 65_536;

/// A token whose signature has not been checked: only its header is readable.
pub struct Unchecked<'a> {
    /// The `alg` header.
    pub(in crate::http::oauth) algorithm: Algorithm,
    /// The `kid` header.
    pub(in crate::http::oauth) key_id: Option<String>,
    /// The `typ` header.
    pub(in crate::http::oauth) kind: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    b64: Option<Value>,
}

impl<'a> Unchecked<'a> {
    /// Parses the header. Refuses algorithms that are not in `allowed`, and the headers `crit` and `b64`.
    ///
    /// # Errors
    /// [`ProviderError::Rejected`]
    pub fn read(token: &'a str, allowed: &[Algorithm]) -> Result<Self, ProviderError> {
        let malformed = || ProviderError::rejected("the token is no signed token in the compact form");
        if token.len() > LONGEST {
            return Err(malformed());
        }
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (head, payload) = message.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') {
            return Err(malformed());
        }
        let head = BASE64URL_NOPAD.decode(head.as_bytes()).map_err(|_| malformed())?;
        let head: Head = read_json(&head).map_err(|_| malformed())?;
        if head.crit.is_some() || head.b64.is_some() {
            return Err(ProviderError::rejected("the token has header members that must be understood and are not"));
        }
        let algorithm = algorithm(&head.alg).filter(|algorithm| allowed.contains(algorithm)).ok_or_else(|| {
            ProviderError::rejected("the token is signed with an algorithm that the provider does not sign with")
        })?;
        Ok(Self { algorithm, key_id: head.kid, kind: head.typ, message, payload, signature })
    }

    /// The claims of a token whose signature may be anybody's: they may only tell which keys to check it with.
    ///
    /// # Errors
    /// [`ProviderError::Rejected`]
    pub(in crate::http::oauth) fn unverified<T: for<'de> Deserialize<'de>>(&self) -> Result<T, ProviderError> {
        let payload = BASE64URL_NOPAD.decode(self.payload.as_bytes());
        let payload = payload.map_err(|_| ProviderError::rejected("the token is not encoded as it must be"))?;
        read_json(&payload).map_err(|error| ProviderError::Rejected(format!("the claims of the token: {error}")))
    }

    /// Checks the signature with this key, and returns the claims.
    ///
    /// # Errors
    /// [`ProviderError::Rejected`]
    pub fn claims<T: for<'de> Deserialize<'de>>(&self, key: &DecodingKey) -> Result<T, ProviderError> {
        let signed = jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, self.algorithm);
        if !signed.unwrap_or(false) {
            return Err(ProviderError::rejected("the signature of the token is wrong"));
        }
        self.unverified()
    }
}

/// A `NumericDate`: epoch seconds, possibly with a fraction (RFC 7519, section 2).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(in crate::http::oauth) struct Seconds(f64);

impl Seconds {
    /// The whole seconds.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and NaN becomes 0: both are far from now")]
    pub(in crate::http::oauth) fn whole(self) -> i64 {
        self.0 as i64
    }
}

/// The `aud` claim.
#[derive(Deserialize)]
#[serde(untagged)]
pub(in crate::http::oauth) enum Audience {
    /// A string.
    One(String),
    /// A list.
    Several(Vec<String>),
}

impl Audience {
    /// Whether `client` is the only audience: any other audience of a token could present it here.
    pub(in crate::http::oauth) fn is_only(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(all) => !all.is_empty() && all.iter().all(|each| each == client),
        }
    }

    /// The audience, if there is exactly one.
    pub(in crate::http::oauth) fn single(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::Several(all) => match all.as_slice() {
                [one] => Some(one),
                _ => None,
            },
        }
    }
}
