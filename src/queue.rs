//! Admission control: a fair queue in front of work that only a few may do at once, such as credential look-ups and
//! writes.
//!
//! Waiting entries are served round-robin by party: each round has one entry of every waiting party, and parties with
//! the least under way come first. So other parties are served in turn however many requests one sends. When the queue
//! is full, the newest entry of the party with the most waiting entries is dropped.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The limits of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many work at once.
    pub places: usize,
    /// How many of one party work at once.
    pub places_of_one: usize,
    /// How many wait at most.
    pub waiting: usize,
    /// How many of one party wait at most.
    pub waiting_of_one: usize,
    /// How long an entry waits at most.
    pub patience: Duration,
}

/// Priority of an entry, regardless of its party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Before every entry that is not urgent.
    First,
    /// In round-robin order.
    InTurn,
}

/// The queue. Cheap to clone.
pub struct Queue<P: Clone + Eq + Hash>(Arc<Mutex<State<P>>>);

impl<P: Clone + Eq + Hash> Clone for Queue<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct State<P: Clone + Eq + Hash> {
    rules: Rules,
    under_way: HashMap<P, usize>,
    waiting: VecDeque<Waiting<P>>,
    /// The current round.
    round: u64,
    /// The last round that each party has an entry in.
    last_rounds: HashMap<P, u64>,
}

struct Waiting<P: Clone + Eq + Hash> {
    party: P,
    urgency: Urgency,
    round: u64,
    sender: oneshot::Sender<Permit<P>>,
}

/// A place in the queue, given back on drop.
pub struct Permit<P: Clone + Eq + Hash> {
    queue: Queue<P>,
    party: P,
}

