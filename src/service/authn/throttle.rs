//! Slowing those who guess passwords, without a lock that strangers could put on somebody's account.
//!
//! Wrong passwords are counted in three ways, each with its own schedule: by name, by network and by both together.
//! A network from which a name has signed in before is *familiar* with it: of the three only the last counts there, so
//! what happens elsewhere, or to other names from the same network, keeps nobody out. A network that has given no wrong
//! password for a name yet may try it now and then while the name is being guessed elsewhere. What is refused here
//! counts as no failure. Names that nobody bears are treated as those that somebody does.
//!
//! Everything is kept in memory, of this process alone, in tables of bounded size.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::domain::text::fold;

/// How many names, networks and pairs of both are remembered.
const REMEMBERED: usize = 20_000;
/// So many wrong passwords are free of delay: for a name, and for a name from one network.
const FREE: u32 = 10;
/// The delay after the first that is not free. Each further one doubles it.
const FIRST_DELAY: i64 = SECOND;
/// The longest delay.
const LONGEST_DELAY: i64 = 15 * MINUTE;
/// Failures are forgotten after so long without another.
const FORGOTTEN_AFTER: i64 = DAY;
/// One network may give so many wrong passwords at once, whatever the names, and then one every [`NETWORK_EVERY`].
const NETWORK_FREE: i64 = 100;
/// See [`NETWORK_FREE`].
const NETWORK_EVERY: i64 = 5 * SECOND;
/// How often networks that have not failed with a name may try it while it is being guessed.
const FRESH_EVERY: i64 = MINUTE;
/// How many failures with one name are written into the audit trail in an hour, and how many in all. The others are
/// counted by the metrics.
const AUDITED: [u32; 2] = [5, 1_000];

/// A name as it was tried, from a network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trial {
    /// Folded, and cut to the length of a name: its bearer may or may not exist.
    name: String,
    /// Whence.
    network: Network,
}

impl Trial {
    /// That name from that address.
    #[must_use]
    pub fn new(username: &str, address: Option<IpAddr>) -> Self {
        Self { name: fold(username).chars().take(100).collect(), network: Network::of(address) }
    }
}

/// Who shares a turn in the queue for checking passwords.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// A name on a network that is familiar with it.
    Familiar(Trial),
    /// Everybody else of a network.
    Strangers(Network),
}

/// That an attempt may wait for its turn.
#[derive(Debug, Clone)]
pub struct Admission {
    /// With whom it shares turns.
    pub party: Party,
    turn: Turn,
}

/// Why an attempt was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nothing was in its way.
    Ordinary,
    /// The name is being guessed, and this network has not failed with it.
    Fresh,
}

/// Failures in a row and when the next attempt is let through.
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

    /// How long to wait, in milliseconds.
    fn wait(self, now: i64) -> i64 {
        let beyond = self.at(now).count.saturating_sub(FREE);
        if beyond == 0 {
            return 0;
        }
        let delay = LONGEST_DELAY.min(FIRST_DELAY << (beyond - 1).min(20));
        (self.last + delay - now).clamp(0, delay)
    }
}

/// Failures that were written into the audit trail since an hour began.
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

/// What is remembered of wrong passwords.
pub struct Throttle(Mutex<Tables>);

struct Tables {
    names: Cache<String, Failures>,
    pairs: Cache<Trial, Failures>,
    /// When a network has made up for all its failures; see [`NETWORK_EVERY`].
    networks: Cache<Network, i64>,
    familiar: Cache<Trial, ()>,
    /// When a fresh network may next try a name that is being guessed.
    fresh: Cache<String, i64>,
    audited: Cache<String, Audited>,
    audited_in_all: Audited,
}

impl Default for Throttle {
    fn default() -> Self {
        Self(Mutex::new(Tables {
            names: Cache::new(REMEMBERED),
            pairs: Cache::new(REMEMBERED),
            networks: Cache::new(REMEMBERED),
            familiar: Cache::new(REMEMBERED),
            fresh: Cache::new(REMEMBERED),
            audited: Cache::new(REMEMBERED),
            audited_in_all: Audited::default(),
        }))
    }
}

