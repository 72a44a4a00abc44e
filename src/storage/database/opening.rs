//! Opens connections, with the session settings that every statement relies on.

use std::fs::{OpenOptions, Permissions};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Bool, Integer};
use diesel::sqlite::Sqlite;
use diesel::{ConnectionError, PgConnection, SqliteConnection};

use super::AnyConnection;
use super::failures;
use super::lane::Lane;
use super::patterns::PatternCache;
use crate::domain::asset::root_of;
use crate::storage::postgres_url::{PostgresUrl, authorities, variable};
use crate::storage::task::{Current, DatabaseTask};
use crate::storage::url::DatabaseUrl;
use crate::storage::{in_time_utils, is_like_any_utils, root_of_utils};

/// WAL lets readers run beside the writer. FULL makes an acknowledged revocation survive a power cut. LIKE is
/// case-sensitive, as on PostgreSQL.
const SQLITE_SETTINGS: &str = "
    PRAGMA busy_timeout = 2000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA case_sensitive_like = ON;
    PRAGMA cache_size = -32000;
";

/// A read transaction sees one snapshot and cannot write.
const POSTGRES_READING: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// On SQLite a transaction sees one snapshot anyway.
const SQLITE_READING: &str = "PRAGMA query_only = ON";

/// A connection, and the task it works for.
pub struct Link {
    connection: AnyConnection,
    current: Current,
    /// The id of the PostgreSQL process that serves the connection.
    server_process: Option<i32>,
    /// The SQLite file, by device and inode.
    file: Option<[u64; 2]>,
    /// Whether the connection must be closed: its session is read-only, or a late cancellation could hit the next
    /// statement.
    spoiled: bool,
}

impl Deref for Link {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Link {
    /// Begins work for that task.
    pub(super) fn begin(&mut self, task: &Arc<DatabaseTask>) {
        self.current.set(Some(Arc::clone(task)));
        *task.server_process() = self.server_process;
    }

    /// Ends the work of that task.
    pub(super) fn end(&mut self, task: &DatabaseTask) {
        self.current.set(None);
        *task.server_process() = None;
        self.spoiled |= task.is_given_up() && self.server_process.is_some();
    }

    /// Whether work failed with that error because the database cannot be reached.
    pub(super) fn is_lost(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        failures::is_lost(error) || self.connection.is_broken()
    }

    /// Makes the pool close the connection and open another.
    pub(super) fn mark_broken(&mut self) {
        self.spoiled = true;
    }
}

/// The result of `in_time` on SQLite: true, or an error that ends the statement.
#[derive(Debug)]
struct InTime {
    is_over: bool,
}

impl ToSql<Bool, Sqlite> for InTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        if self.is_over {
            return Err("the time of the statement is over".into());
        }
        out.set_value(1_i32);
        Ok(IsNull::No)
    }
}

/// Opens connections for the pools.
pub(super) struct Manager {
    url: Arc<DatabaseUrl>,
    lane: Lane,
}

impl Manager {
    pub(super) fn new(url: DatabaseUrl) -> Self {
        Self { url: Arc::new(url), lane: Lane::Writes }
    }

    pub(super) fn for_lane(&self, lane: Lane) -> Self {
        Self { url: Arc::clone(&self.url), lane }
    }

    /// How many connections can write at the same time.
    pub(super) fn most_writers(&self, connections: u32) -> u32 {
        match *self.url {
            DatabaseUrl::Sqlite(_) => 1,
            DatabaseUrl::Postgres(_) => connections,
        }
    }

    /// Opens the first connection. Only this one creates a missing SQLite file: a file that vanishes later is not
    /// replaced by an empty one.
    pub(super) fn open_first(&self) -> Result<Link, ConnectionError> {
        if let DatabaseUrl::Sqlite(path) = &*self.url {
            create_private(path).map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        }
        self.open()
    }

    pub(super) fn open(&self) -> Result<Link, ConnectionError> {
        match &*self.url {
            DatabaseUrl::Postgres(url) => open_postgres(url, self.lane),
            DatabaseUrl::Sqlite(path) => open_sqlite(path, self.lane),
        }
    }

