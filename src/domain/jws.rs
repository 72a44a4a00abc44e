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
    /// The token is longer than [`LONGEST`], or no JWS.
    #[error("it is no signed token in the compact form")]
    Malformed,
    /// The token's header has `crit` or `b64`.
    #[error("it has header members that must be understood and are not")]
    Critical,
    /// The token's `alg` is not one of the expected ones.
    #[error("it is signed with another algorithm than the expected ones")]
    Algorithm,
    /// None of the issuer's keys has its `kid`, or several could be meant.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// Its signature was not made with the key.
    #[error("its signature is wrong")]
    Signature,
    /// The token's claims cannot be read.
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
        let head = text_of(head).ok_or(Rejected::Malformed)?;
        let head: Head = read_json(head.as_bytes()).map_err(|_| Rejected::Malformed)?;
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
        let payload = text_of(self.payload).ok_or_else(|| Rejected::Claims("not UTF-8 in base64url".to_owned()))?;
        read_json(payload.as_bytes()).map_err(|error| Rejected::Claims(error.to_string()))
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

/// The text that a part of a token encodes. A JSON parser does not check the members that it skips, but RFC 8725, section 3.7,
/// demands UTF-8 of the whole.
fn text_of(part: &str) -> Option<String> {
    String::from_utf8(BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
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
pub enum AudienceClaim {
    /// A string.
    One(String),
    /// A list.
    Several(Vec<String>),
}

impl AudienceClaim {
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[derive(Deserialize)]
    struct Nothing {}

    fn token(head: &[u8], claims: &[u8]) -> String {
        format!("{}.{}.c2ln", BASE64URL_NOPAD.encode(head), BASE64URL_NOPAD.encode(claims))
    }

    #[test]
    fn a_token_that_is_not_in_utf_8_is_refused() {
        let good = token(br#"{"alg":"ES256"}"#, br#"{"sub":"a"}"#);
        let read = Unchecked::read(&good, &[Algorithm::ES256]).ok().unwrap();
        assert_eq!(read.unverified::<Value>().unwrap()["sub"], "a");
        let head = token(b"{\"alg\":\"ES256\",\"odd\":\"\xff\"}", b"{}");
        assert!(matches!(Unchecked::read(&head, &[Algorithm::ES256]), Err(Rejected::Malformed)));
        let claims = token(br#"{"alg":"ES256"}"#, b"{\"odd\":\"\xc3\x28\"}");
        let read = Unchecked::read(&claims, &[Algorithm::ES256]).ok().unwrap();
        assert!(matches!(read.unverified::<Nothing>(), Err(Rejected::Claims(_))));
    }

    #[test]
    fn a_token_with_five_parts_is_no_signed_token() {
        let encrypted = format!("{}.YQ.YQ", token(br#"{"alg":"ES256","zip":"DEF"}"#, b"{}"));
        assert!(matches!(Unchecked::read(&encrypted, &[Algorithm::ES256]), Err(Rejected::Malformed)));
    }
}
