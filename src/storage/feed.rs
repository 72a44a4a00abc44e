//! The commit order of changes, determined differently on each database.
//!
//! PostgreSQL: a change carries the id of its transaction, and each read of the feed remembers its snapshot. The next
//! read returns the changes that it sees and that snapshot did not, however long their transactions took. SQLite: there
//! is one writer at a time, so changes are numbered, and a read remembers the last number.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use super::database::AnyConnection;
use super::listing::Predicate;
use super::schema::changes;
use crate::domain::error::Result;

/// A session of PostgreSQL, of `pg_stat_get_activity`: its process, and the time at which it began, as a number that
/// does not depend on the settings of the session (`DateStyle`, `TimeZone`).
const SESSION: &str = "concat(pid, ' ', extract(epoch FROM backend_start))";

/// The position up to which the changes have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPosition {
    /// Every change below this position is known.
    from: i64,
    /// No change at or above this position has been seen.
    to: i64,
    /// PostgreSQL's snapshot.
    snapshot: Option<String>,
    /// PostgreSQL's session: the process that serves it, and when it began. After a crash PostgreSQL may give the ids of
    /// transactions that it has lost once more, so positions of different sessions cannot be compared.
    session: Option<String>,
}

impl FeedPosition {
    /// Whether this is an older state of the database than `earlier`, which was read before: the database was replaced
    /// by an older copy.
    #[must_use]
    pub fn is_behind(&self, earlier: &Self) -> bool {
        self.to < earlier.to
    }

    /// Whether this was read in the same session as `earlier`: if not, changes between the two may not be found.
    #[must_use]
    pub fn continues(&self, earlier: &Self) -> bool {
        self.session == earlier.session
    }

    /// The position as text: PostgreSQL's snapshot, or the same for SQLite. [`is_known`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        self.snapshot.clone().unwrap_or_else(|| format!("{}:{}:", self.from, self.to))
    }

    /// Whether the session in which this was read still lives: then no crash has come between. To be asked in the
    /// transaction that writes the position, because a crash ends that, too.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn is_of_living_session(&self, connection: &mut AnyConnection) -> Result<bool> {
        let (AnyConnection::Postgres(postgres), Some(session)) = (connection, &self.session) else { return Ok(true) };
        let process: i32 = session.split(' ').next().and_then(|process| process.parse().ok()).unwrap_or_default();
        let living = sql::<Bool>("EXISTS (SELECT FROM pg_stat_get_activity(")
            .bind::<Integer, _>(process)
            .sql(&format!(") WHERE {SESSION} = "))
            .bind::<Text, _>(session)
            .sql(")");
        Ok(diesel::select(living).get_result(postgres)?)
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

/// The changes before which no change can be committed any more. PostgreSQL: those of transactions that are older than the
/// oldest one under way.
pub(super) fn settled(connection: &AnyConnection) -> Predicate<changes::table> {
    match connection {
        AnyConnection::Postgres(_) => {
            Box::new(sql::<Bool>("changes.position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        }
        // Always true. A condition on the position would be looked up in the index instead of the place after which to go on.
        AnyConnection::Sqlite(_) => Box::new(changes::id.ne("")),
    }
}

/// Whether a reader at that position, as [`FeedPosition::text`] writes it, has seen the change at `position`: all below
/// the first number, none from the second on, and of those between all but the listed ones. PostgreSQL's
/// `pg_visible_in_snapshot`.
#[must_use]
pub fn is_known(position: i64, reader: &str) -> bool {
    let mut parts = reader.split(':');
    let mut bound = || parts.next().and_then(|part| part.parse::<i64>().ok());
    let (Some(from), Some(to)) = (bound(), bound()) else { return false };
    let mut under_way = parts.next().unwrap_or_default().split(',').filter_map(|part| part.parse::<i64>().ok());
    position < from || (position < to && !under_way.any(|other| other == position))
}

/// The position below which a reader at that position has seen every change.
#[must_use]
pub(super) fn first_unknown(reader: &str) -> i64 {
    reader.split(':').next().and_then(|part| part.parse().ok()).unwrap_or(0)
}

/// The mark of a transaction that reads everything: later changes are found from here.
///
/// # Errors
/// When the storage fails.
pub fn position(connection: &mut AnyConnection) -> Result<FeedPosition> {
    match connection {
        AnyConnection::Postgres(postgres) => {
            let (from, to, snapshot, session): (i64, i64, String, String) = diesel::select((
                sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
                sql::<BigInt>("pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
                sql::<Text>("pg_current_snapshot()::text"),
                sql::<Text>(&format!("(SELECT {SESSION} FROM pg_stat_get_activity(pg_backend_pid()))")),
            ))
            .get_result(postgres)?;
            Ok(FeedPosition { from, to, snapshot: Some(snapshot), session: Some(session) })
        }
        AnyConnection::Sqlite(sqlite) => {
            let last: Option<i64> = changes::table.select(diesel::dsl::max(changes::position)).get_result(sqlite)?;
            let next = last.unwrap_or(0) + 1;
            Ok(FeedPosition { from: next, to: next, snapshot: None, session: None })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_knows_what_its_snapshot_showed() {
        for (position, known) in [(9, true), (10, false), (11, true), (12, false), (13, true), (14, false), (99, false)]
        {
            assert_eq!(is_known(position, "10:14:10,12"), known, "{position}");
        }
        assert!(is_known(6, "7:7:") && !is_known(7, "7:7:"));
        for damaged in ["", "7", "a:b:", ":"] {
            assert!(!is_known(1, damaged), "{damaged}");
        }
        assert_eq!([first_unknown("10:14:10,12"), first_unknown("")], [10, 0]);
    }
}
