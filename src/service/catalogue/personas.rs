//! Personas: create, list, get, update, delete.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::edition::Expected;
use crate::domain::entity::{Attributes, Handle, Head, PersonaDraft};
use crate::domain::error::{Error, Result};
use crate::domain::fields::PersonaField;
use crate::domain::ids::{Id, PersonaId, PrincipalId};
use crate::domain::listing::{Page, Query, clip};
use crate::domain::permission::Permission;
use crate::domain::persona::{Persona, PersonaInput, mint_qualified_name};
use crate::domain::policy::Policy;
use crate::domain::principal::PrincipalKind;
use crate::domain::sight::SeenPrincipals;
use crate::domain::text::DisplayName;
use crate::service::authz::authority::may_release;
use crate::service::authz::containment;
use crate::service::authz::outgrown::end_outgrown_tokens;
use crate::service::authz::persona_writing::{may_change_own_persona, may_switch};
use crate::service::authz::sight;
use crate::service::catalogue::saved::{Membership, Saved};
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_principals;
use crate::storage::principals::{self, Existed};
use crate::storage::{personas, policies};

/// Creates a persona.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Conflict`] when the name is taken.
pub async fn create(service: &Service, actor: &Actor, input: PersonaInput) -> Result<Persona> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            let persona = new(transaction, &input, Attributes::default())?;
            insert(transaction, &persona)?;
            Ok(persona)
        })
        .await
}

/// Builds a new persona.
pub(in crate::service) fn new(
    transaction: &Transaction<'_>,
    input: &PersonaInput,
    attributes: Attributes,
) -> Result<Persona> {
    Ok(Persona {
        id: Id::new(transaction.now, transaction.service.entropy)?,
        qualified_name: mint_qualified_name(transaction.service.entropy)?,
        name: input.name.as_str().to_owned(),
        display_name: input.display_name.as_str().to_owned(),
        description: input.description.as_str().to_owned(),
        enabled: input.enabled,
        attributes,
        created_by: transaction.actor.username().to_string(),
        created_at: transaction.now,
        updated_at: transaction.now,
    })
}

/// Inserts a persona.
pub(in crate::service) fn insert(transaction: &mut Transaction<'_>, persona: &Persona) -> Result<()> {
    personas::insert(transaction.connection, persona)?;
    transaction.record(Action::PersonaCreated, ChangeSubject::Persona(persona.id.uuid()), &persona.name)
}

/// Writes a persona that the transaction has locked.
fn replace(transaction: &mut Transaction<'_>, persona: &Persona, action: Action) -> Result<()> {
    personas::replace(transaction.connection, persona)?;
    transaction.record(action, ChangeSubject::Persona(persona.id.uuid()), &persona.name)
}

/// The fields of a persona that principals linked to it hold in their cached records.
fn cached_fields(persona: &Persona) -> (String, bool) {
    (persona.name.clone(), persona.enabled)
}

fn action(is_described_only: bool) -> Action {
    if is_described_only { Action::PersonaDescribed } else { Action::PersonaUpdated }
}

/// Deletes a persona with its policies and links.
pub(in crate::service) fn remove(transaction: &mut Transaction<'_>, id: PersonaId) -> Result<()> {
    transaction.lock_policies()?;
    may_change_own_persona(transaction, id)?;
    may_release(transaction, id)?;
    if personas::delete(transaction.connection, id)? == Existed::No {
        return Err(not_found(id));
    }
    transaction.record(Action::PersonaDeleted, ChangeSubject::Persona(id.uuid()), &id.to_string())
}

/// One page of the personas that the actor sees.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor, query: Query<PersonaField>) -> Result<Page<Persona>> {
    let began = Instant::now();
    let listed = service.page(actor, query, sight::personas(actor)).await?;
    sight::delay_if_missing(began, listed, |page| page.records.is_empty()).await
}

/// One persona.
///
/// # Errors
/// [`Error::NotFound`], also for a persona that the actor does not see.
pub async fn get(service: &Service, actor: &Actor, id: PersonaId) -> Result<Persona> {
    let (began, seen, now) = (Instant::now(), sight::personas(actor), service.clock.now());
    let found = service.read(move |connection| personas::find_seen(connection, id, &seen, now)).await?;
    sight::delay_if_refused(began, found.ok_or_else(|| not_found(id))).await
}

