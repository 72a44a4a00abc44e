//! The token: `tsk_` + key id + secret + checksum, every part in base62.
//!
//! ```text
//! tsk_ 22 characters 44 characters 6 characters      76 in all, [0-9A-Za-z_] only
//!  │   │             │             └ CRC-32 of everything before it
//!  │   │             └ secret, 32 random bytes
//!  │   └ key id, 16 random bytes: finds the record
//!  └ kind
//! ```
//!
//! Every 8 bytes are 11 digits, the most significant first, so each token has exactly one encoding.

use std::fmt;

use super::base62::{WORD, decode, encode, encode_number};
use super::entropy::Entropy;
use super::error::{Error, Result};

pub(super) const PREFIX: usize = 4;
const KEY_ID: usize = 2 * WORD;
const SECRET: usize = 4 * WORD;
pub(super) const CHECKSUM: usize = 6;
const CHECKED: usize = PREFIX + KEY_ID + SECRET;
/// The length of every token.
pub const LENGTH: usize = CHECKED + CHECKSUM;

/// The kind of a token; its prefix shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Authenticates an API key's service account.
    ApiKey,
    /// Authenticates a user's program, or a service account, by an access token.
    Personal,
    /// Authenticates a user for a limited time after signing in.
    Session,
    /// Derived from one of the others, for minutes. Never stored: see [`super::child`].
    Child,
    /// Gets children of a session, and authenticates nothing: see [`super::refresh`].
    Refresh,
}

impl TokenKind {
    /// Every kind, in the order of [`Prefixes`].
    pub const ALL: [Self; 5] = [Self::ApiKey, Self::Personal, Self::Session, Self::Child, Self::Refresh];

    /// The name in the database and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Personal => "personal",
            Self::Session => "session",
            Self::Child => "child",
            Self::Refresh => "refresh",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The three-character prefix of each kind of token, without the underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefixes([[u8; 3]; 5]);

impl Default for Prefixes {
    fn default() -> Self {
        Self([*b"tsk", *b"tsp", *b"tss", *b"tsc", *b"tsr"])
    }
}

impl std::str::FromStr for Prefixes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "five different prefixes of three ASCII letters or digits are needed, as in \
                            `tsk,tsp,tss,tsc,tsr`; the last two may be left out";
        let mut all = Self::default().0;
        let parts: Vec<&str> = text.split(',').collect();
        if !(all.len() - 2..=all.len()).contains(&parts.len()) {
            return Err(RULE);
        }
        for (prefix, part) in all.iter_mut().zip(parts) {
            *prefix = part.as_bytes().try_into().map_err(|_| RULE)?;
        }
        let plain = all.as_flattened().iter().all(u8::is_ascii_alphanumeric);
        let different = all.iter().enumerate().all(|(index, prefix)| !all[..index].contains(prefix));
        if plain && different { Ok(Self(all)) } else { Err(RULE) }
    }
}

impl Prefixes {
    fn of(&self, kind: TokenKind) -> [u8; PREFIX] {
        let [a, b, c] = self.0[kind as usize];
        [a, b, c, b'_']
    }

    fn kind(&self, prefix: &[u8]) -> Option<TokenKind> {
        TokenKind::ALL.into_iter().find(|kind| self.of(*kind) == prefix)
    }
}

/// The part of a token by which its credential is looked up; not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// Parses the 22 base62 digits of a key id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text.as_bytes()).map(Self)
    }

    /// Another key id that no credential has (except with a chance of 1 in 2^128), so that a look-up takes as long as
    /// for any unknown key id: prevents a timing side channel.
    #[must_use]
    pub fn decoy(self) -> Self {
        Self(self.0.map(|byte| !byte))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; KEY_ID];
        encode(&self.0, &mut digits);
        digits.iter().try_for_each(|digit| fmt::Write::write_char(formatter, char::from(*digit)))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The part of a token that proves possession.
#[derive(Clone, Copy)]
pub struct Secret(pub(super) [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(redacted)")
    }
}

/// The plaintext of a token, on its way to the client that requested it. It has neither `Debug` nor `Display`, so that
/// it is not logged.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token that a signed JWT is.
    #[must_use]
    pub fn signed(jwt: String) -> Self {
        Self(jwt)
    }

    /// The bearer string itself.
    #[must_use]
    pub fn expose(self) -> String {
        self.0
    }
}

/// The parts of a well-formed token, not yet verified.
#[derive(Debug, Clone, Copy)]
pub struct ParsedToken {
    /// The kind that its prefix claims.
    pub kind: TokenKind,
    /// The key id, for the look-up.
    pub key_id: KeyId,
    /// The secret, which the credential's digest must match.
    pub secret: Secret,
}

