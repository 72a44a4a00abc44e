//! Checks on giving access without comparing with one recipient: by an invitation, a policy, an enabled persona, or an
//! asset that names principals. See `docs/permissions.md`.

use crate::domain::actor::Actor;
use crate::domain::bounds::Bounds;
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::persona::PersonaRef;
use crate::domain::policy::{Rule, Scope};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::sight::PrincipalCategory;
use crate::service::authz::containment::{
    administers, bounds, contained, may_change, own, reach, reaches_everything, refuse_surplus, within,
};
use crate::service::authz::grounds;
use crate::service::authz::reach::Reach;
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::principals;

/// Checks that an actor may invite users with this role.
///
/// # Errors
/// [`Error::Forbidden`] if the role reaches more than the actor, or the actor has bounds, because a user would have
/// none.
pub(in crate::service) fn may_invite(transaction: &mut Transaction<'_>, role: Role) -> Result<()> {
    if reaches_everything(transaction.actor) {
        return Ok(());
    }
    let own = own(transaction)?;
    let role = Reach::of_role(transaction.service, transaction.connection, role)?;
    contained(transaction, &role, &own, &Reach::default())?;
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, &Bounds::default(), &ceiling)
}

/// Like [`may_invite`], for an actor that is not the one of a transaction.
///
/// # Errors
/// Those of [`may_invite`].
pub(in crate::service) fn could_invite(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    role: Role,
) -> Result<()> {
    if reaches_everything(actor) {
        return Ok(());
    }
    let own = Reach::of(service, connection, actor.standing())?;
    refuse_surplus(actor, &Reach::of_role(service, connection, role)?, &own, &Reach::default())?;
    let ceiling = bounds(connection, actor)?;
    within(actor, &Bounds::default(), &ceiling)
}

/// Filters personas: returns those that an actor may not link an API key to, because such a key may reach more than the actor.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn refused_personas(
    service: &Service,
    connection: &mut AnyConnection,
    actor: &Actor,
    personas: &[PersonaRef],
) -> Result<Vec<PersonaRef>> {
    if personas.is_empty() || reaches_everything(actor) {
        return Ok(Vec::new());
    }
    let own = Reach::of(service, connection, actor.standing())?;
    let reaches = Reach::of_keys_with(service, connection, personas)?;
    let refused = reaches.iter().zip(personas).filter(|(reach, _)| reach.beyond(&own, &Reach::default()).is_some());
    Ok(refused.map(|(_, persona)| persona.clone()).collect())
}

/// Checks that an actor may write a platform policy that permits these permissions.
///
/// # Errors
/// [`Error::Forbidden`] for permissions that the actor does not hold, or holds only for a limited time.
pub(in crate::service) fn may_permit(transaction: &mut Transaction<'_>, permissions: Permissions) -> Result<()> {
    let beyond: Vec<_> = permissions.without(transaction.actor.permissions()).iter().map(Permission::name).collect();
    if !beyond.is_empty() {
        let username = transaction.actor.username();
        let message = format!("`{username}` cannot grant permissions that it does not hold: {}", beyond.join(", "));
        return Err(Error::Forbidden(message));
    }
    if permissions == Permissions::NONE {
        return Ok(());
    }
    if permissions.contains(Permission::ManagePersonas) {
        // An actor that links personas reaches what any of them allows.
        may_give(transaction, &Scope::Unbounded)?;
    }
    let ceiling = bounds(transaction.connection, transaction.actor)?;
    within(transaction.actor, &Bounds::default(), &ceiling)
}

/// Checks that an actor may give or give back access within a scope when the recipients are unknown: by an allow
/// policy, by ending a deny, by enabling a persona.
///
/// # Errors
/// [`Error::Forbidden`] if the actor has bounds, because what it gives would have none, or if something within the
/// scope is denied to the actor.
pub(in crate::service) fn may_give(transaction: &mut Transaction<'_>, scope: &Scope) -> Result<()> {
    let actor = transaction.actor;
    if administers(actor) {
        return Ok(());
    }
    let ceiling = bounds(transaction.connection, actor)?;
    within(actor, &Bounds::default(), &ceiling)?;
    if grounds::reach(transaction, scope)?.denies_within(scope).are_none() {
        return Ok(());
    }
    let (username, role) = (actor.username(), Role::Admin.name());
    let message =
        format!("`{username}` cannot give access that a policy denies to it: a user with the role `{role}` can");
    Err(Error::Forbidden(message))
}

