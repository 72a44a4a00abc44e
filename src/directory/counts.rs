//! Metrics of the directory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use uuid::Uuid;

use crate::domain::change::Change;

/// One verification in this many is timed: reading the clock again and counting costs a twentieth of a verification.
const TIMED: u64 = 16;

/// How many changes of this node are remembered until the changes feed returns them. Rolled-back changes never come
/// back.
const REMEMBERED: usize = 1_000;

/// Counters and durations.
#[derive(Debug)]
pub struct Counts {
    /// Look-ups that found a fresh record in memory.
    pub hits: Counter,
    /// Look-ups that read storage.
    pub misses: Counter,
    /// Look-ups that found a record that could not be used any more.
    pub stale: Counter,
    /// Verifications of a token, with any result.
    pub verifications: Counter,
    /// How long verifications took, in seconds: one in sixteen is measured.
    pub verification: Histogram,
    /// How long each read of a record from storage took, in seconds.
    pub read: Histogram,
    /// The time from a change's commit until it took effect on records, in seconds.
    pub revoke_to_deny: Family<NodeLabel, Histogram>,
    recent: Mutex<VecDeque<Duration>>,
    own_changes: Mutex<VecDeque<Uuid>>,
}

/// How long the latest changes took to come into force here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promptness {
    /// How many changes they are.
    pub changes: usize,
    /// The median.
    pub median: Duration,
    /// The longest.
    pub longest: Duration,
}

/// How many of the latest changes [`Promptness`] is about.
const RECENT: usize = 100;

/// Where a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NodeLabel {
    node: &'static str,
}

impl NodeLabel {
    /// The change was made by this process.
    const OWN: Self = Self { node: "own" };
    /// The change was made by another process and read from the feed.
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
            recent: Mutex::default(),
            own_changes: Mutex::default(),
        }
    }
}

impl Counts {
    /// Counts a verification that began at `began`, and times it if it is one of the sample.
    pub fn verified(&self, began: Instant) {
        if self.verifications.inc().is_multiple_of(TIMED) {
            self.verification.observe(began.elapsed().as_secs_f64());
        }
    }

    /// Remembers a change that this process makes.
    pub fn record_own_change(&self, change: Uuid) {
        let mut own_changes = self.own_changes.lock().unwrap_or_else(PoisonError::into_inner);
        if own_changes.len() == REMEMBERED {
            own_changes.pop_front();
        }
        own_changes.push_back(change);
    }

    /// Records how long a change of this process took to come into force, from the moment its transaction was ready to
    /// commit.
    pub fn observe_own_change(&self, elapsed: Duration) {
        self.observe(&NodeLabel::OWN, elapsed);
    }

    /// Records how long a change from the feed took to come into force, unless this process made it. Measured from its
    /// time stamp, which is before its commit, by the other process's clock.
    pub fn observe_followed_change(&self, change: &Change, now: i64) {
        let mut own_changes = self.own_changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = own_changes.iter().position(|own| *own == change.id) {
            own_changes.remove(place);
            return;
        }
        let elapsed = Duration::from_millis(u64::try_from(now - change.changed_at).unwrap_or(0));
        drop(own_changes);
        self.observe(&NodeLabel::FOLLOWED, elapsed);
    }

    fn observe(&self, node: &NodeLabel, elapsed: Duration) {
        self.revoke_to_deny.get_or_create(node).observe(elapsed.as_secs_f64());
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(elapsed);
    }

    /// How long the latest changes took to come into force; `None` if there was none since the start.
    #[must_use]
    pub fn promptness(&self) -> Option<Promptness> {
        let mut recent: Vec<Duration> =
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        recent.sort_unstable();
        let (median, longest) = (*recent.get(recent.len() / 2)?, *recent.last()?);
        Some(Promptness { changes: recent.len(), median, longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promptness_is_about_the_latest_changes() {
        let counts = Counts::default();
        assert_eq!(counts.promptness(), None);
        counts.observe_own_change(Duration::from_secs(9));
        for millis in 1..=100 {
            counts.observe_own_change(Duration::from_millis(millis));
        }
        let told = Promptness { changes: 100, median: Duration::from_millis(51), longest: Duration::from_millis(100) };
        assert_eq!(counts.promptness(), Some(told));
    }
}
