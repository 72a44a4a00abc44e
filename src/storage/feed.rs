//! The commit order of changes, determined differently on each database.
//!
//! PostgreSQL: a change carries the id of its transaction, and each read of the feed remembers its snapshot. The next
//! read returns the changes that it sees and that snapshot did not, however long their transactions took. SQLite: there
//! is one writer at a time, so changes are numbered, and a read remembers the last number.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::database::AnyConnection;
use super::listing::Predicate;
use super::schema::changes;
use crate::domain::error::Result;

/// The position up to which the changes have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPosition {
    /// Every change below this position is known.
    from: i64,
    /// No change at or above this position has been seen.
    to: i64,
    /// PostgreSQL's snapshot.
    snapshot: Option<String>,
}

impl FeedPosition {
    /// Whether this is an older state of the database than `earlier`, which was read before: the database was replaced
    /// by an older copy.
    #[must_use]
    pub fn is_behind(&self, earlier: &Self) -> bool {
        self.to < earlier.to
    }

    /// The changes that were not visible when this was read.
    pub(super) fn unseen(&self) -> Predicate<changes::table> {
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

/// The mark of a transaction that reads everything: later changes are found from here.
///
/// # Errors
/// When the storage fails.
pub fn position(connection: &mut AnyConnection) -> Result<FeedPosition> {
    match connection {
        AnyConnection::Postgres(postgres) => {
            let (from, to, snapshot): (i64, i64, String) = diesel::select((
                sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
                sql::<BigInt>("pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
                sql::<Text>("pg_current_snapshot()::text"),
            ))
            .get_result(postgres)?;
            Ok(FeedPosition { from, to, snapshot: Some(snapshot) })
        }
        AnyConnection::Sqlite(sqlite) => {
            let last: Option<i64> = changes::table.select(diesel::dsl::max(changes::position)).get_result(sqlite)?;
            let next = last.unwrap_or(0) + 1;
            Ok(FeedPosition { from: next, to: next, snapshot: None })
        }
    }
}

/// SQL for the position of a change that this connection inserts.
pub(super) fn next_position(connection: &AnyConnection) -> &'static str {
    match connection {
        AnyConnection::Postgres(_) => "pg_current_xact_id()::text::bigint",
        AnyConnection::Sqlite(_) => "(SELECT coalesce(max(position), 0) + 1 FROM changes)",
    }
}
