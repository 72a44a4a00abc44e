//! Tests cache misses, reads, changes and publications in every order: a seeded scheduler picks which task takes its
//! next step.
//!
//! Storage is a list of versions. A writer commits a new one, invalidates the principal, and returns. A call that
//! starts after that must get this version or a later one, whatever is being read meanwhile.

mod fence;
mod lease;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;

use super::{Directory, Freshness};
use crate::clock::{Clock, DAY, HOUR};
use crate::domain::actor::Standing;
use crate::domain::change::ChangeSubject;
use crate::domain::credential::{Credential, KnownCredential};
use crate::domain::entropy::Entropy;
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::network::Network;
use crate::domain::pepper::Peppers;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::token::{ParsedToken, TokenKind};

const SEEDS: u64 = 5_000;

/// A small random generator with a seed, so that a failing seed fails again.
struct Dice(Cell<u64>);

impl Dice {
    fn roll(&self, sides: usize) -> usize {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        usize::try_from(state >> 33).unwrap() % sides
    }
}

/// The state of one test: a key's token, its versions, and how far they have been acknowledged.
struct World {
    directory: Directory,
    clock: Clock,
    peppers: Peppers,
    token: ParsedToken,
    /// For each version, whether the key exists in it. The first version is 1.
    versions: RefCell<Vec<bool>>,
    acknowledged: Cell<usize>,
    dice: Dice,
}

impl World {
    fn new(seed: u64) -> Rc<Self> {
        let world = Self::without_a_lease(seed);
        world.directory.renew_lease(world.clock.uptime());
        world
    }

    /// A world in which the changes feed is never read.
    fn without_a_lease(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            directory: Directory::new(16, Freshness { lease: HOUR, age: DAY }),
            clock: Clock::manual(0),
            peppers: Peppers::parse(&Peppers::generate(Entropy::SYSTEM).unwrap()).unwrap(),
            token: ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap(),
            versions: RefCell::new(vec![true]),
            acknowledged: Cell::new(1),
            dice: Dice(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)),
        })
    }

    /// Yields to the other tasks for some steps.
    async fn pause(&self) {
        for _ in 0..self.dice.roll(4) {
            let mut paused = false;
            poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }

    /// The current record in storage; its version is encoded as its expiry.
    fn stored(&self) -> Option<KnownCredential> {
        let versions = self.versions.borrow();
        let exists = *versions.last().unwrap();
        exists.then(|| known(&self.token, &self.peppers, i64::try_from(versions.len()).unwrap()))
    }

    async fn ask(self: Rc<Self>) {
        self.pause().await;
        let at_least = self.acknowledged.get();
        let read = async || {
            self.pause().await;
            let found = self.stored();
            self.pause().await;
            Ok(found)
        };
        let found = self.directory.get(self.token.key_id, &self.clock, read).await.unwrap();
        let now = 0;
        if let Some(known) = found {
            let actor = known.verify(self.token, &self.peppers).unwrap().admit(now, None).unwrap();
            let version = usize::try_from(actor.expires_at().unwrap()).unwrap();
            assert!(version >= at_least, "told of version {version} after {at_least} was acknowledged");
        } else {
            let deleted = self.versions.borrow()[at_least - 1..].contains(&false);
            assert!(deleted, "told of no key although it exists since version {at_least}");
        }
    }

    async fn change(self: Rc<Self>) {
        self.pause().await;
        let exists = self.dice.roll(3) > 0;
        self.versions.borrow_mut().push(exists);
        let version = self.versions.borrow().len();
        self.pause().await;
        self.directory.forget(match self.dice.roll(4) {
            0 => ChangeSubject::Persona(principal().uuid()),
            _ => ChangeSubject::Principal(principal().uuid()),
        });
        self.acknowledged.set(self.acknowledged.get().max(version));
    }

    async fn disturb(self: Rc<Self>) {
        self.pause().await;
        self.directory.forget(ChangeSubject::Principal(neighbour().uuid()));
    }
}

fn principal() -> PrincipalId {
    PrincipalId::parse("01a205de-d0d1-7754-99fc-73f659622203").unwrap()
}

/// Another principal that shares the same fence.
fn neighbour() -> PrincipalId {
    PrincipalId::parse("01a205de-d0d1-7754-99fc-000000002203").unwrap()
}

fn known(token: &ParsedToken, peppers: &Peppers, version: i64) -> KnownCredential {
    let pepper = peppers.current();
    KnownCredential {
        credential: Credential {
            key_id: token.key_id,
            kind: token.kind,
            principal: principal(),
            digest: peppers.digest(token, pepper).unwrap(),
            pepper,
            created_at: 0,
            expires_at: version,
        },
        standing: Standing::new(Principal {
            id: principal(),
            kind: PrincipalKind::ServiceAccount,
            chosen_name: None,
            role: Role::ApiToken,
            enabled: true,
            created_at: 0,
        }),
        limits: Limits::default(),
    }
}

