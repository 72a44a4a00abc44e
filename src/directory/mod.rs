//! The hot path: credentials in memory, coherent with storage.
//!
//! It caches *who* and is asked *whether*: a record says whom a token authenticates, and its digest, its expiry and
//! its principal's state are judged on every call. Nothing negative is cached. A record read before a change is never
//! used after it: see `directory/fence.rs`.

mod fence;
mod record;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use self::fence::Fence;
pub use self::record::Record;
use crate::domain::change::Subject;
use crate::domain::credential::KnownCredential;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::token::KeyId;

/// The credentials in use.
pub struct Directory {
    records: Cache<KeyId, Arc<Record>, UnitWeighter, BuildHasherDefault<KeyIdHasher>>,
    fence: Fence,
    used: Mutex<HashMap<PrincipalId, Arc<Record>>>,
    /// What happened, for the metrics.
    pub counts: Counts,
}

/// How often what happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// A record was there and fresh.
    pub hits: Counter,
    /// Storage was read.
    pub misses: Counter,
    /// A record was there and had been read before a change, so it was not used.
    pub stale: Counter,
}

impl Directory {
    /// An empty directory for so many records; the least used make room for new ones.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let records = Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            BuildHasherDefault::default(),
            DefaultLifecycle::default(),
        );
        Self { records, fence: Fence::new(), used: Mutex::default(), counts: Counts::default() }
    }

    /// The record for a key id: from memory if it is there and fresh, else from `read`, which is awaited once for all
    /// who ask at the same time.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get<F>(&self, key_id: KeyId, read: impl Fn() -> F) -> Result<Option<Arc<Record>>>
    where
        F: Future<Output = Result<Option<KnownCredential>>>,
    {
        loop {
            if let Some(record) = self.fresh(&key_id) {
                self.counts.hits.inc();
                return Ok(Some(record));
            }
            // Whoever gets no guard has waited for another's read. It may have begun before a change that this call
            // began after: so what it found is judged by the fence like any record.
            let Err(guard) = self.records.get_value_or_guard_async(&key_id).await else { continue };
            self.counts.misses.inc();
            let moment = self.fence.now();
            let Some(known) = read().await? else { return Ok(None) };
            let record = Arc::new(Record::new(known, moment));
            if guard.insert(Arc::clone(&record)).is_err() {
                tracing::trace!("a record was evicted while it was read");
            }
            if self.fence.is_fresh(&record) {
                return Ok(Some(record));
            }
        }
    }

    fn fresh(&self, key_id: &KeyId) -> Option<Arc<Record>> {
        let record = self.records.get(key_id)?;
        if self.fence.is_fresh(&record) {
            return Some(record);
        }
        self.counts.stale.inc();
        self.records.remove_if(key_id, |found| Arc::ptr_eq(found, &record));
        None
    }

    /// Makes every record that a committed change may concern unusable. When this returns, no call to
    /// [`Directory::get`] that starts later yields what was true before the change.
    pub fn forget(&self, subject: Subject) {
        match subject {
            Subject::Principal(id) => self.fence.raise(PrincipalId::from(id)),
            Subject::Persona(_) => self.fence.raise_all(),
        }
    }

    /// Makes every record unusable.
    pub fn forget_all(&self) {
        self.fence.raise_all();
    }

    /// Notes that a record's token was used.
    pub fn note_use(&self, record: &Arc<Record>, now: i64) {
        if record.note_use(now) {
            self.lock_used().insert(record.principal_id(), Arc::clone(record));
        }
    }

    /// When that principal's token was last used, if storage does not know yet.
    #[must_use]
    pub fn unsaved_use(&self, principal: PrincipalId) -> Option<i64> {
        self.lock_used().get(&principal).map(|record| record.last_used_at())
    }

    /// Takes the uses that storage does not know yet, to be saved.
    #[must_use]
    pub fn take_uses(&self) -> Vec<(PrincipalId, i64)> {
        let used = std::mem::take(&mut *self.lock_used());
        used.into_iter().map(|(principal, record)| (principal, record.take_use())).collect()
    }

    fn lock_used(&self) -> std::sync::MutexGuard<'_, HashMap<PrincipalId, Arc<Record>>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no record is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// Key ids are random: their own bytes are the best hash there is. An attacker who chooses key ids gets no record,
/// and so no place in the map.
#[derive(Default)]
struct KeyIdHasher(u64);

impl Hasher for KeyIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.as_chunks::<8>().0 {
            self.0 ^= u64::from_ne_bytes(*word);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
