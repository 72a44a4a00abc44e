//! The clock, passed as an argument so that tests can control it.
//!
//! Two clocks of the machine are read. *Uptime* is monotonic, includes sleep and cannot be set: it measures ages. The
//! *wall clock* gives the date, and an operator, NTP or a broken battery can move it either way. The service's time is
//! the uptime plus an offset that follows the wall clock with care: see `clock/line.rs`.

mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::time::ClockId;

use self::line::Line;
pub use self::line::{AT_ONCE, HELD_FOR};

/// A second in milliseconds, the unit of every instant and validity.
pub const SECOND: i64 = 1000;
/// A minute in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// An hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// A day in milliseconds.
pub const DAY: i64 = 24 * HOUR;

/// The monotonic clock that includes sleep.
#[cfg(target_os = "linux")]
const UPTIME: ClockId = ClockId::Boottime;
/// On other systems the plain monotonic clock includes sleep.
#[cfg(not(target_os = "linux"))]
const UPTIME: ClockId = ClockId::Monotonic;

/// The service's clock. Clones share the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    line: Line,
}

#[derive(Debug)]
enum Source {
    /// The machine's clocks.
    System,
    /// Clocks that only a test moves.
    Manual { wall: AtomicI64, uptime: AtomicI64 },
}

/// One moment on both clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Epoch milliseconds; never less than an earlier reading of the same clock.
    pub now: i64,
    /// Milliseconds since the machine started.
    pub uptime: i64,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Source::System)
    }

    /// A clock for tests that stands still at `now` epoch milliseconds.
    #[must_use]
    pub fn manual(now: i64) -> Self {
        Self::new(Source::Manual { wall: AtomicI64::new(now), uptime: AtomicI64::new(HOUR) })
    }

    fn new(source: Source) -> Self {
        let line = Line::new(source.wall(), source.uptime());
        Self(Arc::new(Inner { source, line }))
    }

    /// Reads both clocks.
    #[must_use]
    pub fn read(&self) -> Reading {
        let uptime = self.uptime();
        Reading { now: self.0.line.at(uptime), uptime }
    }

    /// The time in epoch milliseconds; never less than an earlier reading of the same clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.read().now
    }

    /// How long the machine has been up, sleep included, in milliseconds.
    #[must_use]
    pub fn uptime(&self) -> i64 {
        self.0.source.uptime()
    }

    /// The machine's wall clock, right or wrong, in epoch milliseconds; negative before 1970.
    #[must_use]
    pub fn wall(&self) -> i64 {
        self.0.source.wall()
    }

    /// Compares the wall clock with the uptime and adjusts the time. Called a few times a second. Returns by how many
    /// milliseconds the wall clock was set since the last call, if it was.
    #[expect(clippy::must_use_candidate, reason = "called for what it does; the answer is for the log")]
    pub fn observe(&self) -> Option<i64> {
        self.0.line.observe(self.wall(), self.uptime())
    }

    /// Makes the time no earlier than `latest`, which this installation saw before this process started.
    pub fn begin_at(&self, latest: i64) {
        self.0.line.begin_at(latest, self.uptime());
    }

    /// Takes over the time `latest` of another process of this installation, if it is at most [`AT_ONCE`] ahead.
    pub fn catch_up_with(&self, latest: i64) {
        self.0.line.catch_up_with(latest, self.uptime());
    }

    /// The time to save as the latest that this installation has seen. `None` while the wall clock is so far ahead of
    /// what was seen before this process started that it is not trusted yet.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        self.0.line.latest(self.uptime())
    }

    /// Advances a manual clock. A negative number only sets its wall clock back, because time itself does not go back.
    pub fn advance(&self, millis: i64) {
        if let Source::Manual { wall, uptime } = &self.0.source {
            wall.fetch_add(millis, Ordering::SeqCst);
            uptime.fetch_add(millis.max(0), Ordering::SeqCst);
        }
    }

    /// Sets the wall clock of a manual clock forward or back without time passing.
    pub fn step(&self, millis: i64) {
        if let Source::Manual { wall, .. } = &self.0.source {
            wall.fetch_add(millis, Ordering::SeqCst);
        }
    }
}

impl Source {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's wall clock")]
    fn wall(&self) -> i64 {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or_else(|before| -millis(before.duration()), millis)
            }
            Self::Manual { wall, .. } => wall.load(Ordering::SeqCst),
        }
    }

    fn uptime(&self) -> i64 {
        match self {
            Self::System => {
                let time = rustix::time::clock_gettime(UPTIME);
                time.tv_sec * SECOND + time.tv_nsec / 1_000_000
            }
            Self::Manual { uptime, .. } => uptime.load(Ordering::SeqCst),
        }
    }
}
