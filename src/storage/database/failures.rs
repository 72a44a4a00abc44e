//! Classifies database errors. diesel has kinds for few of them; the others are recognised by words in their messages.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::ConcurrentChange;

type Source = dyn std::error::Error + 'static;

/// Message parts of errors that make a connection unusable.
const CONNECTION_LOST: [&str; 9] = [
    "terminating connection",
    "the database system is",
    "server closed the connection",
    "no connection to the server",
    "could not receive data",
    "could not send data",
    "database is locked",
    "unable to open database file",
    "disk I/O error",
];

const READ_ONLY: &str = "the database is read-only";
const FULL: &str = "the disk of the database is full";

/// Message parts of errors that say that nothing can be written, with the reason to report.
const UNWRITABLE: [(&str, &str); 5] = [
    ("in a read-only transaction", READ_ONLY),
    ("attempt to write a readonly database", READ_ONLY),
    ("database or disk is full", FULL),
    ("No space left on device", FULL),
    ("could not extend file", FULL),
];

/// Message part of PostgreSQL's `query_canceled`: a statement exceeded its timeout or was cancelled.
const CANCELLED: [&str; 1] = ["canceling statement"];

fn has(error: &Source, words: &[&str]) -> bool {
    matches!(error.downcast_ref(), Some(DieselError::DatabaseError(_, information))
        if words.iter().any(|words| information.message().contains(words)))
}

/// Whether work failed because the database cannot be reached.
pub(super) fn is_lost(error: &Source) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(
        error.downcast_ref(),
        Some(
            DieselError::DatabaseError(ClosedConnection | UnableToSendCommand, _)
                | DieselError::BrokenTransactionManager
        )
    ) || has(error, &CONNECTION_LOST)
}

/// Whether work failed because its statement was cancelled.
pub(super) fn was_cancelled(error: &Source) -> bool {
    has(error, &CANCELLED)
}

/// Whether work failed because the session or its server is read-only, as after a failover to a standby.
pub(super) fn is_read_only(error: &Source) -> bool {
    matches!(error.downcast_ref(), Some(DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)))
}

/// Why the database can be read but not written, if that made the work fail.
#[must_use]
pub fn unwritable(error: &Source) -> Option<&'static str> {
    if is_read_only(error) {
        return Some(READ_ONLY);
    }
    UNWRITABLE.iter().find(|(words, _)| has(error, &[words])).map(|(_, reason)| *reason)
}

/// Whether another process holds the lock of an SQLite file.
pub(super) fn is_locked(error: &DieselError) -> bool {
    has(error, &["database is locked"])
}

/// Whether a transaction failed only because of another one and can be retried: PostgreSQL's `serialization_failure` or
/// `deadlock_detected` (diesel recognises the second only by its message), or [`concurrent_change`].
pub(super) fn is_conflict(error: &Source) -> bool {
    if error.is::<ConcurrentChange>() {
        return true;
    }
    match error.downcast_ref() {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DieselError::DatabaseError(_, information)) => information.message().contains("deadlock detected"),
        _ => false,
    }
}
