//! Credentials: the stored records of tokens.

use super::actor::Standing;
use super::bounds::Bounds;
use super::ids::PrincipalId;
use super::limits::Limits;
use super::pepper::{Digest, PepperId};
use super::token::{KeyId, TokenKind};

/// The stored record of a token: its principal, and the digest that proves the token genuine.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The key id, by which it is looked up.
    pub key_id: KeyId,
    /// The kind of the token.
    pub kind: TokenKind,
    /// The principal that it authenticates.
    pub principal: PrincipalId,
    /// The digest that the token must have.
    pub digest: Digest,
    /// The pepper of the digest.
    pub pepper: PepperId,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds, or `i64::MAX`. An API key's credential also ends with its key.
    pub expires_at: i64,
}

/// A credential with the standing of its principal.
#[derive(Debug, Clone)]
pub struct KnownCredential {
    /// The credential; its `expires_at` is the earlier of its own and its API key's.
    pub credential: Credential,
    /// The standing of the principal it authenticates.
    pub standing: Standing,
    /// From where and how often it may be used.
    pub limits: Limits,
}

impl KnownCredential {
    /// Until when, from where and how often it may be used.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds { expires_at: self.credential.expires_at, limits: self.limits.clone() }
    }
}

/// Uses of a principal's tokens that are not yet saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The principal.
    pub principal: PrincipalId,
    /// The last use, in epoch milliseconds.
    pub last_used_at: i64,
    /// The number of uses.
    pub count: i64,
}

/// When a principal last used a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionUse {
    /// The principal.
    pub principal: PrincipalId,
    /// The name of a permission or of an action.
    pub permission: String,
    /// Epoch milliseconds.
    pub last_used_at: i64,
}

/// When an access token was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUse {
    /// The key id of its credential.
    pub key_id: KeyId,
    /// Epoch milliseconds.
    pub last_used_at: i64,
}

impl Use {
    /// The sum of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { last_used_at: self.last_used_at.max(other.last_used_at), count: self.count + other.count, ..self }
    }
}
