//! Slows down password guessing, without letting strangers lock a user out of an account.
//!
//! Wrong passwords are counted in three ways, each with its own schedule: by name, by network, and by pair of both. A
//! network from which a name has signed in before is *familiar* with it: only the count by pair applies there, so
//! guesses elsewhere, or of other names from the same network, do not lock the user out. A network that has not yet
//! failed with a name may try it now and then while the name is being guessed elsewhere, unless its groups of networks
//! have failed often. Attempts refused here do not count as failures. Unknown names are treated like existing ones.
//!
//! All counts are kept in memory, per process, in tables of bounded size. The familiar networks are also in the
//! database.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::domain::error::{Error, Result};
use crate::domain::network::{Group, SIZES};
use crate::service::authn::attempt::{Attempt, SignInSource};

/// How many names are remembered, and how many networks, groups of networks, and pairs of a name with one.
pub const REMEMBERED: usize = 20_000;
const REMEMBERED_GROUPS: usize = SIZES * REMEMBERED;
/// The limit of each size of group, as a multiple of one network's.
const SHARES: [u32; SIZES] = [1, 4, 16, 64];
/// This many wrong passwords cause no delay: for a name, and for a name from one network.
const FREE: u32 = 10;
/// The delay after the first failure that is not free. Each further one doubles it.
const FIRST_DELAY: i64 = SECOND;
/// The longest delay.
const LONGEST_DELAY: i64 = 15 * MINUTE;
/// Failures are forgotten after this time without another.
const FORGOTTEN_AFTER: i64 = DAY;
/// One network may give this many wrong passwords in a burst, whatever the names, and then one per [`NETWORK_EVERY`]
/// (GCRA).
const NETWORK_FREE: i64 = 100;
/// See [`NETWORK_FREE`].
const NETWORK_EVERY: i64 = 5 * SECOND;
/// How often fresh networks may try a name while it is being guessed: those of one of the largest groups, and all
/// together. A network is fresh if it has not failed with the name, and its groups not more often than their shares.
const FRESH_EVERY: i64 = MINUTE;
const ANY_FRESH_EVERY: i64 = 5 * SECOND;
/// How many failures go into the audit trail per hour: with one name, from one of the largest groups, and in all. The
/// first `AUDITED_FIRST` of each group are always written. Metrics count the rest.
const AUDITED_OF_NAME: u32 = 5;
const AUDITED_OF_GROUP: u32 = 20;
const AUDITED: u32 = 1_000;
const AUDITED_FIRST: u32 = 2;

/// Permission for an attempt to join the queue.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The party that the attempt shares turns with.
    pub party: SignInSource,
    turn: Turn,
}

/// Why an attempt was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// No limit applied.
    Ordinary,
    /// The name is being guessed, and this network has not failed with it.
    Fresh,
}

/// Failures in a row, and the time of the last.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: i64,
}

impl Failures {
    fn at(self, now: i64) -> Self {
        if now - self.last >= FORGOTTEN_AFTER { Self::default() } else { self }
    }

    fn add(self, now: i64) -> Self {
        Self { count: self.at(now).count.saturating_add(1), last: now }
    }

    /// How long to wait before the next attempt, in milliseconds.
    fn wait(self, now: i64) -> i64 {
        let beyond = self.at(now).count.saturating_sub(FREE);
        if beyond == 0 {
            return 0;
        }
        let delay = LONGEST_DELAY.min(FIRST_DELAY << (beyond - 1).min(20));
        (self.last + delay - now).clamp(0, delay)
    }
}

/// Failures that were written into the audit trail in the current hour.
#[derive(Debug, Clone, Copy, Default)]
struct Audited {
    since: i64,
    count: u32,
}

