//! The signing keys of an issuer: a JWK set (RFC 7517).

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// How many keys of a set are read; the rest are ignored.
const MOST: usize = 64;
/// Length of an RSA modulus in base64url characters: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 342..=1_366;

/// Length of an Ed25519 key in base64url characters: 32 bytes. The library panics on shorter ones.
const ED25519: usize = 43;

/// The usable signing keys of a set.
#[derive(Default)]
pub struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The only algorithm that the key may be used for, if it has `alg`.
    algorithm: Option<Algorithm>,
    kind: Kind,
    decoding: DecodingKey,
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
    pub(in crate::http::oauth) keys: Vec<Value>,
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

/// The algorithms of tokens that programs present.
pub(in crate::http::oauth) const OF_PROGRAMS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];

/// The asymmetric algorithm with this name. HMAC is left out: everyone who knows the client secret could sign, and a
/// public key could be used as an HMAC secret (RFC 8725, section 2.1).
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
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
        Self(set.keys.into_iter().take(MOST).filter_map(|each| read(serde_json::from_value(each).ok()?)).collect())
    }
}

fn read(document: Document) -> Option<Key> {
    let Document { kty, kid, r#use, alg, crv, n, e, x, y } = document;
    if r#use.is_some_and(|r#use| r#use != "sig") {
        return None;
    }
    let (kind, key) = match (kty.as_str(), crv.as_deref()) {
        ("RSA", None) => {
            let modulus = n.filter(|n| MODULUS.contains(&n.len()))?;
            (Kind::Rsa, DecodingKey::from_rsa_components(&modulus, &e.filter(|e| e.len() <= 8)?))
        }
        ("EC", Some("P-256")) => (Kind::P256, DecodingKey::from_ec_components(&x?, &y?)),
        ("EC", Some("P-384")) => (Kind::P384, DecodingKey::from_ec_components(&x?, &y?)),
        ("OKP", Some("Ed25519")) => {
            (Kind::Ed25519, DecodingKey::from_ed_components(&x.filter(|x| x.len() == ED25519)?))
        }
        _ => return None,
    };
    let algorithm = match alg {
        None => None,
        Some(name) => Some(algorithm(&name)?),
    };
    Some(Key { id: kid, algorithm, kind, decoding: key.ok()? })
}

impl Keys {
    /// The key with this id for this algorithm. Without an id, the only key for the algorithm; none if there are
    /// several.
    #[must_use]
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits =
            |key: &&Key| Some(key.kind) == kind_of(algorithm) && key.algorithm.is_none_or(|only| only == algorithm);
        let mut fitting = self.0.iter().filter(fits).filter(|key| id.is_none() || key.id.as_deref() == id);
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(&first.decoding)
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
    fn no_algorithm_with_a_shared_secret_is_known() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "rs256", ""] {
            assert!(algorithm(name).is_none(), "{name}");
        }
    }
}
