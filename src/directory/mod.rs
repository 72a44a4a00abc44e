//! The directory: a read-through cache of credentials, coherent with storage. It is the hot path of authentication.
//!
//! A record says whom a token authenticates; its digest, its expiry and its principal's state are checked on every
//! call. There is no negative caching. A record read before a change is never used after it: see `directory/fence.rs`.
//! Records are not used from memory when the changes of other processes have not been read for a while: see
//! `directory/lease.rs`.

mod cached_credential;
pub mod children;
mod counts;
mod fence;
mod first_uses;
mod lease;
mod networks;
mod permission_uses;
mod personas;
mod policies;
mod rates;
mod record;
mod refusals;
mod token_uses;
mod uses;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

pub use self::cached_credential::{CachedCredential, Genuine};
pub use self::children::Children;
use self::counts::Counts;
use self::fence::Fence;
pub use self::first_uses::{FirstUse, FirstUses};
pub use self::lease::Freshness;
use self::lease::Lease;
use self::networks::{Networks, RequestOutcome};
pub use self::permission_uses::PermissionUses;
use self::personas::PersonaSets;
pub use self::policies::{Policies, Shared};
use self::rates::Rates;
pub use self::refusals::Refusals;
pub use self::token_uses::TokenUses;
use self::uses::Uses;
use crate::clock::Clock;
use crate::directory::record::{Record, Ticket};
use crate::domain::change::ChangeSubject;
use crate::domain::credential::{KnownCredential, Use};
use crate::domain::edge::UsedToken;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::domain::token::KeyId;

/// How many recently changed principals the fence remembers individually.
const CHANGED: usize = 1 << 16;

/// How many used client assertions are remembered.
const ASSERTIONS: usize = 100_000;
/// How many used client assertions may be of one API key.
const ASSERTIONS_OF_KEY: usize = 10_000;

/// The credentials in use, with their policies, rate limits and unsaved uses.
pub struct Directory {
    entries: Cache<KeyId, Entry, UnitWeighter, BuildHasherDefault<RandomBytesHasher>>,
    tickets: AtomicU64,
    fence: Fence,
    lease: Lease,
    /// The maximum age of a record, in milliseconds.
    age: i64,
    personas: PersonaSets,
    rates: Rates,
    uses: Uses,
    /// The compiled policies.
    pub policies: Policies,
    /// When permissions were last used.
    pub permission_uses: PermissionUses,
    /// How often keys were refused.
    pub refusals: Refusals,
    /// The networks from which keys were used and refused.
    pub networks: Networks,
    /// When access tokens were last used.
    pub token_uses: TokenUses,
    /// Child tokens, and the keys that check them.
    pub children: Children,
    /// The client assertions that were used.
    pub used_assertions: FirstUses<PrincipalId>,
    /// Counters for the metrics.
    pub counts: Counts,
}

/// The cache entry of a key id.
#[derive(Clone)]
enum Entry {
    /// The credential's record.
    Present(CachedCredential),
    /// The result of a read that found nothing, kept only for the calls that wait for it: when that read began. Calls
    /// that arrived before may use the result; later ones read again.
    Absent(Ticket),
    /// The result of a read that failed, for the calls that wait for it: they fail too.
    Failed(Ticket),
}

