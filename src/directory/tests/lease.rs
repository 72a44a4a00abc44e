//! Tests the lease, alone and under the seeded scheduler.

use std::pin::Pin;
use std::rc::Rc;

use futures_util::FutureExt;

use super::{SEEDS, World, run};
use crate::clock::{DAY, HOUR, SECOND};

impl World {
    /// Commits a version that another process made and that this one does not hear of; it counts as acknowledged at
    /// once.
    async fn change_unheard(self: Rc<Self>) {
        self.pause().await;
        let exists = self.dice.roll(3) > 0;
        self.versions.borrow_mut().push(exists);
        self.acknowledged.set(self.versions.borrow().len());
    }

    /// Looks the key up, and returns how many reads of storage there have been since the start.
    fn reads_after_asking(&self) -> u64 {
        let read = async || Ok(self.stored());
        if self.directory.find(self.token.key_id, self.clock.uptime()).is_none() {
            self.directory.get(self.token.key_id, &self.clock, read).now_or_never().unwrap().unwrap().unwrap();
        }
        self.directory.counts.misses.get()
    }
}

#[test]
fn without_a_lease_nobody_is_told_what_was_true_before_they_asked_in_any_order_of_steps() {
    for seed in 1..=SEEDS {
        let world = World::without_a_lease(seed);
        let asking = (0..6).map(|_| Box::pin(Rc::clone(&world).ask()) as Pin<Box<dyn Future<Output = ()>>>);
        let unheard = (0..3).map(|_| Box::pin(Rc::clone(&world).change_unheard()) as Pin<Box<dyn Future<Output = ()>>>);
        let others = (0..3).map(|_| Box::pin(Rc::clone(&world).disturb()) as Pin<Box<dyn Future<Output = ()>>>);
        run(&world, asking.chain(unheard).chain(others).collect());
    }
}

#[test]
fn those_who_ask_at_the_same_time_without_a_lease_share_reads() {
    let world = World::without_a_lease(7);
    let reads = super::reads_for_fifty(&world);
    assert!(reads < 25, "{reads} reads");
}

#[test]
fn a_record_is_used_until_the_lease_ends_and_again_when_it_is_renewed() {
    let world = World::new(1);
    assert_eq!([(); 3].map(|()| world.reads_after_asking()), [1, 1, 1]);
    world.clock.advance(HOUR - 1);
    assert_eq!(world.reads_after_asking(), 1);
    world.clock.advance(1);
    assert_eq!([(); 3].map(|()| world.reads_after_asking()), [2, 3, 4], "each asks storage");
    world.directory.renew_lease(world.clock.uptime());
    assert_eq!(world.reads_after_asking(), 4, "what was read meanwhile is known");
    world.directory.end_lease();
    assert_eq!(world.reads_after_asking(), 5);
}

#[test]
fn a_lease_runs_from_the_beginning_of_its_look_and_an_earlier_look_does_not_shorten_it() {
    let world = World::without_a_lease(1);
    let began = world.clock.uptime();
    world.clock.advance(SECOND);
    world.directory.renew_lease(began + SECOND);
    world.directory.renew_lease(began);
    world.reads_after_asking();
    world.clock.advance(HOUR - 1);
    assert_eq!(world.reads_after_asking(), 1);
    world.clock.advance(1);
    assert_eq!(world.reads_after_asking(), 2);
}

#[test]
fn no_record_becomes_older_than_a_day_however_often_the_lease_is_renewed() {
    let world = World::new(1);
    for _ in 0..DAY / HOUR {
        assert_eq!(world.reads_after_asking(), 1);
        world.clock.advance(HOUR);
        world.directory.renew_lease(world.clock.uptime());
    }
    assert_eq!([(); 2].map(|()| world.reads_after_asking()), [2, 2]);
}
