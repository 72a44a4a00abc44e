//! Device authorizations (RFC 8628): a program on a machine without a browser requests a session, and a user approves
//! or denies the request in a browser on any machine.

use std::fmt;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use hmac::Mac;

use super::base62::{WORD, decode, encode};
use super::entropy::Entropy;
use super::error::Result;
use super::pepper::Peppers;
use super::token::KeyId;
use crate::clock::{MINUTE, SECOND};

/// The client id of Tessera's own command line.
pub const COMMAND_LINE: &str = "tessera-cli";

/// Lifetime of a device authorization in milliseconds: within it the user decides and the program fetches the session.
pub const LIFETIME: i64 = 10 * MINUTE;
/// Minimum time between two polls in milliseconds. Each poll that comes sooner adds as much again (RFC 8628, section
/// 3.5).
pub const INTERVAL: i64 = 5 * SECOND;

/// A program's request for a session, as the deciding user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// The program's client id.
    pub client: String,
    /// Whether it asks for a refresh token.
    pub offline: bool,
    /// The program's address, if it is known.
    pub address: Option<IpAddr>,
    /// Time of the request, in epoch milliseconds.
    pub created_at: i64,
    /// End of its lifetime, in epoch milliseconds.
    pub expires_at: i64,
    /// The decision.
    pub decision: DeviceDecision,
}

/// The decision about a device authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDecision {
    /// Not decided yet.
    Pending,
    /// Approved in the session with this key id, by its user.
    Approved(KeyId),
    /// Denied by a user.
    Denied,
}

/// The stored form of a code: an HMAC under the pepper, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CodeDigest(String);

impl CodeDigest {
    fn of(peppers: &Peppers, purpose: &str, code: &[u8]) -> Self {
        let mut keyed = peppers.derive(purpose);
        keyed.update(code);
        Self(HEXLOWER.encode(&keyed.finalize().into_bytes()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret that a program fetches its session with: 256 random bits.
#[derive(Clone)]
pub struct DeviceCode([u8; Self::BYTES]);

impl DeviceCode {
    const BYTES: usize = 32;
    const DIGITS: usize = Self::BYTES / 8 * WORD;

    /// Draws a new code.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(entropy: Entropy) -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Parses its 44 base62 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text.as_bytes()).map(Self)
    }

    /// The text for the program; it is sent once.
    #[must_use]
    pub fn expose(self) -> String {
        let mut digits = [0; Self::DIGITS];
        encode(&self.0, &mut digits);
        digits.map(char::from).iter().collect()
    }

    /// Its stored form.
    #[must_use]
    pub fn digest(&self, peppers: &Peppers) -> CodeDigest {
        CodeDigest::of(peppers, "device code", &self.0)
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceCode(redacted)")
    }
}

/// The code that the program shows and the user types in the browser: eight consonants, such as `WDJB-MJHT` (RFC 8628,
/// section 6.1). No letter resembles another or a digit, and without vowels they spell no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCode([u8; Self::LETTERS]);

impl UserCode {
    const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    const LETTERS: usize = 8;

    /// Draws one of the 20^8 codes.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(entropy: Entropy) -> Result<Self> {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes)?;
        // The modulo bias is negligible: 2^64 is 7 * 10^8 times the number of codes.
        let mut number = u64::from_be_bytes(bytes);
        Ok(Self(std::array::from_fn(|_| {
            let letter = Self::ALPHABET[(number % 20) as usize];
            number /= 20;
            letter
        })))
    }

    /// Parses a typed code: case-insensitive, with dashes, blanks or dots anywhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = [0; Self::LETTERS];
        let mut typed = text.chars().filter(|each| each.is_alphanumeric());
        for letter in &mut letters {
            let upper = typed.next()?.to_ascii_uppercase();
            *letter = u8::try_from(upper).ok().filter(|byte| Self::ALPHABET.contains(byte))?;
        }
        typed.next().is_none().then_some(Self(letters))
    }

    /// Its stored form.
    #[must_use]
    pub fn digest(self, peppers: &Peppers) -> CodeDigest {
        CodeDigest::of(peppers, "user code", &self.0)
    }
}

/// Formats the code with a dash in the middle.
impl fmt::Display for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            let dash = if place == Self::LETTERS / 2 { "-" } else { "" };
            write!(formatter, "{dash}{}", char::from(*letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_however_it_is_typed() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["wdjbmjht", " WDJB MJHT ", "wd-jb-mj-ht", "WDJB–MJHT", "w.d.j.b.m.j.h.t."] {
            assert_eq!(UserCode::parse(typed), Some(code), "{typed}");
        }
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH0", "WDJB-MJHÄ", "ＷＤＪＢ-ＭＪＨＴ"]
        {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn codes_are_drawn_from_all_there_are_and_read_back() {
        let mut letters = std::collections::BTreeSet::new();
        let mut codes = std::collections::HashSet::new();
        for _ in 0..2_000 {
            let code = UserCode::generate(Entropy::SYSTEM).unwrap();
            assert_eq!(UserCode::parse(&code.to_string()), Some(code));
            letters.extend(code.0.into_iter().enumerate());
            codes.insert(code.0);
            let device = DeviceCode::generate(Entropy::SYSTEM).unwrap();
            assert_eq!(DeviceCode::parse(&device.clone().expose()).unwrap().0, device.0);
        }
        assert_eq!((letters.len(), codes.len()), (8 * 20, 2_000));
        let broken = Entropy::from_fn(|_| Err(getrandom::Error::UNSUPPORTED));
        assert!(UserCode::generate(broken).is_err() && DeviceCode::generate(broken).is_err());
    }

    #[test]
    fn a_digest_depends_on_the_pepper_and_on_the_kind_of_code() {
        let peppers = || Peppers::parse(&Peppers::generate(Entropy::SYSTEM).unwrap()).unwrap();
        let (one, other) = (peppers(), peppers());
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        assert_ne!(code.digest(&one), code.digest(&other));
        let bytes = [7; 32];
        assert_ne!(CodeDigest::of(&one, "user code", &bytes), DeviceCode(bytes).digest(&one));
        assert!(!format!("{:?}", DeviceCode(bytes)).contains('7'));
    }
}
