//! Policies outside personas: list, get, create, update, delete; and the initial policies of every installation.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::edition::Expected;
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::{Id, PolicyId};
use crate::domain::listing::{Page, RecordCounts, clip};
use crate::domain::permission::Permission;
use crate::domain::policy::engine::Slice;
use crate::domain::policy::system::{self, URN_PREFIX};
use crate::domain::policy::{Category, Effect, Policy, Rule, Subjects};
use crate::domain::text::{Description, DisplayName, at, fold, is_hidden};
use crate::service::authz::policy_writing::{may_change_shared, may_end_effect, may_write_about, may_write_shared};
use crate::service::authz::{giving, outgrown};
use crate::service::catalogue::persona_room;
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_principals;
use crate::storage::policies;
use crate::storage::principals::{self, Existed};

/// What a client may write of a policy outside personas; creating and updating take the same.
#[derive(Debug, Clone)]
pub struct PolicyInput {
    /// For display; not unique.
    pub name: DisplayName,
    /// The description; may be empty.
    pub description: Description,
    /// The rule.
    pub rule: Rule,
    /// Whether the policy is in effect.
    pub enabled: bool,
    /// Attributes of the client that decide nothing.
    pub attributes: Map<String, Value>,
}

impl PolicyInput {
    /// What there is of a policy.
    ///
    /// # Errors
    /// Violations, for a policy whose name or description could not be written now.
    pub fn of(policy: &Policy) -> Result<Self> {
        Ok(Self {
            name: at("name", DisplayName::parse(&policy.name))?,
            description: at("description", Description::parse(&policy.description))?,
            rule: policy.rule.clone(),
            enabled: policy.enabled,
            attributes: policy.attributes.clone(),
        })
    }
}

/// Selects among the policies outside personas.
#[derive(Debug, Clone, Default)]
pub struct PolicySearch {
    /// Part of the name, ignoring case.
    pub text: String,
    /// Members that must be one of these values: `state` and `editable`.
    pub members: BTreeMap<Member, Vec<String>>,
    /// How many results to skip.
    pub start: usize,
    /// The largest number of results.
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

/// One page of the policies outside personas, oldest first. There are few, so they are filtered in memory.
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
    let counts = RecordCounts { total: size(total)?, filtered: size(found.len())? };
    let records = found.into_iter().skip(search.start).take(search.count).collect();
    Ok(Page { records, counts: Some(counts), next: None })
}

/// The policy outside personas with this id.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`].
pub async fn get(service: &Service, actor: &Actor, id: PolicyId) -> Result<Policy> {
    service.require(actor, Permission::ManagePolicies)?;
    let found = service.read(move |connection| policies::find(connection, id)).await?;
    found.filter(|policy| policy.persona.is_none()).ok_or_else(|| not_found(&id.to_string()))
}

/// Creates a policy outside personas.
///
/// # Errors
/// [`Error::Forbidden`], also for a permission that the actor does not hold and for entities that it does not
/// administer; [`Error::NotFound`] for entities that it does not see; violations.
pub async fn create(service: &Service, actor: &Actor, input: PolicyInput) -> Result<Policy> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            hold_named(transaction, &input.rule)?;
            transaction.lock_policies()?;
            may_write_shared(transaction, &input.rule)?;
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
            let object = may_write_about(transaction, &policy.rule)?;
            insert(transaction, &policy, object.as_deref())?;
            Ok(policy)
        })
        .await
}

/// Updates the policy with this URN.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], also for a policy of the system; [`Error::Changed`] when it has another
/// edition than expected.
pub async fn update(
    service: &Service,
    actor: &Actor,
    urn: String,
    input: PolicyInput,
    expected: Expected,
) -> Result<Policy> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            hold_named(transaction, &input.rule)?;
            transaction.lock_policies()?;
            may_write_shared(transaction, &input.rule)?;
            let before = editable(transaction, &urn)?;
            may_end_effect(transaction, &before.rule)?;
            may_change_shared(transaction, &before)?;
            expected.check(&before.edition())?;
            let policy = Policy {
                name: input.name.as_str().to_owned(),
                description: input.description.as_str().to_owned(),
                rule: input.rule.clone(),
                enabled: input.enabled,
                attributes: input.attributes.clone(),
                updated_at: transaction.now,
                ..before
            };
            let object = may_write_about(transaction, &policy.rule)?;
            replace(transaction, &policy, object.as_deref())?;
            Ok(policy)
        })
        .await
}

/// Deletes the policy with this URN.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], also for a policy of the system.
pub async fn delete(service: &Service, actor: &Actor, urn: String) -> Result<()> {
    delete_edition(service, actor, urn, Expected::Any).await
}

/// Deletes the policy with this URN, as it was shown.
///
/// # Errors
/// Those of [`delete`]; [`Error::Changed`] when it has another edition than expected.
pub async fn delete_edition(service: &Service, actor: &Actor, urn: String, expected: Expected) -> Result<()> {
    service.require(actor, Permission::ManagePolicies)?;
    service
        .write(actor, move |transaction| {
            transaction.lock_policies()?;
            let policy = editable(transaction, &urn)?;
            may_end_effect(transaction, &policy.rule)?;
            may_change_shared(transaction, &policy)?;
            expected.check(&policy.edition())?;
            remove(transaction, &policy)
        })
        .await
}

