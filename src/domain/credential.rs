//! Credentials: the record of a secret.

use super::actor::Standing;
use super::ids::PrincipalId;
use super::limits::Limits;
use super::pepper::{Digest, PepperId};
use super::token::{KeyId, TokenKind};

/// Which principal a token authenticates, and how to tell that it is genuine.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Finds it.
    pub key_id: KeyId,
    /// What it is for.
    pub kind: TokenKind,
    /// Whom it authenticates.
    pub principal: PrincipalId,
    /// What the token's digest must be.
    pub digest: Digest,
    /// The pepper of the digest.
    pub pepper: PepperId,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds, or `i64::MAX`. An API key's credential also ends with its key.
    pub expires_at: i64,
}

/// A credential with everything there is to know about whom it authenticates.
#[derive(Debug, Clone)]
pub struct KnownCredential {
    /// The record; `expires_at` is the sooner of its own and its API key's.
    pub credential: Credential,
    /// Whom it authenticates.
    pub standing: Standing,
    /// From where and how often.
    pub limits: Limits,
}

/// Uses of a principal's tokens that storage does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Whose.
    pub principal: PrincipalId,
    /// When last, in epoch milliseconds.
    pub last_used_at: i64,
    /// How many.
    pub count: i64,
}

/// When a principal last made use of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionUse {
    /// Whose.
    pub principal: PrincipalId,
    /// The name of a permission or of an action.
    pub permission: String,
    /// Epoch milliseconds.
    pub last_used_at: i64,
}

impl Use {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { last_used_at: self.last_used_at.max(other.last_used_at), count: self.count + other.count, ..self }
    }
}