    /// Probes the database with a new connection.
    ///
    /// # Errors
    /// The database's own message when it does not answer.
    pub(super) fn probe(&self) -> Result<(), ConnectionError> {
        match self.open() {
            // The server answers, but has no free connection slot: open connections still work.
            Err(ConnectionError::BadConnection(message)) if is_full(&message) => Ok(()),
            // Another process has locked the file for the moment.
            Err(ConnectionError::CouldntSetupConfiguration(error)) if failures::is_locked(&error) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Whether the database is an SQLite file: a slow probe then means only a busy processor.
    pub(super) fn is_file(&self) -> bool {
        self.file().is_some()
    }

    /// The SQLite file.
    pub(super) fn file(&self) -> Option<&Path> {
        match &*self.url {
            DatabaseUrl::Sqlite(path) => Some(path),
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// Cancels the current statement of a PostgreSQL process.
    pub(super) fn cancel(&self, server_process: i32) -> QueryResult<()> {
        let Ok(mut link) = self.open() else { return Ok(()) };
        diesel::select(pg_cancel_backend(server_process)).get_result::<bool>(&mut *link).map(drop)
    }
}

diesel::define_sql_function! {
    /// PostgreSQL: cancels the statement of another connection.
    fn pg_cancel_backend(process: Integer) -> Bool;
}

diesel::define_sql_function! {
    /// PostgreSQL: the process that serves this connection.
    fn pg_backend_pid() -> Integer;
}

fn is_full(message: &str) -> bool {
    message.contains("too many clients") || message.contains("remaining connection slots")
}

fn open_postgres(url: &PostgresUrl, lane: Lane) -> Result<Link, ConnectionError> {
    let failed = ConnectionError::CouldntSetupConfiguration;
    // Before libpq does it: then OpenSSL frees nothing when the process exits, while other threads may still open connections.
    openssl_sys::init();
    let mut postgres = PgConnection::establish(&url.connection_string(variable, authorities))?;
    let limit = lane.limit().as_millis();
    postgres.batch_execute(&format!("SET statement_timeout = {limit}")).map_err(failed)?;
    if lane != Lane::Writes {
        postgres.batch_execute(POSTGRES_READING).map_err(failed)?;
    }
    let process = diesel::select(pg_backend_pid()).get_result(&mut postgres).map_err(failed)?;
    Ok(Link {
        connection: AnyConnection::Postgres(postgres),
        current: Current::default(),
        server_process: Some(process),
        file: None,
        spoiled: false,
    })
}

fn open_sqlite(path: &Path, lane: Lane) -> Result<Link, ConnectionError> {
    let failed = ConnectionError::CouldntSetupConfiguration;
    let file = number(path).ok_or_else(|| ConnectionError::BadConnection("the file is not there".to_owned()))?;
    let mut sqlite = SqliteConnection::establish(&path.to_string_lossy())?;
    sqlite.batch_execute(SQLITE_SETTINGS).map_err(failed)?;
    if lane != Lane::Writes {
        sqlite.batch_execute(SQLITE_READING).map_err(failed)?;
    }
    let current = Current::default();
    let asked = current.clone();
    in_time_utils::register_nondeterministic_impl(&mut sqlite, move |_: String| InTime { is_over: asked.is_over() })
        .map_err(failed)?;
    let cache = PatternCache::default();
    is_like_any_utils::register_impl(&mut sqlite, move |name: Option<String>, patterns: String| {
        name.is_some_and(|name| cache.match_name(patterns, &name))
    })
    .map_err(failed)?;
    root_of_utils::register_impl(&mut sqlite, |name: Option<String>| name.map(|name| root_of(&name).to_owned()))
        .map_err(failed)?;
    Ok(Link {
        connection: AnyConnection::Sqlite(sqlite),
        current,
        server_process: None,
        file: Some(file),
        spoiled: false,
    })
}

/// Device and inode of the file at that path.
fn number(path: &Path) -> Option<[u64; 2]> {
    std::fs::metadata(path).ok().map(|data| [data.dev(), data.ino()])
}

/// Creates the file, if it is not there, with mode 0600, or gives it that mode; SQLite gives the files beside it the same.
/// Opening it for writing tells why that is not possible, as on a read-only file system, where SQLite says only that it
/// cannot open the file.
fn create_private(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        // Only its owner can change the mode.
        match file.set_permissions(Permissions::from_mode(mode & 0o700)) {
            Ok(()) => tracing::warn!(path = %path.display(), "others could read the database: its mode is now 0600"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "others can read the database: chmod 600 it"),
        }
    }
    Ok(())
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = Link;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Link, Self::Error> {
        self.open().map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), Self::Error> {
        match (&mut link.connection, &*self.url) {
            (AnyConnection::Postgres(postgres), _) => postgres.ping().map_err(diesel::r2d2::Error::QueryError),
            // A removed or replaced file is still open, but what is written to it is lost.
            (AnyConnection::Sqlite(_), DatabaseUrl::Sqlite(path)) if number(path) != link.file => {
                let gone = ConnectionError::BadConnection("the file is not there any more".to_owned());
                Err(diesel::r2d2::Error::ConnectionError(gone))
            }
            (AnyConnection::Sqlite(_), _) => Ok(()),
        }
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        std::thread::panicking() || link.spoiled || link.connection.is_broken()
    }
}

/// Logs the errors of the connection pools.
#[derive(Debug)]
pub(super) struct LogPoolErrors;

impl<E: std::error::Error> diesel::r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "a database connection failed");
    }
}
