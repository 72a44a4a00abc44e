//! The revision of the current invitations: a row of `revisions`.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::revisions;
use crate::domain::error::Result;

const NAME: &str = "invites";

/// The current revision.
///
/// # Errors
/// When the storage fails.
pub fn revision(connection: &mut AnyConnection) -> Result<i64> {
    Ok(revisions::table.find(NAME).select(revisions::revision).get_result(connection)?)
}

/// Invalidates every invitation, also those of revisions that this copy of the database does not know: the revision
/// becomes the instant, which is above every count.
///
/// # Errors
/// When the storage fails.
pub fn begin_anew(connection: &mut AnyConnection, now: i64) -> Result<()> {
    let raised = revisions::revision.eq(now);
    diesel::update(revisions::table.find(NAME).filter(revisions::revision.lt(now))).set(raised).execute(connection)?;
    renew(connection)
}

/// Invalidates every invitation.
///
/// # Errors
/// When the storage fails.
pub fn renew(connection: &mut AnyConnection) -> Result<()> {
    let raised = revisions::revision.eq(revisions::revision + 1);
    diesel::update(revisions::table.find(NAME)).set(raised).execute(connection)?;
    Ok(())
}
