//! Nodes: the servers that work on one database, and what they tell of a revocation.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// The longest lease that a node may have, in milliseconds.
pub const LONGEST_LEASE: i64 = 60_000;

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Drawn whenever it registers.
    pub id: Uuid,
    /// Its host and its port, for people.
    pub name: String,
    /// When it registered, in epoch milliseconds.
    pub started_at: i64,
    /// How long its lease lasts, in milliseconds.
    pub lease: i64,
    /// The position up to which it has applied the changes, as `storage::feed` writes it.
    pub acknowledged: String,
    /// Whether another process has given up waiting for it. It may not renew its lease any more.
    pub silenced: bool,
}

/// After how many milliseconds of another clock a lease of that length has certainly ended. Two clocks that measure
/// intervals may differ by a twentieth.
#[must_use]
pub const fn surely_over(lease: i64) -> i64 {
    lease + (lease + 19) / 20
}

/// How a request's changes became known to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// How many nodes there were, with the one that answers.
    pub nodes: usize,
    /// How many of them know of the changes. The leases of the others have ended.
    pub acknowledged: usize,
    /// How long that took after the commit, in milliseconds.
    pub millis: i64,
}

/// The place where a request keeps its acknowledgement. Clones share one place.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged(Arc<Mutex<Option<Acknowledgement>>>);

impl Acknowledged {
    /// Notes the acknowledgement of a change. Of several changes the fewest nodes and the whole time count.
    pub fn note(&self, new: Acknowledgement) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some(noted.map_or(new, |old| Acknowledgement {
            nodes: old.nodes.max(new.nodes),
            acknowledged: old.acknowledged.min(new.acknowledged),
            millis: old.millis + new.millis,
        }));
    }

    /// What was noted; `None` if the request has taken nothing away.
    #[must_use]
    pub fn get(&self) -> Option<Acknowledgement> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_over_after_a_twentieth_more_rounded_up() {
        assert_eq!([2_000, 500, 1_001, 60_000].map(surely_over), [2_100, 525, 1_052, 63_000]);
    }

    #[test]
    fn of_several_changes_the_worst_is_told() {
        let told = Acknowledged::default();
        assert_eq!(told.get(), None);
        told.clone().note(Acknowledgement { nodes: 2, acknowledged: 2, millis: 3 });
        told.note(Acknowledgement { nodes: 3, acknowledged: 1, millis: 4 });
        assert_eq!(told.get(), Some(Acknowledgement { nodes: 3, acknowledged: 1, millis: 7 }));
    }
}
