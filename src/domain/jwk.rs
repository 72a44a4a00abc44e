//! Public keys that others sign with: JWK and JWK sets (RFC 7517), and the thumbprint of a key (RFC 7638).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How many keys of a set are read; the rest are ignored.
const MOST: usize = 64;
/// Length of an RSA modulus in base64url characters: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 342..=1_366;

/// Length of an Ed25519 key in base64url characters: 32 bytes. The library panics on shorter ones.
const ED25519: usize = 43;

/// The usable signing keys of a set.
#[derive(Default)]
pub struct Keys(Vec<Key>);

/// A public key.
pub struct Key {
    id: Option<String>,
    /// The only algorithm that the key may be used for, if it has `alg`.
    algorithm: Option<Algorithm>,
    kind: Kind,
    decoding: DecodingKey,
    thumbprint: Thumbprint,
}

/// The SHA-256 of the members that make up a key (RFC 7638): what `cnf.jkt` names (RFC 9449, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl Thumbprint {
    /// Reads the 43 base64url characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The thumbprint of a key with these required members, in the order and the spelling of RFC 7638, section 3.2.
    /// Values are base64url or names of curves, so none needs an escape.
    fn of(members: &str) -> Self {
        Self(Sha256::digest(members).into())
    }
}

/// Writes the 43 base64url characters.
impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// The type of a key, with its curve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A JWK set.
#[derive(Deserialize)]
pub struct KeySet {
    /// Its keys.
    pub keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Document {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Every asymmetric algorithm whose keys are read.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The members of private and symmetric keys (RFC 7518, section 6).
pub const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The names of [`OF_PROGRAMS`].
pub const OF_PROGRAMS_NAMES: [&str; 4] = ["ES256", "EdDSA", "RS256", "PS256"];

/// The algorithms of tokens that programs present.
pub const OF_PROGRAMS: [Algorithm; 4] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];

/// The asymmetric algorithm with this name. HMAC is left out: every holder of the client secret could sign, and a
/// public key could be used as an HMAC secret (RFC 8725, section 2.1).
#[must_use]
pub fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}

fn kind_of(algorithm: Algorithm) -> Option<Kind> {
    match algorithm {
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => Some(Kind::Rsa),
        Algorithm::ES256 => Some(Kind::P256),
        Algorithm::ES384 => Some(Kind::P384),
        Algorithm::EdDSA => Some(Kind::Ed25519),
        _ => None,
    }
}

impl From<KeySet> for Keys {
    /// Leaves out keys of other types, and keys that are not for signatures.
    fn from(set: KeySet) -> Self {
        Self(set.keys.into_iter().take(MOST).filter_map(Key::read).collect())
    }
}

impl Key {
    /// Reads a JWK. `None` for a key of another type, a key that is not for signatures, and what is no key.
    #[must_use]
    pub fn read(jwk: Value) -> Option<Self> {
        let Document { kty, kid, r#use, alg, crv, n, e, x, y } = serde_json::from_value(jwk).ok()?;
        if r#use.is_some_and(|r#use| r#use != "sig") {
            return None;
        }
        let (kind, key, members) = match (kty.as_str(), crv.as_deref()) {
            ("RSA", None) => {
                let (n, e) = (n.filter(|n| MODULUS.contains(&n.len()))?, e.filter(|e| e.len() <= 8)?);
                let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
                (Kind::Rsa, DecodingKey::from_rsa_components(&n, &e), members)
            }
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let (x, y) = (x?, y?);
                let members = format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#);
                let kind = if curve == "P-256" { Kind::P256 } else { Kind::P384 };
                (kind, DecodingKey::from_ec_components(&x, &y), members)
            }
            ("OKP", Some("Ed25519")) => {
                let x = x.filter(|x| x.len() == ED25519)?;
                let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
                (Kind::Ed25519, DecodingKey::from_ed_components(&x), members)
            }
            _ => return None,
        };
        let algorithm = match alg {
            None => None,
            Some(name) => Some(algorithm(&name)?),
        };
        Some(Self { id: kid, algorithm, kind, decoding: key.ok()?, thumbprint: Thumbprint::of(&members) })
    }

    /// The key, if it may be used for this algorithm.
    #[must_use]
    pub fn decoding(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = Some(self.kind) == kind_of(algorithm) && self.algorithm.is_none_or(|only| only == algorithm);
        fits.then_some(&self.decoding)
    }

    /// The thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

