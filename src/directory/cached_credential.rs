//! A record from the directory, and the proof that a token belongs to it.

use std::net::IpAddr;
use std::sync::Arc;

use super::children::Carried;
use super::rates::Limiter;
use crate::directory::record::Record;
use crate::domain::actor::Actor;
use crate::domain::child::Child;
use crate::domain::error::{Error, Refusal, Result};
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
        let by = Authentication::Secret(token.kind, token.key_id);
        self.record.has_secret_of(&token, peppers).then_some(Genuine { by, known: self })
    }

    /// The record.
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// The credential of a client that has proved itself without its token.
    pub(crate) fn without_secret(self, kind: TokenKind, key_id: KeyId) -> Genuine {
        Genuine { by: Authentication::Secret(kind, key_id), known: self }
    }

    /// The genuine token of a child of this credential. `actors`: the credentials of the child's delegates.
    pub(crate) fn with_child(self, child: Arc<Child>, carried: Carried, actors: Vec<Self>) -> Genuine {
        Genuine { by: Authentication::Child { child, carried, actors }, known: self }
    }
}

/// A genuine token, even if expired or disabled, and the record of its credential or of its parent's.
pub struct Genuine {
    by: Authentication,
    known: CachedCredential,
}

/// The proof that a token is genuine.
enum Authentication {
    /// The secret of the token, or another proof of its holder: a token of that kind and key id.
    Secret(TokenKind, KeyId),
    /// The signature or the seal of a child.
    Child {
        child: Arc<Child>,
        carried: Carried,
        /// The credentials of the child's delegates.
        actors: Vec<CachedCredential>,
    },
}

impl Genuine {
    /// The record of its credential.
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.known.record
    }

    /// The key id of its credential, if it is an access token.
    pub(crate) fn access_token(&self) -> Option<KeyId> {
        match self.by {
            Authentication::Secret(TokenKind::Personal, key_id) => Some(key_id),
            Authentication::Secret(..) | Authentication::Child { .. } => None,
        }
    }

    /// The child, if the token is a child's.
    #[must_use]
    pub fn child(&self) -> Option<&Arc<Child>> {
        match &self.by {
            Authentication::Secret(..) => None,
            Authentication::Child { child, .. } => Some(child),
        }
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
        match &self.by {
            // The digest proves the kind and the key id as well as the secret.
            Authentication::Secret(kind, key_id) => self.known.record.authenticate(*kind, *key_id, now),
            Authentication::Child { child, carried, .. } => {
                let expires_at = child.expires_at_millis();
                if expires_at <= now {
                    return Err(Error::Unauthenticated(Refusal::Expired));
                }
                let mut actor = self.known.record.authenticate(TokenKind::Child, child.parent, now)?;
                if let Some(credential) = &mut actor.credential {
                    credential.expires_at = credential.expires_at.min(expires_at);
                }
                if let Carried::Narrowed(standing) = carried {
                    actor = actor.holding(Arc::clone(standing) as _);
                }
                actor.child = Some(Arc::clone(child));
                Ok(actor)
            }
        }
    }

    /// Checks that the token may be used from `address`. The addresses of every actor of a child bind it, too.
    ///
    /// # Errors
    /// [`Error::ForeignAddress`](crate::domain::error::Error::ForeignAddress)
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        self.known.record.check_address(address)?;
        self.actors().iter().try_for_each(|actor| actor.record.check_address(address))
    }

    /// The credentials of the delegates, if the token is a child's.
    fn actors(&self) -> &[CachedCredential] {
        match &self.by {
            Authentication::Secret(..) => &[],
            Authentication::Child { actors, .. } => actors,
        }
    }

    /// The actor, if it may act now from `address`. This takes one use from the rate limit, and from those of the actors
    /// of a child.
    ///
    /// # Errors
    /// The refusal, [`Error::ForeignAddress`](crate::domain::error::Error::ForeignAddress), or
    /// [`Error::RateLimited`](crate::domain::error::Error::RateLimited).
    pub fn admit(&self, now: i64, address: Option<IpAddr>) -> Result<Actor> {
        let actor = self.authenticate(now)?.from(address);
        self.check_address(address)?;
        for limiter in self.actors().iter().filter_map(|actor| actor.limiter.as_ref()) {
            limiter.take()?;
        }
        match &self.known.limiter {
            Some(limiter) => Ok(actor.allowed(limiter.take()?)),
            None => Ok(actor),
        }
    }
}
