//! When and how often tokens were used: a write-behind buffer, exact in memory and saved in batches.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::RandomBytesHasher;
use crate::directory::record::Record;
use crate::domain::credential::Use;
use crate::domain::ids::PrincipalId;

/// The uses that are not yet saved.
#[derive(Default)]
pub(super) struct Uses {
    /// Records used since the last call of `look`, the latest last: a request only appends its own.
    fresh: Mutex<Vec<Arc<Record>>>,
    unsaved: Mutex<Unsaved>,
    /// Round-robin queue of principals whose uses are saved next, popped from the end.
    round: Mutex<Vec<PrincipalId>>,
}

type ByPrincipal<T> = HashMap<PrincipalId, T, BuildHasherDefault<RandomBytesHasher>>;

#[derive(Default)]
struct Unsaved {
    /// An empty buffer that is swapped with `fresh`, so that neither is allocated again.
    spare: Vec<Arc<Record>>,
    /// Records used since their uses were last taken; each has its own counter.
    records: ByPrincipal<Arc<Record>>,
    /// Uses counted by records that another record of the same principal has replaced.
    replaced: ByPrincipal<Use>,
    /// Uses that were taken and are being saved.
    taken: ByPrincipal<Use>,
}

impl Uses {
    /// Puts a record that was used into the queue.
    pub(super) fn record(&self, record: &Arc<Record>) {
        lock(&self.fresh).push(Arc::clone(record));
    }

    /// Adds uses that were counted elsewhere.
    pub(super) fn add(&self, each: Use) {
        add(&mut self.lock_unsaved().replaced, each);
    }

    /// The unsaved uses of that principal.
    pub(super) fn unsaved(&self, principal: PrincipalId) -> Option<Use> {
        let unsaved = self.lock_unsaved();
        let counted = unsaved.records.get(&principal).map(|record| record.unsaved_use());
        let earlier = [&unsaved.replaced, &unsaved.taken].map(|uses| uses.get(&principal).copied());
        counted.into_iter().chain(earlier.into_iter().flatten()).reduce(Use::and)
    }

    /// Takes the uses of at most that many records, together with earlier ones that were not saved. Sorted by id, which
    /// is the order of creation, so that neighbouring rows are written together.
    pub(super) fn take(&self, at_most: usize) -> Vec<Use> {
        let round = &mut *lock(&self.round);
        if round.is_empty() {
            round.extend(self.lock_unsaved().records.keys());
            round.sort_unstable_by_key(|principal| std::cmp::Reverse(principal.uuid()));
        }
        let turn = round.split_off(round.len().saturating_sub(at_most));
        let unsaved = &mut *self.lock_unsaved();
        let counted =
            turn.iter().filter_map(|principal| unsaved.records.remove(principal)).map(|record| record.take_use());
        for each in counted.chain(std::mem::take(&mut unsaved.replaced).into_values()) {
            add(&mut unsaved.taken, each);
        }
        let mut taken: Vec<Use> = unsaved.taken.values().copied().collect();
        taken.sort_unstable_by_key(|each| each.principal.uuid());
        taken
    }

    /// Whether the current round has principals left.
    pub(super) fn are_waiting(&self) -> bool {
        !lock(&self.round).is_empty()
    }

    /// Drops the taken uses: they are saved.
    pub(super) fn saved(&self) {
        lock(&self.unsaved).taken.clear();
    }

    /// Locks the unsaved uses, after moving the fresh records into them.
    fn lock_unsaved(&self) -> MutexGuard<'_, Unsaved> {
        let mut guard = lock(&self.unsaved);
        let Unsaved { spare, records, replaced, .. } = &mut *guard;
        std::mem::swap(&mut *lock(&self.fresh), spare);
        for record in spare.drain(..) {
            if let Some(before) = records.insert(record.principal_id(), record) {
                add(replaced, before.take_use());
            }
        }
        guard
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(uses: &mut ByPrincipal<Use>, each: Use) {
    uses.entry(each.principal).and_modify(|known| *known = known.and(each)).or_insert(each);
}
