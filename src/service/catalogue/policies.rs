//! Policies: list, get, create, update, delete; and those that every installation begins with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::actor::Actor;
use crate::domain::change::{Action, Subject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::{Id, PolicyId};
use crate::domain::listing::{Counts, Page, clip};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::engine::Slice;
use crate::domain::policy::system::{self, URN_PREFIX};
use crate::domain::policy::{Bucket, Category, Effect, Policy, Rule, Subjects};
use crate::domain::principal::{PrincipalKind, Role};
use crate::domain::text::{Description, DisplayName, fold};
use crate::service::authz::{authority, giving, outgrown};
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_principals;
use crate::storage::policies;
use crate::storage::principals::{self, Existed};

/// Everything a client may write of a policy that is no persona's; creating and updating take the same.
#[derive(Debug, Clone)]
pub struct PolicyInput {
    /// For people; not unique.
    pub name: DisplayName,
    /// May be empty.
    pub description: Description,
    /// What it says.
    pub rule: Rule,
    /// Whether it says anything.
    pub enabled: bool,
    /// What the client wrote that decides nothing.
    pub attributes: Map<String, Value>,
}

/// Which of the policies that are no persona's.
#[derive(Debug, Clone, Default)]
pub struct PolicySearch {
    /// Part of the name, in either case.
    pub text: String,
    /// Members that must be one of these values: `state` and `editable`.
    pub members: BTreeMap<Member, Vec<String>>,
    /// After so many.
    pub start: usize,
    /// At most so many.
    pub count: usize,
}

/// What policies can be searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// `ACTIVE` or `INACTIVE`.
    State,
    /// `true` or `false`.
    Editable,
    /// `PLATFORM` or `METADATA`.
    Type,
}

impl Member {
    /// The value of a policy, as DataHub spells it.
    #[must_use]
    pub fn of(self, policy: &Policy) -> &'static str {
        match (self, policy.rule.category, policy.enabled, policy.editable) {
            (Self::State, _, true, _) => "ACTIVE",
            (Self::State, _, false, _) => "INACTIVE",
            (Self::Editable, .., true) => "true",
            (Self::Editable, .., false) => "false",
            (Self::Type, Category::Platform, ..) => "PLATFORM",
            (Self::Type, ..) => "METADATA",
        }
    }
}

/// One page of the policies that are no persona's, the oldest first. There are few, so they are searched in memory.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, search: PolicySearch) -> Result<Page<Policy>> {
    service.require(actor, Permission::ManagePolicies)?;
    let all = service.list(actor, policies::shared).await?;
    let total = all.len();
    let text = fold(&search.text);
    let found: Vec<Policy> = all
        .into_iter()
        .filter(|policy| fold(&policy.name).contains(&text))
        .filter(|policy| {
            search.members.iter().all(|(member, values)| values.iter().any(|value| value == member.of(policy)))
        })
        .collect();
    let size = |count: usize| i64::try_from(count).map_err(|error| Error::Internal(error.into()));
    let counts = Counts { total: size(total)?, filtered: size(found.len())? };
    let records = found.into_iter().skip(search.start).take(search.count).collect();
    Ok(Page { records, counts: Some(counts), next: None })
}

/// Creates a policy that is no persona's.
///
/// # Errors
/// [`Error::Forbidden`], also for a permission that the actor does not hold and for entities that it does not administer;
/// [`Error::NotFound`] for entities that it may not see; violations.
pub async fn create(service: &Service, actor: &Actor, input: PolicyInput) -> Result<Policy> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            hold_named(transaction, &input.rule)?;
            policies::raise_revision(transaction.connection)?;
            may_write(transaction, &input.rule)?;
            let id: PolicyId = Id::new(transaction.now, transaction.service.entropy)?;
            let policy = Policy {
                id,
                qualified_name: format!("{URN_PREFIX}{id}"),
                persona: None,
                name: input.name.as_str().to_owned(),
                description: input.description.as_str().to_owned(),
                rule: input.rule.clone(),
                enabled: input.enabled,
                editable: true,
                attributes: input.attributes.clone(),
                created_by: transaction.actor.username().to_string(),
                created_at: transaction.now,
                updated_at: transaction.now,
            };
            let object = object(transaction, &policy.rule)?;
            insert(transaction, &policy, object.as_deref())?;
            Ok(policy)
        })
        .await
}

