//! When permissions were last made use of: exact in memory, saved in batches.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::credential::PermissionUse;
use crate::domain::ids::PrincipalId;

/// The uses that storage does not know yet.
#[derive(Default)]
pub struct PermissionUses(Mutex<HashMap<PrincipalId, HashMap<String, i64>>>);

impl PermissionUses {
    /// Notes that a principal made use of a permission.
    pub fn note(&self, principal: PrincipalId, permission: &str, now: i64) {
        let mut unsaved = self.lock();
        let uses = unsaved.entry(principal).or_default();
        match uses.get_mut(permission) {
            Some(last) => *last = now.max(*last),
            None => drop(uses.insert(permission.to_owned(), now)),
        }
    }

    /// What storage does not know of that principal.
    #[must_use]
    pub fn unsaved(&self, principal: PrincipalId) -> Vec<PermissionUse> {
        let unsaved = self.lock();
        unsaved.get(&principal).map(|uses| listed(principal, uses)).unwrap_or_default()
    }

    /// What is to be saved.
    #[must_use]
    pub fn all(&self) -> Vec<PermissionUse> {
        self.lock().iter().flat_map(|(principal, uses)| listed(*principal, uses)).collect()
    }

    /// Forgets what is saved now, but not what happened since.
    pub fn saved(&self, uses: &[PermissionUse]) {
        let mut unsaved = self.lock();
        for each in uses {
            let Some(known) = unsaved.get_mut(&each.principal) else { continue };
            known.retain(|permission, last| *permission != each.permission || *last > each.last_used_at);
            if known.is_empty() {
                unsaved.remove(&each.principal);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PrincipalId, HashMap<String, i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listed(principal: PrincipalId, uses: &HashMap<String, i64>) -> Vec<PermissionUse> {
    let each = |(permission, last): (&String, &i64)| PermissionUse {
        principal,
        permission: permission.clone(),
        last_used_at: *last,
    };
    uses.iter().map(each).collect()
}
