//! A fair queue in front of password checks, each of which occupies a core and 19 MiB for a while.
//!
//! Admission control by party. First come attempts from networks familiar with their name, then the party with the
//! fewest checks under way, counted by groups of networks from the largest down. No party and no group has more than
//! half of the places, and strangers never have all. Each party has a bounded number of waiting attempts. When the
//! queue is full, the newest attempt of the largest group is dropped. So other clients are served however many requests
//! one network or group sends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::party::{Party, Trial};
use crate::domain::error::{Error, Result};
use crate::domain::network::{Group, Network, SIZES};

/// How many attempts of one party wait at most.
const WAITING_OF_ONE: usize = 16;
/// How many attempts wait at most in all, and how many of them from strangers.
const WAITING: usize = 256;
const WAITING_STRANGERS: usize = 192;
/// Strangers leave one place free out of this many.
const LEAVE_ONE_OF: usize = 4;
/// How long an attempt waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Mutex<State>>);

struct State {
    free: usize,
    places_of_one: usize,
    places_of_strangers: usize,
    strangers: usize,
    under_way: HashMap<Counted, usize>,
    waiting: VecDeque<(Party, oneshot::Sender<Permit>)>,
}

/// What checks under way are counted by.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Counted {
    Familiar(Trial),
    Group(Group),
}

impl Party {
    /// What this party is counted by, the largest group first.
    fn counted(&self) -> Vec<Counted> {
        match self {
            Self::Familiar(trial) => vec![Counted::Familiar(trial.clone())],
            Self::Strangers(network) => network.groups().into_iter().rev().map(Counted::Group).collect(),
        }
    }

    fn stranger(&self) -> Option<Network> {
        match self {
            Self::Familiar(_) => None,
            Self::Strangers(network) => Some(*network),
        }
    }
}

/// A place in the queue, given back on drop.
pub struct Permit {
    queue: Queue,
    party: Party,
}

