//! JWS compact serialization (RFC 7515): parses the header, checks the signature, then reads the claims.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwk::algorithm;
use super::nesting::read_json;

/// Maximum length of a token, in bytes.
pub const LONGEST: usize = 65_536;

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// It is longer than [`LONGEST`], or no JWS.
    #[error("it is no signed token in the compact form")]
    Malformed,
    /// Its header has `crit` or `b64`.
    #[error("it has header members that must be understood and are not")]
    Critical,
    /// Its `alg` is not one of the expected ones.
    #[error("it is signed with another algorithm than the expected ones")]
    Algorithm,
    /// Its signature was not made with the key.
    #[error("its signature is wrong")]
    Signature,
    /// Its claims cannot be read.
    #[error("its claims: {0}")]
    Claims(String),
}

/// A token whose signature has not been checked: only its header is readable.
pub struct Unchecked<'a> {
    /// The `alg` header.
    pub algorithm: Algorithm,
    /// The `kid` header.
    pub key_id: Option<String>,
    /// The `typ` header.
    pub kind: Option<String>,
    /// The `jwk` header: the key that the sender claims to have signed with.
    pub key: Option<Map<String, Value>>,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    jwk: Option<Map<String, Value>>,
    crit: Option<Value>,
    b64: Option<Value>,
}

impl<'a> Unchecked<'a> {
    /// Parses the header. Refuses algorithms that are not in `allowed`, and the headers `crit` and `b64`.
    ///
    /// # Errors
    /// [`Rejected`]
    pub fn read(token: &'a str, allowed: &[Algorithm]) -> Result<Self, Rejected> {
        if token.len() > LONGEST {
            return Err(Rejected::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Rejected::Malformed)?;
        let (head, payload) = message.split_once('.').ok_or(Rejected::Malformed)?;
        if payload.contains('.') {
            return Err(Rejected::Malformed);
        }
        let head = BASE64URL_NOPAD.decode(head.as_bytes()).map_err(|_| Rejected::Malformed)?;
        let head: Head = read_json(&head).map_err(|_| Rejected::Malformed)?;
        if head.crit.is_some() || head.b64.is_some() {
            return Err(Rejected::Critical);
        }
        let algorithm =
            algorithm(&head.alg).filter(|algorithm| allowed.contains(algorithm)).ok_or(Rejected::Algorithm)?;
        Ok(Self { algorithm, key_id: head.kid, kind: head.typ, key: head.jwk, message, payload, signature })
    }

    /// The claims of a token whose signature is not checked yet: they may only tell which keys to check it with.
    ///
    /// # Errors
    /// [`Rejected`]
    pub fn unverified<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Rejected> {
        let payload = BASE64URL_NOPAD.decode(self.payload.as_bytes());
        let payload = payload.map_err(|_| Rejected::Claims("not in base64url".to_owned()))?;
        read_json(&payload).map_err(|error| Rejected::Claims(error.to_string()))
    }

    /// Checks the signature with this key, and returns the claims.
    ///
    /// # Errors
    /// [`Rejected`]
    pub fn claims<T: for<'de> Deserialize<'de>>(&self, key: &DecodingKey) -> Result<T, Rejected> {
        let signed = jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, self.algorithm);
        if !signed.unwrap_or(false) {
            return Err(Rejected::Signature);
        }
        self.unverified()
    }
}

/// A `NumericDate`: epoch seconds, possibly with a fraction (RFC 7519, section 2).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub struct Seconds(f64);

impl Seconds {
    /// The whole seconds.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and NaN becomes 0: both are far from now")]
    #[must_use]
    pub fn whole(self) -> i64 {
        self.0 as i64
    }
}

/// The `aud` claim.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A string.
    One(String),
    /// A list.
    Several(Vec<String>),
}

impl Audience {
    /// Whether `client` is the only audience: any other audience of a token could present it here.
    #[must_use]
    pub fn is_only(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(all) => !all.is_empty() && all.iter().all(|each| each == client),
        }
    }

    /// The audience, if there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::Several(all) => match all.as_slice() {
                [one] => Some(one),
                _ => None,
            },
        }
    }
}
