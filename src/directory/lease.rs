//! The lease: how long records in memory may be used without reading the changes of other processes.
//!
//! Reading and applying the changes of other processes makes every record usable until a fixed time after the read
//! *began*. A process that was paused finds its lease over when it wakes: the end is an uptime of the monotonic clock,
//! which counts on through every kind of sleep that the kernel knows of.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{HOUR, SECOND};

/// How long records in memory may be used, in milliseconds of uptime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Since the last read of other processes' changes began.
    pub lease: i64,
    /// Since the read of the record itself began, regardless of changes.
    pub age: i64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { lease: 2 * SECOND, age: HOUR }
    }
}

/// A lease: its length and its end.
pub(super) struct Lease {
    length: i64,
    ends: AtomicI64,
}

impl Lease {
    /// A lease that has not begun.
    pub(super) fn new(length: i64) -> Self {
        Self { length, ends: AtomicI64::new(i64::MIN) }
    }

    /// How long a lease lasts.
    pub(super) fn millis(&self) -> i64 {
        self.length
    }

    /// Whether the lease runs at that uptime. Fences that are checked afterwards include all changes that the last read
    /// found.
    pub(super) fn covers(&self, uptime: i64) -> bool {
        uptime < self.ends.load(Ordering::SeqCst)
    }

    /// Extends the lease from the beginning of a read of the changes, all of which have been applied.
    pub(super) fn renew(&self, began: i64) {
        self.ends.fetch_max(began.saturating_add(self.length), Ordering::SeqCst);
    }

    /// Ends the lease.
    pub(super) fn end(&self) {
        self.ends.store(i64::MIN, Ordering::SeqCst);
    }
}
