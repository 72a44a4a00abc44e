use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::join_all;
use futures_util::poll;

use super::*;
use crate::domain::network::{Group, Network};

/// A party as the tests have it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Client {
    /// A preferred one.
    Preferred(&'static str),
    /// A name without groups.
    Named(&'static str),
    /// A network in its groups.
    At(Network),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum GroupKey {
    Client(Client),
    Group(Group),
}

impl Party for Client {
    type Group = GroupKey;

    fn groups(&self) -> [GroupKey; SIZES] {
        match self {
            Self::Preferred(_) | Self::Named(_) => std::array::from_fn(|_| GroupKey::Client(self.clone())),
            Self::At(network) => network.groups().map(GroupKey::Group),
        }
    }

    fn is_preferred(&self) -> bool {
        matches!(self, Self::Preferred(_))
    }
}

use Client::{Named, Preferred};

fn at(address: &str) -> Client {
    Client::At(Network::of(Some(address.parse().unwrap())))
}

fn queue(places: usize) -> Queue<Client> {
    Queue::new(Rules {
        places,
        places_of_one: places.div_ceil(2),
        places_of_others: places - places / 4,
        waiting: 32,
        waiting_of_one: 16,
        waiting_of_others: 24,
        max_wait: Duration::from_secs(5),
    })
}

type Entering = Pin<Box<dyn Future<Output = Option<Permit<Client>>>>>;

/// A request that waits in the queue.
fn wait(queue: &Queue<Client>, client: Client) -> Entering {
    let queue = queue.clone();
    let mut entering: Entering = Box::pin(async move { queue.enter(client, Urgency::InTurn).await });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(entering.as_mut().poll(&mut context).is_pending());
    entering
}

async fn enter(queue: &Queue<Client>, client: Client) -> Permit<Client> {
    queue.enter(client, Urgency::InTurn).await.unwrap()
}

#[actix_web::test]
async fn one_party_leaves_places_to_others_and_they_come_first() {
    let queue = queue(2);
    let first = enter(&queue, Named("attacker")).await;
    let mut second = wait(&queue, Named("attacker"));
    let honest = enter(&queue, Named("honest")).await;
    let mut other = wait(&queue, Named("other"));
    drop(honest);
    assert!(poll!(&mut second).is_pending());
    let Poll::Ready(Some(_other)) = poll!(&mut other) else { panic!("a party with nothing under way comes first") };
    drop(first);
    assert!(matches!(poll!(&mut second), Poll::Ready(Some(_))));
}

#[actix_web::test]
async fn each_round_has_one_of_every_party_and_the_urgent_come_before_it() {
    let queue = queue(1);
    let held = enter(&queue, Named("attacker")).await;
    let served = Rc::new(RefCell::new(Vec::new()));
    let crowd = [("attacker", Urgency::InTurn); 10];
    let late = [("honest", Urgency::InTurn), ("honest", Urgency::InTurn), ("revoker", Urgency::First)];
    let serving = crowd.into_iter().chain(late).map(|(name, urgency)| {
        let (queue, served) = (queue.clone(), Rc::clone(&served));
        async move {
            let _permit = queue.enter(Named(name), urgency).await.unwrap();
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
async fn a_request_that_is_given_up_gives_its_place_back() {
    let queue = queue(1);
    let held = enter(&queue, Named("one")).await;
    let waiting = wait(&queue, Named("one"));
    drop(held);
    drop(waiting);
    assert_eq!((queue.under_way(), queue.waiting()), (0, 0));
    drop(enter(&queue, Named("other")).await);
    assert!(queue.lock().under_way.is_empty(), "no count is left behind");
}

#[actix_web::test]
async fn one_party_waits_only_so_often_and_the_newest_of_the_largest_is_dropped_when_the_queue_is_full() {
    let queue = queue(1);
    let _held = enter(&queue, Named("first")).await;
    let mut waiting = Vec::new();
    for (name, count) in [("one", 16), ("other", 8)] {
        waiting.extend((0..count).map(|_| wait(&queue, Named(name))));
    }
    assert!(queue.enter(Named("one"), Urgency::InTurn).await.is_none(), "as many of it wait as may");
    let _newcomer = wait(&queue, Named("newcomer"));
    let mut dropped = Vec::new();
    for (place, entering) in waiting.iter_mut().enumerate() {
        if matches!(poll!(entering), Poll::Ready(None)) {
            dropped.push(place);
        }
    }
    assert_eq!(dropped, [15]);
}

#[actix_web::test]
async fn preferred_parties_come_first_and_are_never_dropped() {
    let queue = queue(1);
    let held = enter(&queue, Named("attacker")).await;
    let mut other = wait(&queue, Named("other"));
    let mut ada = wait(&queue, Preferred("ada"));
    drop(held);
    assert!(poll!(&mut other).is_pending());
    assert!(matches!(poll!(&mut ada), Poll::Ready(Some(_))));
    assert!(matches!(poll!(&mut other), Poll::Ready(Some(_))));
}

#[actix_web::test]
async fn many_networks_of_one_group_keep_no_other_out() {
    let queue = queue(4);
    let mut held = Vec::new();
    for number in 0..2 {
        held.push(enter(&queue, at(&format!("2001:db8:0:{number}::1"))).await);
    }
    let mut waiting: Vec<Entering> =
        (2..26).map(|number| wait(&queue, at(&format!("2001:db8:0:{number:x}::1")))).collect();
    let refused = queue.enter(at("2001:db8:0:fe::1"), Urgency::InTurn).await;
    assert!(refused.is_none(), "the queue is full of its group");
    assert!(queue.enter(Preferred("ada"), Urgency::InTurn).await.is_some(), "the others leave a place");
    let another = enter(&queue, at("203.0.113.1")).await;
    let _last = enter(&queue, Preferred("bob")).await;
    let mut honest = wait(&queue, at("203.0.113.2"));
    assert!(matches!(poll!(waiting.last_mut().unwrap()), Poll::Ready(None)), "the newest of the group was dropped");
    drop(another);
    assert!(matches!(poll!(&mut honest), Poll::Ready(Some(_))), "no group has more than half of the places");
}

#[actix_web::test]
async fn places_are_counted_exactly_whatever_order_requests_come_and_go_in() {
    let queue = queue(3);
    let mut permits: HashMap<usize, Permit<Client>> = HashMap::new();
    for step in 0..300_usize {
        let client = [Named("a"), Named("b"), Preferred("c"), at("192.0.2.1"), at("192.0.2.9")][step % 5].clone();
        let mut entering = wait_or_enter(&queue, client);
        if let Poll::Ready(Some(permit)) = poll!(&mut entering) {
            permits.insert(step, permit);
        }
        drop(entering);
        assert_eq!(queue.under_way(), permits.len());
        if step % 3 == 2 {
            permits.remove(&(step * 7 % (step + 1)));
        }
    }
    permits.clear();
    let state = queue.lock();
    assert_eq!((state.busy, state.busy_others, state.under_way.len()), (0, 0, 0));
}

fn wait_or_enter(queue: &Queue<Client>, client: Client) -> Entering {
    let queue = queue.clone();
    Box::pin(async move { queue.enter(client, Urgency::InTurn).await })
}
