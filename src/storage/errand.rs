//! A piece of work on the database, as the request that waits for it and the thread that does it both see it.
//!
//! The request may give the work up: it was answered otherwise, or its client is gone. The thread may commit. Whichever
//! happens first wins, so a request that was given up leaves nothing behind.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::error::{Error, Result};

const GIVEN_UP: u8 = 1;
const COMMITTING: u8 = 2;

/// A piece of work on the database.
pub struct Errand {
    state: AtomicU8,
    ends_at: Option<Instant>,
    /// The process of PostgreSQL that is at it now.
    server_process: Mutex<Option<i32>>,
}

/// Whether the request or the commit was first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// The request: nothing of the work will be committed.
    InTime,
    /// The commit: it has begun, and may have been done.
    TooLate,
}

impl Errand {
    /// Work that may take so long, and reads only.
    #[must_use]
    pub fn within(limit: Duration) -> Arc<Self> {
        Self::until(Some(Instant::now() + limit))
    }

    /// Work that takes as long as its statements may.
    #[must_use]
    pub fn unbounded() -> Arc<Self> {
        Self::until(None)
    }

    fn until(ends_at: Option<Instant>) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(0), ends_at, server_process: Mutex::default() })
    }

    /// Says that nobody waits for the work any more.
    pub fn give_up(&self) -> GivenUp {
        let before = self.state.fetch_or(GIVEN_UP, Ordering::SeqCst);
        if before & COMMITTING == 0 { GivenUp::InTime } else { GivenUp::TooLate }
    }

    /// Whether nobody waits for the work any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.state.load(Ordering::SeqCst) & GIVEN_UP != 0
    }

    /// Whether it must end: it was given up, or its time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_given_up() || self.ends_at.is_some_and(|end| end <= Instant::now())
    }

    /// Asked between two parts of the work.
    ///
    /// # Errors
    /// [`Error::TooSlow`] when it must end.
    pub fn go_on(&self) -> Result<()> {
        if self.is_over() { Err(Error::TooSlow) } else { Ok(()) }
    }

    /// The last step before a commit.
    ///
    /// # Errors
    /// [`Error::TooSlow`] when the work was given up before.
    pub(super) fn claim_commit(&self) -> Result<()> {
        match self.state.compare_exchange(0, COMMITTING, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::TooSlow),
        }
    }

    /// Takes the claim back after a commit that failed; tells whether the work may be tried again.
    pub(super) fn release_commit(&self) -> bool {
        self.state.fetch_and(!COMMITTING, Ordering::SeqCst) & GIVEN_UP == 0
    }

    /// Whether a process of PostgreSQL is at it now.
    #[must_use]
    pub fn is_at_server(&self) -> bool {
        self.server_process().is_some()
    }

    /// The process of PostgreSQL that is at it; it stays at it while this is held.
    pub(super) fn server_process(&self) -> MutexGuard<'_, Option<i32>> {
        self.server_process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a connection is at.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Arc<Errand>>>>);

impl Current {
    pub(super) fn set(&self, errand: Option<Arc<Errand>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = errand;
    }

    /// Whether what the connection is at must end.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|errand| errand.is_over())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_the_commit_or_the_request_wins() {
        let errand = Errand::unbounded();
        assert_eq!(errand.give_up(), GivenUp::InTime);
        assert!(errand.claim_commit().is_err());
        let errand = Errand::unbounded();
        errand.claim_commit().unwrap();
        assert_eq!(errand.give_up(), GivenUp::TooLate);
        assert!(!errand.release_commit() && errand.claim_commit().is_err(), "it is not tried again");
    }

    #[test]
    fn work_ends_with_its_time() {
        assert!(Errand::within(Duration::ZERO).is_over());
        assert!(!Errand::within(Duration::from_hours(1)).is_over() && !Errand::unbounded().is_over());
    }
}
