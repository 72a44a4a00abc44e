//! Database work for requests: queued, shared fairly between actors, and given up when the request ends.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::{Service, blocking};
use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::party::Party;
use crate::domain::principal::PrincipalKind;
use crate::queue::{Permit, Urgency};
use crate::storage::database::{AnyConnection, Database, Lane};
use crate::storage::task::DatabaseTask;

/// Work that takes longer than this triggers a check that the database is reachable.
const PROBE_AFTER: Duration = Duration::from_millis(500);
/// How long work waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(8);
/// How many shares are kept before unused ones are dropped.
const SHARES: usize = 1_024;

/// Rate limit (GCRA) for changes that affect all principals: how many one actor may make in a row, and after how many
/// milliseconds one is forgotten. Each of them makes the service read everything in memory again.
const CHANGES_IN_A_ROW: i64 = 100;
const CHANGE_FORGOTTEN_AFTER: i64 = 2 * SECOND;

/// How the database is shared between requests.
#[derive(Default)]
pub(super) struct Traffic {
    /// One semaphore per actor, for its reads of lists.
    shares: Mutex<HashMap<PrincipalId, Arc<Semaphore>>>,
    /// How many requests there have been; also the number of the latest.
    requests: AtomicU64,
    /// Running writes, by the number of their request.
    writes: Mutex<HashMap<u64, Vec<Arc<DatabaseTask>>>>,
    /// For each actor, the uptime at which all its changes that affect all principals are forgotten.
    changes: Mutex<HashMap<PrincipalId, i64>>,
    /// The last check that the database accepts writes.
    write_check: WriteCheck,
    /// When a request's write last ended well.
    written_at: Mutex<Option<Instant>>,
}

