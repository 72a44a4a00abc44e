//! Watches one connection: slow-client timeouts, and whether it must close to make room for another.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::connections::{Admitted, Closed, Connection, Phase};
use super::ending::Ending;
use super::pace::{Awaited, Pace, Wait};

/// The watch over one connection.
pub(super) struct Watch {
    admitted: Admitted,
    pace: Pace,
    awaited: Awaited,
    received: u64,
    reading: Wait,
    writing: Wait,
}

impl Watch {
    pub(super) fn new(admitted: Admitted, pace: Pace) -> Self {
        let (reading, writing) = (Wait::default(), Wait::default());
        Self { admitted, pace, awaited: Awaited::Request, received: 0, reading, writing }
    }

    /// Records `count` received bytes and what is awaited next; `head_ended` if they completed a request head.
    pub(super) fn read(&mut self, count: usize, awaited: Awaited, head_ended: bool) {
        if self.awaited != awaited || head_ended {
            (self.awaited, self.received) = (awaited, 0);
            self.reading.restart();
        } else {
            self.received += count as u64;
            self.reading.pause();
        }
        self.admitted.enter(match awaited {
            Awaited::Head if !head_ended => return,
            Awaited::Request | Awaited::Head => Phase::Answering,
            Awaited::Body | Awaited::Unknown => Phase::Receiving,
        });
    }

    /// The connection, for the handlers of its requests.
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.admitted.connection()
    }

    /// Ready when reading must end, because the client is too slow or the connection makes room for another. A request
    /// of a slow client that is being handled is still answered, as if the client had closed its sending side.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.admitted.is_closing(context.waker()) {
            return Poll::Ready(());
        }
        if let Some(allowed) = self.pace.allows(self.awaited, self.received) {
            ready!(self.reading.poll(context, allowed));
            self.admitted.closed(Closed::SLOW_REQUEST);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// How far the end of the connection has come.
    pub(super) fn ending(&self) -> &Ending {
        self.admitted.ending()
    }

    /// Fails the write if the connection must make room for another, so that it closes at once and drops what is
    /// queued.
    pub(super) fn refuses(&self, context: &Context<'_>) -> io::Result<()> {
        if self.admitted.is_closing(context.waker()) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Records the outcome of a write; times out if the client reads too slowly.
    pub(super) fn write(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_pending() {
            ready!(self.writing.poll(context, self.pace.answer));
            self.admitted.closed(Closed::SLOW_READER);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let Poll::Ready(Ok(count)) = &outcome {
            let rate = u32::try_from(self.pace.answer_bytes_per_second).unwrap_or(u32::MAX).max(1);
            self.writing.make_up(Duration::from_secs(*count as u64) / rate);
        }
        if self.awaited == Awaited::Unknown {
            self.reading.restart();
        }
        if self.awaited != Awaited::Body {
            self.admitted.enter(Phase::Waiting);
        }
        outcome
    }
}