/// Polls the tasks in random order until all are done.
fn run(world: &Rc<World>, mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>>) {
    let mut context = Context::from_waker(Waker::noop());
    while !tasks.is_empty() {
        let next = world.dice.roll(tasks.len());
        if tasks[next].as_mut().poll(&mut context).is_ready() {
            drop(tasks.swap_remove(next));
        }
    }
}

#[test]
fn in_no_order_of_steps_is_anybody_told_what_was_true_before_an_acknowledged_change() {
    for seed in 1..=SEEDS {
        let world = World::new(seed);
        let asking = (0..6).map(|_| Box::pin(Rc::clone(&world).ask()) as Pin<Box<dyn Future<Output = ()>>>);
        let changing = (0..3).map(|_| Box::pin(Rc::clone(&world).change()) as Pin<Box<dyn Future<Output = ()>>>);
        let others = (0..3).map(|_| Box::pin(Rc::clone(&world).disturb()) as Pin<Box<dyn Future<Output = ()>>>);
        run(&world, asking.chain(changing).chain(others).collect());
    }
}

/// How many reads fifty concurrent calls need; all must learn whether the key exists.
fn reads_for_fifty(world: &Rc<World>) -> u32 {
    let exists = world.stored().is_some();
    let reads = Rc::new(Cell::new(0));
    let ask = |world: Rc<World>, reads: Rc<Cell<u32>>| async move {
        let read = async || {
            reads.set(reads.get() + 1);
            world.pause().await;
            Ok(world.stored())
        };
        let found = world.directory.get(world.token.key_id, &world.clock, read).await.unwrap();
        assert_eq!(found.is_some(), exists);
    };
    let tasks =
        (0..50).map(|_| Box::pin(ask(Rc::clone(world), Rc::clone(&reads))) as Pin<Box<dyn Future<Output = ()>>>);
    run(world, tasks.collect());
    reads.get()
}

#[test]
fn those_who_ask_at_the_same_time_share_one_read() {
    assert_eq!(reads_for_fifty(&World::new(7)), 1);
}

#[test]
fn those_who_ask_for_what_is_not_there_share_reads_too() {
    let world = World::new(11);
    world.versions.borrow_mut().push(false);
    let reads = reads_for_fifty(&world);
    assert!(reads < 25, "{reads} reads");
    assert!(world.directory.is_empty());
}

#[test]
fn nothing_negative_is_kept() {
    let world = World::new(3);
    world.versions.borrow_mut().push(false);
    world.acknowledged.set(2);
    run(&world, vec![Box::pin(Rc::clone(&world).ask())]);
    world.versions.borrow_mut().push(true);
    world.acknowledged.set(3);
    run(&world, vec![Box::pin(Rc::clone(&world).ask())]);
    assert_eq!(world.directory.len(), 1);
}

#[test]
fn every_use_is_counted_once_however_often_uses_are_saved() {
    let world = World::new(9);
    let read = async || Ok(world.stored());
    let known = world.directory.get(world.token.key_id, &world.clock, read).now_or_never().unwrap().unwrap().unwrap();
    let told = || world.directory.unsaved_use(principal()).map_or(0, |used| used.count);
    for now in 1..=3 {
        world.directory.record_use(&known.record, Network::of(None), now);
    }
    let taken = world.directory.take_uses(usize::MAX);
    assert_eq!((taken[0].count, taken[0].last_used_at, told()), (3, 3, 3), "still told while on their way");
    world.directory.record_use(&known.record, Network::of(None), 4);
    assert_eq!(told(), 4);
    assert_eq!(world.directory.take_uses(usize::MAX)[0].count, 4, "what was not saved is taken again");
    world.directory.uses_saved();
    assert_eq!((told(), world.directory.take_uses(usize::MAX).len()), (0, 0));
}

#[test]
fn a_change_of_another_behind_the_same_fence_costs_no_read() {
    let world = World::new(5);
    let read = || {
        let read = async || Ok(world.stored());
        world.directory.get(world.token.key_id, &world.clock, read).now_or_never().unwrap().unwrap().unwrap()
    };
    read();
    for _ in 0..3 {
        world.directory.forget(ChangeSubject::Principal(neighbour().uuid()));
        read();
    }
    assert_eq!(world.directory.counts.misses.get(), 1);
    world.directory.forget(ChangeSubject::Principal(principal().uuid()));
    read();
    assert_eq!(world.directory.counts.misses.get(), 2);
}
