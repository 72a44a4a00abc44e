//! Connections, transactions, migrations: the only file that knows of two databases.

mod feed;
mod opening;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{ConnectionError, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub(in crate::storage) use self::feed::next_position;
pub use self::feed::{Mark, mark};
use self::opening::{LogPoolErrors, create_private};
use super::url::DatabaseUrl;
use crate::domain::error::{Error, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// How long a request waits for a free connection, and SQLite for a lock of another process.
const PATIENCE: Duration = Duration::from_secs(10);

pub use either::{AnyConnection, MultiBackend as Backend};

mod either {
    #![expect(missing_docs, reason = "the derive documents nothing of what it makes")]

    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either database.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        /// To a server.
        Postgres(PgConnection),
        /// To a file.
        Sqlite(SqliteConnection),
    }
}

type Pool = diesel::r2d2::Pool<Manager>;

/// The database: pools of connections, and the rules for using them.
#[derive(Clone)]
pub struct Database {
    readers: Pool,
    look_ups: Pool,
    followers: Pool,
    writers: Pool,
}

impl Database {
    /// Connects.
    ///
    /// # Errors
    /// The database's own message when it cannot be reached.
    pub fn connect(url: &DatabaseUrl, connections: u32) -> Result<Self> {
        let url = Arc::new(url.clone());
        let pool = |size: u32, purpose: Purpose| {
            diesel::r2d2::Pool::builder()
                .max_size(size)
                .min_idle(Some(1))
                .connection_timeout(PATIENCE)
                .error_handler(Box::new(LogPoolErrors))
                .build(Manager { url: Arc::clone(&url), purpose })
                .map_err(storage)
        };
        // A failed first connection says why; a pool would only say that it timed out.
        Manager { url: Arc::clone(&url), purpose: Purpose::Writing }.open().map_err(storage)?;
        let writers = match *url {
            DatabaseUrl::Sqlite(_) => 1,
            DatabaseUrl::Postgres(_) => connections,
        };
        Ok(Self {
            readers: pool(connections, Purpose::Reading)?,
            look_ups: pool(connections.div_ceil(4), Purpose::Reading)?,
            followers: pool(1, Purpose::Reading)?,
            writers: pool(writers, Purpose::Writing)?,
        })
    }

    /// Brings the schema up to date. Processes that start at the same time take turns.
    ///
    /// # Errors
    /// When a migration fails.
    pub fn migrate(&self) -> Result<()> {
        let mut connection = self.writers.get().map_err(storage)?;
        match &mut *connection {
            AnyConnection::Postgres(postgres) => postgres.transaction(|postgres| {
                postgres.batch_execute(TAKE_TURNS)?;
                postgres.run_pending_migrations(MIGRATIONS).map_err(Rollback::Migration)?;
                postgres.batch_execute(COMPARE_BYTES)?;
                Ok(postgres.batch_execute(feed::FORGET_FOREIGN_POSITIONS)?)
            }),
            AnyConnection::Sqlite(sqlite) => sqlite.immediate_transaction(|sqlite| {
                sqlite.run_pending_migrations(MIGRATIONS).map(drop).map_err(Rollback::Migration)
            }),
        }
        .map_err(Rollback::into_error)
    }

    /// Takes every migration back, newest first.
    ///
    /// # Errors
    /// When a migration cannot be reverted.
    pub fn revert(&self) -> Result<()> {
        let mut connection = self.writers.get().map_err(storage)?;
        connection.revert_all_migrations(MIGRATIONS).map(drop).map_err(Error::Storage)
    }

    /// Runs `work` with a connection that reads: everything it reads was true at one moment. Blocks: call it off the
    /// event loop.
    ///
    /// # Errors
    /// Those of `work`, or when there is no connection.
    pub fn read<T>(&self, work: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        Self::read_with(&self.readers, work)
    }

    /// The same with a connection that no list can keep busy: for reads that authentication waits for.
    ///
    /// # Errors
    /// Those of `work`, or when there is no connection.
    pub fn look_up<T>(&self, work: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        Self::read_with(&self.look_ups, work)
    }

    /// The same with the connection for following changes: however many reads authentication waits for, memory becomes
    /// usable again.
    ///
    /// # Errors
    /// Those of `work`, or when there is no connection.
    pub fn follow<T>(&self, work: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        Self::read_with(&self.followers, work)
    }

    fn read_with<T>(pool: &Pool, work: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        let mut connection = pool.get().map_err(storage)?;
        connection.transaction(|connection| work(connection).map_err(Rollback::Work)).map_err(Rollback::into_error)
    }

