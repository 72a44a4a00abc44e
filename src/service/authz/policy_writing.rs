//! Who may write, change and end a policy outside personas: about permissions on the platform, or about
//! entities. `authority.rs` has the rules about the object of a policy, `giving.rs` those about what it gives.

use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::{Bucket, Category, Effect, Policy, Rule};
use crate::domain::principal::{PrincipalKind, Role};
use crate::service::Transaction;
use crate::service::authz::{authority, containment, giving};

/// Prevents privilege escalation: a platform policy may only permit what the actor holds.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_write_shared(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    may_change_own_policy(transaction.actor, rule)?;
    if rule.effect == Effect::Allow {
        may_be_about(transaction.actor, rule)?;
    }
    if rule.category != Category::Platform {
        return Ok(());
    }
    if rule.effect == Effect::Deny {
        return may_deny_permissions(transaction.actor);
    }
    let named: Permissions = rule.actions.iter().filter_map(|name| Permission::find(name)).collect();
    giving::may_permit(transaction, named)
}

/// Checks that the actor may end a policy's effect: ending a platform deny gives permissions, ending a platform allow
/// takes them away.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_end_effect(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    may_change_own_policy(transaction.actor, rule)?;
    match (rule.category, rule.effect) {
        (Category::Platform, Effect::Deny) => may_deny_permissions(transaction.actor),
        (Category::Platform, Effect::Allow) => giving::may_withdraw(transaction, rule),
        _ => Ok(()),
    }
}

/// Checks that the actor may change a policy: platform policies are for policy managers, others take authority over
/// their object.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change_shared(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    if policy.rule.category == Category::Platform { Ok(()) } else { authority::may_change(transaction, policy) }
}

/// The object that a policy about entities is about, once the actor's authority over it is checked.
///
/// # Errors
/// [`Error::NotFound`] for an object that the actor does not see, [`Error::Forbidden`] otherwise.
pub(in crate::service) fn may_write_about(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<Option<String>> {
    if rule.category == Category::Platform { Ok(None) } else { authority::may_write(transaction, rule, None) }
}

/// Checks the subjects of an allow policy: only administrators may name roles, and a service account may not allow
/// itself something under any name, because it would keep that for ever.
fn may_be_about(actor: &Actor, rule: &Rule) -> Result<()> {
    let roles: Vec<Role> = rule.subjects.roles.iter().filter_map(|name| Role::find(name)).collect();
    giving::may_name_roles(actor, &roles)?;
    let own = Bucket::of(actor.principal());
    let is_program = actor.principal().kind == PrincipalKind::ServiceAccount;
    if is_program && rule.subjects.buckets().any(|bucket| own.contains(&bucket)) {
        let message = format!("`{}` cannot write a policy that allows it something", actor.username());
        return Err(Error::Forbidden(message));
    }
    Ok(())
}

/// Only users with the role `$admin` may deny permissions: a deny could take them from principals that hold more than
/// the actor, and ending it gives them back.
fn may_deny_permissions(actor: &Actor) -> Result<()> {
    if containment::administers(actor) {
        return Ok(());
    }
    let (username, role) = (actor.username(), Role::Admin.name());
    Err(Error::Forbidden(format!("`{username}` cannot deny permissions: a user with the role `{role}` can")))
}

/// Checks that a service account does not change a policy that names it.
fn may_change_own_policy(actor: &Actor, rule: &Rule) -> Result<()> {
    let own = actor.username().to_string();
    if actor.principal().kind == PrincipalKind::ServiceAccount && rule.subjects.users.contains(&own) {
        return Err(Error::Forbidden(format!("`{own}` cannot change a policy that names it")));
    }
    Ok(())
}
