//! The networks from which keys were used and refused: a write-behind buffer, saved in batches.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::domain::usage::NetworkUsage;

/// The most keys whose networks wait to be saved; networks of further keys are not noted.
const MOST_KEYS: usize = 1 << 16;
/// The most networks of one key that wait to be saved; further networks are not noted.
const MOST_NETWORKS: usize = 16;

/// How a request with a key's token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The request with the key was accepted.
    Accepted,
    /// The key was refused.
    Refused,
}

/// The networks that are not saved yet.
#[derive(Default)]
pub struct Networks(Mutex<HashMap<PrincipalId, BTreeMap<String, Seen>>>);

/// When a network was seen, and how often the key was refused.
#[derive(Clone, Copy)]
struct Seen {
    first: i64,
    last: i64,
    refusals: i64,
}

impl Networks {
    /// Notes a request; requests from unknown networks are left out.
    pub fn record(&self, principal: PrincipalId, network: Network, outcome: RequestOutcome, now: i64) {
        let Some(name) = network.name() else { return };
        let mut unsaved = self.lock();
        if unsaved.len() >= MOST_KEYS && !unsaved.contains_key(&principal) {
            return;
        }
        let networks = unsaved.entry(principal).or_default();
        if networks.len() >= MOST_NETWORKS && !networks.contains_key(&name) {
            return;
        }
        let seen = networks.entry(name).or_insert(Seen { first: now, last: now, refusals: 0 });
        seen.last = seen.last.max(now);
        seen.refusals += i64::from(outcome == RequestOutcome::Refused);
    }

    /// The unsaved networks of that principal.
    #[must_use]
    pub fn unsaved(&self, principal: PrincipalId) -> Vec<NetworkUsage> {
        self.lock().get(&principal).map(|networks| listed(principal, networks)).unwrap_or_default()
    }

    /// The unsaved networks of at most that many principals.
    #[must_use]
    pub fn some(&self, at_most: usize) -> Vec<NetworkUsage> {
        self.lock().iter().take(at_most).flat_map(|(principal, networks)| listed(*principal, networks)).collect()
    }

    /// Drops what is now saved, unless the network was seen again since.
    pub fn saved(&self, usages: &[NetworkUsage]) {
        let mut unsaved = self.lock();
        for each in usages {
            let Some(networks) = unsaved.get_mut(&each.principal) else { continue };
            if let Some(seen) = networks.get_mut(&each.network) {
                seen.refusals -= each.refusals;
                if seen.refusals <= 0 && seen.last <= each.last_seen_at {
                    networks.remove(&each.network);
                }
            }
            if networks.is_empty() {
                unsaved.remove(&each.principal);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PrincipalId, BTreeMap<String, Seen>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listed(principal: PrincipalId, networks: &BTreeMap<String, Seen>) -> Vec<NetworkUsage> {
    let each = |(network, seen): (&String, &Seen)| NetworkUsage {
        principal,
        network: network.clone(),
        first_seen_at: seen.first,
        last_seen_at: seen.last,
        refusals: seen.refusals,
    };
    networks.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;

    fn network(number: u32) -> Network {
        Network::of(Some(std::net::Ipv4Addr::from_bits(number).into()))
    }

    #[test]
    fn a_network_that_is_seen_again_while_it_is_saved_stays() {
        let networks = Networks::default();
        let principal = PrincipalId::new(0, Entropy::SYSTEM).unwrap();
        networks.record(principal, network(1), RequestOutcome::Refused, 5);
        networks.record(principal, network(2), RequestOutcome::Accepted, 5);
        networks.record(principal, Network::of(None), RequestOutcome::Accepted, 5);
        let taken = networks.some(1);
        assert_eq!(taken.len(), 2);
        networks.record(principal, network(1), RequestOutcome::Refused, 5);
        networks.saved(&taken);
        let left = networks.unsaved(principal);
        assert_eq!(
            left.iter().map(|each| (each.network.as_str(), each.refusals)).collect::<Vec<_>>(),
            [("0.0.0.1", 1)]
        );
        networks.saved(&left);
        assert!(networks.some(9).is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let networks = Networks::default();
        let principal = PrincipalId::new(0, Entropy::SYSTEM).unwrap();
        for number in 0..100 {
            networks.record(principal, network(number), RequestOutcome::Accepted, 0);
        }
        assert_eq!(networks.unsaved(principal).len(), MOST_NETWORKS);
        for _ in 0..MOST_KEYS {
            networks.record(PrincipalId::new(0, Entropy::SYSTEM).unwrap(), network(1), RequestOutcome::Accepted, 0);
        }
        assert_eq!(networks.lock().len(), MOST_KEYS);
    }
}