impl Audited {
    fn add(&mut self, now: i64) -> u32 {
        if !(0..HOUR).contains(&(now - self.since)) {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

/// The counts of wrong passwords.
pub struct Throttle(Mutex<Tables>);

struct Tables {
    names: Cache<String, Failures>,
    /// By name and each group of the network.
    pairs: Cache<(String, Group), Failures>,
    /// The time at which a group of networks has no failures left to make up for (GCRA); see [`NETWORK_EVERY`].
    groups: Cache<Group, i64>,
    /// Marks of networks with names that they are familiar with.
    familiar: Cache<Arc<str>, ()>,
    /// When a fresh network of a group, or any (`None`), may next try a name that is being guessed.
    fresh: Cache<(String, Option<Group>), i64>,
    audited: Cache<String, Audited>,
    audited_of_groups: Cache<Group, Audited>,
    audited_in_all: Audited,
}

impl Default for Throttle {
    fn default() -> Self {
        Self(Mutex::new(Tables {
            names: Cache::new(REMEMBERED),
            pairs: Cache::new(REMEMBERED_GROUPS),
            groups: Cache::new(REMEMBERED_GROUPS),
            familiar: Cache::new(REMEMBERED),
            fresh: Cache::new(REMEMBERED),
            audited: Cache::new(REMEMBERED),
            audited_of_groups: Cache::new(REMEMBERED),
            audited_in_all: Audited::default(),
        }))
    }
}

impl Throttle {
    /// Admits an attempt to the queue, which it joins as the returned party.
    ///
    /// # Errors
    /// [`Error::SlowedDown`]
    pub fn admit(&self, attempt: &Attempt, now: i64) -> Result<Admission> {
        let mut tables = self.lock();
        if tables.familiar.get(&attempt.mark).is_some() {
            after(tables.wait_of_pair(attempt, now))?;
            return Ok(Admission { party: SignInSource::Familiar(attempt.clone()), turn: Turn::Ordinary });
        }
        after(tables.wait_of_stranger(attempt, now))?;
        let party = SignInSource::Strangers(attempt.network);
        let of_name = tables.wait_of_name(attempt, now);
        if of_name > 0 && tables.is_fresh(attempt, now) {
            after(tables.take_turn(attempt, now))?;
            return Ok(Admission { party, turn: Turn::Fresh });
        }
        after(of_name)?;
        Ok(Admission { party, turn: Turn::Ordinary })
    }

    /// Checks again after the attempt has waited for its turn: others admitted at the same time may have failed
    /// meanwhile.
    ///
    /// # Errors
    /// [`Error::SlowedDown`]
    pub fn confirm(&self, attempt: &Attempt, admission: &Admission, now: i64) -> Result<()> {
        let tables = self.lock();
        after(match (&admission.party, admission.turn) {
            (SignInSource::Familiar(_), _) => tables.wait_of_pair(attempt, now),
            (SignInSource::Strangers(_), Turn::Fresh) => tables.wait_of_stranger(attempt, now),
            (SignInSource::Strangers(_), Turn::Ordinary) => {
                tables.wait_of_stranger(attempt, now).max(tables.wait_of_name(attempt, now))
            }
        })
    }

    /// Admits an attempt by its network alone: for attempts without a name, which all people of a network share.
    ///
    /// # Errors
    /// [`Error::SlowedDown`]
    pub fn admit_network(&self, attempt: &Attempt, now: i64) -> Result<()> {
        after(self.lock().wait_of_network(attempt, now))
    }

    /// Counts a failure of a network alone. Returns whether it goes into the audit trail.
    pub fn network_failed(&self, attempt: &Attempt, now: i64) -> bool {
        let mut tables = self.lock();
        tables.charge_network(attempt, now);
        tables.is_audited(attempt, now)
    }

    /// Whether a failure that is not counted goes into the audit trail.
    pub fn is_audited(&self, attempt: &Attempt, now: i64) -> bool {
        self.lock().is_audited(attempt, now)
    }

    /// Counts a wrong password. Returns whether it goes into the audit trail.
    pub fn failed(&self, attempt: &Attempt, now: i64) -> bool {
        let mut tables = self.lock();
        for group in attempt.network.groups() {
            let pair = (attempt.name.clone(), group);
            let failures: Failures = find(&tables.pairs, &pair);
            tables.pairs.insert(pair, failures.add(now));
        }
        if tables.familiar.get(&attempt.mark).is_none() {
            tables.charge_network(attempt, now);
            let failures: Failures = find(&tables.names, &attempt.name);
            tables.names.insert(attempt.name.clone(), failures.add(now));
        }
        tables.is_audited(attempt, now)
    }

    /// Notes a right password, which makes the network familiar with the name. Failures of that name elsewhere still
    /// count for other networks. A turn taken as a fresh network is given back: it was no guess.
    pub fn succeeded(&self, attempt: &Attempt) {
        let mut tables = self.lock();
        for group in attempt.network.groups() {
            tables.pairs.remove(&(attempt.name.clone(), group));
        }
        for turn in [None, Some(attempt.network.largest_group())] {
            tables.fresh.remove(&(attempt.name.clone(), turn));
        }
        tables.familiar.insert(Arc::clone(&attempt.mark), ());
    }

    /// Loads networks that were familiar before this process started, by their marks.
    pub fn remember(&self, familiar: Vec<String>) {
        let mut tables = self.lock();
        for mark in familiar {
            tables.familiar.insert(mark.into(), ());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn wait_of_pair(&self, attempt: &Attempt, now: i64) -> i64 {
        let [own, ..] = attempt.network.groups();
        find(&self.pairs, &(attempt.name.clone(), own)).wait(now)
    }

    fn wait_of_name(&self, attempt: &Attempt, now: i64) -> i64 {
        find(&self.names, &attempt.name).wait(now)
    }

    /// The wait for failures from this network and its groups, with this name or any.
    fn wait_of_stranger(&self, attempt: &Attempt, now: i64) -> i64 {
        self.wait_of_pair(attempt, now).max(self.wait_of_network(attempt, now))
    }

    /// The wait for failures from this network and its groups, whatever the name.
    fn wait_of_network(&self, attempt: &Attempt, now: i64) -> i64 {
        let of_group = |group: &Group| {
            let settled = self.groups.get(group).copied().unwrap_or(now);
            (settled - now - (NETWORK_FREE - 1) * NETWORK_EVERY).clamp(0, NETWORK_EVERY)
        };
        attempt.network.groups().iter().map(of_group).fold(0, i64::max)
    }

    /// Counts a failure for the network and its groups.
    fn charge_network(&mut self, attempt: &Attempt, now: i64) {
        for (size, group) in attempt.network.groups().into_iter().enumerate() {
            let settled = self.groups.get(&group).copied().unwrap_or(now).max(now);
            self.groups.insert(group, settled + NETWORK_EVERY / i64::from(SHARES[size]));
        }
    }

    fn is_fresh(&self, attempt: &Attempt, now: i64) -> bool {
        let mut groups = attempt.network.groups().into_iter().zip(SHARES);
        groups.all(|(group, share)| find(&self.pairs, &(attempt.name.clone(), group)).at(now).count < share)
    }

    /// How long a fresh network waits for its turn with a name that is being guessed. If zero, the turn is taken.
    fn take_turn(&mut self, attempt: &Attempt, now: i64) -> i64 {
        let turns = [(Some(attempt.network.largest_group()), FRESH_EVERY), (None, ANY_FRESH_EVERY)];
        let turns = turns.map(|(group, every)| ((attempt.name.clone(), group), every));
        let wait = turns.iter().map(|(turn, every)| {
            let next = self.fresh.get(turn).copied().unwrap_or(now);
            (next - now).clamp(0, *every)
        });
        let wait = wait.fold(0, i64::max);
        if wait == 0 {
            for (turn, every) in turns {
                self.fresh.insert(turn, now + every);
            }
        }
        wait
    }

    /// Whether a failure goes into the audit trail.
    fn is_audited(&mut self, attempt: &Attempt, now: i64) -> bool {
        let group = attempt.network.largest_group();
        let mut of_name: Audited = find(&self.audited, &attempt.name);
        let mut of_group: Audited = find(&self.audited_of_groups, &group);
        let often = of_name.add(now) > AUDITED_OF_NAME;
        self.audited.insert(attempt.name.clone(), of_name);
        if often {
            return false;
        }
        let place = of_group.add(now);
        self.audited_of_groups.insert(group, of_group);
        place <= AUDITED_FIRST || place <= AUDITED_OF_GROUP && self.audited_in_all.add(now) <= AUDITED
    }
}

/// Fails with [`Error::SlowedDown`] if there is a wait.
fn after(wait: i64) -> Result<()> {
    if wait == 0 {
        return Ok(());
    }
    let seconds = wait.saturating_add(SECOND - 1) / SECOND;
    Err(Error::SlowedDown { retry_after: u64::try_from(seconds).unwrap_or(1) })
}

fn find<K: Eq + Hash, V: Copy + Default>(table: &Cache<K, V>, key: &K) -> V {
    table.get(key).copied().unwrap_or_default()
}
