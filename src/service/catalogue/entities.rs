//! Bulk writes of entities by Atlan's clients: one call is one transaction.

use std::collections::HashSet;
use std::time::Instant;

use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::edition::Expected;
use crate::domain::entity::{Draft, Entity, Handle, Mutation};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::permission::Permission;
use crate::domain::sight::Sight;
use crate::service::authz::asset_writing::Rights;
use crate::service::authz::sight;
use crate::service::catalogue::saved::{Removal, Saved, not_found};
use crate::service::catalogue::search::load;
use crate::service::catalogue::{assets, persona_policies, personas};
use crate::service::{Service, Transaction};
use crate::storage::search as found;

/// Creates and updates entities: all or none. Attributes that a draft leaves out stay unchanged.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] when a name is taken, violations by their path.
pub async fn save(service: &Service, actor: &Actor, drafts: Vec<Draft>) -> Result<Mutation> {
    if drafts.iter().any(|draft| matches!(draft, Draft::Persona(_))) {
        service.require(actor, Permission::ManagePersonas)?;
    }
    let began = Instant::now();
    let outcome = service.write(actor, move |transaction| save_all(transaction, &drafts)).await;
    sight::delay_if_refused(began, outcome).await
}

fn save_all(transaction: &mut Transaction<'_>, drafts: &[Draft]) -> Result<Mutation> {
    let mut mutation = Mutation::default();
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    let mut rights = Rights::default();
    for draft in drafts {
        transaction.effort.go_on()?;
        let mut above = None;
        let (saved, head) = match draft {
            Draft::Persona(draft) => (personas::save(transaction, draft)?, &draft.head),
            Draft::Policy(draft) => {
                rights = Rights::default();
                let (saved, persona) = persona_policies::save(transaction, draft, &mutation.assigned, &Expected::Any)?;
                above = Some(persona);
                (saved, &draft.head)
            }
            Draft::Asset(draft) => {
                let saved = assets::save(transaction, &mut rights, draft)?;
                above = assets::parent(transaction, draft)?;
                (saved, &draft.head)
            }
        };
        let id = match saved {
            Saved::Created(id) => {
                created.push(id);
                id
            }
            Saved::Updated(id) => {
                updated.push(id);
                id
            }
        };
        updated.extend(above);
        if let Handle::Temporary(name) = &head.handle
            && mutation.assigned.insert(name.clone(), id).is_some()
        {
            return Err(Violation::new(format!("{}.guid", head.path), "is the name of another entity too").into());
        }
    }
    let mut told = HashSet::new();
    created.retain(|id| told.insert(*id));
    updated.retain(|id| told.insert(*id));
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    mutation.created = answered(transaction, &created, &sight)?;
    mutation.updated = answered(transaction, &updated, &sight)?;
    Ok(mutation)
}

/// The written entities as the actor may see them: the right to write an entity does not include reading it.
fn answered(transaction: &mut Transaction<'_>, ids: &[Uuid], sight: &Sight) -> Result<Vec<Entity>> {
    let mut entities = load(transaction.connection, &texts(ids), sight)?;
    for entity in &mut entities {
        transaction.effort.go_on()?;
        if !found::is_seen(transaction.connection, &entity.id().to_string(), sight)? {
            *entity = entity.clone().unseen();
        }
    }
    Ok(entities)
}

/// Deletes entities: all that exist and that the actor sees, or none.
///
/// # Errors
/// [`Error::Forbidden`], or a violation for an entity that cannot be deleted in this way.
pub async fn delete(service: &Service, actor: &Actor, ids: Vec<Uuid>, how: Removal) -> Result<Mutation> {
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            let mut mutation = Mutation::default();
            let mut rights = Rights::default();
            for id in &ids {
                transaction.effort.go_on()?;
                assets::lock(transaction, *id)?;
                // Already deleted, perhaps by the same request, whose answer was lost.
                let entity = match seen(transaction, *id) {
                    Err(Error::NotFound { .. }) => continue,
                    entity => entity?,
                };
                mutation.deleted.push(remove(transaction, &mut rights, entity, how)?);
            }
            Ok(mutation)
        })
        .await;
    let mutation = sight::delay_if_refused(began, outcome).await?;
    sight::delay_if_missing(began, mutation, |mutation| mutation.deleted.is_empty()).await
}

fn remove(transaction: &mut Transaction<'_>, rights: &mut Rights, entity: Entity, how: Removal) -> Result<Entity> {
    match entity {
        Entity::Asset(asset) => assets::remove(transaction, rights, asset, how).map(Entity::Asset),
        Entity::Policy(policy) => {
            only_purged(how)?;
            *rights = Rights::default();
            persona_policies::remove(transaction, &policy)?;
            Ok(Entity::Policy(policy))
        }
        Entity::Persona(linked) => {
            transaction.service.require(transaction.actor, Permission::ManagePersonas)?;
            only_purged(how)?;
            personas::remove(transaction, linked.persona.id)?;
            Ok(Entity::Persona(linked))
        }
        Entity::Identity(unseen) => Err(not_found(unseen.id)),
    }
}

fn only_purged(how: Removal) -> Result<()> {
    match how {
        Removal::Purge => Ok(()),
        Removal::Soft => {
            Err(Violation::new("deleteType", "must be `PURGE` or `HARD`: only assets are deleted softly").into())
        }
    }
}

/// The entity with this id, if the actor sees it.
///
/// # Errors
/// [`Error::NotFound`], also for an entity that the actor does not see.
pub async fn get(service: &Service, actor: &Actor, id: Uuid) -> Result<Entity> {
    let (began, actor, text) = (Instant::now(), actor.clone(), id.to_string());
    let entity = service
        .read(move |connection| {
            let sight = sight::entities(connection, &actor)?;
            if !found::is_seen(connection, &text, &sight)? {
                return Ok(None);
            }
            Ok(load(connection, &[text], &sight)?.pop())
        })
        .await?;
    sight::delay_if_refused(began, entity.ok_or_else(|| not_found(id))).await
}

/// The entity with this type and qualified name, if the actor sees it.
///
/// # Errors
/// [`Error::NotFound`], also for an entity that the actor does not see.
pub async fn get_by_name(service: &Service, actor: &Actor, type_name: String, name: String) -> Result<Entity> {
    let (began, actor) = (Instant::now(), actor.clone());
    let unknown = Error::NotFound { kind: "entity", id: crate::domain::listing::clip(&name) };
    let entity = service
        .read(move |connection| {
            let sight = sight::entities(connection, &actor)?;
            let Some(id) = found::find_id(connection, &type_name, &name, &sight)? else { return Ok(None) };
            Ok(load(connection, &[id], &sight)?.pop())
        })
        .await?;
    sight::delay_if_refused(began, entity.ok_or(unknown)).await
}

/// The entity with this id, if the actor sees it. The transaction has locked it.
fn seen(transaction: &mut Transaction<'_>, id: Uuid) -> Result<Entity> {
    let text = id.to_string();
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    if !found::is_seen(transaction.connection, &text, &sight)? {
        return Err(not_found(id));
    }
    load(transaction.connection, &[text], &sight)?.pop().ok_or_else(|| not_found(id))
}

fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
