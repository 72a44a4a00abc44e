//! The service's time: the uptime plus an offset that follows the wall clock with care.
//!
//! ```text
//! wall clock behind            the time goes on at half speed until the wall clock has caught up: it never goes back
//! ahead by at most a day       followed at once
//! ahead by more                followed once it has stayed there for ten minutes by the uptime: a glitch changes nothing
//! ```
//!
//! So nothing that has expired becomes valid again when the wall clock is set back. The latest time seen is kept in the
//! database, and a starting process begins no earlier. It has no earlier uptime to compare with, so it trusts a wall
//! clock that is far ahead, as after a long stop, but does not let that time be saved before ten minutes have passed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{DAY, MINUTE, SECOND};

/// A wall clock ahead by at most this is followed at once.
pub const AT_ONCE: i64 = DAY;
/// A wall clock further ahead is followed after it has stayed there for this long.
pub const HELD_FOR: i64 = 10 * MINUTE;
/// Tolerance, because the uptime and the wall clock are not read at the same instant.
const JITTER: i64 = 5;
/// A wall clock that moves by more than this between two observations has been set.
const STEP: i64 = SECOND;

/// Computes the time from the uptime: one atomic load, no lock.
#[derive(Debug)]
pub(super) struct Line {
    /// The offset in the upper bits; the lowest bit is set while the time runs at half speed.
    pace: AtomicI64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Wall clock minus uptime at the last observation.
    seen: i64,
    /// A wall clock too far ahead to be followed: its difference to the uptime, and the uptime when first observed.
    held: Option<(i64, i64)>,
    /// The uptime when this process started.
    started: i64,
    /// The latest time that the installation had seen before this process started, if any.
    before: Option<i64>,
}

impl Line {
    pub(super) fn new(wall: i64, uptime: i64) -> Self {
        let state = State { seen: wall - uptime, held: None, started: uptime, before: None };
        Self { pace: AtomicI64::new(full_speed(wall, uptime)), state: Mutex::new(state) }
    }

    /// The time at this uptime.
    pub(super) fn at(&self, uptime: i64) -> i64 {
        let pace = self.pace.load(Ordering::SeqCst);
        (pace >> 1) + if is_slow(pace) { uptime >> 1 } else { uptime }
    }

    /// Follows the wall clock. Returns by how much it was set since the last observation, if it was.
    pub(super) fn observe(&self, wall: i64, uptime: i64) -> Option<i64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (offset, now) = (wall - uptime, self.at(uptime));
        let moved = offset - std::mem::replace(&mut state.seen, offset);
        if wall - now > AT_ONCE {
            match state.held {
                Some((held, since)) if (held - offset).abs() <= STEP => {
                    if uptime - since >= HELD_FOR {
                        state.held = None;
                        self.follow(wall, uptime);
                    }
                }
                _ => state.held = Some((offset, uptime)),
            }
        } else {
            state.held = None;
            self.follow(wall, uptime);
        }
        (moved.abs() > STEP).then_some(moved)
    }

    /// Jumps to the wall clock if it is ahead; runs at half speed until it catches up if it is behind.
    fn follow(&self, wall: i64, uptime: i64) {
        let pace = self.pace.load(Ordering::SeqCst);
        let now = self.at(uptime);
        if wall > now || (is_slow(pace) && wall == now) {
            self.pace.store(full_speed(wall, uptime), Ordering::SeqCst);
        } else if wall < now - JITTER && !is_slow(pace) {
            self.pace.store(half_speed(now, uptime), Ordering::SeqCst);
        }
    }

    pub(super) fn begin_at(&self, latest: i64, uptime: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.before = Some(latest);
        self.raise(latest, uptime);
    }

    pub(super) fn catch_up_with(&self, latest: i64, uptime: i64) {
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if latest - self.at(uptime) <= AT_ONCE {
            self.raise(latest, uptime);
        }
    }

    fn raise(&self, latest: i64, uptime: i64) {
        if latest > self.at(uptime) {
            self.pace.store(full_speed(latest, uptime), Ordering::SeqCst);
        }
    }

    pub(super) fn latest(&self, uptime: i64) -> Option<i64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, up) = (self.at(uptime), uptime - state.started);
        let is_plausible = state.before.is_none_or(|before| now - up - before <= AT_ONCE) || up >= HELD_FOR;
        is_plausible.then_some(now)
    }
}

