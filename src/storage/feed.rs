//! The order in which changes were committed, which is another matter on each database.
//!
//! PostgreSQL: a change carries the id of its transaction, and a look remembers its snapshot. The next look finds what it
//! sees and the snapshot did not, however long the transaction took. SQLite: there is one writer at a time, so the changes
//! are numbered, and a look remembers the last number.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::database::AnyConnection;
use super::listing::Condition;
use super::schema::changes;
use crate::domain::error::Result;

/// Up to where the changes have been followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Every change below is known.
    from: i64,
    /// Nothing at or above has been seen.
    to: i64,
    /// PostgreSQL's snapshot.
    snapshot: Option<String>,
}

impl Mark {
    /// Whether this is an older state of the database than that of `earlier`, which was read before: somebody put another
    /// database in its place.
    #[must_use]
    pub fn is_behind(&self, earlier: &Self) -> bool {
        self.to < earlier.to
    }

    /// The changes that were not visible when this was read.
    pub(super) fn unseen(&self) -> Condition<changes::table> {
        let from = changes::position.ge(self.from);
        match self.snapshot.clone() {
            None => Box::new(from),
            Some(snapshot) => {
                let visible = sql::<Bool>("NOT pg_visible_in_snapshot(changes.position::text::xid8, ")
                    .bind::<Text, _>(snapshot)
                    .sql("::pg_snapshot)");
                Box::new(from.and(visible))
            }
        }
    }
}

/// Up to where the changes are followed by who reads everything in this transaction.
///
/// # Errors
/// When the storage fails.
pub fn mark(connection: &mut AnyConnection) -> Result<Mark> {
    match connection {
        AnyConnection::Postgres(postgres) => {
            let (from, to, snapshot): (i64, i64, String) = diesel::select((
                sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
                sql::<BigInt>("pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
                sql::<Text>("pg_current_snapshot()::text"),
            ))
            .get_result(postgres)?;
            Ok(Mark { from, to, snapshot: Some(snapshot) })
        }
        AnyConnection::Sqlite(sqlite) => {
            let last: Option<i64> = changes::table.select(diesel::dsl::max(changes::position)).get_result(sqlite)?;
            let next = last.unwrap_or(0) + 1;
            Ok(Mark { from: next, to: next, snapshot: None })
        }
    }
}

/// The position of a change that is inserted by this connection, as SQL.
pub(super) fn next_position(connection: &AnyConnection) -> &'static str {
    match connection {
        AnyConnection::Postgres(_) => "pg_current_xact_id()::text::bigint",
        AnyConnection::Sqlite(_) => "(SELECT coalesce(max(position), 0) + 1 FROM changes)",
    }
}
