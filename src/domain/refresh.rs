//! Refresh tokens: a program gets children of a user's session with them (RFC 6749, section 6).
//!
//! Each is used once, and replaced by the next of its family. All of a family have the same key id, which only the
//! tokens and the database show: a token of it that is not the latest was used before, so two have had it, and the
//! family ends. A reader of the database can end a family in the same way, but not use it.

use super::jwk::Thumbprint;
use super::pepper::{Digest, PepperId};
use super::token::KeyId;

/// The part of the longest life of a session for which a refresh token can be used: a program that does not use its
/// refresh token for so long must be approved again.
const IDLE: i64 = 3;
/// The scope that asks for a refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The refresh tokens that come from one approval, and the session whose children they get.
#[derive(Debug, Clone)]
pub struct Family {
    /// The key id of its tokens.
    pub id: KeyId,
    /// The session. Its token is given to no client; the family ends with it.
    pub session: KeyId,
    /// The client that it was issued to.
    pub client: String,
    /// The thumbprint of the key that the client must prove (RFC 9449, section 5).
    pub proof_key: Option<Thumbprint>,
    /// The digest of the latest token.
    pub digest: Digest,
    /// The pepper of the digest.
    pub pepper: PepperId,
    /// When the family ends, however often it is used, in epoch milliseconds.
    pub ends_at: i64,
}

impl Family {
    /// When a session ends whose refresh token is given out now, in epoch milliseconds; `life` is that of the longest session.
    #[must_use]
    pub fn idle_end(ends_at: i64, now: i64, life: i64) -> i64 {
        ends_at.min(now.saturating_add(life / IDLE))
    }
}

/// Whether a scope asks for a refresh token.
#[must_use]
pub fn is_asked_for(scope: &str) -> bool {
    scope.split(' ').any(|name| name == OFFLINE_ACCESS)
}