impl Queue {
    /// A queue with this many places.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: places,
            places_of_one: places.div_ceil(2),
            places_of_strangers: places - places / LEAVE_ONE_OF,
            strangers: 0,
            under_way: HashMap::new(),
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already, or after five seconds.
    pub async fn enter(&self, party: Party) -> Result<Permit> {
        let turn = {
            let mut state = self.lock();
            state.waiting.retain(|(_, sender)| !sender.is_closed());
            let of_party = state.waiting.iter().filter(|(waiting, _)| *waiting == party).count();
            if state.places_of_one == 0 || of_party >= WAITING_OF_ONE || !state.has_room(&party) {
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

    /// Gives free places to waiting attempts.
    fn serve(&self) {
        loop {
            let Some((party, sender)) = self.lock().next() else { return };
            // If the client is gone, the send fails and drops the permit, which gives the place to the next.
            drop(sender.send(Permit { queue: self.clone(), party }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a newcomer may wait. If the queue is full, it takes the place of a stranger that is dropped.
    fn has_room(&mut self, newcomer: &Party) -> bool {
        let strangers = self.waiting.iter().filter(|(party, _)| party.stranger().is_some()).count();
        let full = match newcomer {
            Party::Familiar(_) => self.waiting.len() >= WAITING,
            Party::Strangers(_) => strangers >= WAITING_STRANGERS || self.waiting.len() >= WAITING,
        };
        !full || self.makes_room(newcomer.stranger()).is_some()
    }

    /// Drops the newest attempt of the largest group, and within it of its largest subgroup, and so on. Drops none for
    /// a stranger in whose group as many wait.
    fn makes_room(&mut self, newcomer: Option<Network>) -> Option<()> {
        let waiting = self.waiting.iter().enumerate();
        let mut among: Vec<(usize, Network)> =
            waiting.filter_map(|(place, (party, _))| Some((place, party.stranger()?))).collect();
        let mut rival = newcomer.map(Network::groups);
        for size in (0..SIZES).rev() {
            // For each group: how many wait, and the position of the newest.
            let mut counts: HashMap<Group, (usize, usize)> = HashMap::new();
            for (place, network) in &among {
                let (count, newest) = counts.entry(network.groups()[size]).or_default();
                (*count, *newest) = (*count + 1, *place);
            }
            let own = rival.map(|groups| groups[size]);
            let of_own = own.and_then(|own| counts.get(&own)).map_or(0, |(count, _)| *count);
            let order = |(group, (count, newest)): &(Group, (usize, usize))| (*count, Some(*group) == own, *newest);
            let (largest, (most, _)) = counts.into_iter().max_by_key(order)?;
            if own.is_some() && own != Some(largest) {
                if most <= of_own + 1 {
                    return None;
                }
                rival = None;
            }
            among.retain(|(_, network)| network.groups()[size] == largest);
        }
        // The newcomer comes from the very network with the most waiting attempts.
        if rival.is_some() {
            return None;
        }
        let (newest, _) = among.last()?;
        self.waiting.remove(*newest).map(drop)
    }

    /// Removes the attempt whose turn it is, and takes a place for it.
    fn next(&mut self) -> Option<(Party, oneshot::Sender<Permit>)> {
        if self.free == 0 {
            return None;
        }
        self.waiting.retain(|(_, sender)| !sender.is_closed());
        let turns = self.waiting.iter().enumerate().filter_map(|(place, (party, _))| {
            let is_stranger = party.stranger().is_some();
            let count = |counted: &Counted| self.under_way.get(counted).copied().unwrap_or_default();
            let busy: Vec<usize> = party.counted().iter().map(count).collect();
            let may = busy.iter().all(|busy| *busy < self.places_of_one)
                && (!is_stranger || self.strangers < self.places_of_strangers);
            may.then_some((is_stranger, busy, place))
        });
        let (is_stranger, _, place) = turns.min()?;
        let (party, sender) = self.waiting.remove(place)?;
        self.free -= 1;
        self.strangers += usize::from(is_stranger);
        for counted in party.counted() {
            *self.under_way.entry(counted).or_default() += 1;
        }
        Some((party, sender))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.queue.lock();
            state.free += 1;
            state.strangers -= usize::from(self.party.stranger().is_some());
            for counted in self.party.counted() {
                if let Some(busy) = state.under_way.get_mut(&counted) {
                    *busy -= 1;
                    if *busy == 0 {
                        state.under_way.remove(&counted);
                    }
                }
            }
        }
        self.queue.serve();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::Poll;

    use futures_util::poll;

    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::pepper::Peppers;

    fn stranger(address: &str) -> Party {
        Party::Strangers(Network::of(Some(address.parse().unwrap())))
    }

    fn familiar(name: &str, address: &str) -> Party {
        let address: IpAddr = address.parse().unwrap();
        let peppers = Peppers::parse(&Peppers::draw(Entropy::SYSTEM).unwrap()).unwrap();
        Party::Familiar(Trial::new(name, Some(address), &peppers))
    }

    type Entering = Pin<Box<dyn Future<Output = Result<Permit>>>>;

    /// Waits in the queue.
    async fn wait(queue: &Queue, party: Party) -> Entering {
        let queue = queue.clone();
        let mut entering: Entering = Box::pin(async move { queue.enter(party).await });
        assert!(poll!(&mut entering).is_pending());
        entering
    }

    #[actix_web::test]
    async fn one_party_leaves_places_to_others_and_they_come_first() {
        let queue = Queue::new(2);
        let first = queue.enter(stranger("192.0.2.1")).await.unwrap();
        let mut second = wait(&queue, stranger("192.0.2.1")).await;
        let honest = queue.enter(stranger("198.51.100.1")).await.unwrap();
        let mut other = wait(&queue, stranger("203.0.113.1")).await;
        drop(first);
        assert!(matches!(poll!(&mut second), Poll::Ready(Ok(_))), "who came first of those with nothing under way");
        drop(honest);
        assert!(matches!(poll!(&mut other), Poll::Ready(Ok(_))));
    }

    #[actix_web::test]
    async fn who_goes_away_gives_the_place_back() {
        let queue = Queue::new(1);
        let held = queue.enter(stranger("192.0.2.1")).await.unwrap();
        let waiting = wait(&queue, stranger("192.0.2.1")).await;
        drop(held);
        drop(waiting);
        queue.enter(stranger("192.0.2.2")).await.unwrap();
    }

    #[actix_web::test]
    async fn only_so_many_of_one_party_wait() {
        let queue = Queue::new(1);
        let _held = queue.enter(stranger("192.0.2.1")).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_OF_ONE {
            waiting.push(wait(&queue, stranger("192.0.2.1")).await);
        }
        assert!(matches!(queue.enter(stranger("192.0.2.1")).await, Err(Error::Busy)));
        let _other = wait(&queue, stranger("192.0.2.2")).await;
    }

    #[actix_web::test]
    async fn hundreds_of_networks_of_one_group_keep_nobody_out() {
        let queue = Queue::new(4);
        let mut held = Vec::new();
        for last in 0..2 {
            held.push(queue.enter(stranger(&format!("2001:db8:0:{last}::1"))).await.unwrap());
        }
        let mut waiting = Vec::new();
        for number in 2..WAITING_STRANGERS + 2 {
            waiting.push(wait(&queue, stranger(&format!("2001:db8:0:{number:x}::1"))).await);
        }
        let refused = queue.enter(stranger("2001:db8:0:fe::1")).await;
        assert!(matches!(refused, Err(Error::Busy)), "as many wait of that group as may");
        assert!(queue.enter(familiar("ada", "203.0.113.1")).await.is_ok(), "strangers leave a place");
        let another = queue.enter(stranger("203.0.113.1")).await.unwrap();
        let _last = queue.enter(familiar("bob", "203.0.113.1")).await.unwrap();
        let mut honest = wait(&queue, stranger("203.0.113.2")).await;
        assert!(matches!(poll!(waiting.last_mut().unwrap()), Poll::Ready(Err(Error::Busy))), "the newest made room");
        drop(another);
        assert!(matches!(poll!(&mut honest), Poll::Ready(Ok(_))), "no group has more than half of the places");
    }

    #[actix_web::test]
    async fn familiar_ones_come_first() {
        let queue = Queue::new(1);
        let held = queue.enter(stranger("192.0.2.1")).await.unwrap();
        let mut stranger = wait(&queue, stranger("198.51.100.1")).await;
        let mut ada = wait(&queue, familiar("ada", "203.0.113.1")).await;
        drop(held);
        assert!(poll!(&mut stranger).is_pending());
        assert!(matches!(poll!(&mut ada), Poll::Ready(Ok(_))));
        assert!(matches!(poll!(&mut stranger), Poll::Ready(Ok(_))));
    }
}
