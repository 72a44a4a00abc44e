//! Poll intervals of device authorizations (RFC 8628, section 3.5). They are kept in the memory of this process, so
//! that a poll writes nothing to the database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::clock::{MINUTE, SECOND};
use crate::domain::device::{CodeDigest, INTERVAL};

/// How many device codes are remembered: as many as can be pending.
const REMEMBERED: usize = 10_000;
/// Tolerance for network jitter: a poll may arrive this much early, in milliseconds.
const EARLY: i64 = SECOND;
/// The longest interval, in milliseconds.
const LONGEST: i64 = MINUTE;

/// Whether a poll respected the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poll {
    /// The interval was over.
    InTime,
    /// The interval was not over; it is longer from now on.
    TooSoon,
}

/// The latest poll of a program.
#[derive(Debug, Clone, Copy)]
struct LatestPoll {
    at: i64,
    interval: i64,
}

/// The latest poll of each pending device code. Unknown codes are not added, so unauthenticated clients cannot fill the
/// table.
pub struct Polls(Mutex<Cache<CodeDigest, LatestPoll>>);

impl Default for Polls {
    fn default() -> Self {
        Self(Mutex::new(Cache::new(REMEMBERED)))
    }
}

impl Polls {
    /// Notes a poll of a remembered code. A poll that comes too soon makes its interval longer.
    pub(super) fn record(&self, code: &CodeDigest, uptime: i64) -> Poll {
        let mut table = self.lock();
        let Some(latest) = table.get(code).copied() else { return Poll::InTime };
        let in_time = uptime - latest.at >= latest.interval - EARLY;
        let interval = if in_time { latest.interval } else { LONGEST.min(latest.interval + INTERVAL) };
        table.insert(code.clone(), LatestPoll { at: uptime, interval });
        if in_time { Poll::InTime } else { Poll::TooSoon }
    }

    /// Starts to count the polls of a pending code.
    pub(super) fn remember(&self, code: CodeDigest, uptime: i64) {
        let mut table = self.lock();
        if table.get(&code).is_none() {
            table.insert(code, LatestPoll { at: uptime, interval: INTERVAL });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache<CodeDigest, LatestPoll>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
