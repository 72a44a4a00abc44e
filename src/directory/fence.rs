//! The fence: distinguishes records read before a change from those read after it.
//!
//! Time is counted in changes. Each record keeps the moment up to which it is known to be right: at first the one at
//! which its read *began*. A change raises its principal's fence to the moment after its commit. A record is fresh
//! while no fence that concerns it is above its moment:
//!
//! ```text
//! read began at 7, change commits, fence raised to 8, read ends     7 < 8: never used
//! change commits, fence raised to 8, read begins at 8               8 ≥ 8: fresh, and it saw the change
//! ```
//!
//! So invalidating means raising a number; it also invalidates records that are still being read, and nothing has to be
//! found or removed. Principals share the fences of a table that fits the processor's cache. If a fence is above a
//! record's moment, the latest changes tell whether the record's own principal changed; if not, the record is still
//! right, and its moment moves up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::directory::record::{Moment, Record};
use crate::domain::ids::PrincipalId;

const STRIPES: usize = 1 << 14;

pub(super) struct Fence {
    everyone: AtomicU64,
    stripes: Box<[AtomicU64]>,
    latest: Mutex<LatestChanges>,
}

/// The latest changes. A change is counted, entered and put into its fence under one lock, so a holder of the lock sees
/// all of a change or nothing.
struct LatestChanges {
    now: Moment,
    /// When principals last changed.
    moments: HashMap<PrincipalId, Moment>,
    /// Changes up to this moment are no longer known individually.
    forgotten: Moment,
    /// How many changed principals are remembered.
    room: usize,
}

impl Fence {
    /// `room`: how many recently changed principals are remembered; on overflow the map is cleared, and records that
    /// have not been used since their fence was raised are read again.
    pub(super) fn new(room: usize) -> Self {
        let start = Moment(0);
        let moments = HashMap::with_capacity(room + 1);
        Self {
            everyone: AtomicU64::new(0),
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            latest: Mutex::new(LatestChanges { now: start, moments, forgotten: start, room }),
        }
    }

    /// The moment of a read that begins now.
    pub(super) fn now(&self) -> Moment {
        self.latest().now
    }

    /// Whether nothing that concerns the record has changed since it began to be read.
    pub(super) fn is_fresh(&self, record: &Record) -> bool {
        let moment = record.moment();
        let stripe = self.stripe(record.principal_id());
        self.everyone.load(Ordering::SeqCst) <= moment.0
            && (stripe.load(Ordering::SeqCst) <= moment.0 || self.catches_up(record))
    }

    /// Whether the record's fence was raised only for other principals. If so the record is right up to now, and its
    /// moment moves up.
    fn catches_up(&self, record: &Record) -> bool {
        let latest = self.latest();
        let moment = record.moment();
        let own = latest.moments.get(&record.principal_id()).copied().unwrap_or(latest.forgotten);
        // `everyone` may have been raised since the first check, and the moment must not move past that.
        let is_right = own <= moment && self.everyone.load(Ordering::SeqCst) <= moment.0;
        if is_right {
            record.advance_moment(latest.now);
        }
        is_right
    }

    /// Invalidates all records of a principal whose reads began before now.
    pub(super) fn raise(&self, principal: PrincipalId) {
        let mut latest = self.latest();
        let moment = latest.next();
        latest.enter(principal, moment);
        self.stripe(principal).store(moment.0, Ordering::SeqCst);
    }

    /// Invalidates all records whose reads began before now.
    pub(super) fn raise_all(&self) {
        let mut latest = self.latest();
        self.everyone.store(latest.next().0, Ordering::SeqCst);
    }

    fn latest(&self) -> MutexGuard<'_, LatestChanges> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shared fence of a principal, by the last bytes of its version 7 UUID, which are random.
    fn stripe(&self, principal: PrincipalId) -> &AtomicU64 {
        let [.., high, low] = *principal.uuid().as_bytes();
        &self.stripes[usize::from(u16::from_be_bytes([high, low])) % STRIPES]
    }
}

impl LatestChanges {
    fn next(&mut self) -> Moment {
        self.now = Moment(self.now.0 + 1);
        self.now
    }

    fn enter(&mut self, principal: PrincipalId, moment: Moment) {
        self.moments.insert(principal, moment);
        if self.moments.len() > self.room {
            self.moments.clear();
            self.forgotten = moment;
        }
    }
}
