//! The memory of an edge: answers of the upstream, each with what ends it.
//!
//! An answer is found under a keyed hash of everything that it depends on; the token itself is not kept. It is given
//! again only under a lease, and only if nothing that it depends on has changed since its request was *sent*: as in
//! `directory/fence.rs`, time is counted in changes. One lock covers the lease and the fences, so a look is applied as
//! a whole: no request sees a renewed lease without the changes of the same look.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::Sha256;
use uuid::Uuid;

use crate::domain::edge::{Changed, Keep};
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};

/// How many changed ids are remembered. If there are more, everything is forgotten.
const CHANGED: usize = 1 << 16;
/// Estimated memory of an entry besides its texts, in bytes.
const ENTRY: usize = 512;

/// The keyed hash of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

/// An answer of the upstream.
#[derive(Debug, Clone)]
pub struct EdgeAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers that are passed on.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

/// An answer that is kept.
#[derive(Debug)]
pub struct KeptAnswer {
    /// The answer.
    pub answer: EdgeAnswer,
    /// When the request was sent, by the uptime.
    pub sent: i64,
    /// The uptime from which on the answer is not given again.
    ends: i64,
    /// The moment at which the request was sent.
    moment: u64,
    /// The names of the principals that the answer depends on, and `ASSETS` if it depends on assets.
    on: Vec<Uuid>,
    /// Milliseconds from `sent` until the token expires, if the answer states them.
    pub left: Option<i64>,
    /// The handles of the uses that are reported when the answer is given again.
    pub handles: Vec<String>,
    /// How often the answer was given again since the last report.
    pub count: AtomicI64,
    /// The uptime at which the answer was last given again.
    pub last: AtomicI64,
}

/// A request that is about to be sent.
#[derive(Debug, Clone)]
pub struct Sending {
    moment: u64,
    /// The uptime at which the request is sent.
    pub sent: i64,
    /// The pass that is sent with the request, so that the server says whether its answer may be kept.
    pub pass: Option<String>,
}

/// Answers, fences and the lease.
pub struct Memory {
    answers: Cache<Key, Arc<KeptAnswer>, Bytewise>,
    state: RwLock<State>,
    hash: Hmac<Sha256>,
}

/// The lease, the fences and the pass of an edge, set by its looks.
#[derive(Default)]
struct State {
    /// The uptime until which answers are given from memory; `None` without a lease.
    lease: Option<i64>,
    now: u64,
    /// The moment of the last change that may concern every answer: answers whose requests were sent before it are not
    /// given again.
    everything: u64,
    /// For each changed name, the moment of its last change: answers that depend on it are not given again if their
    /// requests were sent before that moment.
    changed: HashMap<Uuid, u64>,
    pass: Option<String>,
}

impl State {
    fn raise_everything(&mut self) {
        self.now += 1;
        self.everything = self.now;
        self.changed.clear();
    }

    fn is_fresh(&self, kept: &KeptAnswer) -> bool {
        self.everything <= kept.moment
            && kept.on.iter().all(|id| self.changed.get(id).is_none_or(|moment| *moment <= kept.moment))
    }
}

impl Memory {
    /// An empty memory for that many bytes, without a lease.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(bytes: u64, entropy: Entropy) -> Result<Self> {
        let mut key = [0; 32];
        entropy.fill(&mut key)?;
        let hash = Hmac::new_from_slice(&key).map_err(|error| Error::Internal(error.into()))?;
        let estimated = usize::try_from(bytes / 1024).unwrap_or(usize::MAX).max(16);
        Ok(Self { answers: Cache::with_weighter(estimated, bytes, Bytewise), state: RwLock::default(), hash })
    }

    /// The key of a question, by all of its parts in order.
    pub fn key<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Key {
        let mut hash = self.hash.clone();
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Key(hash.finalize().into_bytes().into())
    }

    /// The answer to a question that was asked at that uptime, if it may be given from memory.
    pub fn find(&self, key: &Key, uptime: i64) -> Option<Arc<KeptAnswer>> {
        let kept = self.answers.get(key)?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.lease.is_none_or(|ends| uptime >= ends) {
            return None;
        }
        let is_right = uptime < kept.ends && state.is_fresh(&kept);
        drop(state);
        if is_right {
            return Some(kept);
        }
        self.answers.remove_if(key, |found| Arc::ptr_eq(found, &kept));
        None
    }

    /// The moment, the time and the pass of a request that is about to be sent.
    pub fn sending(&self, uptime: i64) -> Sending {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Sending { moment: state.now, sent: uptime, pass: state.pass.clone() }
    }

    /// Keeps an answer as long as the server says. If something that it depends on has changed since its request was sent,
    /// it is never given.
    pub fn keep(&self, key: Key, sending: &Sending, keep: Keep, answer: EdgeAnswer) {
        let kept = KeptAnswer {
            answer,
            sent: sending.sent,
            ends: sending.sent.saturating_add(keep.millis),
            moment: sending.moment,
            on: keep.on,
            left: keep.left,
            handles: keep.uses,
            count: AtomicI64::new(0),
            last: AtomicI64::new(0),
        };
        self.answers.insert(key, Arc::new(kept));
    }

    /// Applies a look whose request was sent at that uptime: ends the answers that it makes wrong, and renews the lease.
    pub fn apply(&self, changed: Changed, pass: String, sent: i64, lease: i64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match changed {
            Changed::Everything => state.raise_everything(),
            Changed::Only(ids) => {
                state.now += 1;
                let now = state.now;
                state.changed.extend(ids.into_iter().map(|id| (id, now)));
                if state.changed.len() > CHANGED {
                    state.raise_everything();
                }
            }
        }
        state.pass = Some(pass);
        state.lease = Some(sent.saturating_add(lease)).max(state.lease);
    }

    /// Ends the lease: nothing is given from memory until the next look.
    pub fn end_lease(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.lease = None;
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).raise_everything();
    }

    /// Whether answers are given from memory at that uptime.
    pub fn has_lease(&self, uptime: i64) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).lease.is_some_and(|ends| uptime < ends)
    }

    /// How many answers are kept.
    pub fn len(&self) -> usize {
        self.answers.len()
    }
}

/// Weighs an answer by its bytes.
#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Arc<KeptAnswer>> for Bytewise {
    fn weight(&self, _: &Key, kept: &Arc<KeptAnswer>) -> u64 {
        let KeptAnswer { answer, on, handles, .. } = &**kept;
        let headers: usize = answer.headers.iter().map(|(name, value)| 64 + name.as_str().len() + value.len()).sum();
        let handles: usize = handles.iter().map(|handle| 32 + handle.len()).sum();
        (ENTRY + headers + handles + answer.body.len() + 16 * on.len()) as u64
    }
}

#[cfg(test)]
mod tests;
