//! Copies of the database: made, and checked.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

use super::database::{AnyConnection, storage};
use crate::domain::error::Result;

/// Writes one consistent state of an SQLite database into an empty file, while others read and write.
///
/// # Errors
/// When the storage fails.
pub fn copy_sqlite(from: &Path, to: &Path) -> Result<()> {
    let mut connection = open(from)?;
    sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).map_err(storage)?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(to.to_string_lossy()).execute(&mut connection).map_err(storage)?;
    Ok(())
}

/// Checks that a file is an undamaged SQLite database of Tessera; returns what is wrong with it.
///
/// # Errors
/// When the file cannot be read as a database.
pub fn fault_of_sqlite(file: &Path) -> Result<Option<String>> {
    let mut connection = open(file)?;
    let checks: Vec<CheckRow> = sql_query("PRAGMA quick_check").load(&mut connection).map_err(storage)?;
    let faults: Vec<String> = checks.into_iter().map(|row| row.quick_check).filter(|found| found != "ok").collect();
    if !faults.is_empty() {
        return Ok(Some(faults.join("; ")));
    }
    let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('changes', 'credentials')";
    let tables: Vec<NameRow> = sql_query(named).load(&mut connection).map_err(storage)?;
    Ok((tables.len() != 2).then(|| "it is no database of Tessera".to_owned()))
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

fn open(file: &Path) -> Result<SqliteConnection> {
    SqliteConnection::establish(&file.to_string_lossy()).map_err(storage)
}
