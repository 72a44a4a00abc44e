//! A fresh database for each test: an SQLite file, or one on the server that `TESSERA_TEST_POSTGRES` names.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tessera::clock::Clock;
use tessera::domain::entropy::Entropy;
use tessera::domain::ids::PrincipalId;
use tessera::storage::database::Database;

use super::proxy::Proxy;

/// Names the maintenance database of a PostgreSQL server.
const POSTGRES: &str = "TESSERA_TEST_POSTGRES";

/// The database of one test; deleted when this is dropped.
pub enum Storage {
    Sqlite(TempDir),
    Postgres { server: String, name: String, template: Option<Arc<Storage>> },
}

/// The database that [`Storage::migrated`] copies, while a test uses a copy of it.
static TEMPLATE: Mutex<Weak<Storage>> = Mutex::new(Weak::new());

/// Beside an SQLite file that was migrated: a copy that nobody has open.
const CLOSED: &str = "closed.db";

/// Whether the tests run on PostgreSQL.
pub fn on_postgres() -> bool {
    std::env::var_os(POSTGRES).is_some()
}

impl Storage {
    pub fn fresh() -> Self {
        Self::fresh_with("TEMPLATE template0")
    }

    /// One that is migrated. The migrations take longer than most tests, so it is a copy of one that was migrated before.
    pub fn migrated() -> Self {
        let mut kept = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
        let template = kept.upgrade().unwrap_or_else(|| Arc::new(Self::template()));
        *kept = Arc::downgrade(&template);
        drop(kept);
        match &*template {
            Self::Sqlite(directory) => {
                let copy = tempfile::tempdir().unwrap();
                std::fs::copy(directory.path().join(CLOSED), copy.path().join("t.db")).unwrap();
                Self::Sqlite(copy)
            }
            Self::Postgres { name, .. } => {
                let mut copy = Self::fresh_with(&format!("TEMPLATE {name}"));
                if let Self::Postgres { template: kept, .. } = &mut copy {
                    *kept = Some(Arc::clone(&template));
                }
                copy
            }
        }
    }

    /// One that is migrated and to which nobody can connect, as copying it requires.
    fn template() -> Self {
        let template = Self::fresh();
        template.connect().migrate().unwrap();
        match &template {
            Self::Sqlite(directory) => {
                let path = |name: &str| directory.path().join(name).display().to_string();
                let mut sqlite = SqliteConnection::establish(&path("t.db")).unwrap();
                sqlite.batch_execute(&format!("VACUUM INTO '{}'", path(CLOSED))).unwrap();
            }
            Self::Postgres { server, name, .. } => {
                execute(server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
                execute(server, &format!("{end} = '{name}'"));
            }
        }
        template
    }

    /// Like `fresh`, with these options on PostgreSQL.
    pub fn fresh_with(options: &str) -> Self {
        let Ok(server) = std::env::var(POSTGRES) else { return Self::Sqlite(tempfile::tempdir().unwrap()) };
        let id = PrincipalId::new(Clock::system().now(), Entropy::SYSTEM).unwrap();
        let name = format!("tessera_{}", id.uuid().simple());
        execute(&server, &format!("CREATE DATABASE {name} {options}"));
        Self::Postgres { server, name, template: None }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite://{}", directory.path().join("t.db").display()),
            Self::Postgres { server, name, .. } => {
                let (place, parameters) = server.split_at(server.find('?').unwrap_or(server.len()));
                let (place, _) = place.rsplit_once('/').unwrap();
                format!("{place}/{name}{parameters}")
            }
        }
    }

    /// A proxy in front of the server, if there is one.
    pub fn proxy(&self) -> Option<Proxy> {
        matches!(self, Self::Postgres { .. }).then(|| Proxy::before(&self.place()))
    }

    /// The URL that leads through a proxy.
    pub fn url_through(&self, proxy: Option<&Proxy>) -> String {
        let url = self.url();
        match proxy {
            Some(proxy) => url.replacen(&self.place(), &proxy.address().to_string(), 1),
            None => url,
        }
    }

    /// The host and the port of the server.
    fn place(&self) -> String {
        let url = self.url();
        let (_, rest) = url.split_once("://").unwrap();
        let (authority, _) = rest.split_once('/').unwrap();
        authority.rsplit('@').next().unwrap().to_owned()
    }

    pub fn connect(&self) -> Database {
        Database::connect(&self.url().parse().unwrap(), 4).unwrap()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self {
            execute(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn execute(server: &str, statement: &str) {
    PgConnection::establish(server).unwrap().batch_execute(statement).unwrap();
}
