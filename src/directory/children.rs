//! Child tokens whose signature or seal has been checked, and the keys that check them.
//!
//! A check is remembered by the digest of the token. What the child may do depends on its parent: a standing computed
//! from the parent's record is used only as long as the directory still gives out that same record, so that a change of
//! the parent, or a revocation of the child, ends it like any record.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::record::Record;
use crate::domain::actor::Standing;
use crate::domain::child::Child;
use crate::domain::signing::Keyring;

/// How many children are remembered.
const REMEMBERED: usize = 16_384;

/// The digest of a child's token.
pub type TokenDigest = [u8; 32];

/// The children in memory.
pub struct Children {
    verified: Cache<TokenDigest, Arc<VerifiedChild>>,
    keyring: RwLock<Arc<Keyring>>,
}

impl Default for Children {
    fn default() -> Self {
        Self { verified: Cache::new(REMEMBERED), keyring: RwLock::default() }
    }
}

/// A child whose token is genuine.
pub struct VerifiedChild {
    /// The child.
    pub child: Arc<Child>,
    /// The key that signed it; `None` for a sealed token.
    pub signed_by: Option<String>,
    checked: Mutex<Option<Checked>>,
}

/// What a child carries of what its parent may do.
#[derive(Clone)]
pub enum Carried {
    /// Everything.
    Everything,
    /// What this narrowed standing has.
    Narrowed(Arc<Standing>),
}

/// What was computed from these records.
struct Checked {
    records: Vec<Arc<Record>>,
    carried: Carried,
}

impl VerifiedChild {
    /// A child about whose parent nothing is known yet.
    #[must_use]
    pub fn new(child: Child, signed_by: Option<String>) -> Self {
        Self { child: Arc::new(child), signed_by, checked: Mutex::default() }
    }

    /// What was computed from exactly these records; `None` if they are others.
    pub(crate) fn checked(&self, records: &[Arc<Record>]) -> Option<Carried> {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = checked.as_ref()?;
        let same = known.records.len() == records.len()
            && known.records.iter().zip(records).all(|(known, record)| Arc::ptr_eq(known, record));
        same.then(|| known.carried.clone())
    }

    /// Remembers what was computed from these records.
    pub(crate) fn keep(&self, records: Vec<Arc<Record>>, carried: Carried) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Checked { records, carried });
    }
}

impl Children {
    /// The digest of a token.
    #[must_use]
    pub fn digest(token: &str) -> TokenDigest {
        Sha256::digest(token.as_bytes()).into()
    }

    /// The child with that digest, unless the key that signed it is no longer published.
    #[must_use]
    pub fn find(&self, digest: &TokenDigest) -> Option<Arc<VerifiedChild>> {
        let known = self.verified.get(digest)?;
        match &known.signed_by {
            Some(key) if self.keyring().find(key).is_none() => None,
            _ => Some(known),
        }
    }

    /// Remembers a genuine child.
    pub fn insert(&self, digest: TokenDigest, child: Arc<VerifiedChild>) {
        self.verified.insert(digest, child);
    }

    /// The published keys.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the published keys.
    pub fn set_keyring(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }
}