impl Directory {
    /// An empty directory for that many records; the least used ones are evicted. Nothing is used from memory until
    /// [`Directory::renew_lease`] is called.
    #[must_use]
    pub fn new(capacity: usize, freshness: Freshness) -> Self {
        let entries = Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            BuildHasherDefault::default(),
            DefaultLifecycle::default(),
        );
        Self {
            entries,
            tickets: AtomicU64::new(0),
            fence: Fence::new(CHANGED),
            lease: Lease::new(freshness.lease),
            age: freshness.age,
            personas: PersonaSets::default(),
            rates: Rates::default(),
            uses: Uses::default(),
            policies: Policies::default(),
            permission_uses: PermissionUses::default(),
            refusals: Refusals::default(),
            networks: Networks::default(),
            token_uses: TokenUses::default(),
            children: Children::default(),
            used_assertions: FirstUses::new(ASSERTIONS, ASSERTIONS_OF_KEY),
            counts: Counts::default(),
        }
    }

    /// The record for a key id: from memory if it may be used, else from `read`. Concurrent calls share one `read`.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get<F>(&self, key_id: KeyId, clock: &Clock, read: impl Fn() -> F) -> Result<Option<CachedCredential>>
    where
        F: Future<Output = Result<Option<KnownCredential>>>,
    {
        let arrived = self.next_ticket(clock);
        loop {
            if let Some(known) = self.take(key_id, arrived, clock.uptime()) {
                return Ok(Some(known));
            }
            // A call without a guard has waited for another call's read. That read may have begun before this call did:
            // then its result is checked like any record.
            let guard = match self.entries.get_value_or_guard_async(&key_id).await {
                Ok(Entry::Absent(began)) if arrived < began => return Ok(None),
                Ok(Entry::Failed(began)) if arrived < began => {
                    return Err(Error::Unavailable("the read that this call waited for failed".into()));
                }
                Ok(Entry::Present(known)) if self.may_be_used(&known.record, Some(arrived), clock.uptime()) => {
                    return Ok(Some(known));
                }
                Ok(_) => continue,
                Err(guard) => guard,
            };
            self.counts.misses.inc();
            let (moment, began) = (self.fence.now(), self.next_ticket(clock));
            let started = Instant::now();
            let found = match read().await {
                Ok(found) => found,
                Err(error) => {
                    drop(guard.insert(Entry::Failed(began)));
                    self.entries.remove_if(&key_id, |entry| matches!(entry, Entry::Failed(_)));
                    return Err(error);
                }
            };
            self.counts.read.observe(started.elapsed().as_secs_f64());
            let Some(mut read) = found else {
                drop(guard.insert(Entry::Absent(began)));
                self.entries.remove_if(&key_id, |entry| matches!(entry, Entry::Absent(_)));
                return Ok(None);
            };
            read.standing.personas = self.personas.share(read.standing.personas);
            let limiter = self.rates.limiter(read.standing.principal.id, read.limits.rate, clock);
            let known = CachedCredential { record: Arc::new(Record::new(read, moment, began)), limiter };
            if guard.insert(Entry::Present(known.clone())).is_err() {
                tracing::trace!("a record was evicted while it was read");
            }
            if self.fence.is_fresh(&known.record) {
                return Ok(Some(known));
            }
        }
    }

    /// The record for a key id, if it is in memory and may be used at that uptime. It never waits: this is the hot
    /// path.
    #[must_use]
    pub fn find(&self, key_id: KeyId, uptime: i64) -> Option<CachedCredential> {
        let Entry::Present(known) = self.entries.get(&key_id)? else { return None };
        if self.may_be_used(&known.record, None, uptime) {
            self.counts.hits.inc();
            return Some(known);
        }
        // Without a lease the record is kept: the lease may be renewed before the record is read again.
        if self.lease.covers(uptime) {
            self.drop_unusable(key_id, &known);
        }
        None
    }

    /// The record for a key id if it may be used by the call with that ticket; an unusable one is removed.
    fn take(&self, key_id: KeyId, arrived: Ticket, uptime: i64) -> Option<CachedCredential> {
        let Entry::Present(known) = self.entries.get(&key_id)? else { return None };
        if self.may_be_used(&known.record, Some(arrived), uptime) {
            self.counts.hits.inc();
            return Some(known);
        }
        self.drop_unusable(key_id, &known);
        None
    }

    fn drop_unusable(&self, key_id: KeyId, known: &CachedCredential) {
        self.counts.stale.inc();
        let same = |entry: &Entry| matches!(entry, Entry::Present(found) if Arc::ptr_eq(&found.record, &known.record));
        self.entries.remove_if(&key_id, same);
    }

    /// Whether a record may be used at that uptime. Without a lease only calls may use it that arrived before its read
    /// began. The lease is checked first: while it runs, the fences include every change that the last read of the feed
    /// found.
    fn may_be_used(&self, record: &Record, arrived: Option<Ticket>, uptime: i64) -> bool {
        (self.lease.covers(uptime) || arrived.is_some_and(|arrived| arrived < record.ticket()))
            && uptime - record.ticket().uptime() < self.age
            && self.fence.is_fresh(record)
    }

    /// A ticket larger than every earlier one.
    fn next_ticket(&self, clock: &Clock) -> Ticket {
        let at_least = Ticket::first_at(clock.uptime()).0;
        let next = |last: u64| (last + 1).max(at_least);
        let mut last = self.tickets.load(Ordering::SeqCst);
        while let Err(other) = self.tickets.compare_exchange(last, next(last), Ordering::SeqCst, Ordering::SeqCst) {
            last = other;
        }
        Ticket(next(last))
    }

    /// How long records may be used without reading the changes of other processes, in milliseconds.
    #[must_use]
    pub fn lease_millis(&self) -> i64 {
        self.lease.millis()
    }

    /// Whether the lease runs at that uptime.
    #[must_use]
    pub fn has_lease(&self, uptime: i64) -> bool {
        self.lease.covers(uptime)
    }

    /// Renews the lease: all changes of other processes before that uptime have been applied here.
    pub fn renew_lease(&self, began: i64) {
        self.lease.renew(began);
    }

    /// Ends the lease, because the changes of other processes cannot be read. Nothing is used from memory until the
    /// next [`Directory::renew_lease`].
    pub fn end_lease(&self) {
        self.lease.end();
    }

    /// Invalidates every record that a committed change may concern, and cached results that depend on assets. After
    /// this returns, no later call to [`Directory::get`] returns the state before the change.
    pub fn forget(&self, subject: ChangeSubject) {
        match subject {
            ChangeSubject::Principal(id) => self.fence.raise(PrincipalId::from(id)),
            ChangeSubject::Asset(_) => self.children.forget_assets(),
            _ if subject.affects_all_principals() => self.fence.raise_all(),
            _ => {}
        }
    }

    /// Invalidates every record.
    pub fn forget_all(&self) {
        self.fence.raise_all();
    }

    /// Records a use of a record's token from that network.
    pub fn record_use(&self, record: &Arc<Record>, network: Network, now: i64) {
        let first = record.record_use(now, network);
        if first.since_taken {
            self.uses.record(record);
        }
        if first.from_network {
            self.networks.record(record.principal_id(), network, RequestOutcome::Accepted, now);
        }
    }

    /// Records uses of a token that an edge has counted.
    pub fn record_counted(&self, used: &UsedToken, count: i64, last_used_at: i64) {
        if let Some(key_id) = used.access_token {
            self.token_uses.record(key_id, last_used_at);
        }
        if let Some(principal) = used.principal {
            self.uses.add(Use { principal, last_used_at, count });
            self.networks.record(principal, used.network, RequestOutcome::Accepted, last_used_at);
        }
    }

    /// Records a refusal of a principal from that network.
    pub fn record_refusal(&self, principal: PrincipalId, network: Network, now: i64) {
        self.refusals.record(principal, now);
        self.networks.record(principal, network, RequestOutcome::Refused, now);
    }

    /// The uses of that principal's tokens that are not yet saved.
    #[must_use]
    pub fn unsaved_use(&self, principal: PrincipalId) -> Option<Use> {
        self.uses.unsaved(principal)
    }

    /// Takes the unsaved uses of at most that many records. Until [`Directory::uses_saved`] is called they still count
    /// as unsaved, and are taken again.
    #[must_use]
    pub fn take_uses(&self, at_most: usize) -> Vec<Use> {
        self.uses.take(at_most)
    }

    /// Whether the current round of taking uses has principals left.
    #[must_use]
    pub fn uses_are_waiting(&self) -> bool {
        self.uses.are_waiting()
    }

    /// Drops rate limiters and persona sets of records that are gone.
    pub fn sweep(&self) {
        self.rates.sweep();
        self.personas.sweep();
    }

    /// Marks the uses taken last as saved.
    pub fn uses_saved(&self) {
        self.uses.saved();
    }

    /// How many records are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no record is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Hashes by copying bytes: key ids and most bytes of principal ids are random. An attacker who chooses key ids gets no
/// record, and so no place in the map.
#[derive(Default)]
struct RandomBytesHasher(u64);

impl Hasher for RandomBytesHasher {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.as_chunks::<8>().0 {
            self.0 ^= u64::from_ne_bytes(*word);
        }
    }

    fn finish(&self) -> u64 {
        // A UUID's variant bits are always the same and lie where hash tables look first.
        self.0.rotate_right(16)
    }
}
