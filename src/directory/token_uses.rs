//! When access tokens were last used: a write-behind buffer, exact in memory and saved in batches.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::RandomBytesHasher;
use crate::domain::credential::TokenUse;
use crate::domain::token::KeyId;

/// The last uses that are not yet saved.
#[derive(Default)]
pub struct TokenUses(Mutex<ByKeyId>);

type ByKeyId = HashMap<KeyId, i64, BuildHasherDefault<RandomBytesHasher>>;

impl TokenUses {
    /// Records a use of a token.
    pub fn record(&self, key_id: KeyId, now: i64) {
        let mut unsaved = self.lock();
        let last = unsaved.entry(key_id).or_insert(now);
        *last = now.max(*last);
    }

    /// The last unsaved use of a token, in epoch milliseconds.
    #[must_use]
    pub fn unsaved(&self, key_id: KeyId) -> Option<i64> {
        self.lock().get(&key_id).copied()
    }

    /// All unsaved uses. Sorted by key id, so that two nodes lock the same rows in the same order.
    #[must_use]
    pub fn all(&self) -> Vec<TokenUse> {
        let each = |(key_id, last): (&KeyId, &i64)| TokenUse { key_id: *key_id, last_used_at: *last };
        let mut uses: Vec<TokenUse> = self.lock().iter().map(each).collect();
        uses.sort_unstable_by_key(|each| each.key_id.0);
        uses
    }

    /// Drops uses that are now saved, unless the token was used again since.
    pub fn saved(&self, uses: &[TokenUse]) {
        let mut unsaved = self.lock();
        for each in uses {
            if unsaved.get(&each.key_id).is_some_and(|last| *last <= each.last_used_at) {
                unsaved.remove(&each.key_id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByKeyId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
