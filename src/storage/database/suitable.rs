//! Checks whether this program can work with a database.

use diesel::PgConnection;
use diesel::migration::{Migration as _, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use super::{AnyConnection, Database, Lane, MIGRATIONS, Rollback};
use crate::domain::error::Result;

impl Database {
    /// Whether Tessera has ever migrated this database.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn is_set_up(&self) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Tables {
            #[diesel(sql_type = BigInt)]
            tables: i64,
        }
        let mut link = self.lanes().take(Lane::Reads)?;
        let found: Tables = match &mut **link {
            AnyConnection::Postgres(postgres) => sql_query(POSTGRES_TABLES).get_result(postgres)?,
            AnyConnection::Sqlite(sqlite) => sql_query(SQLITE_TABLES).get_result(sqlite)?,
        };
        Ok(found.tables > 0)
    }
}

const POSTGRES_TABLES: &str = "SELECT count(*) AS tables FROM information_schema.tables \
    WHERE table_schema = current_schema() AND table_name = 'peppers'";

const SQLITE_TABLES: &str = "SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'peppers'";

/// Refuses a PostgreSQL database whose encoding is not UTF-8, because it cannot hold every text.
pub(super) fn only_utf8(postgres: &mut PgConnection) -> std::result::Result<(), Rollback> {
    #[derive(QueryableByName)]
    struct Encoding {
        #[diesel(sql_type = Text)]
        encoding: String,
    }
    let Encoding { encoding } =
        sql_query("SELECT current_setting('server_encoding') AS encoding").get_result(postgres)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    let message =
        format!("the encoding of the database is {encoding}, and must be UTF8: create it with `ENCODING 'UTF8'`");
    Err(Rollback::Migration(message.into()))
}

/// Refuses a schema with migrations of a newer version, because this version does not know what they changed.
pub(super) fn only_known(applied: &[MigrationVersion<'_>]) -> std::result::Result<(), Rollback> {
    let known: Vec<_> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(Rollback::Migration)?
        .iter()
        .map(|migration| migration.name().version().as_owned())
        .collect();
    match applied.iter().find(|version| !known.contains(version)) {
        None => Ok(()),
        Some(newer) => Err(Rollback::Migration(
            format!(
                "the database has the migration `{newer}`, which this version of Tessera does not know: it is too old"
            )
            .into(),
        )),
    }
}
