//! What the directory knows of one credential.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::fence::Moment;
use crate::domain::actor::{Actor, PresentedCredential, Standing};
use crate::domain::credential::{Credential, KnownCredential};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::pepper::Peppers;
use crate::domain::token::ParsedToken;

/// A credential and whom it authenticates, as storage had it at one moment. It never changes; a newer one replaces it.
pub struct Record {
    credential: Credential,
    standing: Arc<Standing>,
    pub(super) moment: Moment,
    last_used_at: AtomicI64,
    unsaved: AtomicBool,
}

impl Record {
    pub(super) fn new(known: KnownCredential, moment: Moment) -> Self {
        Self {
            credential: known.credential,
            standing: Arc::new(known.standing),
            moment,
            last_used_at: AtomicI64::new(0),
            unsaved: AtomicBool::new(false),
        }
    }

    /// Whom it authenticates.
    #[must_use]
    pub fn principal_id(&self) -> PrincipalId {
        self.standing.principal.id
    }

    /// The actor, if the token is genuine and everything about it still holds at `now`. The reasons come after the
    /// proof of possession: a wrong secret learns nothing.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&self, token: &ParsedToken, peppers: &Peppers, now: i64) -> Result<Actor> {
        let Credential { kind, key_id, digest, pepper, expires_at, .. } = &self.credential;
        let genuine = peppers.digest(token, *pepper).is_some_and(|presented| digest.matches(&presented));
        if !genuine {
            return Err(Error::Unauthenticated(Refusal::Invalid));
        }
        if *expires_at <= now {
            return Err(Error::Unauthenticated(Refusal::Expired));
        }
        if !self.standing.principal.enabled {
            return Err(Error::Unauthenticated(Refusal::Disabled));
        }
        let credential = PresentedCredential { kind: *kind, key_id: *key_id, expires_at: *expires_at };
        Ok(Actor::new(Arc::clone(&self.standing), credential))
    }

    /// Notes a use; tells whether it is the first since uses were last saved.
    pub(super) fn note_use(&self, now: i64) -> bool {
        self.last_used_at.fetch_max(now, Ordering::Relaxed);
        !self.unsaved.load(Ordering::Relaxed) && !self.unsaved.swap(true, Ordering::AcqRel)
    }

    pub(super) fn last_used_at(&self) -> i64 {
        self.last_used_at.load(Ordering::Relaxed)
    }

    pub(super) fn take_use(&self) -> i64 {
        self.unsaved.store(false, Ordering::Release);
        self.last_used_at()
    }
}
