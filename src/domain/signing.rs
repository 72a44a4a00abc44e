//! The keys that sign child tokens, and the JWTs that they sign (RFC 7515, RFC 7517).

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::entropy::Entropy;
use super::error::{Error, Result};
use crate::domain::nesting::read_json;

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256: short and fast.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 and 2048 bits, for receivers that know nothing else.
    Rs256,
}

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The name in `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn of_library(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
        }
    }
}

/// A private key as it is stored under a seal: the scalar of P-256, or PKCS #1.
pub struct PrivateKey {
    /// The algorithm that it is for.
    pub algorithm: SigningAlgorithm,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl PrivateKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(algorithm: SigningAlgorithm, entropy: Entropy) -> Result<Self> {
        let bytes = match algorithm {
            SigningAlgorithm::Es256 => loop {
                let mut scalar = [0; 32];
                entropy.fill(&mut scalar)?;
                // All but one in 2^32 draws are valid scalars.
                if p256::SecretKey::from_slice(&scalar).is_ok() {
                    break scalar.to_vec();
                }
            },
            SigningAlgorithm::Rs256 => {
                let key = rsa::PrivateKey::new(&mut rsa_randomness(entropy)?, 2048).map_err(unusable)?;
                rsa::pkcs1::EncodeRsaPrivateKey::to_pkcs1_der(&key).map_err(unusable)?.as_bytes().to_vec()
            }
        };
        Ok(Self { algorithm, bytes })
    }
}

/// A key that signs, from a time on, and verifies, until another.
pub struct SigningKey {
    /// Its id: the thumbprint of its public key (RFC 7638).
    pub id: String,
    /// Its algorithm.
    pub algorithm: SigningAlgorithm,
    /// When it begins to sign, in epoch milliseconds; it is published before.
    pub signs_from: i64,
    /// When it is no longer published, in epoch milliseconds; `i64::MAX` for a key that signs.
    pub retires_at: i64,
    /// The public key as a JWK.
    pub public: Json,
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl SigningKey {
    /// Prepares a key.
    ///
    /// # Errors
    /// When the bytes are no key of that algorithm.
    pub fn new(key: &PrivateKey, signs_from: i64, retires_at: i64) -> Result<Self> {
        let (signs, verifies, public) = match key.algorithm {
            SigningAlgorithm::Es256 => {
                let secret = p256::SecretKey::from_slice(&key.bytes).map_err(unusable)?;
                let der = secret.to_pkcs8_der().map_err(unusable)?;
                let point = secret.public_key().to_sec1_bytes();
                let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).ok_or_else(malformed)?;
                let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
                let verifies = DecodingKey::from_ec_components(&x, &y).map_err(unusable)?;
                let public = json!({"crv": "P-256", "kty": "EC", "x": x, "y": y});
                (EncodingKey::from_ec_der(der.as_bytes()), verifies, public)
            }
            SigningAlgorithm::Rs256 => {
                let secret: rsa::PrivateKey =
                    rsa::pkcs1::DecodeRsaPrivateKey::from_pkcs1_der(&key.bytes).map_err(unusable)?;
                let text = |number: Box<[u8]>| BASE64URL_NOPAD.encode(&number);
                let (modulus, exponent) = (text(secret.n_bytes()), text(secret.e_bytes()));
                let verifies = DecodingKey::from_rsa_components(&modulus, &exponent).map_err(unusable)?;
                let public = json!({"e": exponent, "kty": "RSA", "n": modulus});
                (EncodingKey::from_rsa_der(&key.bytes), verifies, public)
            }
        };
        // The required members in lexicographic order, as `json!` writes them.
        let id = BASE64URL_NOPAD.encode(&Sha256::digest(public.to_string()));
        let mut public = public;
        if let Json::Object(members) = &mut public {
            members.insert("kid".to_owned(), id.as_str().into());
            members.insert("use".to_owned(), "sig".into());
            members.insert("alg".to_owned(), key.algorithm.name().into());
        }
        Ok(Self { id, algorithm: key.algorithm, signs_from, retires_at, public, signs, verifies })
    }

    /// Signs claims as a JWT of that type.
    ///
    /// # Errors
    /// When the claims cannot be written.
    pub fn sign(&self, kind: &str, claims: &impl serde::Serialize) -> Result<String> {
        let head = json!({"alg": self.algorithm.name(), "kid": self.id, "typ": kind}).to_string();
        let claims = serde_json::to_vec(claims).map_err(|error| Error::Internal(error.into()))?;
        let mut text = BASE64URL_NOPAD.encode(head.as_bytes());
        text.push('.');
        BASE64URL_NOPAD.encode_append(&claims, &mut text);
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.signs, self.algorithm.of_library());
        text.push('.');
        text += &signature.map_err(unusable)?;
        Ok(text)
    }
}

/// The keys that are published.
#[derive(Default)]
pub struct Keyring {
    /// All published keys.
    pub keys: Vec<SigningKey>,
}

/// The largest JWT that is read, in bytes.
pub const LONGEST_JWT: usize = 8_192;

impl Keyring {
    /// The key that signs at `now`: the latest that has begun.
    #[must_use]
    pub fn signer(&self, now: i64) -> Option<&SigningKey> {
        let begun = self.keys.iter().filter(|key| key.signs_from <= now && now < key.retires_at);
        begun.max_by_key(|key| (key.signs_from, key.id.as_str()))
    }

    /// The published key with that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The claims of a JWT of that type that one of the keys has signed, and the id of that key. The type, the algorithm
    /// and the key are compared with what this keyring signs, and never taken from the token (RFC 8725).
    #[must_use]
    pub fn verified<T: for<'de> serde::Deserialize<'de>>(&self, token: &str, kind: &str) -> Option<(T, String)> {
        let (id, parts) = key_id(token)?;
        let key = self.find(&id)?;
        let expected = json!({"alg": key.algorithm.name(), "kid": key.id, "typ": kind});
        if parts.head != expected {
            return None;
        }
        let message = parts.message.as_bytes();
        let signed = jsonwebtoken::crypto::verify(parts.signature, message, &key.verifies, key.algorithm.of_library());
        if !signed.unwrap_or(false) {
            return None;
        }
        let payload = BASE64URL_NOPAD.decode(parts.payload.as_bytes()).ok()?;
        Some((read_json(&payload).ok()?, id))
    }
}

/// The parts of a JWT.
pub struct Parts<'a> {
    head: Json,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// The key id that a JWT names, before anything is verified.
#[must_use]
pub fn key_id(token: &str) -> Option<(String, Parts<'_>)> {
    if token.len() > LONGEST_JWT {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (head, payload) = message.split_once('.')?;
    let head: Json = read_json(&BASE64URL_NOPAD.decode(head.as_bytes()).ok()?).ok()?;
    let id = head.get("kid")?.as_str()?.to_owned();
    Some((id, Parts { head, message, payload, signature }))
}

/// Randomness for the search of primes.
fn rsa_randomness(entropy: Entropy) -> Result<ChaCha20Rng> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}

fn malformed() -> Error {
    Error::Internal("the public key is malformed".into())
}