/// Inserts a policy of either kind about this object.
pub(in crate::service) fn insert(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    object: Option<&str>,
) -> Result<()> {
    check(policy)?;
    transaction.lock_policies()?;
    policies::insert(transaction.connection, policy)?;
    store_and_check(transaction, policy, object, Action::PolicyCreated)
}

/// Replaces a policy of either kind; `object` is what it is about now.
pub(in crate::service) fn replace(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    object: Option<&str>,
) -> Result<()> {
    check(policy)?;
    transaction.lock_policies()?;
    let unknown = || not_found(&policy.qualified_name);
    let before = policies::find(transaction.connection, policy.id)?.ok_or_else(unknown)?;
    if policies::update(transaction.connection, policy)? == Existed::No {
        return Err(unknown());
    }
    let says_the_same =
        (&before.rule, before.enabled, before.persona) == (&policy.rule, policy.enabled, policy.persona);
    store_and_check(
        transaction,
        policy,
        object,
        if says_the_same { Action::PolicyDescribed } else { Action::PolicyUpdated },
    )
}

/// Stores the object of a written policy, and checks the principals that it names: creators of tokens for them may not
/// reach what it allows.
fn store_and_check(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    object: Option<&str>,
    action: Action,
) -> Result<()> {
    policies::set_object(transaction.connection, policy.id, object)?;
    let mut named = Vec::new();
    for username in &policy.rule.subjects.users {
        named.extend(principals::find_by_username(transaction.connection, username)?);
    }
    if policy.rule.effect == Effect::Allow {
        giving::may_name(transaction, &named)?;
        outgrown::end_or_refuse_at_end(transaction, &named);
    } else {
        transaction.effort.change_own_rights();
    }
    transaction.record(action, ChangeSubject::Policy(policy.id.uuid()), &policy.name)
}

/// Removes a policy of either kind.
pub(in crate::service) fn remove(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    transaction.lock_policies()?;
    if policies::delete(transaction.connection, policy.id)? == Existed::No {
        return Err(not_found(&policy.qualified_name));
    }
    persona_room::leave(transaction, policy);
    transaction.record(Action::PolicyDeleted, ChangeSubject::Policy(policy.id.uuid()), &policy.name)
}

/// Creates the initial policies of an installation, once: those deleted later stay deleted. `root` is the user created
/// by this very start, if any; a name without a user gets nothing.
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
        // Another node created them first.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Locks the principals that a rule names until the commit: before the revision, in the same order as a deletion.
/// Unknown names are refused: otherwise the policy would apply to a principal created later under the name.
///
/// # Errors
/// A violation that lists the unknown names.
fn hold_named(transaction: &mut Transaction<'_>, rule: &Rule) -> Result<()> {
    // PostgreSQL rejects NUL characters in text.
    let names: Vec<&str> = rule.subjects.users.iter().map(String::as_str).filter(|name| !name.contains('\0')).collect();
    let held = hold_principals(transaction.connection, &names)?;
    let unknown = rule.subjects.users.iter().filter(|name| !held.iter().any(|held| held.username == **name));
    let unknown: Vec<String> = unknown.map(|name| format!("`{}`", clip(name))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Violation::new("actors.users", format!("names no user: {}", unknown.join(", "))).into())
}

/// The most actions, resources and subjects together in one policy. Each costs decision time.
const NAMES: usize = 1000;

/// Rejects a policy that does not compile or that is too large to decide quickly.
pub(in crate::service) fn check(policy: &Policy) -> Result<()> {
    let Subjects { users, groups, roles, .. } = &policy.rule.subjects;
    let names = policy.rule.names() + users.len() + groups.len() + roles.len();
    if names > NAMES {
        let message = format!("has {names} actions, resources and subjects; {NAMES} are allowed");
        return Err(Violation::new("policy", message).into());
    }
    // Nothing has such a name, and PostgreSQL takes no NUL in a text.
    let is_plain = |text: &String| !text.chars().any(is_hidden);
    if !policy.rule.resources.iter().flat_map(|criterion| &criterion.values).all(is_plain) {
        return Err(Violation::new("resources", "must have no values with hidden characters").into());
    }
    let compiled = Slice::compile([policy]);
    compiled.map(drop).map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Violation::new("policy", format!("does not compile: {}", clip(&why))).into()
    })
}

fn editable(transaction: &mut Transaction<'_>, urn: &str) -> Result<Policy> {
    let found = policies::find_by_qualified_name(transaction.connection, urn)?;
    require_editable(found.filter(|policy| policy.persona.is_none()).ok_or_else(|| not_found(urn))?)
}

/// The policy, if it can be changed.
///
/// # Errors
/// [`Error::Forbidden`] for a policy of the system.
pub fn require_editable(policy: Policy) -> Result<Policy> {
    if policy.editable {
        return Ok(policy);
    }
    Err(Error::Forbidden(format!("the policy `{}` is the system's own and cannot be changed", policy.name)))
}

fn not_found(urn: &str) -> Error {
    Error::NotFound { kind: "policy", id: urn.to_owned() }
}
