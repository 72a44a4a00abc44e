//! How often keys were refused: a write-behind buffer, saved in batches.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::PrincipalId;
use crate::domain::usage::{Interval, PrincipalUsage, Usage};

/// The most keys whose refusals wait to be saved. Refusals of further keys are not counted.
const MOST: usize = 1 << 16;

/// The refusals that are not saved yet, by principal and start of the hour.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<(PrincipalId, i64), i64>>);

impl Refusals {
    /// Counts a refusal.
    pub fn record(&self, principal: PrincipalId, now: i64) {
        let mut unsaved = self.lock();
        let has_room = unsaved.len() < MOST;
        match unsaved.entry((principal, Interval::Hour.start(now))) {
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(count) if has_room => drop(count.insert(1)),
            Entry::Vacant(_) => {}
        }
    }

    /// The unsaved refusals of that principal, by hour.
    #[must_use]
    pub fn unsaved(&self, principal: PrincipalId) -> Vec<Usage> {
        let unsaved = self.lock();
        unsaved
            .iter()
            .filter(|((each, _), _)| *each == principal)
            .map(|(key, count)| usage(key, *count).usage)
            .collect()
    }

    /// At most that many unsaved counts.
    #[must_use]
    pub fn some(&self, at_most: usize) -> Vec<PrincipalUsage> {
        self.lock().iter().take(at_most).map(|(key, count)| usage(key, *count)).collect()
    }

    /// Subtracts counts that are now saved.
    pub fn saved(&self, counts: &[PrincipalUsage]) {
        let mut unsaved = self.lock();
        for PrincipalUsage { principal, usage } in counts {
            if let Entry::Occupied(mut count) = unsaved.entry((*principal, usage.starts_at)) {
                *count.get_mut() -= usage.refusals;
                if *count.get() <= 0 {
                    count.remove();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PrincipalId, i64), i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn usage((principal, starts_at): &(PrincipalId, i64), refusals: i64) -> PrincipalUsage {
    PrincipalUsage { principal: *principal, usage: Usage { starts_at: *starts_at, uses: 0, refusals } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;
    use crate::domain::entropy::Entropy;

    #[test]
    fn a_refusal_is_saved_once_even_if_others_follow_meanwhile() {
        let refusals = Refusals::default();
        let principal = PrincipalId::new(0, Entropy::SYSTEM).unwrap();
        refusals.record(principal, 5);
        refusals.record(principal, HOUR + 5);
        let taken = refusals.some(10);
        refusals.record(principal, 6);
        refusals.saved(&taken);
        let left: Vec<i64> = refusals.unsaved(principal).iter().map(|each| each.refusals).collect();
        assert_eq!(left, [1]);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let refusals = Refusals::default();
        for _ in 0..=MOST {
            refusals.record(PrincipalId::new(0, Entropy::SYSTEM).unwrap(), 0);
        }
        assert_eq!(refusals.some(usize::MAX).len(), MOST);
    }
}
