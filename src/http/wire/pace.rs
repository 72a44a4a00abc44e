//! Slow-loris guard: how long a client may take to send a request head or a body, and to read a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};

/// Timeouts for slow clients.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time for each request head, from its first byte.
    pub head: Duration,
    /// Time for any body.
    pub body: Duration,
    /// A body gets one more second for each this many bytes received.
    pub bytes_per_second: usize,
    /// Time for a request whose framing is unknown, from the last write of a response or from its beginning.
    pub unknown: Duration,
    /// How long writing a response may be blocked by the client.
    pub answer: Duration,
    /// Each this many bytes written reduce the blocked time by one second.
    pub answer_bytes_per_second: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(50),
            bytes_per_second: 512,
            unknown: Duration::from_secs(90),
            answer: Duration::from_secs(30),
            answer_bytes_per_second: 4096,
        }
    }
}

/// What the server waits for on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The first byte of a request; actix times this itself (keep-alive).
    Request,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// Anything: the framing of the connection is unknown.
    Unknown,
}

/// A timer that runs only while the server waits for the client, not while the server itself is busy.
#[derive(Debug, Default)]
pub(super) struct Wait {
    before: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    /// Starts from zero, for the next thing awaited.
    pub(super) fn restart(&mut self) {
        self.before = Duration::ZERO;
        self.since = None;
    }

    /// Pauses the timer: some bytes came.
    pub(super) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.before += since.elapsed();
        }
    }

    /// Pauses the timer and subtracts `earned` from the time waited.
    pub(super) fn make_up(&mut self, earned: Duration) {
        self.pause();
        self.before = self.before.saturating_sub(earned);
    }

    /// Runs the timer; ready when the time waited exceeds `allowed`.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, allowed: Duration) -> Poll<()> {
        let waited = self.before + self.since.get_or_insert_with(Instant::now).elapsed();
        let Some(left) = allowed.checked_sub(waited).filter(|left| !left.is_zero()) else { return Poll::Ready(()) };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
        timer.as_mut().reset(tokio::time::Instant::now() + left);
        timer.as_mut().poll(context)
    }
}

impl Pace {
    /// The time allowed for `awaited` after `received` bytes of it; `None` is unlimited.
    pub(super) fn allows(&self, awaited: Awaited, received: u64) -> Option<Duration> {
        match awaited {
            Awaited::Request => None,
            Awaited::Head => Some(self.head),
            Awaited::Body => Some(self.body + Duration::from_secs(received / self.bytes_per_second.max(1) as u64)),
            Awaited::Unknown => Some(self.unknown),
        }
    }
}
