//! Public keys of clients, as JSON web keys (RFC 7517).

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::jwk::PRIVATE;
use crate::domain::text::is_hidden;

/// The longest `kid`, in bytes.
const LONGEST_ID: usize = 128;
/// The bits of an RSA modulus.
const MODULUS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The least public exponent of RSA (FIPS 186-5, section 5.4).
const LEAST_EXPONENT: u64 = 65_537;

/// A public key for signatures: EC with P-256, Ed25519, or RSA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicJwk(Map<String, Value>);

/// The wrong member, with a message.
type Wrong = (&'static str, String);

impl PublicJwk {
    /// Checks a key. Members that say nothing about the key itself, such as `x5c`, are left out.
    ///
    /// # Errors
    /// The wrong member, and a message that says what is allowed. The message repeats no value: it may be of a private
    /// key.
    pub(super) fn parse(jwk: &Map<String, Value>) -> Result<Self, Wrong> {
        if let Some(member) = PRIVATE.into_iter().find(|member| jwk.contains_key(*member)) {
            let message = "belongs to a private key: register the public key only, and use this private key no more";
            return Err((member, message.to_owned()));
        }
        let id = text(jwk, "kid")?;
        if !(1..=LONGEST_ID).contains(&id.len()) || id.chars().any(is_hidden) {
            return Err(("kid", format!("must have 1 to {LONGEST_ID} bytes and no hidden characters")));
        }
        let (own, algorithms) = match text(jwk, "kty")? {
            "EC" => (point(jwk)?, &["ES256"][..]),
            "OKP" => (ed25519(jwk)?, &["EdDSA", "Ed25519"][..]),
            "RSA" => (rsa(jwk)?, &["RS256", "PS256"][..]),
            _ => return Err(one_of("kty", &["EC", "OKP", "RSA"])),
        };
        if jwk.get("use").is_some_and(|used| used != "sig") {
            return Err(one_of("use", &["sig"]));
        }
        let verifies =
            |operations: &Value| operations.as_array().is_some_and(|all| all.iter().any(|it| it == "verify"));
        if jwk.get("key_ops").is_some_and(|operations| !verifies(operations)) {
            return Err(("key_ops", "must be a list with `verify`".to_owned()));
        }
        if jwk.get("alg").is_some_and(|named| !algorithms.iter().any(|known| named == known)) {
            return Err(one_of("alg", algorithms));
        }
        let kept = ["kty", "kid", "use", "alg"].into_iter().chain(own);
        Ok(Self(kept.filter_map(|name| Some((name.to_owned(), jwk.get(name)?.clone()))).collect()))
    }

    /// Its `kid`.
    pub(super) fn id(&self) -> &str {
        self.0.get("kid").and_then(Value::as_str).unwrap_or_default()
    }

    /// The key as JSON.
    #[must_use]
    pub fn json(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn one_of(member: &'static str, allowed: &[&str]) -> Wrong {
    let allowed: Vec<String> = allowed.iter().map(|each| format!("`{each}`")).collect();
    (member, format!("must be {}", allowed.join(" or ")))
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &'static str) -> Result<&'a str, Wrong> {
    match jwk.get(member) {
        None => Err((member, "is missing".to_owned())),
        Some(value) => value.as_str().ok_or_else(|| (member, "must be a string".to_owned())),
    }
}

fn bytes(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, Wrong> {
    let decoded = BASE64URL_NOPAD.decode(text(jwk, member)?.as_bytes());
    decoded.map_err(|_| (member, "must be base64url without padding".to_owned()))
}

/// 32 bytes: a coordinate, or a key of Ed25519.
fn coordinate(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, Wrong> {
    let found = bytes(jwk, member)?;
    if found.len() == 32 { Ok(found) } else { Err((member, format!("must be 32 bytes, not {}", found.len()))) }
}

fn curve(jwk: &Map<String, Value>, allowed: &'static str) -> Result<(), Wrong> {
    if text(jwk, "crv")? == allowed { Ok(()) } else { Err(one_of("crv", &[allowed])) }
}

/// The names of the members of a kind of key.
type Members = Vec<&'static str>;

fn point(jwk: &Map<String, Value>) -> Result<Members, Wrong> {
    curve(jwk, "P-256")?;
    let encoded = [&[4][..], &coordinate(jwk, "x")?, &coordinate(jwk, "y")?].concat();
    VerifyingKey::from_sec1_bytes(&encoded).map_err(|_| ("x", "and `y` must be a point of the curve".to_owned()))?;
    Ok(vec!["crv", "x", "y"])
}

fn ed25519(jwk: &Map<String, Value>) -> Result<Members, Wrong> {
    curve(jwk, "Ed25519")?;
    coordinate(jwk, "x")?;
    Ok(vec!["crv", "x"])
}

fn rsa(jwk: &Map<String, Value>) -> Result<Members, Wrong> {
    let modulus = bytes(jwk, "n")?;
    let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = (modulus.len() * 8).saturating_sub(unused);
    if !MODULUS.contains(&bits) || unused == 8 || modulus.last().is_none_or(|last| last % 2 == 0) {
        let (least, most) = (MODULUS.start(), MODULUS.end());
        return Err(("n", format!("must be the modulus of a key of {least} to {most} bits, without leading zeros")));
    }
    let exponent = bytes(jwk, "e")?;
    let value = exponent.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if exponent.len() > 4 || value < LEAST_EXPONENT || value % 2 == 0 {
        return Err(("e", format!("must be an odd number of at least {LEAST_EXPONENT} and at most 4 bytes")));
    }
    Ok(vec!["n", "e"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(jwk: &Value) -> Result<PublicJwk, Wrong> {
        PublicJwk::parse(jwk.as_object().unwrap())
    }

    /// The key of RFC 7517, appendix A.1.
    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
               "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
    }

    fn rsa_of(bytes: usize, first: u8, last: u8) -> Value {
        let mut modulus = vec![1; bytes];
        modulus[0] = first;
        modulus[bytes - 1] = last;
        json!({"kty": "RSA", "kid": "1", "n": BASE64URL_NOPAD.encode(&modulus), "e": "AQAB"})
    }

    fn with(jwk: &Value, member: &str, value: Value) -> Value {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        jwk
    }

    #[test]
    fn three_kinds_of_public_keys_are_accepted_and_the_rest_of_their_members_is_left_out() {
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "A".repeat(43)});
        for right in [ec(), ed.clone(), rsa_of(256, 0x80, 1), rsa_of(1024, 0xff, 1)] {
            assert_eq!(parse(&right).unwrap().json(), right.as_object().unwrap());
            let more = with(&with(&right, "x5c", json!(["a"])), "key_ops", json!(["verify"]));
            assert_eq!(parse(&more).unwrap().json(), right.as_object().unwrap());
        }
        for (jwk, algorithm) in
            [(ec(), "ES256"), (ed.clone(), "EdDSA"), (ed, "Ed25519"), (rsa_of(256, 128, 1), "PS256")]
        {
            assert!(parse(&with(&with(&jwk, "alg", json!(algorithm)), "use", json!("sig"))).is_ok(), "{algorithm}");
        }
    }

    #[test]
    fn every_private_member_is_refused_by_its_name() {
        for member in PRIVATE {
            let (named, message) = parse(&with(&ec(), member, json!("c2VjcmV0"))).unwrap_err();
            assert_eq!(named, member);
            assert!(!message.contains("c2VjcmV0"));
        }
    }

    #[test]
    fn the_wrong_member_is_named() {
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "A".repeat(43)});
        let without = |jwk: &Value, member: &str| {
            let mut jwk = jwk.clone();
            jwk.as_object_mut().unwrap().remove(member);
            jwk
        };
        for (wrong, named) in [
            (without(&ec(), "kid"), "kid"),
            (with(&ec(), "kid", json!("")), "kid"),
            (with(&ec(), "kid", json!(1)), "kid"),
            (with(&ec(), "kid", json!("a".repeat(LONGEST_ID + 1))), "kid"),
            (with(&ec(), "kid", json!("a\u{200b}")), "kid"),
            (without(&ec(), "kty"), "kty"),
            (with(&ec(), "kty", json!("oct")), "kty"),
            (with(&ec(), "crv", json!("P-384")), "crv"),
            (with(&ec(), "crv", json!("secp256k1")), "crv"),
            (without(&ec(), "y"), "y"),
            (with(&ec(), "x", json!("AAAA")), "x"),
            (with(&ec(), "x", json!("A".repeat(43))), "x"),
            (with(&ec(), "y", json!(format!("{}=", "A".repeat(43)))), "y"),
            (with(&ec(), "use", json!("enc")), "use"),
            (with(&ec(), "key_ops", json!(["sign"])), "key_ops"),
            (with(&ec(), "key_ops", json!("verify")), "key_ops"),
            (with(&ec(), "alg", json!("RS256")), "alg"),
            (with(&ec(), "alg", json!("HS256")), "alg"),
            (with(&ed, "crv", json!("X25519")), "crv"),
            (with(&ed, "x", json!("A".repeat(44))), "x"),
            (rsa_of(256, 0x7f, 1), "n"),
            (rsa_of(255, 0xff, 1), "n"),
            (rsa_of(257, 0, 1), "n"),
            (rsa_of(1025, 1, 1), "n"),
            (rsa_of(256, 0x80, 2), "n"),
            (with(&rsa_of(256, 0x80, 1), "e", json!("Aw")), "e"),
            (with(&rsa_of(256, 0x80, 1), "e", json!("AQAC")), "e"),
            (with(&rsa_of(256, 0x80, 1), "e", json!("AQAAAAE")), "e"),
            (with(&rsa_of(256, 0x80, 1), "e", json!("")), "e"),
            (with(&rsa_of(256, 0x80, 1), "alg", json!("RS512")), "alg"),
        ] {
            assert_eq!(parse(&wrong).unwrap_err().0, named, "{wrong}");
        }
    }
}
