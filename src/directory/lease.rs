//! The lease: how long records in memory may be used without hearing of what other processes changed.
//!
//! A look at the changes of other processes, once it has been applied, vouches for every record until a fixed time after
//! the look *began*. A process that was paused finds its lease over when it wakes, before it has noticed anything else:
//! the end is a point of the uptime, which counts on through every kind of sleep that the kernel knows of.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{HOUR, SECOND};

/// For how long what is in memory may be used, in milliseconds of uptime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// After the beginning of the last look at what others changed.
    pub lease: i64,
    /// After the beginning of the read of a record, whatever is heard of changes.
    pub age: i64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { lease: 2 * SECOND, age: HOUR }
    }
}

/// Until when the last look vouches for every record.
pub(super) struct Lease {
    length: i64,
    ends: AtomicI64,
}

impl Lease {
    /// A lease that no look has begun.
    pub(super) fn new(length: i64) -> Self {
        Self { length, ends: AtomicI64::new(i64::MIN) }
    }

    /// Whether it runs at that uptime. What is asked of the fences afterwards knows all that the look found.
    pub(super) fn covers(&self, uptime: i64) -> bool {
        uptime < self.ends.load(Ordering::SeqCst)
    }

    /// Lets it run from the beginning of a look, all of which has been applied.
    pub(super) fn renew(&self, began: i64) {
        self.ends.fetch_max(began.saturating_add(self.length), Ordering::SeqCst);
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.ends.store(i64::MIN, Ordering::SeqCst);
    }
}