/// Checks that an actor may end or change a platform policy, which takes permissions away from others.
///
/// # Errors
/// [`Error::Forbidden`] for permissions that the actor does not hold; for a policy about a role or about everyone; for
/// a policy
/// that names a user with permissions that the actor does not hold.
pub(in crate::service) fn may_withdraw(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    if administers(transaction.actor) {
        return Ok(());
    }
    let permitted: Permissions = rule.actions.iter().filter_map(|name| Permission::find(name)).collect();
    let beyond = permitted.without(transaction.actor.permissions());
    let username = transaction.actor.username();
    if beyond != Permissions::NONE {
        let names: Vec<_> = beyond.iter().map(Permission::name).collect();
        let message = format!("`{username}` cannot take away permissions that it does not hold: {}", names.join(", "));
        return Err(Error::Forbidden(message));
    }
    if rule.subjects.everyone || !rule.subjects.roles.is_empty() {
        let message = format!(
            "`{username}` cannot change a platform policy about a role or about everyone: a user with the role `{}` can",
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

/// Checks that an actor may have an asset or policy name these principals. Naming a service account raises its reach
/// and so decides who can create tokens for it: that takes `MANAGE_SERVICE_ACCOUNTS`.
///
/// # Errors
/// [`Error::Forbidden`], also for a user who acts with an expiring token that another principal created.
pub(in crate::service) fn may_name(transaction: &mut Transaction<'_>, named: &[Principal]) -> Result<()> {
    let actor = transaction.actor;
    if administers(actor) || named.is_empty() {
        return Ok(());
    }
    if actor.principal().kind == PrincipalKind::User || actor.child.is_some() {
        let ceiling = bounds(transaction.connection, actor)?;
        within(actor, &Bounds::default(), &ceiling)?;
    }
    let category = |principal: &Principal| PrincipalCategory::of(principal.kind, &principal.username().to_string());
    if named.iter().any(|principal| category(principal) == PrincipalCategory::ServiceAccount) {
        actor.require(Permission::ManageServiceAccounts)?;
    }
    Ok(())
}

/// Checks that an actor that administers an asset may have it name these principals: every deny about the asset, or
/// about anything beneath it, that binds the actor must bind them, too.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_share(
    transaction: &mut Transaction<'_>,
    qualified_name: &str,
    named: &[Principal],
) -> Result<()> {
    if administers(transaction.actor) || named.is_empty() {
        return Ok(());
    }
    let scope = Scope::at(qualified_name);
    let denies = grounds::reach(transaction, &scope)?.denies_within(&scope);
    if denies.are_none() {
        return Ok(());
    }
    for principal in named {
        transaction.effort.go_on()?;
        if !denies.bind(&reach(transaction, principal.id)?) {
            let username = transaction.actor.username();
            let named = principal.username();
            let message = format!(
                "`{username}` cannot share the asset with `{named}`: a policy denies `{username}` something that it \
                 does not deny `{named}`"
            );
            return Err(Error::Forbidden(message));
        }
    }
    Ok(())
}

/// Checks that an actor may have something name roles: only users with the role `$admin` may. Giving a role more reach
/// stops other actors from granting that role. The role `$admin` itself may be named by any actor: it reaches
/// everything anyway.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name_roles(actor: &Actor, roles: &[Role]) -> Result<()> {
    let role = Role::Admin;
    if administers(actor) || roles.iter().all(|named| *named == role) {
        return Ok(());
    }
    let (username, role) = (actor.username(), role.name());
    Err(Error::Forbidden(format!("`{username}` cannot name roles: a user with the role `{role}` can")))
}
