//! What the directory knows of one credential.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::fence::Moment;
use super::rates::Limiter;
use crate::domain::actor::{Actor, PresentedCredential, Standing};
use crate::domain::credential::{KnownCredential, Use};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::{AllowedAddresses, Limits};
use crate::domain::pepper::{Digest, PepperId, Peppers};
use crate::domain::token::ParsedToken;

/// A credential and whom it authenticates, as storage had it at one moment. It never changes; a newer one replaces it.
/// There may be millions: what can be told from the token or the principal is not kept.
pub struct Record {
    standing: Arc<Standing>,
    digest: Digest,
    pepper: PepperId,
    expires_at: i64,
    bounds: Option<Box<Bounds>>,
    pub(super) moment: Moment,
    last_used_at: AtomicI64,
    unsaved_uses: AtomicI64,
}

/// From where it may be used, and how often; most are bound by neither.
struct Bounds {
    addresses: AllowedAddresses,
    limiter: Option<Arc<Limiter>>,
}

impl Record {
    pub(super) fn new(known: KnownCredential, moment: Moment, limiter: Option<Arc<Limiter>>) -> Self {
        let KnownCredential { credential, standing, limits: Limits { addresses, .. } } = known;
        let bound = limiter.is_some() || addresses != AllowedAddresses::default();
        Self {
            standing: Arc::new(standing),
            digest: credential.digest,
            pepper: credential.pepper,
            expires_at: credential.expires_at,
            bounds: bound.then(|| Box::new(Bounds { addresses, limiter })),
            moment,
            last_used_at: AtomicI64::new(0),
            unsaved_uses: AtomicI64::new(0),
        }
    }

    /// Whom it authenticates.
    #[must_use]
    pub fn principal_id(&self) -> PrincipalId {
        self.standing.principal.id
    }

    /// The actor, if the token is genuine and alive at `now`. The reasons come after the proof of possession: a wrong
    /// secret learns nothing.
    ///
    /// # Errors
    /// The refusal.
    pub fn recognise(&self, token: &ParsedToken, peppers: &Peppers, now: i64) -> Result<Actor> {
        if !self.is_proved_by(token, peppers) {
            return Err(Error::Unauthenticated(Refusal::Invalid));
        }
        if self.expires_at <= now {
            return Err(Error::Unauthenticated(Refusal::Expired));
        }
        if !self.standing.principal.enabled {
            return Err(Error::Unauthenticated(Refusal::Disabled));
        }
        // The digest proves the kind and the key id as well as the secret.
        let ParsedToken { kind, key_id, .. } = *token;
        let credential = PresentedCredential { kind, key_id, expires_at: self.expires_at };
        Ok(Actor::new(Arc::clone(&self.standing), credential))
    }

    /// Whether the token is genuine, dead or alive.
    #[must_use]
    pub fn is_proved_by(&self, token: &ParsedToken, peppers: &Peppers) -> bool {
        peppers.digest(token, self.pepper).is_some_and(|presented| self.digest.matches(&presented))
    }

    /// Whether it may be used from `address`.
    ///
    /// # Errors
    /// [`Error::ForeignAddress`]
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        match &self.bounds {
            Some(bounds) if !bounds.addresses.allow(address) => Err(Error::ForeignAddress),
            _ => Ok(()),
        }
    }

    /// The actor, if it may also act now, from `address`. Only a genuine token uses its rate limit up.
    ///
    /// # Errors
    /// The refusal, [`Error::ForeignAddress`], or [`Error::RateLimited`].
    pub fn admit(&self, token: &ParsedToken, peppers: &Peppers, now: i64, address: Option<IpAddr>) -> Result<Actor> {
        let actor = self.recognise(token, peppers, now)?;
        self.check_address(address)?;
        match self.bounds.as_deref() {
            Some(Bounds { limiter: Some(limiter), .. }) => Ok(actor.allowed(limiter.take()?)),
            _ => Ok(actor),
        }
    }

    /// Notes a use; tells whether it is the first since uses were last saved.
    pub(super) fn note_use(&self, now: i64) -> bool {
        self.last_used_at.fetch_max(now, Ordering::Relaxed);
        self.unsaved_uses.fetch_add(1, Ordering::AcqRel) == 0
    }

    /// The uses that storage does not know yet.
    pub(super) fn unsaved_use(&self) -> Use {
        self.used(self.unsaved_uses.load(Ordering::Acquire))
    }

    /// The same, which storage is about to know.
    pub(super) fn take_use(&self) -> Use {
        self.used(self.unsaved_uses.swap(0, Ordering::AcqRel))
    }

    fn used(&self, count: i64) -> Use {
        Use { principal: self.principal_id(), last_used_at: self.last_used_at.load(Ordering::Relaxed), count }
    }
}
