//! The revisions of the current invitation links: of all, a row of `revisions`; and of those that one principal gives.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::open_invitations;
use super::schema::{principals, revisions};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::invite::InviteRevision;

pub(super) const NAME: &str = "invites";

/// The revision of the links of a principal that does not exist.
const NOBODY: i64 = -1;

/// The revision of the links that this principal gives now; one that no link has if it does not exist. The operator and the
/// clients of the system itself have the nil id and no row.
///
/// # Errors
/// When the storage fails.
pub fn revision(connection: &mut AnyConnection, inviter: PrincipalId) -> Result<InviteRevision> {
    let found = principals::table.find(inviter.to_string()).select(principals::invites_revision);
    let found: Option<i64> = found.get_result(connection).optional()?;
    let of_inviter = found.unwrap_or(if inviter.uuid().is_nil() { 0 } else { NOBODY });
    let of_all = revisions::table.find(NAME).select(revisions::revision).get_result(connection)?;
    Ok(InviteRevision { of_all, of_inviter })
}

/// Voids the invitation links and the open invitations of a principal, because somebody else may have made them.
///
/// # Errors
/// When the storage fails.
pub fn end_all_of(connection: &mut AnyConnection, inviter: PrincipalId) -> Result<()> {
    let raised = principals::invites_revision.eq(principals::invites_revision + 1);
    diesel::update(principals::table.find(inviter.to_string())).set(raised).execute(connection)?;
    open_invitations::delete_all(connection, Some(inviter))
}

/// Invalidates every invitation link, also those of revisions that this copy of the database does not know: the revision
/// becomes the instant, which is above every count.
///
/// # Errors
/// When the storage fails.
pub fn begin_anew(connection: &mut AnyConnection, now: i64) -> Result<()> {
    let raised = revisions::revision.eq(now);
    diesel::update(revisions::table.find(NAME).filter(revisions::revision.lt(now))).set(raised).execute(connection)?;
    renew(connection)
}

/// Invalidates every invitation link.
///
/// # Errors
/// When the storage fails.
pub fn renew(connection: &mut AnyConnection) -> Result<()> {
    let raised = revisions::revision.eq(revisions::revision + 1);
    diesel::update(revisions::table.find(NAME)).set(raised).execute(connection)?;
    Ok(())
}