    /// Runs `work` in a transaction: all of it happens, or none. On SQLite it has the lock of the one writer from the
    /// start; on PostgreSQL what it decides about must be locked by the write that comes before the decision. Where two
    /// transactions wait for each other PostgreSQL ends one, which is then run again. Blocks: call it off the event
    /// loop.
    ///
    /// # Errors
    /// Those of `work`, or when there is no connection or the commit fails; then nothing has happened.
    pub fn write<T>(&self, work: impl Fn(&mut AnyConnection) -> Result<T>) -> Result<T> {
        let mut connection = self.writers.get().map_err(storage)?;
        let mut attempts = 1..ATTEMPTS;
        loop {
            let outcome = connection.transaction(|connection| {
                if let AnyConnection::Sqlite(sqlite) = &mut **connection {
                    sqlite.batch_execute(SQLITE_WRITE_LOCK)?;
                }
                work(connection).map_err(Rollback::Work)
            });
            match outcome.map_err(Rollback::into_error) {
                Err(Error::Storage(error)) if was_in_the_way(&*error) && attempts.next().is_some() => {}
                outcome => return outcome,
            }
        }
    }
}

/// How often a transaction is tried that others are in the way of.
const ATTEMPTS: u32 = 5;

/// Takes the lock of SQLite's one writer and changes nothing. A transaction that reads first could not write any more
/// once another process has.
const SQLITE_WRITE_LOCK: &str = "DELETE FROM revisions WHERE name = ''";

/// Another transaction changed what this one had decided upon.
#[derive(Debug, thiserror::Error)]
#[error("another transaction changed what this one had decided upon")]
struct Overtaken;

/// The error of a transaction that is to be run again, because another one changed what it had decided upon.
#[must_use]
pub fn overtaken() -> Error {
    storage(Overtaken)
}

/// Whether a transaction failed only because of another: PostgreSQL's `serialization_failure` or `deadlock_detected`,
/// of which diesel tells the second by its message alone, or [`overtaken`].
fn was_in_the_way(error: &(dyn std::error::Error + 'static)) -> bool {
    if error.is::<Overtaken>() {
        return true;
    }
    match error.downcast_ref() {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DieselError::DatabaseError(_, information)) => information.message().contains("deadlock detected"),
        _ => false,
    }
}

/// Processes that migrate PostgreSQL at the same time wait here for each other. The number is arbitrary.
const TAKE_TURNS: &str = "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(8585)";

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

/// An error of the database that nobody expected.
pub(super) fn storage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(error.into())
}

/// Whether an insert failed because the row is there already.
pub(super) fn is_duplicate(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}

/// Whether an insert failed because what it refers to is gone.
pub(super) fn is_dangling(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))
}

/// SQLite compares text byte by byte; so PostgreSQL must, whatever its default collation.
const COMPARE_BYTES: &str = r#"
DO $$
DECLARE each record;
BEGIN
    FOR each IN
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
          AND table_name IN ('principals', 'users', 'api_keys', 'credentials', 'principal_permissions', 'personas',
                             'persona_links', 'create_requests', 'changes', 'peppers', 'policies', 'revisions',
                             'assets', 'asset_people', 'search_terms', 'service_accounts', 'access_tokens', 'aspects',
                             'permission_uses', 'key_counts', 'installation')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', each.table_name, each.column_name);
    END LOOP;
END $$;
"#;

/// WAL lets readers run beside the writer; FULL makes an acknowledged revocation survive a power cut; LIKE minds
/// case as on PostgreSQL.
const SQLITE_SETTINGS: &str = "
    PRAGMA busy_timeout = 10000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA case_sensitive_like = ON;
    PRAGMA cache_size = -32000;
";

/// No statement of ours takes longer, so one that does is waiting for something that will not come.
const POSTGRES_SETTINGS: &str = "SET statement_timeout = '20s'";

/// A reading transaction sees one moment, and writes nothing.
const POSTGRES_READING: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// On SQLite it sees one moment anyway.
const SQLITE_READING: &str = "PRAGMA query_only = ON";

/// A server that has vanished is noticed, unless the URL says otherwise.
fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [("connect_timeout", "10"), ("tcp_user_timeout", "10000")] {
        if !url.contains(name) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{name}={value}");
        }
    }
    url
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reading,
    Writing,
}

/// Opens connections for the pools.
struct Manager {
    url: Arc<DatabaseUrl>,
    purpose: Purpose,
}

impl Manager {
    fn open(&self) -> Result<AnyConnection, ConnectionError> {
        match &*self.url {
            DatabaseUrl::Postgres(url) => {
                let mut postgres = PgConnection::establish(&with_timeouts(url))?;
                postgres.batch_execute(POSTGRES_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
                if self.purpose == Purpose::Reading {
                    postgres.batch_execute(POSTGRES_READING).map_err(ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(AnyConnection::Postgres(postgres))
            }
            DatabaseUrl::Sqlite(path) => {
                create_private(path).map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
                let mut sqlite = SqliteConnection::establish(&path.to_string_lossy())?;
                sqlite.batch_execute(SQLITE_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
                if self.purpose == Purpose::Reading {
                    sqlite.batch_execute(SQLITE_READING).map_err(ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(AnyConnection::Sqlite(sqlite))
            }
        }
    }
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        self.open().map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Self::Error> {
        match connection {
            AnyConnection::Postgres(postgres) => postgres.ping().map_err(diesel::r2d2::Error::QueryError),
            AnyConnection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        connection.is_broken()
    }
}
