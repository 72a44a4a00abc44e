//! What happened in the directory, for the metrics.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use uuid::Uuid;

use crate::domain::change::Change;

/// One verification in so many is timed: to tell the time again and count it takes a twentieth of a verification.
const TIMED: u64 = 16;

/// How many changes of this node are remembered until they are followed. Those that were rolled back never are.
const REMEMBERED: usize = 1_000;

/// How often what happened, and how long it took.
#[derive(Debug)]
pub struct Counts {
    /// A record was there and fresh.
    pub hits: Counter,
    /// Storage was read.
    pub misses: Counter,
    /// A record was there and had been read before a change, so it was not used.
    pub stale: Counter,
    /// Verifications of a token, whatever came of them.
    pub verifications: Counter,
    /// How long they took, in seconds: one in sixteen, whichever it is.
    pub verification: Histogram,
    /// How long reading a record from storage took, in seconds: each.
    pub read: Histogram,
    /// How long after its commit a change kept records from being used, in seconds.
    pub revoke_to_deny: Family<Node, Histogram>,
    made: Mutex<VecDeque<Uuid>>,
}

/// Where a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Node {
    node: &'static str,
}

impl Node {
    /// Here.
    const OWN: Self = Self { node: "own" };
    /// In another process, whose changes are followed.
    const FOLLOWED: Self = Self { node: "followed" };
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            hits: Counter::default(),
            misses: Counter::default(),
            stale: Counter::default(),
            verifications: Counter::default(),
            verification: Histogram::new([2.5e-7, 5e-7, 1e-6, 2e-6, 4e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]),
            read: Histogram::new([2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 0.1, 1.0]),
            revoke_to_deny: Family::new_with_constructor(|| {
                Histogram::new([1e-6, 1e-5, 1e-4, 1e-3, 5e-3, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
            }),
            made: Mutex::default(),
        }
    }
}

impl Counts {
    /// Counts a verification that began then, and how long it took if it is one of those that are timed.
    pub fn verified(&self, began: Instant) {
        if self.verifications.inc().is_multiple_of(TIMED) {
            self.verification.observe(began.elapsed().as_secs_f64());
        }
    }

    /// Notes a change that is made here.
    pub fn made(&self, change: Uuid) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() == REMEMBERED {
            made.pop_front();
        }
        made.push_back(change);
    }

    /// Counts a change that was made here and is in force, so long after its transaction had nothing left to do but to
    /// commit.
    pub fn in_force(&self, elapsed: Duration) {
        self.revoke_to_deny.get_or_create(&Node::OWN).observe(elapsed.as_secs_f64());
    }

    /// Counts a change that was found in storage and is in force at `now`, unless it was made here. It is counted from
    /// its time stamp, which is before its commit, by the clock of whoever made it.
    pub fn followed(&self, change: &Change, now: i64) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = made.iter().position(|made| *made == change.id) {
            made.remove(place);
            return;
        }
        let elapsed = Duration::from_millis(u64::try_from(now - change.changed_at).unwrap_or(0));
        self.revoke_to_deny.get_or_create(&Node::FOLLOWED).observe(elapsed.as_secs_f64());
    }
}