fn is_slow(pace: i64) -> bool {
    pace & 1 == 1
}

fn full_speed(now: i64, uptime: i64) -> i64 {
    (now - uptime) << 1
}

fn half_speed(now: i64, uptime: i64) -> i64 {
    ((now - (uptime >> 1)) << 1) | 1
}

#[cfg(test)]
mod tests {
    use super::super::{Clock, DAY, HOUR, MINUTE, SECOND};
    use super::HELD_FOR;

    const BEGIN: i64 = 1_795_391_999_000;
    const YEARS: i64 = 3_650 * DAY;

    #[test]
    fn a_wall_clock_that_is_set_back_does_not_bring_the_time_back() {
        let clock = Clock::manual(BEGIN);
        clock.step(-HOUR);
        assert_eq!((clock.observe(), clock.now()), (Some(-HOUR), BEGIN));
        assert_eq!(clock.observe(), None, "told once");
        clock.advance(MINUTE);
        assert_eq!(clock.now(), BEGIN + MINUTE / 2, "half speed, so that what is made now expires");
    }

    #[test]
    fn the_time_meets_a_wall_clock_that_was_set_back_and_goes_on_with_it() {
        let clock = Clock::manual(BEGIN);
        clock.step(-HOUR);
        for _ in 0..130 {
            clock.observe();
            clock.advance(MINUTE);
        }
        clock.observe();
        assert_eq!(clock.now(), clock.wall());
        clock.advance(MINUTE);
        assert_eq!(clock.now(), clock.wall());
    }

    #[test]
    fn a_wall_clock_that_is_set_forward_by_hours_is_followed_at_once() {
        let clock = Clock::manual(BEGIN);
        clock.step(2 * HOUR);
        assert_eq!((clock.observe(), clock.now()), (Some(2 * HOUR), BEGIN + 2 * HOUR));
        clock.step(-HOUR);
        clock.observe();
        assert_eq!(clock.now(), BEGIN + 2 * HOUR);
    }

    #[test]
    fn a_glitch_of_ten_years_changes_nothing_and_one_that_stays_is_the_time() {
        let clock = Clock::manual(BEGIN);
        clock.step(YEARS);
        clock.observe();
        clock.advance(HELD_FOR - SECOND);
        clock.observe();
        assert_eq!((clock.now(), clock.latest()), (BEGIN + HELD_FOR - SECOND, Some(BEGIN + HELD_FOR - SECOND)));
        clock.advance(SECOND);
        clock.observe();
        assert_eq!(clock.now(), clock.wall());
    }

    #[test]
    fn a_process_begins_no_earlier_than_what_was_seen_before_it_also_before_1970() {
        for wall in [BEGIN - HOUR, -DAY] {
            let clock = Clock::manual(wall);
            clock.begin_at(BEGIN);
            clock.observe();
            assert_eq!((clock.now(), clock.latest()), (BEGIN, Some(BEGIN)));
        }
    }

    #[test]
    fn what_a_process_that_starts_in_a_glitch_believes_is_not_remembered_before_it_has_stayed() {
        let clock = Clock::manual(BEGIN + YEARS);
        clock.begin_at(BEGIN);
        assert_eq!((clock.now(), clock.latest()), (BEGIN + YEARS, None));
        clock.advance(HELD_FOR);
        assert_eq!(clock.latest(), Some(BEGIN + YEARS + HELD_FOR));
    }

    #[test]
    fn another_process_is_believed_when_it_says_that_it_is_a_little_later() {
        let clock = Clock::manual(BEGIN);
        clock.catch_up_with(BEGIN + MINUTE);
        assert_eq!(clock.now(), BEGIN + MINUTE);
        clock.catch_up_with(BEGIN + YEARS);
        clock.catch_up_with(BEGIN);
        assert_eq!(clock.now(), BEGIN + MINUTE);
    }

    #[test]
    fn the_time_never_goes_back_whatever_the_wall_clock_does() {
        let (clock, mut state, mut last) = (Clock::manual(BEGIN), 42_u64, BEGIN);
        for _ in 0..100_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let roll = i64::try_from(state >> 40).unwrap();
            match roll % 5 {
                0 => clock.step((roll - (1 << 23)) * 13),
                1 => drop(clock.observe()),
                _ => clock.advance(roll % 1000),
            }
            assert!(clock.now() >= last, "{} after {last}", clock.now());
            last = clock.now();
        }
    }
}
