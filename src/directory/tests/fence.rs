//! Tests the fence alone on real threads, for interleavings within a step.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use super::{known, neighbour, principal};
use crate::directory::fence::Fence;
use crate::directory::record::{Moment, Record, Ticket};
use crate::domain::entropy::Entropy;
use crate::domain::pepper::Peppers;
use crate::domain::token::{ParsedToken, TokenKind};

/// Makes records of the versions of one key.
struct RecordFactory(ParsedToken, Peppers);

impl RecordFactory {
    fn new() -> Self {
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        Self(token, Peppers::parse(&Peppers::generate(Entropy::SYSTEM).unwrap()).unwrap())
    }

    fn record(&self, version: i64, moment: Moment) -> Record {
        Record::new(known(&self.0, &self.1, version), moment, Ticket::first_at(0))
    }
}

/// For a second, four threads share a record and read it again when it is not fresh. Before each check they raise its
/// fence for another principal. They may find it fresh only if it is not older than what was acknowledged before the
/// check. A change waits until a thread has found the record fresh, so that there is something to invalidate.
fn race(room: usize) {
    let (press, fence) = (RecordFactory::new(), Fence::new(room));
    let (committed, acknowledged) = (AtomicI64::new(1), AtomicI64::new(1));
    let (found_fresh, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let shared = RwLock::new((1, Arc::new(press.record(1, fence.now()))));
    let ask = || {
        while !over.load(SeqCst) {
            fence.raise(neighbour());
            let at_least = acknowledged.load(SeqCst);
            let (version, record) = shared.read().unwrap().clone();
            if fence.is_fresh(&record) {
                assert!(version >= at_least, "version {version} after {at_least} was acknowledged");
                found_fresh.store(true, SeqCst);
                continue;
            }
            let moment = fence.now();
            let version = committed.load(SeqCst);
            *shared.write().unwrap() = (version, Arc::new(press.record(version, moment)));
        }
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(ask)));
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            if !found_fresh.swap(false, SeqCst) {
                std::thread::yield_now();
                continue;
            }
            let version = committed.fetch_add(1, SeqCst) + 1;
            match version % 2 {
                0 => fence.raise(principal()),
                _ => fence.raise_all(),
            }
            acknowledged.store(version, SeqCst);
        }
        over.store(true, SeqCst);
    });
    assert!(acknowledged.load(SeqCst) > 1, "nothing happened");
}

#[test]
fn no_record_is_fresh_after_its_change_was_acknowledged_whatever_others_do() {
    race(1_000);
    // With room for one principal, each change makes the fence forget the one before.
    race(1);
}

#[test]
fn what_changed_too_long_ago_to_be_remembered_is_not_fresh() {
    let (press, fence) = (RecordFactory::new(), Fence::new(1));
    let record = press.record(1, fence.now());
    fence.raise(principal());
    fence.raise(neighbour());
    assert!(!fence.is_fresh(&record));
    assert!(fence.is_fresh(&press.record(2, fence.now())));
}

#[test]
fn a_record_that_catches_up_with_a_change_of_another_stays_behind_a_change_of_everyone() {
    let (press, fence) = (RecordFactory::new(), Fence::new(1_000));
    let record = press.record(1, fence.now());
    fence.raise(neighbour());
    assert!(fence.is_fresh(&record));
    fence.raise_all();
    fence.raise(neighbour());
    assert!(!fence.is_fresh(&record));
}
