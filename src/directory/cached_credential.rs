//! A record from the directory, and the proof that a token belongs to it.

use std::net::IpAddr;
use std::sync::Arc;

use super::rates::Limiter;
use crate::directory::record::Record;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::pepper::Peppers;
use crate::domain::token::{KeyId, ParsedToken, TokenKind};

/// A record, with its rate limiter if it has one.
#[derive(Clone)]
pub struct CachedCredential {
    pub(super) record: Arc<Record>,
    pub(super) limiter: Option<Arc<Limiter>>,
}

impl CachedCredential {
    /// Verifies the token's secret. The result is returned only for a genuine token: a wrong secret learns nothing.
    #[must_use]
    pub fn verify(self, token: ParsedToken, peppers: &Peppers) -> Option<Genuine> {
        self.record.has_secret_of(&token, peppers).then_some(Genuine { token, known: self })
    }
}

/// A genuine token, even if expired or disabled, and its record.
pub struct Genuine {
    token: ParsedToken,
    known: CachedCredential,
}

impl Genuine {
    /// The record of its credential.
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.known.record
    }

    /// The key id of its credential, if it is an access token.
    pub(crate) fn access_token(&self) -> Option<KeyId> {
        (self.token.kind == TokenKind::Personal).then_some(self.token.key_id)
    }

    /// The principal that it authenticates.
    #[must_use]
    pub fn holder(&self) -> PrincipalId {
        self.known.record.principal_id()
    }

    /// The actor, if the credential and its principal are active at `now`.
    ///
    /// # Errors
    /// The refusal.
    pub fn authenticate(&self, now: i64) -> Result<Actor> {
        self.known.record.authenticate(&self.token, now)
    }

    /// The actor, if it may act now from `address`. This takes one use from the rate limit.
    ///
    /// # Errors
    /// The refusal, [`Error::ForeignAddress`](crate::domain::error::Error::ForeignAddress), or
    /// [`Error::RateLimited`](crate::domain::error::Error::RateLimited).
    pub fn admit(&self, now: i64, address: Option<IpAddr>) -> Result<Actor> {
        let actor = self.authenticate(now)?.from(address);
        self.known.record.check_address(address)?;
        match &self.known.limiter {
            Some(limiter) => Ok(actor.allowed(limiter.take()?)),
            None => Ok(actor),
        }
    }
}