/// The policies of a persona, as far as an actor may read them.
pub struct PersonaPolicies {
    /// Those that it may read, the oldest first.
    pub policies: Vec<Policy>,
    /// How many others there are.
    pub hidden: usize,
}

/// The policies of a persona that the actor may read, the oldest first, and how many others there are.
///
/// # Errors
/// [`Error::NotFound`], also for a persona that the actor does not see.
pub async fn policies(service: &Service, actor: &Actor, id: PersonaId) -> Result<PersonaPolicies> {
    let (began, seen, now, asking) = (Instant::now(), sight::personas(actor), service.clock.now(), actor.clone());
    let found = service
        .read(move |connection| {
            if personas::find_seen(connection, id, &seen, now)?.is_none() {
                return Ok(None);
            }
            let all = policies::of_persona(connection, id)?;
            let count = all.len();
            let policies = sight::readable(connection, &asking, asking.has_persona(id), all)?;
            Ok(Some(PersonaPolicies { hidden: count - policies.len(), policies }))
        })
        .await?;
    sight::delay_if_refused(began, found.ok_or_else(|| not_found(id))).await
}

/// Updates a persona; its qualified name does not change.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Changed`] when the edition is not the expected one,
/// [`Error::Conflict`] when the name is taken.
pub async fn update(
    service: &Service,
    actor: &Actor,
    id: PersonaId,
    input: PersonaInput,
    expected: Expected,
) -> Result<Persona> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            let before = personas::lock(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            let known = cached_fields(&before);
            expected.check(&before.edition())?;
            may_switch(transaction, &before, input.enabled)?;
            let persona = Persona {
                name: input.name.as_str().to_owned(),
                display_name: input.display_name.as_str().to_owned(),
                description: input.description.as_str().to_owned(),
                enabled: input.enabled,
                updated_at: transaction.now,
                ..before
            };
            replace(transaction, &persona, action(known == cached_fields(&persona)))?;
            Ok(persona)
        })
        .await
}

/// Deletes a persona with its links.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]
pub async fn delete(service: &Service, actor: &Actor, id: PersonaId) -> Result<()> {
    service.require(actor, Permission::ManagePersonas)?;
    service.write(actor, move |transaction| remove(transaction, id)).await
}

/// Deletes a persona with its links, as it was shown with its policies: see [`Persona::edition_with`].
///
/// # Errors
/// Those of [`delete`]; [`Error::Changed`] when it or a policy of it has changed.
pub async fn delete_edition(service: &Service, actor: &Actor, id: PersonaId, expected: Expected) -> Result<()> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            // Holds the policies as they are, until the commit.
            transaction.lock_policies()?;
            let persona = personas::lock(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            let policies = policies::of_persona(transaction.connection, id)?;
            expected.check(&persona.edition_with(&policies))?;
            remove(transaction, id)
        })
        .await
}

fn not_found(id: PersonaId) -> Error {
    Error::NotFound { kind: "persona", id: id.to_string() }
}

/// Creates or updates a persona; the actor must be a persona manager.
pub(in crate::service) fn save(transaction: &mut Transaction<'_>, draft: &PersonaDraft) -> Result<Saved> {
    let head = &draft.head;
    let before = match (&head.handle, &head.qualified_name) {
        (Handle::Known(id), _) => {
            let id = PersonaId::from(*id);
            Some(personas::lock(transaction.connection, id)?.ok_or_else(|| not_found(id))?)
        }
        (_, Some(name)) => personas::lock_by_qualified_name(transaction.connection, name)?,
        (_, None) => None,
    };
    match before {
        Some(before) => update_from(transaction, before, draft),
        // For a new persona, clients send its name as the qualified name. A qualified name minted here refers to an
        // existing persona.
        None => match head.qualified_name.as_ref().filter(|name| head.is_reference(name)) {
            Some(name) => Err(Error::NotFound { kind: "persona", id: clip(name) }),
            None => create_from(transaction, draft),
        },
    }
}

fn create_from(transaction: &mut Transaction<'_>, draft: &PersonaDraft) -> Result<Saved> {
    let name = draft.head.required_name()?;
    let input = PersonaInput {
        name: name.clone(),
        display_name: draft.display_name.as_ref().unwrap_or(name).clone(),
        description: draft.description.clone().unwrap_or_default(),
        enabled: draft.enabled.unwrap_or(true),
    };
    let persona = new(transaction, &input, draft.head.merged(Attributes::default()))?;
    insert(transaction, &persona)?;
    link_users(transaction, draft, persona.id)?;
    Ok(Saved::Created(persona.id.uuid()))
}

