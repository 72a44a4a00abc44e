//! Work on the database for requests: in turn, shared fairly, and no longer than somebody waits for it.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Service, blocking};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::storage::database::{AnyConnection, Database, Lane};
use crate::storage::errand::{Errand, GivenUp};

/// Work that has taken so long makes somebody look whether the database is still there.
const SUSPICIOUS: Duration = Duration::from_millis(500);
/// How long work waits for its turn.
const QUEUES_FOR: Duration = Duration::from_secs(8);
/// How many shares are remembered before those that nobody uses are dropped.
const SHARES: usize = 1_024;

/// Who does how much on the database.
#[derive(Default)]
pub(super) struct Traffic {
    /// The turns of each actor whose lists are being read.
    shares: Mutex<HashMap<PrincipalId, Arc<Semaphore>>>,
    /// The writes of requests that are going on, by the ids of the requests.
    writes: Mutex<HashMap<Arc<str>, Vec<Arc<Errand>>>>,
    /// When it was last looked whether the database takes writes, and what came of it.
    write_check: WriteCheck,
}

/// The last look at whether the database takes writes; whoever looks holds it.
pub(super) type WriteCheck = tokio::sync::Mutex<Option<(Instant, std::result::Result<(), &'static str>)>>;

impl Traffic {
    fn share_of(&self, actor: PrincipalId, size: usize) -> Arc<Semaphore> {
        let mut shares = locked(&self.shares);
        if shares.len() >= SHARES {
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        Arc::clone(shares.entry(actor).or_insert_with(|| Arc::new(Semaphore::new(size))))
    }

    /// Lets the envelope of a request know of a write until the result is dropped.
    fn writing(self: &Arc<Self>, request_id: &Arc<str>, errand: &Arc<Errand>) -> Writing {
        locked(&self.writes).entry(Arc::clone(request_id)).or_default().push(Arc::clone(errand));
        Writing { traffic: Arc::clone(self), request_id: Arc::clone(request_id), errand: Arc::clone(errand) }
    }
}

/// A write of a request that is going on.
struct Writing {
    traffic: Arc<Traffic>,
    request_id: Arc<str>,
    errand: Arc<Errand>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut writes = locked(&self.traffic.writes);
        if let Some(errands) = writes.get_mut(&self.request_id) {
            errands.retain(|errand| !Arc::ptr_eq(errand, &self.errand));
            if errands.is_empty() {
                writes.remove(&self.request_id);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Gives up the writes of a request whose time is over: what has not begun to commit will not. Where a commit has
    /// begun the request is worth waiting for a little longer, as it has, or will have, happened.
    #[must_use]
    pub fn give_up(&self, request_id: &str) -> GivenUp {
        let errands = locked(&self.traffic.writes).get(request_id).cloned().unwrap_or_default();
        // All of them, also after one that was too late.
        let committing = errands.iter().filter(|errand| errand.give_up() == GivenUp::TooLate).count();
        if committing > 0 { GivenUp::TooLate } else { GivenUp::InTime }
    }

    /// Reads, off the event loop.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_in(Lane::Reads, work).await
    }

    /// Reads what authentication waits for, off the event loop.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_in(Lane::LookUps, work).await
    }

    /// Reads what other processes changed, off the event loop.
    pub(super) async fn follow<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_in(Lane::Follows, work).await
    }

    /// Reads what costs more the more there is: each actor has a share of the connections, and waits for its own turn
    /// beyond that.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        actor: &Actor,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database.check()?;
        let share = self.traffic.share_of(actor.id(), self.database.fair_share());
        let Ok(Ok(turn)) = timeout(QUEUES_FOR, share.acquire_owned()).await else { return Err(Error::Busy) };
        self.read_in(Lane::Reads, move |connection| {
            let _turn = turn;
            work(connection)
        })
        .await
    }

    async fn read_in<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let read = move |database: &Database, errand: &Arc<Errand>| database.read_for(lane, errand, work);
        self.run(lane, Errand::within(lane.limit()), read).await
    }

    /// Runs what writes for a request, off the event loop. Work that the request gave up is not committed.
    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        request_id: &Arc<str>,
        work: impl FnOnce(&Database, &Arc<Errand>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let errand = Errand::unbounded();
        let _writing = self.traffic.writing(request_id, &errand);
        self.run(Lane::Writes, errand, work).await
    }

    /// The last look at whether the database takes writes.
    pub(super) fn write_check(&self) -> &WriteCheck {
        &self.traffic.write_check
    }

    /// Writes for the service itself, off the event loop.
    pub(super) async fn keep<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(Lane::Writes, Errand::unbounded(), move |database, errand| database.write_for(errand, work)).await
    }

    /// Runs work on the database, off the event loop. It ends with the future: PostgreSQL is told to cancel, and SQLite
    /// notices at the next row.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        errand: Arc<Errand>,
        work: impl FnOnce(&Database, &Arc<Errand>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database.check()?;
        let mut waiting = Waiting { database: self.database.clone(), errand: Some(Arc::clone(&errand)) };
        let mut done = pin!(self.in_turn(lane, errand, work));
        let mut away = pin!(self.database.goes_away());
        loop {
            tokio::select! {
                biased;
                outcome = &mut done => {
                    waiting.errand = None;
                    if matches!(outcome, Err(Error::Unavailable(_))) {
                        self.database.suspect();
                    }
                    return outcome;
                }
                error = &mut away => return Err(error),
                () = sleep(SUSPICIOUS) => self.database.suspect(),
            }
        }
    }

    /// The seat goes with the work, and not with who waits for it: so no more threads hang than there are seats.
    async fn in_turn<T: Send + 'static>(
        &self,
        lane: Lane,
        errand: Arc<Errand>,
        work: impl FnOnce(&Database, &Arc<Errand>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Ok(Ok(seat)) = timeout(QUEUES_FOR, self.database.seats(lane).acquire_owned()).await else {
            return Err(match lane {
                Lane::Reads => Error::Busy,
                Lane::LookUps | Lane::Follows | Lane::Writes => Error::Unavailable("no connection became free".into()),
            });
        };
        let database = self.database.clone();
        blocking(move || {
            let _seat = seat;
            work(&database, &errand)
        })
        .await
    }
}

/// Somebody who waits for work. When they go the work is given up.
struct Waiting {
    database: Database,
    errand: Option<Arc<Errand>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(errand) = self.errand.take() else { return };
        if errand.give_up() == GivenUp::InTime
            && errand.is_at_server()
            && self.database.check().is_ok()
            && let Ok(runtime) = Handle::try_current()
        {
            let database = self.database.clone();
            runtime.spawn_blocking(move || {
                if let Err(error) = database.cancel(&errand) {
                    tracing::debug!(%error, "a statement could not be cancelled");
                }
            });
        }
    }
}
