//! Policies of personas, as Atlan's clients write them.

use std::collections::BTreeMap;
use std::time::Instant;

use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::edition::Expected;
use crate::domain::entity::{Attributes, Handle, Head, PersonaReference, PolicyDraft};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::{Id, PersonaId, PolicyId};
use crate::domain::listing::clip;
use crate::domain::permission::Permission;
use crate::domain::persona::Persona;
use crate::domain::policy::{Category, Policy, Rule, Subjects};
use crate::service::authz::authority::{self, CONNECTION};
use crate::service::authz::compare::{self, AccessComparison};
use crate::service::authz::persona_writing::{may_change_own_persona, may_find_policy};
use crate::service::authz::sight;
use crate::service::catalogue::persona_room::check_room;
use crate::service::catalogue::policies;
use crate::service::catalogue::saved::Saved;
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::{personas, policies as stored};

/// Creates or updates one policy.
///
/// # Errors
/// [`Error::Forbidden`] without authority over what the policy is about, [`Error::NotFound`], violations,
/// [`Error::Changed`] when an existing policy has another edition than expected.
pub async fn write(service: &Service, actor: &Actor, draft: PolicyDraft, expected: Expected) -> Result<()> {
    let began = Instant::now();
    let outcome =
        service.write(actor, move |transaction| save(transaction, &draft, &BTreeMap::new(), &expected).map(drop)).await;
    sight::delay_if_refused(began, outcome).await
}

