//! The fence: tells records read before a change from those read after it.
//!
//! Time is counted in changes. With a record is kept the moment up to which it is known to be right: at first the one at
//! which its read *began*. A change raises its principal's fence to the moment after its commit. A record is fresh while
//! no fence that concerns it is above its moment:
//!
//! ```text
//! read began at 7, change commits, fence raised to 8, read ends     7 < 8: never used
//! change commits, fence raised to 8, read begins at 8               8 ≥ 8: fresh, and it saw the change
//! ```
//!
//! So invalidating is raising a number, it works on records that are still being read, and nothing has to be found or
//! removed. Principals share the fences of a table that is small enough to stay in the processor's cache. Whoever meets
//! a fence above its record's moment looks, among the latest changes, whether it was raised for its own principal; if
//! not, the record was right all the time, and its moment moves up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::PrincipalId;
use crate::domain::record::Record;

const STRIPES: usize = 1 << 14;
/// The changes of so many principals are told apart. When there are more, all are forgotten, and records that have not
/// been used since their fences were raised are read again.
const PRINCIPALS: usize = 1 << 16;

pub(super) struct Fence {
    changes: AtomicU64,
    everyone: AtomicU64,
    stripes: Box<[AtomicU64]>,
    latest: Mutex<Latest>,
}

/// When principals last changed. Every change is counted and entered under one lock, so none is missing here that a
/// fence tells of.
#[derive(Default)]
struct Latest {
    changes: HashMap<PrincipalId, u64>,
    /// What changed up to this moment is not known any more.
    forgotten: u64,
}

impl Fence {
    pub(super) fn new() -> Self {
        let stripes = (0..STRIPES).map(|_| AtomicU64::new(0)).collect();
        Self { changes: AtomicU64::new(0), everyone: AtomicU64::new(0), stripes, latest: Mutex::default() }
    }

    /// The moment of a read that begins now.
    pub(super) fn now(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Whether nothing that concerns the record has changed since it began to be read.
    pub(super) fn is_fresh(&self, record: &Record) -> bool {
        let raised = self.stripe(record.principal_id()).load(Ordering::SeqCst);
        raised.max(self.everyone.load(Ordering::SeqCst)) <= record.moment() || self.was_raised_for_others(record)
    }

    fn was_raised_for_others(&self, record: &Record) -> bool {
        let latest = self.latest();
        let own = latest.changes.get(&record.principal_id()).copied().unwrap_or(latest.forgotten);
        let right = own.max(self.everyone.load(Ordering::SeqCst)) <= record.moment();
        if right {
            record.is_right_at(self.now());
        }
        right
    }

    /// Puts a committed change of that principal between every earlier read and now.
    pub(super) fn raise(&self, principal: PrincipalId) {
        let mut latest = self.latest();
        let moment = self.count();
        if latest.changes.len() == PRINCIPALS {
            *latest = Latest { changes: HashMap::new(), forgotten: moment };
        }
        latest.changes.insert(principal, moment);
        self.stripe(principal).store(moment, Ordering::SeqCst);
    }

    /// The same for every principal.
    pub(super) fn raise_all(&self) {
        let _latest = self.latest();
        self.everyone.store(self.count(), Ordering::SeqCst);
    }

    fn count(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last bytes of a version 7 UUID are random.
    fn stripe(&self, principal: PrincipalId) -> &AtomicU64 {
        let [.., high, low] = *principal.uuid().as_bytes();
        &self.stripes[usize::from(u16::from_be_bytes([high, low])) % STRIPES]
    }
}