impl Keys {
    /// The key with this id for this algorithm. Without an id, the only key for the algorithm; none if there are
    /// several.
    #[must_use]
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        self.find_key(id, algorithm)?.decoding(algorithm)
    }

    /// The key that [`Keys::find`] finds, with its metadata.
    #[must_use]
    pub fn find_key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let mut fitting = named.filter(|key| key.decoding(algorithm).is_some());
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(keys: &[Value]) -> Keys {
        KeySet { keys: keys.to_vec() }.into()
    }

    fn rsa(id: &str, length: usize) -> Value {
        json!({"kty": "RSA", "kid": id, "n": "A".repeat(length), "e": "AQAB"})
    }

    #[test]
    fn weak_and_foreign_keys_are_left_out() {
        let left_out = [
            rsa("short", 171),
            rsa("long", 2_000),
            json!({"kty": "oct", "kid": "shared", "k": "AAAA"}),
            json!({"kty": "RSA", "kid": "for encryption", "use": "enc", "n": "A".repeat(342), "e": "AQAB"}),
            json!({"kty": "EC", "kid": "other curve", "crv": "secp256k1", "x": "AA", "y": "AA"}),
            json!({"kty": "RSA", "kid": "for another algorithm", "alg": "HS256", "n": "A".repeat(342), "e": "AQAB"}),
            json!({"kty": "OKP", "kid": "short", "crv": "Ed25519", "x": "AAAA"}),
            json!({"kty": "OKP", "kid": "long", "crv": "Ed25519", "x": "A".repeat(44)}),
            json!("no key"),
        ];
        assert!(keys(&left_out).0.is_empty());
        assert_eq!(keys(&[rsa("a", 342)]).0.len(), 1);
    }

    #[test]
    fn a_key_is_found_by_its_name_for_its_own_algorithms() {
        let set = keys(&[rsa("a", 342), rsa("b", 342)]);
        assert!(set.find(Some("a"), Algorithm::RS256).is_some());
        assert!(set.find(Some("a"), Algorithm::ES256).is_none());
        assert!(set.find(Some("c"), Algorithm::RS256).is_none());
        assert!(set.find(None, Algorithm::RS256).is_none(), "it could be either");
        assert!(keys(&[rsa("a", 342)]).find(None, Algorithm::RS256).is_some());
    }

    #[test]
    fn a_key_that_is_no_point_and_no_modulus_verifies_nothing() {
        for (key, algorithm, signature) in [
            (rsa("zero", 342), Algorithm::RS256, 342),
            (json!({"kty": "RSA", "n": "A".repeat(342), "e": ""}), Algorithm::PS256, 342),
            (json!({"kty": "RSA", "n": "_".repeat(342), "e": "AA"}), Algorithm::RS256, 342),
            (json!({"kty": "EC", "crv": "P-256", "x": "", "y": ""}), Algorithm::ES256, 86),
            (json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)}), Algorithm::ES256, 86),
            (json!({"kty": "EC", "crv": "P-384", "x": "A".repeat(43), "y": "_".repeat(43)}), Algorithm::ES384, 128),
        ] {
            let set = keys(std::slice::from_ref(&key));
            let Some(found) = set.find(None, algorithm) else { continue };
            for length in [0, 4, signature] {
                let verified = jsonwebtoken::crypto::verify(&"A".repeat(length), b"a.b", found, algorithm);
                assert!(!verified.unwrap_or(false), "{key} {length}");
            }
        }
    }

    #[test]
    fn the_thumbprint_of_the_standard_s_example_is_the_standard_s() {
        // RFC 7638, section 3.1.
        let example = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
                  FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9\
                  c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1j\
                  F44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        });
        let thumbprint = Key::read(example).unwrap().thumbprint();
        assert_eq!(thumbprint.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Some(thumbprint));
        for other in ["", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs="]
        {
            assert_eq!(Thumbprint::parse(other), None);
        }
    }

    #[test]
    fn no_algorithm_with_a_shared_secret_is_known() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "rs256", ""] {
            assert!(algorithm(name).is_none(), "{name}");
        }
    }
}
