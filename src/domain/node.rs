//! Nodes: the servers that work on one database, their edges, and the outcome of a revocation at them.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::ids::PrincipalId;

/// The longest lease that a node may have, in milliseconds.
pub const LONGEST_LEASE: i64 = 60_000;

/// A running server, or an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The id of the registration: drawn whenever the node registers.
    pub id: Uuid,
    /// The host and the port of the node, for people.
    pub name: String,
    /// When the node registered, in epoch milliseconds.
    pub started_at: i64,
    /// The length of the node's lease, in milliseconds.
    pub lease: i64,
    /// The position up to which the node has applied the changes, as `storage::feed` writes it.
    pub acknowledged: String,
    /// When the node wrote that position, in epoch milliseconds.
    pub acknowledged_at: i64,
    /// Whether another process has given up waiting for the node, which may not renew its lease any more.
    pub silenced: bool,
    /// The principal that registered an edge; `None` for a server.
    pub owner: Option<PrincipalId>,
}

/// The time, in milliseconds of any other clock, after which a lease of that length has certainly ended. Two clocks
/// that measure intervals may differ by a twentieth.
#[must_use]
pub const fn surely_over(lease: i64) -> i64 {
    lease + (lease + 19) / 20
}

/// How a request's changes became known to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// How many nodes there were, with the answering node.
    pub nodes: usize,
    /// How many of these nodes have acknowledged the changes. The leases of the others have ended.
    pub acknowledged: usize,
    /// How long the request waited after the commit, in milliseconds.
    pub millis: i64,
}

/// How a revocation is answered: as final, or as pending because the client did not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The client waited: no node accepts what the change with that id took away.
    Final(Uuid, Acknowledgement),
    /// The client did not wait: nodes may not have acknowledged the change with that id yet.
    Pending(Uuid),
}

/// How the answer to a request describes its revocations, once that is known. Clones share one note.
#[derive(Debug, Clone, Default)]
pub struct RevocationNote {
    told: Arc<Mutex<Option<Told>>>,
    /// Whether the client does not wait for the nodes.
    pub is_hurried: bool,
}

impl RevocationNote {
    /// An empty note of a request. `is_hurried`: whether its client does not wait for the nodes.
    #[must_use]
    pub fn of(is_hurried: bool) -> Self {
        Self { is_hurried, ..Self::default() }
    }

    /// Notes the outcome for a change. For several changes with final outcomes the answer names the last change, the
    /// most nodes, the fewest acknowledgements and the sum of the times.
    pub fn note(&self, new: Told) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        *told = Some(match (*told, new) {
            (Some(Told::Final(_, old)), Told::Final(change, new)) => {
                let nodes = old.nodes.max(new.nodes);
                let acknowledged = old.acknowledged.min(new.acknowledged);
                Told::Final(change, Acknowledgement { nodes, acknowledged, millis: old.millis + new.millis })
            }
            (_, new) => new,
        });
    }

    /// The noted outcome; `None` if the request has taken nothing away.
    #[must_use]
    pub fn get(&self) -> Option<Told> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change, and the nodes that have acknowledged it.
#[derive(Debug, Clone)]
pub struct Spread {
    /// The id of the change.
    pub id: Uuid,
    /// When the change was made, in epoch milliseconds.
    pub changed_at: i64,
    /// The nodes, and whether each has acknowledged the change.
    pub nodes: Vec<(Node, bool)>,
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
        let told = RevocationNote::default();
        assert_eq!(told.get(), None);
        let [first, last] = [1, 2].map(|byte| Uuid::from_bytes([byte; 16]));
        told.clone().note(Told::Final(first, Acknowledgement { nodes: 2, acknowledged: 2, millis: 3 }));
        told.note(Told::Final(last, Acknowledgement { nodes: 3, acknowledged: 1, millis: 4 }));
        assert_eq!(told.get(), Some(Told::Final(last, Acknowledgement { nodes: 3, acknowledged: 1, millis: 7 })));
    }
}
