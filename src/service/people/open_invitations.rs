//! Open invitations: create, list, revoke. `invitation_links.rs` accepts them.

use std::time::Instant;

use crate::clock::DAY;
use crate::domain::access_token::NamedPrincipal;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::{Id, InvitationId};
use crate::domain::invite::{self, MOST_OF_ONE, MOST_OPEN, OpenInvitation};
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::text::DisplayName;
use crate::service::Service;
use crate::service::authz::people::require_inviting;
use crate::service::authz::{giving, sight};
use crate::service::people::invitation_links::OPEN_PURPOSE;
use crate::storage::open_invitations;
use crate::storage::principals::Existed;

/// The choices of an actor for a new invitation.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The role of the new user.
    pub role: Role,
    /// The person whom the invitation is for; shown to those who list invitations.
    pub note: DisplayName,
    /// How many days it can be accepted.
    pub days: i64,
}

/// The longest life of an invitation, in days.
pub const LONGEST: i64 = 30;

/// Creates an invitation; returns it with the text that only the invited person may have.
///
/// # Errors
/// [`Error::Forbidden`], also for a role that reaches more than the actor; violations; [`Error::Conflict`] when too many
/// are open.
pub async fn create(service: &Service, actor: &Actor, new: NewInvitation) -> Result<(OpenInvitation, String)> {
    require_inviting(service, actor)?;
    if !(1..=LONGEST).contains(&new.days) {
        return Err(Violation::new("days", format!("must be 1 to {LONGEST}")).into());
    }
    if !invite::ROLES.contains(&new.role) {
        let message = format!("must be {}", invite::ROLES.map(|role| format!("`{}`", role.name())).join(", "));
        return Err(Violation::new("role", message).into());
    }
    service
        .write(actor, move |transaction| {
            let now = transaction.now;
            let inviter = transaction.actor.principal();
            let invitation = OpenInvitation {
                id: Id::new(now, transaction.service.entropy)?,
                role: new.role,
                note: new.note.as_str().to_owned(),
                inviter: NamedPrincipal { id: inviter.id, username: inviter.username().to_string() },
                created_at: now,
                expires_at: now + new.days * DAY,
            };
            open_invitations::insert(transaction.connection, &invitation)?;
            giving::may_invite(transaction, new.role)?;
            let own = open_invitations::open(transaction.connection, Some(inviter.id), now)?.len();
            if i64::try_from(own).is_ok_and(|own| own > MOST_OF_ONE) {
                return Err(Error::Conflict(format!("{MOST_OF_ONE} of your invitations are open: revoke one first")));
            }
            if open_invitations::count_open(transaction.connection, now)? > MOST_OPEN {
                return Err(Error::Conflict(format!("{MOST_OPEN} invitations are open: one must be revoked first")));
            }
            let subject = ChangeSubject::Principal(invitation.inviter.id.uuid());
            transaction.record(Action::InvitationCreated, subject, &invitation.note)?;
            let text = invite::write_open(transaction.service.peppers.derive(OPEN_PURPOSE), invitation.id);
            Ok((invitation, text))
        })
        .await
}

/// The invitations that can still be accepted: all with `MANAGE_USERS_AND_GROUPS`, otherwise the actor's own.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor) -> Result<Vec<OpenInvitation>> {
    require_inviting(service, actor)?;
    let (own, now) = ((!manages(actor)).then(|| actor.id()), service.clock.now());
    service.read(move |connection| open_invitations::open(connection, own, now)).await
}

/// Revokes an invitation: of the actor, or with `MANAGE_USERS_AND_GROUPS` of another.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], also for an invitation that the actor does not see.
pub async fn revoke(service: &Service, actor: &Actor, id: InvitationId) -> Result<()> {
    require_inviting(service, actor)?;
    let (own, now) = ((!manages(actor)).then(|| actor.id()), service.clock.now());
    let began = Instant::now();
    let found = service.read(move |connection| open_invitations::find(connection, id, now)).await?;
    let not_found = move || Error::NotFound { kind: "invitation", id: id.to_string() };
    let seen = found.filter(|found| own.is_none_or(|own| found.inviter.id == own)).ok_or_else(not_found);
    let seen = sight::delay_if_refused(began, seen).await?;
    service
        .write_first(actor, move |transaction| {
            if open_invitations::delete(transaction.connection, id)? == Existed::No {
                return Err(not_found());
            }
            let subject = ChangeSubject::Principal(seen.inviter.id.uuid());
            transaction.record(Action::InvitationRevoked, subject, &seen.note)
        })
        .await
}

/// Whether the actor may invite to each role; the reason if not.
///
/// # Errors
/// [`Error::Forbidden`] if it may not invite at all.
pub async fn roles(service: &Service, actor: &Actor) -> Result<Vec<(Role, Option<String>)>> {
    require_inviting(service, actor)?;
    let (reading, actor) = (service.clone(), actor.clone());
    service
        .read(move |connection| {
            let mut told = Vec::new();
            for role in invite::ROLES {
                match giving::could_invite(&reading, connection, &actor, role) {
                    Ok(()) => told.push((role, None)),
                    Err(Error::Forbidden(reason)) => told.push((role, Some(reason))),
                    Err(error) => return Err(error),
                }
            }
            Ok(told)
        })
        .await
}

fn manages(actor: &Actor) -> bool {
    actor.permissions().contains(Permission::ManageUsersAndGroups)
}
