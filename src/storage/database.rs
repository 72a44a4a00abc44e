//! Connections, transactions and migrations for PostgreSQL and SQLite.

mod failures;
mod health;
mod lane;
mod lanes;
mod listening;
mod opening;
mod patterns;
mod serving;
mod set_up;
mod suitable;

use std::sync::{Arc, PoisonError, RwLock, Weak};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_query;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::Semaphore;

use self::failures::is_conflict;
pub use self::failures::unwritable;
use self::health::Health;
pub use self::lane::Lane;
use self::lanes::Lanes;
pub use self::listening::CHANNEL;
use self::opening::Manager;
pub use self::serving::{Serving, Unserved, unserved};
use self::set_up::{FORGET_FOREIGN_POSITIONS, set_up_postgres};
use self::suitable::{only_known, only_utf8};
use super::folded;
use super::postgres_url::with_advice;
use super::task::DatabaseTask;
use super::url::DatabaseUrl;
use crate::domain::error::{Error, Result};
use crate::domain::party::Party;
use crate::queue::Queue;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

pub use either::{AnyConnection, MultiBackend as Backend};

mod either {
    #![expect(missing_docs, reason = "the derive documents nothing of what it makes")]

    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either database.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        /// To a PostgreSQL server.
        Postgres(PgConnection),
        /// To an SQLite file.
        Sqlite(SqliteConnection),
    }
}

/// Opens an SQLite file by itself, without the settings of a database that serves.
///
/// # Errors
/// When it cannot be opened.
pub fn open_sqlite(file: &std::path::Path) -> Result<SqliteConnection> {
    SqliteConnection::establish(&file.to_string_lossy()).map_err(storage)
}

/// The database: its connection pools, transactions and circuit breaker.
#[derive(Clone)]
pub struct Database {
    manager: Arc<Manager>,
    connections: u32,
    lanes: Arc<RwLock<Arc<Lanes>>>,
    /// Replaced pools in which work still hangs.
    lost: Arc<RwLock<Vec<Weak<Lanes>>>>,
    health: Arc<Health>,
}

impl Database {
    /// Opens the first connection and the connection pools.
    ///
    /// # Errors
    /// The database's own message when it cannot be reached.
    pub fn connect(url: &DatabaseUrl, connections: u32) -> Result<Self> {
        let manager = Arc::new(Manager::new(url.clone()));
        // The first connection reports why it failed; a pool reports only a timeout.
        manager.open_first().map_err(|error| match url {
            DatabaseUrl::Postgres(_) => storage(with_advice(&error.to_string())),
            DatabaseUrl::Sqlite(_) => storage(error),
        })?;
        let lanes = Arc::new(RwLock::new(Arc::new(Lanes::new(&manager, connections))));
        Ok(Self { manager, connections, lanes, lost: Arc::default(), health: Arc::default() })
    }