/// Updates the policy of that URN.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], also for a policy of the system's own.
pub async fn update(service: &Service, actor: &Actor, urn: String, input: PolicyInput) -> Result<Policy> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            hold_named(transaction, &input.rule)?;
            policies::raise_revision(transaction.connection)?;
            may_write(transaction, &input.rule)?;
            let before = editable(transaction, &urn)?;
            may_unwrite(transaction, &before.rule)?;
            may_change(transaction, &before)?;
            let policy = Policy {
                name: input.name.as_str().to_owned(),
                description: input.description.as_str().to_owned(),
                rule: input.rule.clone(),
                enabled: input.enabled,
                attributes: input.attributes.clone(),
                updated_at: transaction.now,
                ..before
            };
            let object = object(transaction, &policy.rule)?;
            replace(transaction, &policy, object.as_deref())?;
            Ok(policy)
        })
        .await
}

/// Deletes the policy of that URN.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], also for a policy of the system's own.
pub async fn delete(service: &Service, actor: &Actor, urn: String) -> Result<()> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            policies::raise_revision(transaction.connection)?;
            let policy = editable(transaction, &urn)?;
            may_unwrite(transaction, &policy.rule)?;
            may_change(transaction, &policy)?;
            remove(transaction, &policy)
        })
        .await
}

/// Adds a policy, of whichever kind, about that object.
pub(in crate::service) fn insert(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    object: Option<&str>,
) -> Result<()> {
    check(policy)?;
    policies::raise_revision(transaction.connection)?;
    policies::insert(transaction.connection, policy)?;
    settle(transaction, policy, object, Action::PolicyCreated)
}

/// Replaces a policy, of whichever kind, that is now about that object.
pub(in crate::service) fn replace(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    object: Option<&str>,
) -> Result<()> {
    check(policy)?;
    policies::raise_revision(transaction.connection)?;
    let unknown = || not_found(&policy.qualified_name);
    let before = policies::find(transaction.connection, policy.id)?.ok_or_else(unknown)?;
    if policies::update(transaction.connection, policy)? == Existed::No {
        return Err(unknown());
    }
    let says_the_same =
        (&before.rule, before.enabled, before.persona) == (&policy.rule, policy.enabled, policy.persona);
    settle(transaction, policy, object, if says_the_same { Action::PolicyDescribed } else { Action::PolicyUpdated })
}

/// What follows the writing of a policy. One that names somebody gives them something that those who created tokens for
/// them may not reach.
fn settle(transaction: &mut Transaction<'_>, policy: &Policy, object: Option<&str>, action: Action) -> Result<()> {
    policies::set_object(transaction.connection, policy.id, object)?;
    let mut named = Vec::new();
    for username in &policy.rule.subjects.users {
        named.extend(principals::find_by_username(transaction.connection, username)?);
    }
    if policy.rule.effect == Effect::Allow {
        giving::may_name(transaction, &named)?;
        named.iter().try_for_each(|principal| outgrown::named(transaction, principal))?;
    }
    transaction.record(action, Subject::Policy(policy.id.uuid()), &policy.name)
}

/// Removes a policy, of whichever kind.
pub(in crate::service) fn remove(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    policies::raise_revision(transaction.connection)?;
    if policies::delete(transaction.connection, policy.id)? == Existed::No {
        return Err(not_found(&policy.qualified_name));
    }
    transaction.record(Action::PolicyDeleted, Subject::Policy(policy.id.uuid()), &policy.name)
}

