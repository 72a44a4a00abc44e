//! How long a client may keep a connection waiting: for the rest of a head, for a body, and for room to answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// For each head, from its first byte.
    pub head: Duration,
    /// For a body, whatever its length.
    pub body: Duration,
    /// For so many bytes of a body, a second longer.
    pub bytes_per_second: usize,
    /// For a request that cannot be followed: it is timed from the last answer, or from its beginning.
    pub unknown: Duration,
    /// For taking an answer, beyond what it takes at the rate below.
    pub answer: Duration,
    /// So many bytes of an answer make up for a second of waiting.
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

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The first byte of a request, which actix itself waits for.
    Request,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// Anything, on a connection that is not followed any more.
    Unknown,
}

/// A wait that is only timed while it goes on: while the server does something else its client is not slow.
#[derive(Debug, Default)]
pub(super) struct Wait {
    before: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    /// The wait is for something else now.
    pub(super) fn restart(&mut self) {
        self.before = Duration::ZERO;
        self.since = None;
    }

    /// Something came, and the wait goes on for more of it.
    pub(super) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.before += since.elapsed();
        }
    }

    /// Something came that makes up for so much of the wait.
    pub(super) fn make_up(&mut self, earned: Duration) {
        self.pause();
        self.before = self.before.saturating_sub(earned);
    }

    /// Waits: ready when it has taken longer than allowed.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, allowed: Duration) -> Poll<()> {
        let waited = self.before + self.since.get_or_insert_with(Instant::now).elapsed();
        let Some(left) = allowed.checked_sub(waited).filter(|left| !left.is_zero()) else { return Poll::Ready(()) };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
        timer.as_mut().reset(tokio::time::Instant::now() + left);
        timer.as_mut().poll(context)
    }
}

impl Pace {
    /// How long that may take when so many bytes of it have come.
    pub(super) fn allows(&self, awaited: Awaited, received: u64) -> Option<Duration> {
        match awaited {
            Awaited::Request => None,
            Awaited::Head => Some(self.head),
            Awaited::Body => Some(self.body + Duration::from_secs(received / self.bytes_per_second.max(1) as u64)),
            Awaited::Unknown => Some(self.unknown),
        }
    }
}