    fn lanes(&self) -> Arc<Lanes> {
        Arc::clone(&self.lanes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The queue for writers (admission control): a write takes a place first and keeps it until its thread is done.
    #[must_use]
    pub fn writers(&self) -> Queue<Party> {
        self.lanes().writers()
    }

    /// The semaphore that limits concurrent reads of a lane: a read takes a permit first and keeps it until its thread
    /// is done.
    #[must_use]
    pub fn lane_permits(&self, lane: Lane) -> Arc<Semaphore> {
        self.lanes().lane_permits(lane)
    }

    /// How many read connections the list requests of one actor may use: a quarter, at least 1.
    #[must_use]
    pub fn fair_share(&self) -> usize {
        usize::try_from(self.connections / 4).unwrap_or(1).max(1)
    }

    /// Replaces the connection pools if work hangs although the database answers. At most `MAX_HANGING_POOLS` times,
    /// because each hanging piece of work keeps its thread.
    fn replace_lost_connections(&self) {
        let lanes = self.lanes();
        let mut lost = self.lost.write().unwrap_or_else(PoisonError::into_inner);
        lost.retain(|lanes| lanes.upgrade().is_some());
        if lanes.are_in_use() && lost.len() < MAX_HANGING_POOLS {
            lost.push(Arc::downgrade(&lanes));
            let new = Arc::new(Lanes::new(&self.manager, self.connections));
            *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }

    /// Cancels the statement of an abandoned task on PostgreSQL; SQLite checks [`DatabaseTask::is_over`] itself.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn cancel(&self, task: &DatabaseTask) -> Result<()> {
        let process = task.server_process();
        if let Some(process) = *process {
            self.manager.cancel(process)?;
        }
        Ok(())
    }

    /// Runs the pending migrations. Processes that start at the same time wait for each other.
    ///
    /// # Errors
    /// When a migration fails, or when a newer version of Tessera has migrated the database.
    pub fn migrate(&self) -> Result<()> {
        let mut link = self.lanes().take(Lane::Writes)?;
        match &mut **link {
            AnyConnection::Postgres(postgres) => postgres.transaction(|postgres| {
                postgres.batch_execute(MIGRATION_LOCK)?;
                only_utf8(postgres)?;
                only_known(&postgres.applied_migrations().map_err(Rollback::Migration)?)?;
                let run = folded::names(&postgres.run_pending_migrations(MIGRATIONS).map_err(Rollback::Migration)?);
                let statements = folded::statements(&run, |query| sql_query(query).load(postgres))?;
                // PostgreSQL complains of no statement at all.
                postgres.batch_execute(&(statements + "SELECT 1"))?;
                postgres.batch_execute(&set_up_postgres())?;
                Ok(postgres.batch_execute(FORGET_FOREIGN_POSITIONS)?)
            }),
            AnyConnection::Sqlite(sqlite) => {
                sqlite.batch_execute("PRAGMA busy_timeout = 10000").map_err(storage)?;
                let outcome = sqlite.immediate_transaction(|sqlite| {
                    only_known(&sqlite.applied_migrations().map_err(Rollback::Migration)?)?;
                    let run = folded::names(&sqlite.run_pending_migrations(MIGRATIONS).map_err(Rollback::Migration)?);
                    let statements = folded::statements(&run, |query| sql_query(query).load(sqlite))?;
                    Ok(sqlite.batch_execute(&statements)?)
                });
                sqlite.batch_execute("PRAGMA busy_timeout = 2000").map_err(storage)?;
                outcome
            }
        }
        .map_err(Rollback::into_error)
    }

    /// Reverts every migration, newest first. For tests of broken databases and of the down migrations.
    ///
    /// # Errors
    /// When a migration cannot be reverted.
    pub fn revert(&self) -> Result<()> {
        let mut link = self.lanes().take(Lane::Writes)?;
        link.revert_all_migrations(MIGRATIONS).map_err(Error::Storage)?;
        match &mut **link {
            AnyConnection::Postgres(postgres) => Ok(postgres.batch_execute(
                "DROP FUNCTION IF EXISTS in_time(text), is_like_any(text, text), texts_of(text), root_of(text)",
            )?),
            AnyConnection::Sqlite(_) => Ok(()),
        }
    }

    /// Runs `work` in a read-only transaction that sees one snapshot. Blocks: call it off the event loop.
    ///
    /// # Errors
    /// Those of `work`, or when there is no connection.
    pub fn read<T>(&self, work: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        self.read_for(Lane::Reads, &DatabaseTask::within(Lane::Reads.limit()), work)
    }

    /// Like [`Database::read`], on a connection of `lane` and for a task that can be given up.
    ///
    /// # Errors
    /// Those of `work`, [`Error::Unavailable`] without a connection, [`Error::TooSlow`] after the time limit.
    pub fn read_for<T>(
        &self,
        lane: Lane,
        task: &Arc<DatabaseTask>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T>,
    ) -> Result<T> {
        self.run(lane, task, |link| {
            link.transaction(|link| work(link).map_err(Rollback::Work)).map_err(Rollback::into_error)
        })
    }

    /// Runs `work` in a write transaction. On SQLite the transaction takes the write lock first. On PostgreSQL `work`
    /// must lock the rows it decides about with a write before it reads them. On a deadlock PostgreSQL aborts one
    /// transaction, which is then retried. Blocks: call it off the event loop.
    ///
    /// # Errors
    /// Those of `work`, [`Error::Contended`] when each of its attempts has conflicted with others, or when there is
    /// no connection or the commit fails. Nothing is committed then.
    pub fn write<T>(&self, work: impl Fn(&mut AnyConnection) -> Result<T>) -> Result<T> {
        self.write_for(&DatabaseTask::unbounded(), work)
    }

    /// Like [`Database::write`], for a task that can be given up: then nothing is committed.
    ///
    /// # Errors
    /// Those of [`Database::write`], [`Error::TooSlow`] when the task was given up.
    pub fn write_for<T>(&self, task: &Arc<DatabaseTask>, work: impl Fn(&mut AnyConnection) -> Result<T>) -> Result<T> {
        self.write_then(task, work, |_, _| ())
    }

    /// Like [`Database::write_for`], and calls `then` on the same connection after the commit, or after a rollback,
    /// outside of any transaction. It is not called without a connection.
    ///
    /// # Errors
    /// Those of [`Database::write_for`].
    pub fn write_then<T>(
        &self,
        task: &Arc<DatabaseTask>,
        work: impl Fn(&mut AnyConnection) -> Result<T>,
        then: impl FnOnce(&mut AnyConnection, &Result<T>),
    ) -> Result<T> {
        self.run(Lane::Writes, task, |link| {
            let mut attempts = 1..ATTEMPTS;
            let outcome = loop {
                let outcome = link.transaction(|link| {
                    if let AnyConnection::Sqlite(sqlite) = link {
                        sqlite.batch_execute(SQLITE_WRITE_LOCK)?;
                    }
                    let done = work(link).map_err(Rollback::Work)?;
                    task.claim_commit().map_err(Rollback::Work)?;
                    Ok(done)
                });
                match outcome.map_err(Rollback::into_error) {
                    Err(Error::Storage(error)) if is_conflict(&*error) => {
                        if attempts.next().is_none() {
                            tracing::debug!(%error, "a transaction has conflicted with others {ATTEMPTS} times");
                            break Err(Error::Contended);
                        }
                        if !task.release_commit() {
                            break Err(Error::Storage(error));
                        }
                    }
                    outcome => break outcome,
                }
            };
            then(link, &outcome);
            outcome
        })
    }

    fn run<T>(
        &self,
        lane: Lane,
        task: &Arc<DatabaseTask>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T>,
    ) -> Result<T> {
        if task.is_over() {
            return Err(Error::TooSlow);
        }
        let mut link = self.lanes().take(lane)?;
        link.begin(task);
        let outcome = work(&mut link);
        link.end(task);
        if let Err(Error::Storage(source)) = &outcome
            && failures::is_read_only(&**source)
        {
            link.mark_broken();
        }
        let outcome = outcome.map_err(|error| match error {
            // The message of a cancelled statement depends on where it was interrupted.
            Error::Storage(source) if task.is_over() || failures::was_cancelled(&*source) => {
                tracing::debug!(%source, "work on the database was ended");
                Error::TooSlow
            }
            Error::Storage(source) if link.is_lost(&*source) || unwritable(&*source).is_some() => {
                Error::Unavailable(source)
            }
            error => error,
        });
        if !matches!(outcome, Err(Error::Unavailable(_) | Error::TooSlow)) {
            self.health.answered();
        }
        outcome
    }
}

/// How many replaced sets of pools may still hang.
const MAX_HANGING_POOLS: usize = 4;

/// How many times a transaction is attempted when it conflicts with others.
const ATTEMPTS: u32 = 5;

/// Takes SQLite's write lock without changing anything. A transaction that reads first could not write any more once
/// another process has written.
const SQLITE_WRITE_LOCK: &str = "DELETE FROM revisions WHERE name = ''";

/// Another transaction changed the data that this one had based its decision on.
#[derive(Debug, thiserror::Error)]
#[error("another transaction changed the data of this decision")]
struct ConcurrentChange;

/// The error that makes [`Database::write`] retry: another transaction changed the data the decision was based on.
#[must_use]
pub fn concurrent_change() -> Error {
    storage(ConcurrentChange)
}

/// An advisory lock: processes that migrate PostgreSQL at the same time wait for each other. The number is arbitrary.
const MIGRATION_LOCK: &str = "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(8585)";

/// Why a transaction was rolled back.
enum Rollback {
    Work(Error),
    Database(DieselError),
    Migration(Box<dyn std::error::Error + Send + Sync>),
}

impl Rollback {
    fn into_error(self) -> Error {
        match self {
            Self::Work(error) => error,
            Self::Database(error) => error.into(),
            Self::Migration(error) => Error::Storage(error),
        }
    }
}

impl From<DieselError> for Rollback {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        storage(error)
    }
}

/// Wraps an unexpected database error.
pub fn storage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(error.into())
}

/// Whether an insert violated a unique constraint.
pub(super) fn is_duplicate(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}

/// Whether an insert violated a foreign key: the referenced row is gone.
pub(super) fn is_dangling(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))
}
