//! Adds rows about API keys to a table, many at a time, dropping those of deleted keys.

use diesel::RunQueryDsl;
use diesel::sql_query;

use super::MANY;
use super::database::AnyConnection;
use crate::domain::error::Result;

/// A table of rows about API keys.
pub(super) struct KeyRows<'a, const COLUMNS: usize> {
    /// Its name.
    pub table: &'a str,
    /// The columns that are written; the first two are its primary key, and the first is the id of an API key.
    pub columns: [&'a str; COLUMNS],
    /// The updates of a row that exists: `kept` is that row, `excluded` the added one.
    pub updates: &'a str,
}

impl<const COLUMNS: usize> KeyRows<'_, COLUMNS> {
    /// Adds rows, each the values of the columns in SQL, with one statement for many. No two rows have the same primary
    /// key.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) fn add(&self, connection: &mut AnyConnection, rows: impl Iterator<Item = String>) -> Result<()> {
        let Self { table, columns, updates } = self;
        let added: Vec<String> = (1..=COLUMNS).map(|number| format!("added.column{number}")).collect();
        // Written out because diesel cannot insert from VALUES with a join.
        for chunk in rows.collect::<Vec<_>>().chunks(MANY) {
            let statement = format!(
                "INSERT INTO {table} AS kept ({}) SELECT {} FROM (VALUES ({})) AS added \
                 JOIN api_keys ON api_keys.id = added.column1 WHERE true \
                 ON CONFLICT ({}) DO UPDATE SET {updates}",
                columns.join(", "),
                added.join(", "),
                chunk.join("), ("),
                columns[..2].join(", "),
            );
            sql_query(statement).execute(connection)?;
        }
        Ok(())
    }
}
