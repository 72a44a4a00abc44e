//! When permissions were last used: a write-behind buffer, exact in memory and saved in batches.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::credential::PermissionUse;
use crate::domain::ids::PrincipalId;

/// The uses that are not yet saved.
#[derive(Default)]
pub struct PermissionUses(Mutex<HashMap<PrincipalId, HashMap<String, i64>>>);

impl PermissionUses {
    /// Records that a principal used a permission.
    pub fn record(&self, principal: PrincipalId, permission: &str, now: i64) {
        let mut unsaved = self.lock();
        let uses = unsaved.entry(principal).or_default();
        match uses.get_mut(permission) {
            Some(last) => *last = now.max(*last),
            None => drop(uses.insert(permission.to_owned(), now)),
        }
    }

    /// The unsaved uses of that principal.
    #[must_use]
    pub fn unsaved(&self, principal: PrincipalId) -> Vec<PermissionUse> {
        let unsaved = self.lock();
        unsaved.get(&principal).map(|uses| listed(principal, uses)).unwrap_or_default()
    }

    /// All unsaved uses.
    #[must_use]
    pub fn all(&self) -> Vec<PermissionUse> {
        self.lock().iter().flat_map(|(principal, uses)| listed(*principal, uses)).collect()
    }

    /// Drops uses that are now saved, unless the permission was used again since.
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