fn update_from(transaction: &mut Transaction<'_>, before: Persona, draft: &PersonaDraft) -> Result<Saved> {
    let head = &draft.head;
    if head.qualified_name.as_ref().is_some_and(|name| *name != before.qualified_name && head.is_reference(name)) {
        return Err(head.violation("qualifiedName", "cannot be changed").into());
    }
    may_switch(transaction, &before, draft.enabled.unwrap_or(before.enabled))?;
    let known = cached_fields(&before);
    let text = |new: Option<&DisplayName>, old: String| new.map_or(old, |new| new.as_str().to_owned());
    let after = Persona {
        name: text(head.name.as_ref(), before.name),
        display_name: text(draft.display_name.as_ref(), before.display_name),
        description: draft.description.as_ref().map_or(before.description, |new| new.as_str().to_owned()),
        enabled: draft.enabled.unwrap_or(before.enabled),
        attributes: head.merged(before.attributes),
        updated_at: transaction.now,
        ..before
    };
    // The linked users may change, too.
    replace(transaction, &after, action(known == cached_fields(&after) && draft.users.is_none()))?;
    link_users(transaction, draft, after.id)?;
    Ok(Saved::Updated(after.id.uuid()))
}

/// Links a persona to a user, or unlinks it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], a violation for a user who does not exist.
pub async fn change_user(
    service: &Service,
    actor: &Actor,
    id: PersonaId,
    username: String,
    membership: Membership,
) -> Result<()> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            let before = personas::lock(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            let users =
                personas::users_of(transaction.connection, &[id.to_string()])?.into_values().flatten().collect();
            let head = Head { handle: Handle::Known(id.uuid()), ..Head::default() };
            let violation = |message: String| head.violation("personaUsers", message);
            let users = Some(membership.change(users, &username, violation)?);
            let draft = PersonaDraft { head, display_name: None, description: None, enabled: None, users };
            update_from(transaction, before, &draft).map(drop)
        })
        .await
}

/// Links a persona to exactly the users that a draft names. API keys are linked through their own endpoints.
fn link_users(transaction: &mut Transaction<'_>, draft: &PersonaDraft, persona: PersonaId) -> Result<()> {
    let Some(names) = &draft.users else { return Ok(()) };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut held = hold_principals(transaction.connection, &names)?;
    held.retain(|principal| principal.kind == PrincipalKind::User.name());
    let is_unknown = |name: &&&str| !held.iter().any(|principal| principal.username == **name);
    let unknown: Vec<_> = names.iter().filter(is_unknown).map(|name| format!("`{}`", clip(name))).collect();
    if !unknown.is_empty() {
        let message = format!("names no user: {}", unknown.join(", "));
        return Err(draft.head.violation("personaUsers", message).into());
    }
    let ids: BTreeSet<String> = held.into_iter().map(|principal| principal.id).collect();
    let before: BTreeSet<String> = personas::user_ids_of(transaction.connection, persona)?.into_iter().collect();
    if !before.is_subset(&ids) {
        may_release(transaction, persona)?;
    }
    let changed: Vec<String> = ids.symmetric_difference(&before).cloned().collect();
    if changed.contains(&transaction.actor.id().to_string()) {
        transaction.changes_own_link(persona);
    }
    // Conflicts with a write of such a user, who is held before it commits.
    let mut changing = changed.iter().filter_map(|id| PrincipalId::parse(id));
    changing.try_for_each(|id| principals::lock_by_id(transaction.connection, id))?;
    let changed = principals::find_many(transaction.connection, &changed, &SeenPrincipals::everybody())?;
    let changing = changed.iter().map(|user| containment::may_link(transaction, user.id));
    let changing = changing.collect::<Result<Vec<_>>>()?;
    personas::replace_users(transaction.connection, persona, &ids.into_iter().collect::<Vec<_>>())?;
    changing.into_iter().try_for_each(|each| each.finish_unbounded(transaction))?;
    changed.iter().try_for_each(|user| end_outgrown_tokens(transaction, user))
}