/// Deletes one policy.
///
/// # Errors
/// Those of [`write()`].
pub async fn delete(service: &Service, actor: &Actor, id: PolicyId, expected: Expected) -> Result<()> {
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            transaction.lock_policies()?;
            let unknown = || not_found(&id.to_string());
            may_find_policy(transaction, id.uuid(), unknown)?;
            let policy = stored::find(transaction.connection, id)?.ok_or_else(unknown)?;
            expected.check(&policy.edition())?;
            remove(transaction, &policy)
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// A change of a persona's policies.
#[derive(Debug, Clone)]
pub enum PolicyChange {
    /// A policy is created or updated.
    Write(Box<PolicyDraft>),
    /// A policy is deleted.
    Delete(PolicyId),
    /// All are deleted, with the persona.
    DeleteAll,
}

/// What a change would give to the principals linked to the persona, and take from them. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`] for a persona or a policy that the actor does not see; [`Error::Forbidden`] for the deletion of all
/// policies if the actor may not read each of them; violations of the draft.
pub async fn preview(
    service: &Service,
    actor: &Actor,
    persona: PersonaId,
    change: PolicyChange,
) -> Result<AccessComparison> {
    let (began, parts, asking) = (Instant::now(), service.clone(), actor.clone());
    let outcome = service
        .read_of(actor.id(), move |connection, task| {
            let (seen, now) = (sight::seen_personas(&asking), parts.clock.now());
            let found = personas::find(connection, persona)?.filter(|_| seen.contains(persona));
            let known = found.ok_or_else(|| Error::NotFound { kind: "persona", id: persona.to_string() })?;
            let mut policies = stored::of_persona(connection, persona)?;
            let place = |connection: &mut AnyConnection, policies: &[Policy], id: PolicyId| -> Result<usize> {
                let readable = sight::readable(connection, &asking, asking.has_persona(persona), policies.to_vec())?;
                let place = policies.iter().position(|policy| policy.id == id);
                let place = place.filter(|_| readable.iter().any(|policy| policy.id == id));
                place.ok_or_else(|| not_found(&id.to_string()))
            };
            match &change {
                PolicyChange::Write(draft) => {
                    let policy = match draft.head.handle {
                        Handle::Known(id) => {
                            let place = place(connection, &policies, id.into())?;
                            applied(policies.remove(place), draft, now)
                        }
                        _ => made(&known, draft, Id::new(now, parts.entropy)?, &asking, now)?,
                    };
                    check_actions(draft, &policy.rule)?;
                    policies::check(&policy)?;
                    policies.push(policy);
                }
                PolicyChange::Delete(id) => {
                    let place = place(connection, &policies, *id)?;
                    policies.remove(place);
                }
                PolicyChange::DeleteAll => {
                    let count = policies.len();
                    let is_own = asking.has_persona(persona);
                    // The comparison names what every policy is about.
                    if sight::readable(connection, &asking, is_own, policies)?.len() != count {
                        return Err(asking.lacks(Permission::ManagePersonas));
                    }
                    policies = Vec::new();
                }
            }
            compare::of_members(&parts, connection, task, &asking, persona, &policies)
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// Creates or updates a policy; the actor needs authority over what it is about. Also returns the id of its persona.
pub(in crate::service) fn save(
    transaction: &mut Transaction<'_>,
    draft: &PolicyDraft,
    assigned: &BTreeMap<String, Uuid>,
    expected: &Expected,
) -> Result<(Saved, Uuid)> {
    transaction.lock_policies()?;
    let head = &draft.head;
    let before = match (&head.handle, &head.qualified_name) {
        // First whether it is seen: an unseen policy takes the path of a missing one.
        (Handle::Known(id), _) => {
            may_find_policy(transaction, *id, || asked_for(head))?;
            Some(stored::find(transaction.connection, (*id).into())?.ok_or_else(|| asked_for(head))?)
        }
        (_, Some(name)) => {
            let found = stored::find_by_qualified_name(transaction.connection, name)?;
            if found.is_some() || head.is_reference(name) {
                let id = found.as_ref().map_or(Uuid::nil(), |policy| policy.id.uuid());
                may_find_policy(transaction, id, || asked_for(head))?;
            }
            found
        }
        (_, None) => None,
    };
    let Some(before) = before else {
        // For a new policy, clients send its name as the qualified name. One that was minted here refers to an existing
        // policy, and was not found above.
        return create(transaction, draft, assigned);
    };
    let persona = before.persona.ok_or_else(|| asked_for(head))?;
    expected.check(&before.edition())?;
    let persona = lock(transaction, draft, persona)?;
    may_change_own_persona(transaction, persona.id)?;
    authority::may_change(transaction, &before)?;
    let is_own = |named: &PersonaReference| match named {
        PersonaReference::Id(id) => *id == persona.id.uuid(),
        PersonaReference::QualifiedName(name) => *name == persona.qualified_name,
        PersonaReference::Temporary(_) => false,
    };
    let other = draft.persona.as_ref().filter(|named| !is_own(named));
    let other = other.map(|named| resolve(transaction, draft, named, assigned)).transpose()?;
    if other.is_some_and(|named| named != persona.id) {
        return Err(head.violation("accessControl", "cannot be changed").into());
    }
    if head.qualified_name.as_ref().is_some_and(|name| *name != before.qualified_name && head.is_reference(name)) {
        return Err(head.violation("qualifiedName", "cannot be changed").into());
    }
    let (effect, names) = (before.rule.effect, before.rule.names());
    let after = applied(before, draft, transaction.now);
    check_actions(draft, &after.rule)?;
    if after.rule.effect != effect {
        authority::may_deny(transaction.actor, persona.id, after.rule.effect)?;
    }
    let object = object(transaction, draft, &after)?;
    if object.is_none() {
        transaction.service.require(transaction.actor, Permission::ManagePersonas)?;
    }
    check_room(transaction, &after, names, object.as_deref())?;
    policies::replace(transaction, &after, object.as_deref())?;
    Ok((Saved::Updated(after.id.uuid()), persona.id.uuid()))
}

/// An existing policy with the changes of a draft.
fn applied(before: Policy, draft: &PolicyDraft, now: i64) -> Policy {
    let head = &draft.head;
    Policy {
        name: head.name.as_ref().map_or(before.name, |name| name.as_str().to_owned()),
        description: draft.description.as_ref().map_or(before.description, |new| new.as_str().to_owned()),
        rule: Rule {
            category: draft.category.unwrap_or(before.rule.category),
            effect: draft.effect.unwrap_or(before.rule.effect),
            actions: draft.actions.clone().unwrap_or(before.rule.actions),
            resources: draft.resources.clone().unwrap_or(before.rule.resources),
            subjects: before.rule.subjects,
        },
        enabled: draft.enabled.unwrap_or(before.enabled),
        attributes: head.merged(before.attributes),
        updated_at: now,
        ..before
    }
}

/// The new policy of a draft.
fn made(persona: &Persona, draft: &PolicyDraft, id: PolicyId, maker: &Actor, now: i64) -> Result<Policy> {
    let head = &draft.head;
    let missing = |attribute: &str| head.violation(attribute, "is required");
    Ok(Policy {
        id,
        qualified_name: format!("{}/{id}", persona.qualified_name),
        persona: Some(persona.id),
        name: head.required_name()?.as_str().to_owned(),
        description: draft.description.as_ref().map_or_else(String::new, |text| text.as_str().to_owned()),
        rule: Rule {
            category: draft.category.ok_or_else(|| missing("policySubCategory"))?,
            effect: draft.effect.ok_or_else(|| missing("policyType"))?,
            actions: draft.actions.clone().ok_or_else(|| missing("policyActions"))?,
            resources: draft.resources.clone().ok_or_else(|| missing("policyResources"))?,
            subjects: Subjects::default(),
        },
        enabled: draft.enabled.unwrap_or(true),
        editable: true,
        attributes: head.merged(Attributes::new()),
        created_by: maker.username().to_string(),
        created_at: now,
        updated_at: now,
    })
}

fn create(
    transaction: &mut Transaction<'_>,
    draft: &PolicyDraft,
    assigned: &BTreeMap<String, Uuid>,
) -> Result<(Saved, Uuid)> {
    let persona = draft.persona.as_ref().ok_or_else(|| draft.head.violation("accessControl", "is required"))?;
    let persona = resolve(transaction, draft, persona, assigned)?;
    let persona = lock(transaction, draft, persona)?;
    let id: PolicyId = Id::new(transaction.now, transaction.service.entropy)?;
    let policy = made(&persona, draft, id, transaction.actor, transaction.now)?;
    check_actions(draft, &policy.rule)?;
    authority::may_deny(transaction.actor, persona.id, policy.rule.effect)?;
    may_change_own_persona(transaction, persona.id)?;
    let object = object(transaction, draft, &policy)?;
    // Writing about an object that the actor administers takes no right on the persona: it gives those linked to it
    // nothing else.
    if object.is_none() {
        transaction.service.require(transaction.actor, Permission::ManagePersonas)?;
    }
    check_room(transaction, &policy, 0, object.as_deref())?;
    policies::insert(transaction, &policy, object.as_deref())?;
    Ok((Saved::Created(id.uuid()), persona.id.uuid()))
}

/// Deletes a policy of a persona.
pub(in crate::service) fn remove(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    let persona = policy.persona.ok_or_else(|| not_found(&policy.id.to_string()))?;
    may_change_own_persona(transaction, persona)?;
    authority::may_change(transaction, policy)?;
    policies::remove(transaction, policy)
}

/// The object that a policy is about, once the actor's authority over it is checked. The policy's resources must lie
/// within its stated connection.
fn object(transaction: &mut Transaction<'_>, draft: &PolicyDraft, policy: &Policy) -> Result<Option<String>> {
    let connection_name =
        authority::connection_of(policy).map_err(|message| draft.head.violation(CONNECTION, message))?;
    if let Some(connection_name) = connection_name {
        let within = authority::check_within(&policy.rule, connection_name);
        within.map_err(|message| draft.head.violation("policyResources", message))?;
    }
    authority::may_write(transaction, &policy.rule, connection_name)
}

/// Checks that the actions belong to the policy's category.
fn check_actions(draft: &PolicyDraft, rule: &Rule) -> Result<(), Violation> {
    let is_unknown = |action: &&String| !rule.category.actions().any(|known| known == **action);
    let unknown: Vec<String> =
        rule.actions.iter().filter(is_unknown).map(|action| format!("`{}`", clip(action))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = rule.category.actions().map(|action| format!("`{action}`")).collect();
    let category: &Category = &rule.category;
    let message = format!(
        "names no action of the category `{}`: {}; its actions are {}",
        category.name(),
        unknown.join(", "),
        all.join(", ")
    );
    Err(draft.head.violation("policyActions", message))
}

/// The persona that a draft refers to, if the actor sees it.
fn resolve(
    transaction: &mut Transaction<'_>,
    draft: &PolicyDraft,
    reference: &PersonaReference,
    assigned: &BTreeMap<String, Uuid>,
) -> Result<PersonaId> {
    let id = match reference {
        PersonaReference::Id(id) => Some(PersonaId::from(*id)),
        PersonaReference::Temporary(name) => assigned.get(name).copied().map(PersonaId::from),
        PersonaReference::QualifiedName(name) => {
            personas::find_by_qualified_name(transaction.connection, name)?.map(|persona| persona.id)
        }
    };
    let seen = sight::seen_personas(transaction.actor);
    id.filter(|id| seen.contains(*id)).ok_or_else(|| unknown_persona(draft).into())
}

/// The persona, locked until the transaction ends.
fn lock(transaction: &mut Transaction<'_>, draft: &PolicyDraft, id: PersonaId) -> Result<Persona> {
    Ok(personas::lock(transaction.connection, id)?.ok_or_else(|| unknown_persona(draft))?)
}

fn unknown_persona(draft: &PolicyDraft) -> Violation {
    draft.head.violation("accessControl", "names no persona")
}

/// The error for a missing or unseen policy, with the id or name from the request.
fn asked_for(head: &Head) -> Error {
    match (&head.handle, &head.qualified_name) {
        (Handle::Known(id), _) => not_found(&id.to_string()),
        (_, name) => not_found(name.as_deref().unwrap_or_default()),
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound { kind: "policy", id: clip(id) }
}
