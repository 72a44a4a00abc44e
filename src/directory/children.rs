//! Child tokens whose signature or seal has been checked, and the keys that check them.
//!
//! A check is remembered by the digest of the token. What the child may do depends on its parent: a standing computed
//! from the parent's record is used only as long as the directory still gives out that same record, so that a change of
//! the parent, or a revocation of the child, ends it like any record. If policies about its tools look at assets, it is used
//! only until the next change of an asset.

use std::sync::atomic::{AtomicU64, Ordering};
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
    published: RwLock<Published>,
    /// How many changes of assets have been applied.
    assets: AtomicU64,
}

/// The published keys.
#[derive(Default)]
struct Published {
    keyring: Arc<Keyring>,
    /// The uptime at which the read began that found them.
    read_at: i64,
}

impl Default for Children {
    fn default() -> Self {
        Self { verified: Cache::new(REMEMBERED), published: RwLock::default(), assets: AtomicU64::new(0) }
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

/// The part of its parent's access that a child carries.
#[derive(Clone)]
pub enum Carried {
    /// Everything that the parent may do.
    Everything,
    /// Only what this narrowed standing has.
    Narrowed(Arc<Standing>),
}

/// A cached result, with the records that it was computed from.
struct Checked {
    records: Vec<Arc<Record>>,
    /// The number of asset changes before the computation; `None` if the result depends on no asset.
    assets: Option<u64>,
    carried: Carried,
}

impl VerifiedChild {
    /// A child about whose parent nothing is known yet.
    #[must_use]
    pub fn new(child: Child, signed_by: Option<String>) -> Self {
        Self { child: Arc::new(child), signed_by, checked: Mutex::default() }
    }

    /// The cached result for exactly these records, if no asset that it depends on has changed since (`assets`: the
    /// number of asset changes so far); otherwise `None`.
    pub(crate) fn checked(&self, records: &[Arc<Record>], assets: u64) -> Option<Carried> {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = checked.as_ref()?;
        let same = known.assets.is_none_or(|then| then == assets)
            && known.records.len() == records.len()
            && known.records.iter().zip(records).all(|(known, record)| Arc::ptr_eq(known, record));
        same.then(|| known.carried.clone())
    }

    /// Caches the result for these records. `assets`: the number of asset changes before the computation, if the result
    /// depends on assets.
    pub(crate) fn keep(&self, records: Vec<Arc<Record>>, assets: Option<u64>, carried: Carried) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Checked { records, assets, carried });
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

    /// How many changes of assets have been applied. Read after the records that a lease covers, and before the assets.
    #[must_use]
    pub fn asset_changes(&self) -> u64 {
        self.assets.load(Ordering::SeqCst)
    }

    /// Invalidates the cached results that depend on assets.
    pub(super) fn forget_assets(&self) {
        self.assets.fetch_add(1, Ordering::SeqCst);
    }

    /// The published keys. While the lease runs they are those that the last look found, because a look that finds a change of
    /// them reads them before it renews the lease.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.published.read().unwrap_or_else(PoisonError::into_inner).keyring)
    }

    /// The uptime at which the read began that found the published keys.
    #[must_use]
    pub fn keyring_read_at(&self) -> i64 {
        self.published.read().unwrap_or_else(PoisonError::into_inner).read_at
    }

    /// Replaces the published keys by those of a read that began at this uptime, unless a later read has replaced them: a
    /// slow read must not bring a removed key back.
    pub fn set_keyring(&self, keyring: Arc<Keyring>, began: i64) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        if published.read_at <= began {
            *published = Published { keyring, read_at: began };
        }
    }
}
