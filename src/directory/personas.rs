//! Interned sets of personas: thousands of principals are linked to the same few.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::persona::PersonaRef;

/// The sets of personas that records hold.
#[derive(Default)]
pub(super) struct PersonaSets(Mutex<HashSet<Arc<[PersonaRef]>>>);

impl PersonaSets {
    /// The stored copy of an equal set, shared by every record that holds it.
    pub(super) fn share(&self, set: Arc<[PersonaRef]>) -> Arc<[PersonaRef]> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sets.get(&set) {
            return Arc::clone(known);
        }
        sets.insert(Arc::clone(&set));
        set
    }

    /// Drops the sets that no record holds.
    pub(super) fn sweep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|set| Arc::strong_count(set) > 1);
    }
}
