//! Fair queues in front of scarce work: checking passwords, looking up unknown tokens, writing.
//!
//! Waiting requests are served by party. Preferred parties come first, then the party with the least work under way
//! (counted by its groups, from the largest down), then round-robin among parties, then first come, first served. No
//! group gets more than its share of the places, so a party that floods the queue delays itself and not the others.
//! When the queue is full, the newest request of the largest group is dropped for a request of a smaller group.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::network::{Group, SIZES};
use crate::domain::party;

/// The requests that share one turn.
pub trait Party: Clone + Eq + Hash {
    /// The key under which running work of the party is counted.
    type Group: Clone + Eq + Hash;

    /// The groups of the party, from the party alone to the largest. A party without larger groups repeats itself.
    fn groups(&self) -> [Self::Group; SIZES];

    /// Whether the party is served before all others that are not, and never dropped for them.
    fn is_preferred(&self) -> bool {
        false
    }
}

/// The key under which running work of a [`party::Party`] is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// A group of networks.
    Networks(Group),
    /// Any other party.
    Party(party::Party),
}

impl Party for party::Party {
    type Group = GroupKey;

    fn groups(&self) -> [GroupKey; SIZES] {
        match self {
            Self::Network(network) => network.groups().map(GroupKey::Networks),
            other => [GroupKey::Party(*other); SIZES],
        }
    }

    /// The follower is preferred: other nodes wait for what this node acknowledges.
    fn is_preferred(&self) -> bool {
        matches!(self, Self::Follower)
    }
}

/// The limits of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many requests are served at once.
    pub places: usize,
    /// Maximum number of places of one group.
    pub places_of_one: usize,
    /// Maximum number of places of all parties that are not preferred.
    pub places_of_others: usize,
    /// How many requests wait at most.
    pub waiting: usize,
    /// How many requests of one party wait at most.
    pub waiting_of_one: usize,
    /// Maximum number of waiting requests of parties that are not preferred.
    pub waiting_of_others: usize,
    /// How long a request waits at most.
    pub max_wait: Duration,
}

/// Which requests are served first, before parties are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Before all requests in turn.
    First,
    /// In turn.
    InTurn,
}

/// A fair queue. Cheap to clone.
pub struct Queue<P: Party>(Arc<Mutex<State<P>>>);

impl<P: Party> Clone for Queue<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct State<P: Party> {
    rules: Rules,
    /// Requests that are served.
    busy: usize,
    /// How many running requests are of parties that are not preferred.
    busy_others: usize,
    /// How many running requests are of each group. The size is part of the key, because a party may be several of its
    /// groups.
    under_way: HashMap<(usize, P::Group), usize>,
    waiting: VecDeque<Waiting<P>>,
    /// The round of the last request that was served.
    round: u64,
    /// The last round in which each party has a request.
    last_rounds: HashMap<P, u64>,
}

struct Waiting<P: Party> {
    party: P,
    groups: [P::Group; SIZES],
    urgency: Urgency,
    round: u64,
    sender: oneshot::Sender<Permit<P>>,
}

/// A place in a queue, given back when it is dropped.
pub struct Permit<P: Party> {
    queue: Queue<P>,
    party: P,
}

