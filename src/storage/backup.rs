//! Copies of the database: made, and checked.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::Text;
use uuid::Uuid;

use super::database::{AnyConnection, open_sqlite, storage};
use super::installation;
use crate::domain::error::Result;

/// Writes one consistent state of an SQLite database into an empty file, while others read and write.
///
/// # Errors
/// When the storage fails.
pub fn copy_sqlite(from: &Path, to: &Path) -> Result<()> {
    let mut connection = open_sqlite(from)?;
    sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).map_err(storage)?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(to.to_string_lossy()).execute(&mut connection).map_err(storage)?;
    Ok(())
}

/// Checks that a file is an undamaged SQLite database of Tessera; returns what is wrong with it.
///
/// # Errors
/// When the file cannot be read as a database.
pub fn fault_of_sqlite(file: &Path) -> Result<Option<String>> {
    let mut connection = open_sqlite(file)?;
    let checks: Vec<CheckRow> = sql_query("PRAGMA quick_check").load(&mut connection).map_err(storage)?;
    let faults: Vec<String> = checks.into_iter().map(|row| row.quick_check).filter(|found| found != "ok").collect();
    if !faults.is_empty() {
        return Ok(Some(faults.join("; ")));
    }
    let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('changes', 'credentials')";
    let tables: Vec<NameRow> = sql_query(named).load(&mut connection).map_err(storage)?;
    Ok((tables.len() != 2).then(|| "it is no database of Tessera".to_owned()))
}

/// The id of the installation that an SQLite database belongs to, if it has one.
///
/// # Errors
/// When the storage fails.
pub fn installation_of_sqlite(file: &Path) -> Result<Option<Uuid>> {
    let found = installation::find(&mut AnyConnection::Sqlite(open_sqlite(file)?))?;
    Ok(found.map(|installation| installation.id))
}

/// How long [`close_sqlite`] waits for the connections of processes and pools that are about to end.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const CLOSE_AGAIN: Duration = Duration::from_millis(50);

/// Moves everything into the file of an SQLite database, so that it needs no other one; `false` while another connection
/// has the database open.
///
/// # Errors
/// When the storage fails for another reason.
pub fn close_sqlite(file: &Path) -> Result<bool> {
    let mut connection = open_sqlite(file)?;
    let began = Instant::now();
    loop {
        // Only the last connection of a database may leave the mode with a write-ahead log. SQLite does not wait for that by
        // itself, whatever its busy timeout is.
        match sql_query("PRAGMA journal_mode = DELETE").load::<ModeRow>(&mut connection) {
            Ok(rows) if rows.iter().all(|row| row.journal_mode == "delete") => return Ok(true),
            Err(error) if !is_locked(&error) => return Err(storage(error)),
            _ if began.elapsed() > CLOSE_WITHIN => return Ok(false),
            _ => std::thread::sleep(CLOSE_AGAIN),
        }
    }
}

fn is_locked(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, about) if about.message().contains("locked"))
}

#[derive(QueryableByName)]
struct ModeRow {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct CheckRow {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names of all tables of a PostgreSQL database, those of the migrations included.
///
/// # Errors
/// When the storage fails.
pub fn tables(connection: &mut AnyConnection) -> Result<Vec<String>> {
    let named = "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";
    let rows: Vec<NameRow> = sql_query(named).load(connection)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
