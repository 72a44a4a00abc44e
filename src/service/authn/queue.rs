//! A fair queue in front of what only few can do at once: checking a password takes a core and 19 MiB for a while.
//!
//! Those who wait are served by party: whoever has least under way comes first, no party has more than half of the
//! places, and only so many of one party wait. So however many requests one network sends, others are served in turn.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::error::{Error, Result};

/// How many of one party wait at most.
const WAITING_OF_ONE: usize = 16;
/// How many wait at most in all.
const WAITING: usize = 256;
/// How long one waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// The queue. Cheap to clone.
pub struct Queue<P: Clone + Eq + Hash>(Arc<Mutex<State<P>>>);

impl<P: Clone + Eq + Hash> Clone for Queue<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct State<P: Clone + Eq + Hash> {
    free: usize,
    places_of_one: usize,
    under_way: HashMap<P, usize>,
    waiting: VecDeque<(P, oneshot::Sender<Permit<P>>)>,
}

/// A place, given back when it is dropped.
pub struct Permit<P: Clone + Eq + Hash> {
    queue: Queue<P>,
    party: P,
}

impl<P: Clone + Eq + Hash> Queue<P> {
    /// A queue for so many places.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let places_of_one = places.div_ceil(2);
        let state = State { free: places, places_of_one, under_way: HashMap::new(), waiting: VecDeque::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already, or after five seconds.
    pub async fn enter(&self, party: P) -> Result<Permit<P>> {
        let turn = {
            let mut state = self.lock();
            state.waiting.retain(|(_, sender)| !sender.is_closed());
            let of_party = state.waiting.iter().filter(|(waiting, _)| *waiting == party).count();
            let full = state.waiting.len() >= WAITING && !state.makes_room(of_party);
            if state.places_of_one == 0 || of_party >= WAITING_OF_ONE || full {
                return Err(Error::Busy);
            }
            let (sender, turn) = oneshot::channel();
            state.waiting.push_back((party, sender));
            turn
        };
        self.serve();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::Busy),
        }
    }

    /// Gives free places to those who wait.
    fn serve(&self) {
        loop {
            let Some((party, sender)) = self.lock().next() else { return };
            // One who has gone away drops the permit, which gives the place to the next.
            drop(sender.send(Permit { queue: self.clone(), party }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Clone + Eq + Hash> State<P> {
    /// Sends one away of the party of which most wait, for one of a party of which fewer do.
    fn makes_room(&mut self, of_newcomer: usize) -> bool {
        let mut counts: HashMap<&P, usize> = HashMap::new();
        for (party, _) in &self.waiting {
            *counts.entry(party).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > of_newcomer + 1);
        let Some(party) = most.map(|(party, _)| party.clone()) else { return false };
        let last = self.waiting.iter().rposition(|(waiting, _)| *waiting == party);
        last.is_some_and(|place| self.waiting.remove(place).is_some())
    }

    /// Takes the one whose turn it is out of the queue, with a place.
    fn next(&mut self) -> Option<(P, oneshot::Sender<Permit<P>>)> {
        if self.free == 0 {
            return None;
        }
        self.waiting.retain(|(_, sender)| !sender.is_closed());
        let under_way = |party: &P| self.under_way.get(party).copied().unwrap_or_default();
        let turns = self.waiting.iter().enumerate().map(|(place, (party, _))| (under_way(party), place));
        let (_, place) = turns.filter(|(busy, _)| *busy < self.places_of_one).min()?;
        let (party, sender) = self.waiting.remove(place)?;
        self.free -= 1;
        *self.under_way.entry(party.clone()).or_default() += 1;
        Some((party, sender))
    }
}

impl<P: Clone + Eq + Hash> Drop for Permit<P> {
    fn drop(&mut self) {
        {
            let mut state = self.queue.lock();
            state.free += 1;
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
    use std::task::Poll;

    use futures_util::poll;

    use super::*;

    #[actix_web::test]
    async fn one_party_leaves_places_to_others_and_they_come_first() {
        let queue = Queue::new(2);
        let first = queue.enter("attacker").await.unwrap();
        let mut second = Box::pin(queue.enter("attacker"));
        assert!(poll!(&mut second).is_pending(), "half of the places is all that one party has");
        let honest = queue.enter("honest").await.unwrap();
        let mut other = Box::pin(queue.enter("other"));
        assert!(poll!(&mut other).is_pending());
        drop(first);
        assert!(matches!(poll!(&mut second), Poll::Ready(Ok(_))), "who came first of those with nothing under way");
        drop(honest);
        assert!(matches!(poll!(&mut other), Poll::Ready(Ok(_))));
    }

    #[actix_web::test]
    async fn who_goes_away_gives_the_place_back() {
        let queue = Queue::new(1);
        let held = queue.enter(1).await.unwrap();
        let mut waiting = Box::pin(queue.enter(1));
        assert!(poll!(&mut waiting).is_pending());
        drop(held);
        drop(waiting);
        queue.enter(2).await.unwrap();
    }

    #[actix_web::test]
    async fn only_so_many_of_one_party_wait() {
        let queue = Queue::new(1);
        let _held = queue.enter(1).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_OF_ONE {
            let mut entering = Box::pin(queue.enter(1));
            assert!(poll!(&mut entering).is_pending());
            waiting.push(entering);
        }
        assert!(matches!(queue.enter(1).await, Err(Error::Busy)));
        let mut other = Box::pin(queue.enter(2));
        assert!(poll!(&mut other).is_pending());
    }
}