impl ParsedToken {
    /// Generates a new token of that kind.
    ///
    /// # Errors
    /// When there is no randomness to make it from.
    pub fn mint(kind: TokenKind, entropy: Entropy) -> Result<Self> {
        let mut token = Self { kind, key_id: KeyId([0; 16]), secret: Secret([0; 32]) };
        entropy.fill(&mut token.key_id.0)?;
        entropy.fill(&mut token.secret.0)?;
        Ok(token)
    }

    /// A new token with the same kind and key id.
    ///
    /// # Errors
    /// When there is no randomness to make it from.
    pub fn next(self, entropy: Entropy) -> Result<Self> {
        let mut token = self;
        entropy.fill(&mut token.secret.0)?;
        Ok(token)
    }

    /// Parses a bearer string: `None` unless its length, prefix, digits and checksum are right, so that garbage costs
    /// no look-up.
    #[must_use]
    pub fn parse(text: &str, prefixes: &Prefixes) -> Option<Self> {
        let is_bearer = |kind| matches!(kind, TokenKind::ApiKey | TokenKind::Personal | TokenKind::Session);
        Self::parse_any(text, prefixes).filter(|token| is_bearer(token.kind))
    }

    /// Parses a refresh token.
    #[must_use]
    pub fn parse_refresh(text: &str, prefixes: &Prefixes) -> Option<Self> {
        Self::parse_any(text, prefixes).filter(|token| token.kind == TokenKind::Refresh)
    }

    fn parse_any(text: &str, prefixes: &Prefixes) -> Option<Self> {
        let bytes: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
        let (checked, checksum) = bytes.split_at(CHECKED);
        if encode_checksum(checked) != checksum {
            return None;
        }
        let (prefix, digits) = checked.split_at(PREFIX);
        let (key_id, secret) = digits.split_at(KEY_ID);
        let kind = prefixes.kind(prefix)?;
        Some(Self { kind, key_id: KeyId(decode(key_id)?), secret: Secret(decode(secret)?) })
    }

    /// The bearer string.
    ///
    /// # Errors
    /// Never for a token made by [`ParsedToken::mint`].
    pub fn plaintext(&self, prefixes: &Prefixes) -> Result<Token> {
        let mut bytes = [0; LENGTH];
        bytes[..PREFIX].copy_from_slice(&prefixes.of(self.kind));
        encode(&self.key_id.0, &mut bytes[PREFIX..PREFIX + KEY_ID]);
        encode(&self.secret.0, &mut bytes[PREFIX + KEY_ID..CHECKED]);
        let checksum = encode_checksum(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&checksum);
        String::from_utf8(bytes.to_vec()).map(Token).map_err(|error| Error::Internal(error.into()))
    }
}

/// The longest sealed token, in bytes.
pub(super) const LONGEST_SEALED: usize = 8_192;

/// Writes sealed bytes, a multiple of eight, as an opaque token of a child: prefix, base62 and checksum.
///
/// # Errors
/// Never: every character is ASCII.
pub fn sealed_plaintext(sealed: &[u8], prefixes: &Prefixes) -> Result<Token> {
    let mut bytes = prefixes.of(TokenKind::Child).to_vec();
    bytes.resize(PREFIX + sealed.len() / 8 * WORD, 0);
    encode(sealed, &mut bytes[PREFIX..]);
    let checksum = encode_checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    String::from_utf8(bytes).map(Token).map_err(|error| Error::Internal(error.into()))
}

/// The sealed bytes of an opaque token of a child; `None` unless its prefix, digits and checksum are right.
#[must_use]
pub fn sealed_bytes(text: &str, prefixes: &Prefixes) -> Option<Vec<u8>> {
    let (checked, checksum) = text.as_bytes().split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
    let digits = checked.strip_prefix(&prefixes.of(TokenKind::Child))?;
    if text.len() > LONGEST_SEALED || digits.len() % WORD != 0 || encode_checksum(checked) != checksum {
        return None;
    }
    let words = digits.chunks_exact(WORD).map(decode::<8>).collect::<Option<Vec<_>>>()?;
    Some(words.concat())
}

fn encode_checksum(checked: &[u8]) -> [u8; CHECKSUM] {
    checksum_digits(crc32fast::hash(checked))
}

/// The digits of a checksum.
pub(super) fn checksum_digits(crc: u32) -> [u8; CHECKSUM] {
    let mut digits = [0; CHECKSUM];
    encode_number(u64::from(crc), &mut digits);
    digits
}

#[cfg(test)]
mod tests;
