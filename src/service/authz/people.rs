//! Who may invite, manage and act as whom. `containment.rs` has the rules about how far a user reaches.

use crate::domain::access_token::NamedPrincipal;
use crate::domain::actor::{Actor, OPERATOR};
use crate::domain::bounds::Bounds;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::invite::Invitation;
use crate::domain::permission::Permission;
use crate::domain::principal::Principal;
use crate::domain::service_account::PREFIX;
use crate::service::authz::reach::standing;
use crate::service::authz::{containment, giving};
use crate::service::{Service, Transaction};

/// Checks that an actor may invite at all.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::PasswordsOff`]
pub(in crate::service) fn require_inviting(service: &Service, actor: &Actor) -> Result<()> {
    if !actor.permissions().contains(Permission::ManageUsersAndGroups) {
        service.require(actor, Permission::ManageUserCredentials)?;
    }
    // Invited people sign up with a password.
    service.require_passwords()
}

/// The inviter, if it could still invite: invitations outlive the moment they were handed out. Call it after the transaction
/// has locked the inviter, which is then not suspended or demoted until the transaction ends.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn still_inviting(
    transaction: &mut Transaction<'_>,
    invitation: Invitation,
) -> Result<Option<NamedPrincipal>> {
    let named = |username: String| NamedPrincipal { id: invitation.inviter, username };
    // The operator and the system's own clients have no record in the database.
    if invitation.inviter.uuid().is_nil() {
        return Ok(Some(named(OPERATOR.to_owned())));
    }
    let Transaction { service, connection, .. } = transaction;
    let standing = standing(service, connection, invitation.inviter)?;
    let Some(standing) = standing.filter(|standing| standing.principal.enabled) else { return Ok(None) };
    let inviter = Actor::trusted(standing);
    let may = require_inviting(service, &inviter)
        .and_then(|()| giving::could_invite(service, connection, &inviter, invitation.role));
    match may {
        Err(Error::Forbidden(_)) => Ok(None),
        outcome => outcome.map(|()| Some(named(inviter.username().to_string()))),
    }
}

/// Checks that an actor may act as this user until then.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unauthenticated`] for a disabled user.
pub(in crate::service) fn may_act_as(transaction: &mut Transaction<'_>, user: &Principal, until: i64) -> Result<()> {
    if user.id == transaction.actor.id() {
        return Err(Error::Forbidden("an actor cannot impersonate itself".to_owned()));
    }
    if !user.enabled {
        return Err(Error::Unauthenticated(Refusal::Disabled));
    }
    containment::may_impersonate(transaction, user.id, &Bounds::until(until))
}

/// Checks the permission to manage a user or a service account. The name's prefix tells the kind, so the check does not
/// reveal whether the principal exists.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn require_managing(service: &Service, actor: &Actor, username: &str) -> Result<()> {
    let program = username.starts_with(PREFIX);
    let needed = if program { Permission::ManageServiceAccounts } else { Permission::ManageUsersAndGroups };
    service.require(actor, needed)
}
