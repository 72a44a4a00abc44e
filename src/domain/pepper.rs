//! The pepper: a secret outside the database, without which stored digests are useless.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::entropy::Entropy;
use super::error::Result;
use super::seal::Seal;
use super::token::ParsedToken;

/// The id of a pepper: the first eight hexadecimal digits of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PepperId(u32);

impl PepperId {
    /// Reads the eight hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        u32::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for PepperId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// The stored digest of a token: HMAC-SHA-256, keyed with a pepper, of its kind, key id and secret. The key id is
/// included, so that a digest copied to another row authenticates no token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Constant-time comparison.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(redacted)")
    }
}

/// Why a text is not accepted as a pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPepper {
    /// Not 64 hexadecimal digits.
    #[error("a pepper is 64 hexadecimal digits, as `openssl rand -hex 32` prints them")]
    Malformed,
    /// 64 digits that are evidently not random.
    #[error("this pepper is a sample or a pattern; draw a random one with `openssl rand -hex 32`")]
    Guessable,
}

/// One pepper, ready to compute digests.
#[derive(Clone)]
struct Pepper {
    id: PepperId,
    keyed: Hmac<Sha256>,
}

impl Pepper {
    fn derived(&self, purpose: &str) -> [u8; 32] {
        let mut keyed = self.keyed.clone();
        keyed.update(b"derive:");
        keyed.update(purpose.as_bytes());
        keyed.finalize().into_bytes().into()
    }

    fn parse(text: &str) -> Result<Self, BadPepper> {
        let bytes: [u8; 32] = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(BadPepper::Malformed)?;
        if looks_made_up(&bytes) {
            return Err(BadPepper::Guessable);
        }
        let fingerprint = Sha256::digest(bytes);
        let id = PepperId(u32::from_be_bytes([fingerprint[0], fingerprint[1], fingerprint[2], fingerprint[3]]));
        Ok(Self { id, keyed: mac(&bytes) })
    }
}

/// Whether a pepper is evidently not random: fewer than 20 different bytes of 32, or a constant step from each to the
/// next. The chance is one in 10^9 for a random pepper, certain for `0000…`, `deadbeef…`, `00010203…` and similar.
fn looks_made_up(bytes: &[u8; 32]) -> bool {
    let mut sorted = *bytes;
    sorted.sort_unstable();
    let different = 1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let step = bytes[1].wrapping_sub(bytes[0]);
    different < 20 || bytes.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step)
}

/// The configured peppers: the first makes new digests, the others verify old ones.
#[derive(Clone)]
pub struct Peppers(Vec<Pepper>);

impl Peppers {
    /// Reads peppers separated by commas or white space, the current one first.
    ///
    /// # Errors
    /// When there is no pepper, or one is malformed or guessable.
    pub fn parse(text: &str) -> Result<Self, BadPepper> {
        let peppers: Vec<Pepper> = text
            .split(|separator: char| separator == ',' || separator.is_whitespace())
            .filter(|part| !part.is_empty())
            .map(Pepper::parse)
            .collect::<Result<_, _>>()?;
        if peppers.is_empty() { Err(BadPepper::Malformed) } else { Ok(Self(peppers)) }
    }

    /// Generates a random pepper, as text for [`Peppers::parse`].
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(entropy: Entropy) -> Result<String> {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes)?;
        Ok(data_encoding::HEXLOWER.encode(&bytes))
    }

    /// The ids of all configured peppers, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = PepperId> {
        self.0.iter().map(|pepper| pepper.id)
    }

    /// The pepper that new digests are made with.
    #[must_use]
    pub fn current(&self) -> PepperId {
        self.0[0].id
    }

    /// The digest of a token with that pepper; `None` when the pepper is not configured.
    #[must_use]
    pub fn digest(&self, token: &ParsedToken, pepper: PepperId) -> Option<Digest> {
        let mut keyed = self.0.iter().find(|known| known.id == pepper)?.keyed.clone();
        keyed.update(&[token.kind as u8]);
        keyed.update(&token.key_id.0);
        keyed.update(&token.secret.0);
        Some(Digest(keyed.finalize().into_bytes().into()))
    }

    /// Derives a key from the current pepper for a purpose other than tokens; each `purpose` gives another key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Hmac<Sha256> {
        mac(&self.0[0].derived(purpose))
    }

    /// Like [`Peppers::derive`], with every pepper, the current one first: what was made with a former current pepper,
    /// or with that of another node, is checked with all of them.
    pub fn derive_each(&self, purpose: &str) -> impl Iterator<Item = Hmac<Sha256>> {
        self.0.iter().map(move |pepper| mac(&pepper.derived(purpose)))
    }

    /// The seal for a purpose, derived from that pepper; `None` when the pepper is not configured.
    ///
    /// # Errors
    /// Never, for keys of this length.
    pub fn seal(&self, purpose: &str, pepper: PepperId) -> Result<Option<Seal>> {
        let known = self.0.iter().find(|known| known.id == pepper);
        known.map(|known| Seal::new(&known.derived(purpose))).transpose()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::TokenKind;

    fn generated() -> String {
        Peppers::generate(Entropy::SYSTEM).unwrap()
    }

    #[test]
    fn samples_and_patterns_are_refused() {
        let counting = data_encoding::HEXLOWER.encode(&(0..32).collect::<Vec<u8>>());
        for sample in ["0".repeat(64), "deadbeef".repeat(8), "0123456789abcdef".repeat(4), counting] {
            assert_eq!(Peppers::parse(&sample).err(), Some(BadPepper::Guessable), "{sample}");
        }
        for malformed in ["", "secret", &generated()[1..]] {
            assert_eq!(Peppers::parse(malformed).err(), Some(BadPepper::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_digest_depends_on_pepper_kind_key_id_and_secret() {
        let peppers = Peppers::parse(&format!("{},{}\n", generated(), generated())).unwrap();
        let old = peppers.ids().nth(1).unwrap();
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        let other = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        let digest = peppers.digest(&token, peppers.current()).unwrap();
        assert!(digest.matches(&peppers.digest(&token, peppers.current()).unwrap()));
        for different in [
            peppers.digest(&token, old),
            peppers.digest(&ParsedToken { kind: TokenKind::Session, ..token }, peppers.current()),
            peppers.digest(&ParsedToken { key_id: other.key_id, ..token }, peppers.current()),
            peppers.digest(&ParsedToken { secret: other.secret, ..token }, peppers.current()),
        ] {
            assert!(!digest.matches(&different.unwrap()));
        }
    }

    #[test]
    fn an_unknown_pepper_makes_no_digest() {
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        let foreign = Peppers::parse(&generated()).unwrap().current();
        assert!(Peppers::parse(&generated()).unwrap().digest(&token, foreign).is_none());
    }
}
