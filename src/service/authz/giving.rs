//! What is given to others without a comparison with one of them: by an invitation, a policy, a persona that is enabled, an
//! asset that names somebody. See `docs/permissions.md`.

use crate::domain::actor::Actor;
use crate::domain::bounds::Bounds;
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::{Rule, Scope};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::sight::Species;
use crate::service::authz::containment::{
    administers, bounds, contained, may_change, own, reach, reaches_everything, within,
};
use crate::service::authz::denies;
use crate::service::authz::reach::Reach;
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::principals;

/// Whether an actor may let somebody sign up with a role.
///
/// # Errors
/// [`Error::Forbidden`] if the role reaches more than the actor, or the actor is bound and a user would not be.
pub(in crate::service) fn may_invite(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    role: Role,
) -> Result<()> {
    if reaches_everything(actor.standing()) {
        return Ok(());
    }
    let own = Reach::of(service, connection, actor.standing())?;
    contained(actor, &Reach::of_role(service, connection, role)?, &own, &Reach::default())?;
    let ceiling = bounds(connection, actor)?;
    within(actor, &Bounds::default(), &ceiling)
}

/// Whether an actor may have a policy of the platform permit these permissions to others.
///
/// # Errors
/// [`Error::Forbidden`] for what the actor does not hold, or holds for a while only.
pub(in crate::service) fn may_permit(transaction: &mut Transaction<'_>, permissions: Permissions) -> Result<()> {
    let beyond: Vec<_> = permissions.without(transaction.actor.permissions()).iter().map(Permission::name).collect();
    if !beyond.is_empty() {
        let username = transaction.actor.username();
        let message = format!("`{username}` cannot grant what it does not hold: {}", beyond.join(", "));
        return Err(Error::Forbidden(message));
    }
    if permissions == Permissions::NONE {
        return Ok(());
    }
    if permissions.contains(Permission::ManagePersonas) {
        // To link personas is to reach what they allow, whichever they are.
        may_give(transaction, &Scope::Unbounded)?;
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, &Bounds::default(), &ceiling)
}

/// Whether an actor may give others access to what lies within a scope, or give it back to them, where it is not told to
/// whom: by an allowing policy, by ending a deny, by enabling a persona.
///
/// # Errors
/// [`Error::Forbidden`] for an actor that is bound, as what it gives would not be, and for one that something is denied to
/// there.
pub(in crate::service) fn may_give(transaction: &mut Transaction<'_>, scope: &Scope) -> Result<()> {
    let actor = transaction.actor;
    if administers(actor) {
        return Ok(());
    }
    let ceiling = bounds(transaction.connection, actor)?;
    within(actor, &Bounds::default(), &ceiling)?;
    let denied = denies::of(transaction.service, transaction.connection, actor.standing())?;
    if denied.iter().all(|rule| !rule.scope().overlaps(scope)) {
        return Ok(());
    }
    let username = actor.username();
    let message = format!("`{username}` cannot give access to what something denies to `{username}`");
    Err(Error::Forbidden(message))
}

/// Whether an actor may end what a policy of the platform permits, or change it: that takes it away from others.
///
/// # Errors
/// [`Error::Forbidden`] for what the actor does not hold; for a policy about a role or everybody; for one that names
/// somebody who holds more than the actor.
pub(in crate::service) fn may_withdraw(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    if administers(transaction.actor) {
        return Ok(());
    }
    let permitted: Permissions = rule.actions.iter().filter_map(|name| Permission::find(name)).collect();
    let beyond = permitted.without(transaction.actor.permissions());
    let username = transaction.actor.username();
    if beyond != Permissions::NONE {
        let names: Vec<_> = beyond.iter().map(Permission::name).collect();
        let message = format!("`{username}` cannot take away what it does not hold: {}", names.join(", "));
        return Err(Error::Forbidden(message));
    }
    if rule.subjects.everyone || !rule.subjects.roles.is_empty() {
        let message = format!(
            "`{username}` is no user with the role `{}`: only those take from a role or everybody",
            Role::Admin.name()
        );
        return Err(Error::Forbidden(message));
    }
    for name in &rule.subjects.users {
        if let Some(named) = principals::find_by_username(transaction.connection, name)? {
            may_change(transaction, named.id)?;
        }
    }
    Ok(())
}

/// Whether an actor may have something name a principal. Who names a service account decides who can create tokens for it,
/// which is for its managers.
///
/// # Errors
/// [`Error::Forbidden`], also for a user who acts with a token that another created, which ends.
pub(in crate::service) fn may_name(transaction: &mut Transaction<'_>, named: &[Principal]) -> Result<()> {
    let actor = transaction.actor;
    if administers(actor) || named.is_empty() {
        return Ok(());
    }
    if actor.principal().kind == PrincipalKind::User {
        let ceiling = bounds(transaction.connection, actor)?;
        within(actor, &Bounds::default(), &ceiling)?;
    }
    let species = |principal: &Principal| Species::of(principal.kind, &principal.username().to_string());
    if named.iter().any(|principal| species(principal) == Species::ServiceAccount) {
        actor.require(Permission::ManageServiceAccounts)?;
    }
    Ok(())
}

/// Whether an actor that administers an asset may have it name these: what denies the actor something there must deny it to
/// those, too.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_share(transaction: &mut Transaction<'_>, named: &[Principal]) -> Result<()> {
    if administers(transaction.actor) || named.is_empty() {
        return Ok(());
    }
    let own = own(transaction)?;
    if !own.is_denied_anything() {
        return Ok(());
    }
    for principal in named {
        if !own.binds(&reach(transaction, principal.id)?) {
            let username = transaction.actor.username();
            let message = format!(
                "`{username}` cannot share an asset with those to whom nothing denies what is denied to `{username}`"
            );
            return Err(Error::Forbidden(message));
        }
    }
    Ok(())
}

/// Whether an actor may have something name roles. That a role reaches something keeps others from giving it and from
/// creating what has it: so it takes a user with the role `$admin`. Those reach everything anyway, and may be named.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name_roles(actor: &Actor, roles: &[Role]) -> Result<()> {
    let role = Role::Admin;
    if administers(actor) || roles.iter().all(|named| *named == role) {
        return Ok(());
    }
    let (username, role) = (actor.username(), role.name());
    Err(Error::Forbidden(format!("`{username}` is no user with the role `{role}`: only those name roles")))
}
