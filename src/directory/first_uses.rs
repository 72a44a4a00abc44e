//! Digests of things that may be used once only, such as DPoP proofs and client assertions. Each digest is kept for as
//! long as the thing would be accepted again.
//!
//! No live use is ever forgotten. When there is no room, new uses are refused; and no holder can take all the room.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// How many expired uses a call removes: more than the one that it adds, so that they do not pile up.
const SWEPT: usize = 8;
/// How many expired uses a call removes before it says that there is no room; takes less than a millisecond.
const SWEPT_FOR_ROOM: usize = 4_096;

/// The first half of a digest. 128 bits are enough: a client that finds two proofs with one digest only has its own
/// second proof refused.
type Digest = [u8; 16];

/// The uses that are live, in a bounded number. `H` is the holder on whose behalf something is used.
pub struct FirstUses<H> {
    total: usize,
    each: usize,
    uses: Mutex<Uses<H>>,
}

/// The result of [`FirstUses::record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstUse {
    /// The digest has not been used before.
    Yes,
    /// The digest has been used.
    No,
    /// Unknown, because the holder has no room left.
    HolderIsFull,
    /// Unknown, because there is no room left.
    Full,
}

struct Uses<H> {
    live: HashSet<Digest>,
    by_holder: HashMap<H, usize>,
    ends: BinaryHeap<Reverse<End<H>>>,
}

/// The end of a use, sorted by time.
struct End<H> {
    until: i64,
    digest: Digest,
    holder: H,
}

impl<H> End<H> {
    fn order(&self) -> (i64, Digest) {
        (self.until, self.digest)
    }
}

impl<H> PartialEq for End<H> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<H> Eq for End<H> {}

impl<H> PartialOrd for End<H> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<H> Ord for End<H> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl<H: Copy + Eq + Hash> FirstUses<H> {
    /// Room for `total` uses, of which a holder has at most `each`.
    #[must_use]
    pub fn new(total: usize, each: usize) -> Self {
        let uses = Uses { live: HashSet::new(), by_holder: HashMap::new(), ends: BinaryHeap::new() };
        Self { total, each, uses: Mutex::new(uses) }
    }

    /// Records the use of a proof or an assertion with this digest, a SHA-256, that would be accepted before `until`.
    /// `now` never goes back.
    pub fn record(&self, holder: H, digest: [u8; 32], until: i64, now: i64) -> FirstUse {
        let uses = &mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let mut short = Digest::default();
        short.copy_from_slice(&digest[..16]);
        uses.sweep(now, SWEPT);
        if uses.live.contains(&short) {
            return FirstUse::No;
        }
        let room = |uses: &Uses<H>| match uses.by_holder.get(&holder) {
            Some(count) if *count >= self.each => FirstUse::HolderIsFull,
            _ if uses.live.len() >= self.total => FirstUse::Full,
            _ => FirstUse::Yes,
        };
        if room(uses) != FirstUse::Yes {
            uses.sweep(now, SWEPT_FOR_ROOM);
        }
        let found = room(uses);
        if found == FirstUse::Yes {
            uses.add(End { until, digest: short, holder });
        }
        found
    }
}

impl<H: Copy + Eq + Hash> Uses<H> {
    fn add(&mut self, end: End<H>) {
        self.live.insert(end.digest);
        *self.by_holder.entry(end.holder).or_default() += 1;
        self.ends.push(Reverse(end));
    }

    /// Removes at most that many expired uses, the earliest first.
    fn sweep(&mut self, now: i64, at_most: usize) {
        for _ in 0..at_most {
            if self.ends.peek().is_none_or(|Reverse(end)| end.until > now) {
                return;
            }
            let Some(Reverse(End { digest, holder, .. })) = self.ends.pop() else { return };
            self.live.remove(&digest);
            if let Entry::Occupied(mut count) = self.by_holder.entry(holder) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const TOTAL: usize = 12;
    const EACH: usize = 5;

    fn digest(number: u8) -> [u8; 32] {
        [number; 32]
    }

    #[test]
    fn a_use_is_the_first_until_it_has_ended() {
        let uses = FirstUses::new(TOTAL, EACH);
        assert_eq!(uses.record("a", digest(1), 10, 0), FirstUse::Yes);
        assert_eq!(uses.record("a", digest(1), 10, 9), FirstUse::No);
        assert_eq!(uses.record("b", digest(1), 10, 9), FirstUse::No, "whoever uses it");
        assert_eq!(uses.record("a", digest(1), 20, 10), FirstUse::Yes);
    }

    #[test]
    fn a_holder_that_is_full_leaves_room_to_others() {
        let uses = FirstUses::new(TOTAL, EACH);
        for number in 0..5 {
            assert_eq!(uses.record("a", digest(number), 10, 0), FirstUse::Yes);
        }
        assert_eq!(uses.record("a", digest(5), 10, 0), FirstUse::HolderIsFull);
        assert_eq!(uses.record("a", digest(4), 10, 0), FirstUse::No);
        assert_eq!(uses.record("b", digest(5), 10, 0), FirstUse::Yes);
        assert_eq!(uses.record("a", digest(6), 10, 10), FirstUse::Yes, "all of its have ended");
    }

    #[test]
    fn what_has_ended_is_forgotten_after_a_pause_however_much_it_is() {
        let uses = FirstUses::new(1_000, 1_000);
        for number in 0_u32..1_000 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            assert_eq!(uses.record("a", digest, 10, 0), FirstUse::Yes);
        }
        assert_eq!(uses.record("a", digest(255), 10, 9), FirstUse::HolderIsFull);
        assert_eq!(uses.record("a", digest(255), 20, 10), FirstUse::Yes);
    }

    proptest! {
        /// Against a list of all uses that have ever been accepted.
        #[test]
        fn no_live_use_is_forgotten_and_the_bounds_hold(
            calls in vec((0_u8..4, 0_u8..24, 1_i64..9, 0_i64..3), 0..200),
        ) {
            let uses = FirstUses::new(TOTAL, EACH);
            let mut accepted: Vec<(u8, u8, i64)> = Vec::new();
            let mut now = 0;
            for (holder, number, lifetime, pause) in calls {
                now += pause;
                accepted.retain(|(_, _, until)| *until > now);
                let of_holder = accepted.iter().filter(|(each, ..)| *each == holder).count();
                let expected = if accepted.iter().any(|(_, each, _)| *each == number) {
                    FirstUse::No
                } else if of_holder == EACH {
                    FirstUse::HolderIsFull
                } else if accepted.len() == TOTAL {
                    FirstUse::Full
                } else {
                    accepted.push((holder, number, now + lifetime));
                    FirstUse::Yes
                };
                prop_assert_eq!(uses.record(holder, digest(number), now + lifetime, now), expected);
                let uses = uses.uses.lock().unwrap();
                prop_assert!(uses.live.len() <= TOTAL && uses.ends.len() == uses.live.len());
                prop_assert!(uses.by_holder.values().all(|count| (1..=EACH).contains(count)));
                prop_assert_eq!(uses.by_holder.values().sum::<usize>(), uses.live.len());
            }
        }
    }
}