/// Creates the policies that every installation begins with, once: what is deleted of them later stays deleted. `root`
/// is the user that this very start created, if it did: a name alone is nobody yet.
///
/// # Errors
/// When the storage fails.
pub async fn seed(service: &Service, root: Option<&str>) -> Result<()> {
    if service.read(|connection| policies::find_by_qualified_name(connection, system::ROOT)).await?.is_some() {
        return Ok(());
    }
    let seeds = system::policies(root, service.clock.now());
    let operator = Actor::operator(service.clock.now());
    let seeded = service
        .write(&operator, move |transaction| seeds.iter().try_for_each(|policy| insert(transaction, policy, None)));
    match seeded.await {
        // Another node was faster.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}

/// The object that a policy about entities will be about, for those who have authority over it.
fn object(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<Option<String>> {
    if rule.category == Category::Platform { Ok(None) } else { authority::may_write(transaction, rule, None) }
}

/// Policies of the platform are changed by those who manage policies, others by those who have authority over their
/// object.
fn may_change(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    if policy.rule.category == Category::Platform { Ok(()) } else { authority::may_change(transaction, policy) }
}

/// Nobody permits what they may not do: for the platform that is what they hold.
fn may_write(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    may_shape(transaction.actor, rule)?;
    if rule.effect == Effect::Allow {
        may_be_about(transaction.actor, rule)?;
    }
    if rule.category != Category::Platform {
        return Ok(());
    }
    if rule.effect == Effect::Deny {
        return may_deny(transaction.actor);
    }
    let named: Permissions = rule.actions.iter().filter_map(|name| Permission::find(name)).collect();
    giving::may_permit(transaction, named)
}

/// What a policy denies of the platform is given to somebody when it goes; what it permits is taken away.
fn may_unwrite(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    may_shape(transaction.actor, rule)?;
    match (rule.category, rule.effect) {
        (Category::Platform, Effect::Deny) => may_deny(transaction.actor),
        (Category::Platform, Effect::Allow) => giving::may_withdraw(transaction, rule),
        _ => Ok(()),
    }
}

/// Refuses an allow about roles to all but administrators, and to a program one that is about itself by whatever name: what
/// it was given would be its own for ever.
fn may_be_about(actor: &Actor, rule: &Rule) -> Result<()> {
    let roles: Vec<Role> = rule.subjects.roles.iter().filter_map(|name| Role::find(name)).collect();
    giving::may_name_roles(actor, &roles)?;
    let own = Bucket::of(actor.principal());
    let is_program = actor.principal().kind == PrincipalKind::ServiceAccount;
    if is_program && rule.subjects.buckets().any(|bucket| own.contains(&bucket)) {
        let message = format!("`{}` cannot write a policy that allows something to itself", actor.username());
        return Err(Error::Forbidden(message));
    }
    Ok(())
}

/// A policy that takes permissions away could take them from those who hold more, and without it they are given.
fn may_deny(actor: &Actor) -> Result<()> {
    if actor.principal().is_administrator() && actor.principal().kind == PrincipalKind::User {
        return Ok(());
    }
    let (username, role) = (actor.username(), Role::Admin.name());
    Err(Error::Forbidden(format!("`{username}` is no user with the role `{role}`: only those deny permissions")))
}

/// A program may not change what a policy says of it by name.
fn may_shape(actor: &Actor, rule: &Rule) -> Result<()> {
    let own = actor.username().to_string();
    if actor.principal().kind == PrincipalKind::ServiceAccount && rule.subjects.users.contains(&own) {
        return Err(Error::Forbidden(format!("`{own}` cannot change a policy that names itself")));
    }
    Ok(())
}

/// Holds the principals that a rule names until the commit, in the order in which a deletion locks: them before the
/// revision. A name that nobody bears is refused, as whoever bears it later is not who was meant.
///
/// # Errors
/// A violation that lists the unknown names.
fn hold_named(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    // PostgreSQL cannot even be asked about names with a NUL.
    let names: Vec<&str> = rule.subjects.users.iter().map(String::as_str).filter(|name| !name.contains('\0')).collect();
    let held = hold_principals(transaction.connection, &names)?;
    let unknown = rule.subjects.users.iter().filter(|name| !held.iter().any(|held| held.username == **name));
    let unknown: Vec<String> = unknown.map(|name| format!("`{}`", clip(name))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Violation::new("actors.users", format!("names nobody: {}", unknown.join(", "))).into())
}

/// The most names that one policy can hold: of actions, resources and subjects together. Each takes the engine time.
const NAMES: usize = 1000;

/// A policy that the engine does not understand, or that would keep it busy, is not kept.
fn check(policy: &Policy) -> Result<()> {
    let Subjects { users, groups, roles, .. } = &policy.rule.subjects;
    let names = policy.rule.names() + users.len() + groups.len() + roles.len();
    if names > NAMES {
        let message = format!("has {names} actions, resources and subjects; {NAMES} are allowed");
        return Err(Violation::new("policy", message).into());
    }
    let compiled = Slice::compile([policy]);
    compiled.map(drop).map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Violation::new("policy", format!("does not compile: {}", clip(&why))).into()
    })
}

fn editable(transaction: &mut Transaction<'_>, urn: &str) -> Result<Policy> {
    let found = policies::find_by_qualified_name(transaction.connection, urn)?;
    let policy = found.filter(|policy| policy.persona.is_none()).ok_or_else(|| not_found(urn))?;
    if policy.editable {
        return Ok(policy);
    }
    Err(Error::Forbidden(format!("the policy `{}` is the system's own and cannot be changed", policy.name)))
}

fn not_found(urn: &str) -> Error {
    Error::NotFound { kind: "policy", id: urn.to_owned() }
}
