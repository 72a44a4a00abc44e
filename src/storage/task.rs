//! A task: a piece of database work, shared by the request that waits for it and the thread that does it.
//!
//! The request may give the work up, because it was answered already or its client disconnected. The thread may commit.
//! Whichever happens first wins, so a request that was given up in time changes nothing.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::error::{Error, Result};

const GIVEN_UP: u8 = 1;
const COMMITTING: u8 = 2;

/// A piece of work on the database.
pub struct DatabaseTask {
    state: AtomicU8,
    ends_at: Option<Instant>,
    /// The PostgreSQL process that works on it now.
    server_process: Mutex<Option<i32>>,
}

impl DatabaseTask {
    /// Read-only work with a time limit.
    #[must_use]
    pub fn within(limit: Duration) -> Arc<Self> {
        Self::until(Some(Instant::now() + limit))
    }

    /// Work that is limited only by the timeouts of its statements.
    #[must_use]
    pub fn unbounded() -> Arc<Self> {
        Self::until(None)
    }

    fn until(ends_at: Option<Instant>) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(0), ends_at, server_process: Mutex::default() })
    }

    /// Gives the work up: its request waits no longer. Returns whether that was in time; otherwise the commit has begun, and
    /// may be complete.
    pub fn give_up(&self) -> bool {
        self.state.fetch_or(GIVEN_UP, Ordering::SeqCst) & COMMITTING == 0
    }

    /// Whether the work was given up.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.state.load(Ordering::SeqCst) & GIVEN_UP != 0
    }

    /// Whether the work must end: it was given up, or its time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_given_up() || self.ends_at.is_some_and(|end| end <= Instant::now())
    }

    /// Checked between two parts of the work.
    ///
    /// # Errors
    /// [`Error::TooSlow`] when it must end.
    pub fn go_on(&self) -> Result<()> {
        if self.is_over() { Err(Error::TooSlow) } else { Ok(()) }
    }

    /// Claims the commit, as the last step before it.
    ///
    /// # Errors
    /// [`Error::TooSlow`] when the work was given up before.
    pub(super) fn claim_commit(&self) -> Result<()> {
        match self.state.compare_exchange(0, COMMITTING, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::TooSlow),
        }
    }

    /// Releases the claim after a failed commit; returns whether the work may be retried.
    pub(super) fn release_commit(&self) -> bool {
        self.state.fetch_and(!COMMITTING, Ordering::SeqCst) & GIVEN_UP == 0
    }

    /// Whether a PostgreSQL process works on it now.
    #[must_use]
    pub fn is_at_server(&self) -> bool {
        self.server_process().is_some()
    }

    /// The PostgreSQL process that works on it; it cannot change while the guard is held.
    pub(super) fn server_process(&self) -> MutexGuard<'_, Option<i32>> {
        self.server_process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that a connection works for.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Arc<DatabaseTask>>>>);

impl Current {
    pub(super) fn set(&self, task: Option<Arc<DatabaseTask>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = task;
    }

    /// Whether the connection's current task must end.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|task| task.is_over())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_the_commit_or_the_request_wins() {
        let task = DatabaseTask::unbounded();
        assert!(task.give_up());
        assert!(task.claim_commit().is_err());
        let task = DatabaseTask::unbounded();
        task.claim_commit().unwrap();
        assert!(!task.give_up());
        assert!(!task.release_commit() && task.claim_commit().is_err(), "it is not tried again");
    }

    #[test]
    fn work_ends_with_its_time() {
        assert!(DatabaseTask::within(Duration::ZERO).is_over());
        assert!(!DatabaseTask::within(Duration::from_hours(1)).is_over() && !DatabaseTask::unbounded().is_over());
    }
}
