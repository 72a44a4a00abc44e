//! When and how often tokens were used: exact in memory, saved in batches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::Record;
use crate::domain::credential::Use;
use crate::domain::ids::PrincipalId;

/// The uses that storage does not know yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<Unsaved>);

#[derive(Default)]
struct Unsaved {
    /// Records used since uses were last taken; each counts for itself.
    records: HashMap<PrincipalId, Arc<Record>>,
    /// Uses counted by records that gave their place to another of the same principal.
    replaced: HashMap<PrincipalId, Use>,
    /// Uses that have been taken and are on their way to storage.
    taken: HashMap<PrincipalId, Use>,
}

impl Uses {
    /// Notes a use of that record.
    pub(super) fn note(&self, record: &Arc<Record>, now: i64) {
        if record.note_use(now) {
            let unsaved = &mut *self.lock();
            if let Some(replaced) = unsaved.records.insert(record.principal_id(), Arc::clone(record)) {
                add(&mut unsaved.replaced, replaced.take_use());
            }
        }
    }

    /// What storage does not know of that principal.
    pub(super) fn unsaved(&self, principal: PrincipalId) -> Option<Use> {
        let unsaved = self.lock();
        let counted = unsaved.records.get(&principal).map(|record| record.unsaved_use());
        let earlier = [&unsaved.replaced, &unsaved.taken].map(|uses| uses.get(&principal).copied());
        counted.into_iter().chain(earlier.into_iter().flatten()).reduce(Use::and)
    }

    /// Takes what is to be saved, together with what was taken before and not saved.
    pub(super) fn take(&self) -> Vec<Use> {
        let unsaved = &mut *self.lock();
        let counted = std::mem::take(&mut unsaved.records).into_values().map(|record| record.take_use());
        for each in counted.chain(std::mem::take(&mut unsaved.replaced).into_values()) {
            add(&mut unsaved.taken, each);
        }
        unsaved.taken.values().copied().collect()
    }

    /// Forgets what was taken: storage knows it now.
    pub(super) fn saved(&self) {
        self.lock().taken.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Unsaved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(uses: &mut HashMap<PrincipalId, Use>, each: Use) {
    uses.entry(each.principal).and_modify(|known| *known = known.and(each)).or_insert(each);
}
