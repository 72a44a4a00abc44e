//! Ids that may be used once: a bounded replay guard in memory.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

/// The digest of an id together with its owner.
pub type IdHash = [u8; 32];

/// The ids that were used, each until its time is over.
pub struct UsedIds {
    most: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    ids: HashSet<IdHash>,
    by_end: BTreeSet<(i64, IdHash)>,
}

impl UsedIds {
    /// Remembers at most this many ids, at about 150 bytes each.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, used: Mutex::default() }
    }

    /// Whether this is the first use of an id. It is remembered until `until`; `now` and `until` are of the same clock. If no
    /// more ids can be remembered, no use is the first: a replay could not be told from it.
    pub fn first_use(&self, id: IdHash, now: i64, until: i64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let Used { ids, by_end } = &mut *used;
        while let Some(&(end, old)) = by_end.first().filter(|(end, _)| *end <= now) {
            by_end.remove(&(end, old));
            ids.remove(&old);
        }
        if ids.len() >= self.most || !ids.insert(id) {
            return false;
        }
        by_end.insert((until, id));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once_until_its_time_is_over() {
        let used = UsedIds::new(10);
        assert!(used.first_use([1; 32], 0, 100));
        assert!(!used.first_use([1; 32], 0, 100) && !used.first_use([1; 32], 99, 300));
        assert!(used.first_use([2; 32], 99, 300), "another id");
        assert!(used.first_use([1; 32], 100, 200) && !used.first_use([2; 32], 100, 300));
    }

    #[test]
    fn when_it_is_full_no_use_is_the_first_until_one_has_ended() {
        let used = UsedIds::new(2);
        assert!(used.first_use([1; 32], 0, 100) && used.first_use([2; 32], 0, 200));
        assert!(!used.first_use([3; 32], 0, 50));
        assert!(used.first_use([3; 32], 100, 150));
        assert!(!used.first_use([4; 32], 100, 200) && !used.first_use([2; 32], 150, 300));
    }
}