impl<P: Party> Queue<P> {
    /// An empty queue.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(Mutex::new(State {
            rules,
            busy: 0,
            busy_others: 0,
            under_way: HashMap::new(),
            waiting: VecDeque::new(),
            round: 0,
            last_rounds: HashMap::new(),
        })))
    }

    /// Waits for a place. `None` when the queue is full, or after `max_wait`.
    pub async fn enter(&self, party: P, urgency: Urgency) -> Option<Permit<P>> {
        let (turn, max_wait) = {
            let mut state = self.lock();
            (state.join(party, urgency)?, state.rules.max_wait)
        };
        self.serve();
        tokio::time::timeout(max_wait, turn).await.ok()?.ok()
    }

    /// How many requests are served.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.lock().busy
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting.iter().filter(|waiting| !waiting.sender.is_closed()).count()
    }

    /// Gives free places to waiting requests.
    fn serve(&self) {
        loop {
            let Some(Waiting { party, sender, .. }) = self.lock().next() else { return };
            // A request that was given up drops the permit, which serves the next one.
            drop(sender.send(Permit { queue: self.clone(), party }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Party> State<P> {
    /// Appends a request, in the first round in which its party has none.
    fn join(&mut self, party: P, urgency: Urgency) -> Option<oneshot::Receiver<Permit<P>>> {
        self.waiting.retain(|waiting| !waiting.sender.is_closed());
        let of_party = self.waiting.iter().filter(|waiting| waiting.party == party).count();
        if self.rules.places_of_one == 0 || of_party >= self.rules.waiting_of_one {
            return None;
        }
        let groups = party.groups();
        if self.is_full(&party) && !self.makes_room(&party, &groups) {
            return None;
        }
        let round = self.last_rounds.get(&party).map_or(self.round, |last| self.round.max(last + 1));
        self.last_rounds.insert(party.clone(), round);
        let (sender, turn) = oneshot::channel();
        self.waiting.push_back(Waiting { party, groups, urgency, round, sender });
        Some(turn)
    }

    fn is_full(&self, newcomer: &P) -> bool {
        let others = self.waiting.iter().filter(|waiting| !waiting.party.is_preferred()).count();
        self.waiting.len() >= self.rules.waiting || (!newcomer.is_preferred() && others >= self.rules.waiting_of_others)
    }

    /// Drops the newest request of the largest group, and within it of the largest smaller group, and so on; none if the
    /// newcomer's own group is about as large.
    fn makes_room(&mut self, newcomer: &P, newcomers: &[P::Group; SIZES]) -> bool {
        let mut among: Vec<usize> =
            (0..self.waiting.len()).filter(|place| !self.waiting[*place].party.is_preferred()).collect();
        let mut is_rival = !newcomer.is_preferred();
        for size in (0..SIZES).rev() {
            // How many wait of each group, and the place of the newest.
            let mut counts: HashMap<&P::Group, (usize, usize)> = HashMap::new();
            for place in &among {
                let (count, newest) = counts.entry(&self.waiting[*place].groups[size]).or_default();
                (*count, *newest) = (*count + 1, *place);
            }
            let own = &newcomers[size];
            let of_own = counts.get(own).map_or(0, |(count, _)| *count);
            let order =
                |(group, (count, newest)): &(&P::Group, (usize, usize))| (*count, is_rival && *group == own, *newest);
            let Some((largest, (most, _))) = counts.into_iter().max_by_key(order) else { return false };
            if is_rival && largest != own {
                if most <= of_own + 1 {
                    return false;
                }
                is_rival = false;
            }
            let largest = largest.clone();
            among.retain(|place| self.waiting[*place].groups[size] == largest);
        }
        // A newcomer that is still a rival is of the very party of which most requests wait.
        !is_rival && among.last().is_some_and(|newest| self.waiting.remove(*newest).is_some())
    }

    /// Takes the next request out of the queue and counts it as served.
    fn next(&mut self) -> Option<Waiting<P>> {
        if self.busy >= self.rules.places {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.sender.is_closed());
        let may_enter = |next: &Waiting<P>| {
            (next.party.is_preferred() || self.busy_others < self.rules.places_of_others)
                && self.busy_by_size(next).all(|busy| busy < self.rules.places_of_one)
        };
        let candidates = self.waiting.iter().enumerate().filter(|(_, next)| may_enter(next));
        let (place, _) = candidates.min_by(|(_, one), (_, other)| self.order(one, other))?;
        let next = self.waiting.remove(place)?;
        self.busy += 1;
        self.busy_others += usize::from(!next.party.is_preferred());
        for key in next.groups.iter().cloned().enumerate() {
            *self.under_way.entry(key).or_default() += 1;
        }
        self.round = self.round.max(next.round);
        // Rounds that are over are forgotten; all of them when the queue is empty.
        let round = if self.waiting.is_empty() { u64::MAX } else { self.round };
        self.last_rounds.retain(|_, last| *last >= round);
        Some(next)
    }

    /// Which of two requests is served first. Equal requests are served in the order of their places.
    fn order(&self, one: &Waiting<P>, other: &Waiting<P>) -> Ordering {
        let rank = |waiting: &Waiting<P>| (waiting.urgency, !waiting.party.is_preferred());
        let by_work = || self.busy_by_size(one).cmp(self.busy_by_size(other));
        rank(one).cmp(&rank(other)).then_with(by_work).then_with(|| one.round.cmp(&other.round))
    }

    /// How much is under way for the groups of a request, from the largest down.
    fn busy_by_size(&self, waiting: &Waiting<P>) -> impl Iterator<Item = usize> {
        let groups = waiting.groups.iter().cloned().enumerate().rev();
        groups.map(|key| self.under_way.get(&key).copied().unwrap_or_default())
    }

    fn give_back(&mut self, party: &P) {
        self.busy -= 1;
        self.busy_others -= usize::from(!party.is_preferred());
        for key in party.groups().into_iter().enumerate() {
            if let Some(busy) = self.under_way.get_mut(&key) {
                *busy -= 1;
                if *busy == 0 {
                    self.under_way.remove(&key);
                }
            }
        }
    }
}

impl<P: Party> Drop for Permit<P> {
    fn drop(&mut self) {
        self.queue.lock().give_back(&self.party);
        self.queue.serve();
    }
}

#[cfg(test)]
mod tests;