impl<P: Clone + Eq + Hash> Queue<P> {
    /// An empty queue.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(Mutex::new(State {
            rules,
            under_way: HashMap::new(),
            waiting: VecDeque::new(),
            round: 0,
            last_rounds: HashMap::new(),
        })))
    }

    /// Waits for a place. `None` when the queue is full, or after [`Rules::patience`].
    pub async fn enter(&self, party: P, urgency: Urgency) -> Option<Permit<P>> {
        let (turn, patience) = {
            let mut state = self.lock();
            (state.join(party, urgency)?, state.rules.patience)
        };
        self.serve();
        tokio::time::timeout(patience, turn).await.ok()?.ok()
    }

    /// How many work now.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.lock().under_way.values().sum()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting.iter().filter(|waiting| !waiting.sender.is_closed()).count()
    }

    /// Gives free places to waiting entries.
    fn serve(&self) {
        loop {
            let Some(Waiting { party, sender, .. }) = self.lock().next() else { return };
            // If the waiting future is gone, the send fails and drops the permit, which gives the place to the next.
            drop(sender.send(Permit { queue: self.clone(), party }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Clone + Eq + Hash> State<P> {
    /// Adds an entry to the first round in which its party has none yet.
    fn join(&mut self, party: P, urgency: Urgency) -> Option<oneshot::Receiver<Permit<P>>> {
        self.waiting.retain(|waiting| !waiting.sender.is_closed());
        let of_party = self.waiting.iter().filter(|waiting| waiting.party == party).count();
        let full = self.waiting.len() >= self.rules.waiting && !self.makes_room(of_party);
        if self.rules.places_of_one == 0 || of_party >= self.rules.waiting_of_one || full {
            return None;
        }
        let round = self.last_rounds.get(&party).map_or(self.round, |last| self.round.max(last + 1));
        self.last_rounds.insert(party.clone(), round);
        let (sender, turn) = oneshot::channel();
        self.waiting.push_back(Waiting { party, urgency, round, sender });
        Some(turn)
    }

    /// Drops the newest entry of the party with the most, to make room for one of a party with fewer.
    fn makes_room(&mut self, of_newcomer: usize) -> bool {
        let mut counts: HashMap<&P, usize> = HashMap::new();
        for waiting in &self.waiting {
            *counts.entry(&waiting.party).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > of_newcomer + 1);
        let Some(party) = most.map(|(party, _)| party.clone()) else { return false };
        let last = self.waiting.iter().rposition(|waiting| waiting.party == party);
        last.is_some_and(|place| self.waiting.remove(place).is_some())
    }

    /// Removes the entry whose turn it is, and takes a place for it.
    fn next(&mut self) -> Option<Waiting<P>> {
        if self.under_way.values().sum::<usize>() >= self.rules.places {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.sender.is_closed());
        let busy = |party: &P| self.under_way.get(party).copied().unwrap_or_default();
        let may = self.waiting.iter().enumerate().filter(|(_, next)| busy(&next.party) < self.rules.places_of_one);
        let (place, _) = may.min_by_key(|(place, next)| (next.urgency, busy(&next.party), next.round, *place))?;
        let next = self.waiting.remove(place)?;
        *self.under_way.entry(next.party.clone()).or_default() += 1;
        self.round = self.round.max(next.round);
        // Forgets rounds that are over: all of them if the queue is empty.
        let round = if self.waiting.is_empty() { u64::MAX } else { self.round };
        self.last_rounds.retain(|_, last| *last >= round);
        Some(next)
    }
}

impl<P: Clone + Eq + Hash> Drop for Permit<P> {
    fn drop(&mut self) {
        {
            let mut state = self.queue.lock();
            if let Some(busy) = state.under_way.get_mut(&self.party) {
                *busy -= 1;
                if *busy == 0 {
                    state.under_way.remove(&self.party);
                }
            }
        }
        self.queue.serve();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::task::Poll;

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::*;

    fn queue<P: Clone + Eq + Hash>(places: usize) -> Queue<P> {
        let patience = Duration::from_secs(5);
        Queue::new(Rules { places, places_of_one: places.div_ceil(2), waiting: 32, waiting_of_one: 16, patience })
    }

    #[actix_web::test]
    async fn one_party_leaves_places_to_others_and_they_come_first() {
        let queue = queue(2);
        let first = queue.enter("attacker", Urgency::InTurn).await.unwrap();
        let mut second = Box::pin(queue.enter("attacker", Urgency::InTurn));
        assert!(poll!(&mut second).is_pending(), "half of the places is all that one party has");
        let honest = queue.enter("honest", Urgency::InTurn).await.unwrap();
        let mut other = Box::pin(queue.enter("other", Urgency::InTurn));
        assert!(poll!(&mut other).is_pending());
        drop(honest);
        assert!(poll!(&mut second).is_pending());
        let Poll::Ready(Some(_other)) = poll!(&mut other) else { panic!("who has nothing under way comes first") };
        drop(first);
        assert!(matches!(poll!(&mut second), Poll::Ready(Some(_))));
    }

    #[actix_web::test]
    async fn each_round_has_one_of_every_party_and_the_urgent_come_before_it() {
        let queue = queue(1);
        let held = queue.enter("attacker", Urgency::InTurn).await.unwrap();
        let served = Rc::new(RefCell::new(Vec::new()));
        let crowd = [("attacker", Urgency::InTurn); 10];
        let late = [("honest", Urgency::InTurn), ("honest", Urgency::InTurn), ("revoker", Urgency::First)];
        let serving = crowd.into_iter().chain(late).map(|(name, urgency)| {
            let (queue, served) = (queue.clone(), Rc::clone(&served));
            async move {
                let _permit = queue.enter(name, urgency).await.unwrap();
                served.borrow_mut().push(name);
            }
        });
        let mut serving = Box::pin(join_all(serving));
        assert!(poll!(&mut serving).is_pending());
        drop(held);
        serving.await;
        assert_eq!(served.borrow()[..6], ["revoker", "attacker", "honest", "attacker", "honest", "attacker"]);
    }

    #[actix_web::test]
    async fn who_goes_away_gives_the_place_back() {
        let queue = queue(1);
        let held = queue.enter(1, Urgency::InTurn).await.unwrap();
        let mut waiting = Box::pin(queue.enter(1, Urgency::InTurn));
        assert!(poll!(&mut waiting).is_pending());
        drop(held);
        drop(waiting);
        assert_eq!((queue.under_way(), queue.waiting()), (0, 0));
        queue.enter(2, Urgency::InTurn).await.unwrap();
    }

    #[actix_web::test]
    async fn only_so_many_of_one_party_wait_and_the_newest_of_the_largest_goes_when_all_places_are_taken() {
        let queue = queue(1);
        let _held = queue.enter(0, Urgency::InTurn).await.unwrap();
        let mut waiting = Vec::new();
        for party in [1, 2] {
            for _ in 0..16 {
                let mut entering = Box::pin(queue.enter(party, Urgency::InTurn));
                assert!(poll!(&mut entering).is_pending());
                waiting.push(entering);
            }
            assert!(queue.enter(party, Urgency::InTurn).await.is_none());
        }
        let mut other = Box::pin(queue.enter(3, Urgency::InTurn));
        assert!(poll!(&mut other).is_pending());
        let mut refused = 0;
        for entering in &mut waiting {
            refused += usize::from(matches!(poll!(entering), Poll::Ready(None)));
        }
        assert_eq!(refused, 1);
    }
}