/// The time and the outcome of the last check that the database accepts writes. Locked while checking.
pub(super) type WriteCheck = tokio::sync::Mutex<Option<(Instant, std::result::Result<(), &'static str>)>>;

impl Traffic {
    fn share_of(&self, actor: PrincipalId, size: usize) -> Arc<Semaphore> {
        let mut shares = locked(&self.shares);
        if shares.len() >= SHARES {
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        Arc::clone(shares.entry(actor).or_insert_with(|| Arc::new(Semaphore::new(size))))
    }

    /// Registers a write with its request until the result is dropped.
    fn writing(self: &Arc<Self>, request: u64, task: &Arc<DatabaseTask>) -> Writing {
        locked(&self.writes).entry(request).or_default().push(Arc::clone(task));
        Writing { traffic: Arc::clone(self), request, task: Arc::clone(task) }
    }

    /// Counts a change that affects all principals, and refuses it if the actor has made too many. Users with the role
    /// `$admin` are not limited.
    pub(super) fn admit_global_change(&self, actor: &Actor, uptime: i64) -> Result<()> {
        if actor.principal().is_administrator() && actor.principal().kind == PrincipalKind::User {
            return Ok(());
        }
        let mut changes = locked(&self.changes);
        changes.retain(|_, forgotten| *forgotten > uptime);
        let forgotten = changes.get(&actor.id()).copied().unwrap_or(uptime) + CHANGE_FORGOTTEN_AFTER;
        if forgotten - uptime > CHANGES_IN_A_ROW * CHANGE_FORGOTTEN_AFTER {
            return Err(Error::Busy);
        }
        changes.insert(actor.id(), forgotten);
        Ok(())
    }
}

/// A running write of a request.
pub(super) struct Writing {
    traffic: Arc<Traffic>,
    request: u64,
    task: Arc<DatabaseTask>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut writes = locked(&self.traffic.writes);
        if let Some(tasks) = writes.get_mut(&self.request) {
            tasks.retain(|task| !Arc::ptr_eq(task, &self.task));
            if tasks.is_empty() {
                writes.remove(&self.request);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which came first, giving up or the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Giving up: nothing of its writes is committed.
    InTime,
    /// The commit: it has begun, of one of them, and may be complete.
    TooLate,
}

impl Service {
    /// Returns the number for a new request.
    #[must_use]
    pub fn number_request(&self) -> u64 {
        self.traffic.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Gives up the writes of a timed-out request: those that have not begun to commit never will. After
    /// [`GivenUp::TooLate`] the request is worth waiting for a little longer, because a commit has begun.
    #[must_use]
    pub fn give_up(&self, request: u64) -> GivenUp {
        let tasks = locked(&self.traffic.writes).get(&request).cloned().unwrap_or_default();
        // Gives up each write, also after a write that was too late.
        let committing = tasks.iter().filter(|task| !task.give_up()).count();
        if committing > 0 { GivenUp::TooLate } else { GivenUp::InTime }
    }

    /// Reads, off the event loop.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_in(Lane::Reads, work).await
    }

    /// Reads for authentication, off the event loop.
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

    /// Reads whose cost grows with the data. Each actor has a share of the connection pool, and waits for its own turn
    /// beyond that.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        actor: &Actor,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_of(actor.id(), move |connection, _| work(connection)).await
    }

    /// Like [`Self::list`], on behalf of a principal, for work that checks in between whether it must stop.
    pub(super) async fn read_of<T: Send + 'static>(
        &self,
        principal: PrincipalId,
        work: impl FnOnce(&mut AnyConnection, &DatabaseTask) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database.check()?;
        let share = self.traffic.share_of(principal, self.database.fair_share());
        let Ok(Ok(turn)) = timeout(MAX_WAIT, share.acquire_owned()).await else { return Err(Error::Busy) };
        let task = DatabaseTask::within(Lane::Reads.limit());
        let seen = Arc::clone(&task);
        let read = move |database: &Database, task: &Arc<DatabaseTask>| {
            let _turn = turn;
            database.read_for(Lane::Reads, task, |connection| work(connection, &seen))
        };
        self.run(self.lane_permit(Lane::Reads), task, read).await
    }

    async fn read_in<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let read = move |database: &Database, task: &Arc<DatabaseTask>| database.read_for(lane, task, work);
        self.run(self.lane_permit(lane), DatabaseTask::within(lane.limit()), read).await
    }

    /// Writes for a request, off the event loop, one write per actor at a time. Work that the request gave up is not
    /// committed. While the returned guard lives, [`Self::give_up`] says of committed work that it is too late.
    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        actor: &Actor,
        urgency: Urgency,
        work: impl FnOnce(&Database, &Arc<DatabaseTask>) -> Result<T> + Send + 'static,
    ) -> Result<(T, Writing)> {
        let task = DatabaseTask::unbounded();
        let writing = self.traffic.writing(actor.request.number, &task);
        let done = self.run(self.turn(Party::of(actor), urgency), task, work).await?;
        *locked(&self.traffic.written_at) = Some(Instant::now());
        Ok((done, writing))
    }

    /// Writes what other nodes wait for, off the event loop.
    pub(super) async fn write_follower<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let write = move |database: &Database, task: &Arc<DatabaseTask>| database.write_for(task, work);
        self.run(self.turn(Party::Follower, Urgency::First), DatabaseTask::unbounded(), write).await
    }

    /// Runs a write of the service itself, off the event loop, before those of requests.
    pub(super) async fn run_upkeep<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database, &Arc<DatabaseTask>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(self.turn(Party::Upkeep, Urgency::First), DatabaseTask::unbounded(), work).await
    }

    /// Whether a request's write has ended well within this time.
    pub(super) fn has_written_within(&self, time: Duration) -> bool {
        locked(&self.traffic.written_at).is_some_and(|at| at.elapsed() <= time)
    }

    /// The last check that the database accepts writes.
    pub(super) fn write_check(&self) -> &WriteCheck {
        &self.traffic.write_check
    }

    /// Writes for the service itself, off the event loop.
    pub(super) async fn write_upkeep<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_upkeep(move |database, task| database.write_for(task, work)).await
    }

    /// A place among the readers of a lane.
    async fn lane_permit(&self, lane: Lane) -> Result<OwnedSemaphorePermit> {
        let Ok(Ok(permit)) = timeout(MAX_WAIT, self.database.lane_permits(lane).acquire_owned()).await else {
            return Err(match lane {
                Lane::Reads => Error::Busy,
                Lane::LookUps | Lane::Follows | Lane::Writes => Error::Unavailable("no connection became free".into()),
            });
        };
        Ok(permit)
    }

    /// The turn of a party that writes.
    async fn turn(&self, party: Party, urgency: Urgency) -> Result<Permit<Party>> {
        self.database.writers().enter(party, urgency).await.ok_or(Error::Overloaded)
    }

    /// Runs work on the database, off the event loop. Dropping the future stops the work: PostgreSQL is told to cancel,
    /// and SQLite notices at the next row.
    async fn run<T: Send + 'static, S: Send + 'static>(
        &self,
        permit: impl Future<Output = Result<S>>,
        task: Arc<DatabaseTask>,
        work: impl FnOnce(&Database, &Arc<DatabaseTask>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database.check()?;
        let mut waiting = Waiting { database: self.database.clone(), task: Some(Arc::clone(&task)) };
        let mut done = pin!(self.run_with_permit(permit, task, work));
        let mut away = pin!(self.database.wait_until_away());
        loop {
            tokio::select! {
                biased;
                outcome = &mut done => {
                    waiting.task = None;
                    if matches!(outcome, Err(Error::Unavailable(_))) {
                        self.database.start_probing();
                    }
                    return outcome;
                }
                error = &mut away => return Err(error),
                () = sleep(PROBE_AFTER) => self.database.start_probing(),
            }
        }
    }

    /// The place moves into the work instead of staying with the caller, so no more threads hang than there are places.
    async fn run_with_permit<T: Send + 'static, S: Send + 'static>(
        &self,
        permit: impl Future<Output = Result<S>>,
        task: Arc<DatabaseTask>,
        work: impl FnOnce(&Database, &Arc<DatabaseTask>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = permit.await?;
        let database = self.database.clone();
        blocking(move || {
            let _permit = permit;
            work(&database, &task)
        })
        .await
    }
}

/// A caller that waits for work. On drop the work is given up.
struct Waiting {
    database: Database,
    task: Option<Arc<DatabaseTask>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        if task.give_up()
            && task.is_at_server()
            && self.database.check().is_ok()
            && let Ok(runtime) = Handle::try_current()
        {
            let database = self.database.clone();
            runtime.spawn_blocking(move || {
                if let Err(error) = database.cancel(&task) {
                    tracing::debug!(%error, "a statement could not be cancelled");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::{Principal, Role};

    #[test]
    fn who_is_no_administrator_changes_what_concerns_everybody_so_often_only() {
        let traffic = Traffic::default();
        let of = |byte: u8, role| {
            Actor::user(Principal {
                id: PrincipalId::from(uuid::Uuid::from_bytes([byte; 16])),
                kind: PrincipalKind::User,
                chosen_name: Some("somebody".into()),
                role,
                enabled: true,
                created_at: 0,
            })
        };
        let (member, other) = (of(1, Role::Member), of(2, Role::Member));
        for _ in 0..CHANGES_IN_A_ROW {
            traffic.admit_global_change(&member, 0).unwrap();
        }
        assert!(matches!(traffic.admit_global_change(&member, 0), Err(Error::Busy)));
        traffic.admit_global_change(&other, 0).unwrap();
        traffic.admit_global_change(&member, CHANGE_FORGOTTEN_AFTER).unwrap();
        assert!(matches!(traffic.admit_global_change(&member, CHANGE_FORGOTTEN_AFTER), Err(Error::Busy)));
        for _ in 0..=CHANGES_IN_A_ROW {
            traffic.admit_global_change(&of(3, Role::Admin), 0).unwrap();
        }
        traffic.admit_global_change(&member, i64::from(u16::MAX) * SECOND).unwrap();
        assert_eq!(locked(&traffic.changes).len(), 1, "what is over is forgotten");
    }
}
