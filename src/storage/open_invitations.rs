//! Open invitations.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::rows::{Existed, corrupt, parse_id};
use super::schema::invitations;
use crate::domain::access_token::NamedPrincipal;
use crate::domain::error::Result;
use crate::domain::ids::{InvitationId, PrincipalId};
use crate::domain::invite::{self, OpenInvitation};
use crate::domain::principal::Role;

/// A row of `invitations`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
struct InvitationRow {
    id: String,
    role: String,
    note: String,
    inviter_id: String,
    inviter_name: String,
    created_at: i64,
    expires_at: i64,
}

impl InvitationRow {
    fn into_domain(self) -> Result<OpenInvitation> {
        Ok(OpenInvitation {
            id: parse_id(&self.id)?,
            role: Role::find(&self.role).ok_or_else(|| corrupt("role", &self.role))?,
            note: self.note,
            inviter: NamedPrincipal { id: parse_id(&self.inviter_id)?, username: self.inviter_name },
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

/// Adds an invitation.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, invitation: &OpenInvitation) -> Result<()> {
    let row = InvitationRow {
        id: invitation.id.to_string(),
        role: invitation.role.name().to_owned(),
        note: invitation.note.clone(),
        inviter_id: invitation.inviter.id.to_string(),
        inviter_name: invitation.inviter.username.clone(),
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
    };
    diesel::insert_into(invitations::table).values(row).execute(connection)?;
    Ok(())
}

/// The invitation with that id, if it has not expired.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: InvitationId, now: i64) -> Result<Option<OpenInvitation>> {
    let found = invitations::table.find(id.to_string()).filter(invitations::expires_at.gt(now));
    let row = found.select(InvitationRow::as_select()).get_result(connection).optional()?;
    row.map(InvitationRow::into_domain).transpose()
}

/// The invitations that have not expired, the latest first: all, or those of one inviter.
///
/// # Errors
/// When the storage fails.
pub fn open(connection: &mut AnyConnection, of: Option<PrincipalId>, now: i64) -> Result<Vec<OpenInvitation>> {
    let mut found = invitations::table.into_boxed().filter(invitations::expires_at.gt(now));
    if let Some(inviter) = of {
        found = found.filter(invitations::inviter_id.eq(inviter.to_string()));
    }
    let found = found.order(invitations::id.desc()).limit(invite::MOST_OPEN);
    let rows: Vec<InvitationRow> = found.select(InvitationRow::as_select()).load(connection)?;
    rows.into_iter().map(InvitationRow::into_domain).collect()
}

/// How many invitations have not expired.
///
/// # Errors
/// When the storage fails.
pub fn count_open(connection: &mut AnyConnection, now: i64) -> Result<i64> {
    Ok(invitations::table.filter(invitations::expires_at.gt(now)).count().get_result(connection)?)
}

/// Removes an invitation.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: InvitationId) -> Result<Existed> {
    Ok(Existed::from(diesel::delete(invitations::table.find(id.to_string())).execute(connection)?))
}

/// Removes every invitation, or those of one inviter.
///
/// # Errors
/// When the storage fails.
pub fn delete_all(connection: &mut AnyConnection, of: Option<PrincipalId>) -> Result<()> {
    let mut found = diesel::delete(invitations::table).into_boxed();
    if let Some(inviter) = of {
        found = found.filter(invitations::inviter_id.eq(inviter.to_string()));
    }
    found.execute(connection)?;
    Ok(())
}

/// Removes the invitations that expired before `instant`.
///
/// # Errors
/// When the storage fails.
pub fn delete_expired(connection: &mut AnyConnection, instant: i64) -> Result<()> {
    diesel::delete(invitations::table.filter(invitations::expires_at.lt(instant))).execute(connection)?;
    Ok(())
}
