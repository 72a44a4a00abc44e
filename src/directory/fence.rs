//! The fence: tells records read before a change from those read after it.
//!
//! Time is counted in changes. With a record is kept the moment at which its read *began*; a change raises its principal's
//! fence to the moment after its commit. A record is fresh while no fence that concerns it is above its moment:
//!
//! ```text
//! read began at 7, change commits, fence raised to 8, read ends     7 < 8: never used
//! change commits, fence raised to 8, read begins at 8               8 ≥ 8: fresh, and it saw the change
//! ```
//!
//! So invalidating is raising a number, it works on records that are still being read, and nothing has to be found or
//! removed. Principals share the fences of a fixed table, with one for each record there is room for: a collision costs
//! one more read, never a stale answer, and a change makes about one other record be read again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::known::Known;
use crate::domain::ids::PrincipalId;

/// A moment, counted in changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

pub(super) struct Fence {
    changes: AtomicU64,
    everyone: AtomicU64,
    stripes: Box<[AtomicU64]>,
}

impl Fence {
    /// Between so many records.
    pub(super) fn new(records: usize) -> Self {
        let stripes = (0..records.max(1)).map(|_| AtomicU64::new(0)).collect();
        Self { changes: AtomicU64::new(0), everyone: AtomicU64::new(0), stripes }
    }

    /// The moment of a read that begins now.
    pub(super) fn now(&self) -> Moment {
        Moment(self.changes.load(Ordering::SeqCst))
    }

    /// Whether nothing that concerns the record has changed since it began to be read.
    pub(super) fn is_fresh(&self, known: &Known) -> bool {
        let raised = self.stripe(known.record.principal_id()).load(Ordering::SeqCst);
        raised.max(self.everyone.load(Ordering::SeqCst)) <= known.moment.0
    }

    /// Puts a committed change of that principal between every earlier read and now.
    pub(super) fn raise(&self, principal: PrincipalId) {
        let moment = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.stripe(principal).fetch_max(moment, Ordering::SeqCst);
    }

    /// The same for every principal.
    pub(super) fn raise_all(&self) {
        let moment = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.everyone.fetch_max(moment, Ordering::SeqCst);
    }

    /// The last bytes of a version 7 UUID are random.
    fn stripe(&self, principal: PrincipalId) -> &AtomicU64 {
        let [.., a, b, c, d] = *principal.uuid().as_bytes();
        &self.stripes[u32::from_be_bytes([a, b, c, d]) as usize % self.stripes.len()]
    }
}
