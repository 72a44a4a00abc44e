//! A fresh database for each test: an SQLite file, or one on the server that `TESSERA_TEST_POSTGRES` names.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
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
    Postgres { server: String, name: String },
}

/// Whether the tests run on PostgreSQL.
pub fn on_postgres() -> bool {
    std::env::var_os(POSTGRES).is_some()
}

impl Storage {
    pub fn fresh() -> Self {
        Self::fresh_with("TEMPLATE template0")
    }

    /// Like `fresh`, with these options on PostgreSQL.
    pub fn fresh_with(options: &str) -> Self {
        let Ok(server) = std::env::var(POSTGRES) else { return Self::Sqlite(tempfile::tempdir().unwrap()) };
        let id = PrincipalId::new(Clock::system().now(), Entropy::SYSTEM).unwrap();
        let name = format!("tessera_{}", id.uuid().simple());
        execute(&server, &format!("CREATE DATABASE {name} {options}"));
        Self::Postgres { server, name }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite://{}", directory.path().join("t.db").display()),
            Self::Postgres { server, name } => {
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
        if let Self::Postgres { server, name } = self {
            execute(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn execute(server: &str, statement: &str) {
    PgConnection::establish(server).unwrap().batch_execute(statement).unwrap();
}