impl Throttle {
    /// Lets an attempt through to the queue, which it joins as the party that is returned.
    ///
    /// # Errors
    /// [`Error::SlowedDown`]
    pub fn admit(&self, trial: &Trial, now: i64) -> Result<Admission> {
        let mut tables = self.lock();
        if tables.familiar.get(trial).is_some() {
            after(tables.wait_of_pair(trial, now))?;
            return Ok(Admission { party: Party::Familiar(trial.clone()), turn: Turn::Ordinary });
        }
        after(tables.wait_of_stranger(trial, now))?;
        let party = Party::Strangers(trial.network);
        let of_name = tables.wait_of_name(trial, now);
        let fresh = find(&tables.pairs, trial).at(now).count == 0;
        if of_name > 0 && fresh {
            after(tables.take_turn(&trial.name, now))?;
            return Ok(Admission { party, turn: Turn::Fresh });
        }
        after(of_name)?;
        Ok(Admission { party, turn: Turn::Ordinary })
    }

    /// Once more, when the attempt has waited for its turn: meanwhile others may have failed who were let through at the
    /// same time.
    ///
    /// # Errors
    /// [`Error::SlowedDown`]
    pub fn confirm(&self, trial: &Trial, admission: &Admission, now: i64) -> Result<()> {
        let tables = self.lock();
        after(match (&admission.party, admission.turn) {
            (Party::Familiar(_), _) => tables.wait_of_pair(trial, now),
            (Party::Strangers(_), Turn::Fresh) => tables.wait_of_stranger(trial, now),
            (Party::Strangers(_), Turn::Ordinary) => {
                tables.wait_of_stranger(trial, now).max(tables.wait_of_name(trial, now))
            }
        })
    }

    /// Counts a wrong password, and tells whether it goes into the audit trail.
    pub fn failed(&self, trial: &Trial, now: i64) -> bool {
        let mut tables = self.lock();
        let familiar = tables.familiar.get(trial).is_some();
        let failures: Failures = find(&tables.pairs, trial);
        tables.pairs.insert(trial.clone(), failures.add(now));
        if !familiar {
            let failures: Failures = find(&tables.names, &trial.name);
            tables.names.insert(trial.name.clone(), failures.add(now));
            let settled = tables.networks.get(&trial.network).copied().unwrap_or(now).max(now);
            tables.networks.insert(trial.network, settled + NETWORK_EVERY);
        }
        let mut of_name: Audited = find(&tables.audited, &trial.name);
        let recorded = of_name.add(now) <= AUDITED[0];
        tables.audited.insert(trial.name.clone(), of_name);
        recorded && tables.audited_in_all.add(now) <= AUDITED[1]
    }

    /// Notes a right password. What others have guessed of that name elsewhere still counts for others.
    pub fn succeeded(&self, trial: &Trial) {
        let mut tables = self.lock();
        tables.pairs.remove(trial);
        tables.familiar.insert(trial.clone(), ());
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn wait_of_pair(&self, trial: &Trial, now: i64) -> i64 {
        find(&self.pairs, trial).wait(now)
    }

    fn wait_of_name(&self, trial: &Trial, now: i64) -> i64 {
        find(&self.names, &trial.name).wait(now)
    }

    /// For failures from that network, with that name or with any.
    fn wait_of_stranger(&self, trial: &Trial, now: i64) -> i64 {
        let settled = self.networks.get(&trial.network).copied().unwrap_or(now);
        let of_network = (settled - now - (NETWORK_FREE - 1) * NETWORK_EVERY).clamp(0, NETWORK_EVERY);
        self.wait_of_pair(trial, now).max(of_network)
    }

    /// How long a fresh network waits for its turn with a name that is being guessed; if it need not, the turn is taken.
    fn take_turn(&mut self, name: &str, now: i64) -> i64 {
        let next = self.fresh.get(name).copied().unwrap_or(now);
        let wait = (next - now).clamp(0, FRESH_EVERY);
        if wait == 0 {
            self.fresh.insert(name.to_owned(), now + FRESH_EVERY);
        }
        wait
    }
}

/// Refuses an attempt that must wait.
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
