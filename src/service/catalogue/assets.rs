//! Assets: create, update, delete. `authz/asset_writing.rs` says who may.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::asset::{Asset, AssetId, OWNERS, People, PeopleList};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::{AssetDraft, Attributes, EntityState, Handle, Head, check_qualified_name};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::service::authz::asset_access::known_owners;
use crate::service::authz::asset_writing::{
    Place, Rights, may_change_people_of, may_create, may_delete, may_purge, may_update,
};
use crate::service::authz::sight;
use crate::service::catalogue::asset_people::{record_access, record_members, record_principals};
use crate::service::catalogue::policies;
use crate::service::catalogue::saved::{Membership, Removal, Saved, must_see, not_found};
use crate::service::{Service, Transaction};
use crate::storage::principals::Existed;
use crate::storage::{assets, policies as stored_policies, search};

/// Types whose parent is returned as updated with them (docs/contracts/atlan.md, section 6.2).
const WITH_PARENT: [&str; 2] = ["Folder", "Query"];
/// The attribute that names the parent.
const PARENT: &str = "parentQualifiedName";

/// Creates or updates an asset.
pub(in crate::service) fn save(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    draft: &AssetDraft,
) -> Result<Saved> {
    if let Handle::Known(id) = draft.head.handle {
        assets::lock(transaction.connection, id.into())?;
        must_see(transaction, id)?;
        let before = assets::find(transaction.connection, id.into())?;
        let before = before.filter(|asset| asset.type_name == draft.type_name).ok_or_else(|| not_found(id))?;
        return update(transaction, rights, before, draft);
    }
    let violation = |message: String| draft.head.violation("qualifiedName", message);
    let name = draft.head.qualified_name.as_deref().ok_or_else(|| violation("is required".to_owned()))?;
    check_qualified_name(name).map_err(violation)?;
    if let Some(before) = assets::lock_by_name(transaction.connection, &draft.type_name, name)? {
        return update(transaction, rights, before, draft);
    }
    if !assets::exists_at_or_above(transaction.connection, name)? {
        assets::lock_ground(transaction.connection)?;
        // The transaction that held the lock may have created it.
        if let Some(before) = assets::lock_by_name(transaction.connection, &draft.type_name, name)? {
            return update(transaction, rights, before, draft);
        }
    }
    let asset = new(transaction, rights, draft, name)?;
    if assets::insert(transaction.connection, &asset)? == Existed::Yes {
        // Another transaction created it first.
        let before = assets::lock_by_name(transaction.connection, &draft.type_name, name)?;
        return update(transaction, rights, before.ok_or(Error::Busy)?, draft);
    }
    let subject = ChangeSubject::Asset(asset.id.uuid());
    transaction.record(Action::AssetCreated, subject, &clip(&asset.qualified_name))?;
    record_access(transaction, draft, None, &asset)?;
    Ok(Saved::Created(asset.id.uuid()))
}

/// Adds a member to one of an asset's lists of people, or removes one.
///
/// # Errors
/// [`Error::NotFound`], also for an asset that the actor does not see; [`Error::Forbidden`]; a violation that names the
/// list for a member who does not exist.
pub async fn change_member(
    service: &Service,
    actor: &Actor,
    id: AssetId,
    list: PeopleList,
    member: String,
    membership: Membership,
) -> Result<()> {
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            assets::lock(transaction.connection, id)?;
            must_see(transaction, id.uuid())?;
            let before = assets::find(transaction.connection, id)?.ok_or_else(|| not_found(id.uuid()))?;
            let head = Head { handle: Handle::Known(id.uuid()), ..Head::default() };
            let members = before.people.get(&list).cloned().unwrap_or_default();
            let violation = |message: String| head.violation(list.name(), message);
            let people = [(list, membership.change(members, &member, violation)?)].into();
            let draft = AssetDraft { head, type_name: before.type_name.clone(), state: before.state, people };
            update(transaction, &mut Rights::default(), before, &draft).map(drop)
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// Builds a new asset, if the actor may create it. Where no asset is, its creator becomes its admin.
fn new(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    draft: &AssetDraft,
    qualified_name: &str,
) -> Result<Asset> {
    let actor = transaction.actor;
    let mut people = People::new();
    let place = may_create(transaction, rights, draft, qualified_name)?;
    if place == Place::Free {
        people.entry(PeopleList::AdminUsers).or_default().insert(actor.username().to_string());
        forget_policies(transaction, qualified_name)?;
    }
    for (list, members) in &draft.people {
        people.entry(*list).or_default().extend(members.iter().cloned());
    }
    people.retain(|_, members| !members.is_empty());
    let asset = Asset {
        id: Id::new(transaction.now, transaction.service.entropy)?,
        type_name: draft.type_name.clone(),
        qualified_name: qualified_name.to_owned(),
        name: draft.head.required_name()?.as_str().to_owned(),
        state: EntityState::Active,
        attributes: draft.head.merged(Attributes::new()),
        people,
        owners: owners(transaction, draft, &BTreeSet::new())?,
        created_by: actor.username().to_string(),
        updated_by: actor.username().to_string(),
        created_at: transaction.now,
        updated_at: transaction.now,
        revision: 1,
    };
    if place == Place::Settled {
        rights.may_change(transaction, None, &asset)?;
    }
    Ok(asset)
}

/// Deletes policies about a former asset of this name: the former admins must have no say about the new asset. They
/// stay while any asset beneath the name is left.
fn forget_policies(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<()> {
    if assets::is_above_any(transaction.connection, qualified_name)? {
        return Ok(());
    }
    for policy in stored_policies::of_object(transaction.connection, qualified_name)? {
        policies::remove(transaction, &policy)?;
    }
    Ok(())
}

/// Updates an asset that the transaction has locked.
fn update(transaction: &mut Transaction<'_>, rights: &mut Rights, before: Asset, draft: &AssetDraft) -> Result<Saved> {
    may_update(transaction, rights, &before)?;
    if draft.head.qualified_name.as_ref().is_some_and(|name| *name != before.qualified_name) {
        return Err(draft.head.violation("qualifiedName", "cannot be changed").into());
    }
    let stored = before.clone();
    let mut people = before.people.clone();
    for (list, members) in &draft.people {
        people.insert(*list, members.iter().cloned().collect());
    }
    people.retain(|_, members| !members.is_empty());
    if people != before.people {
        may_change_people_of(transaction, &before.qualified_name)?;
    }
    let after = Asset {
        name: draft.head.name.as_ref().map_or(before.name, |name| name.as_str().to_owned()),
        state: if draft.state == EntityState::Active { EntityState::Active } else { before.state },
        attributes: draft.head.merged(before.attributes),
        people,
        owners: owners(transaction, draft, &before.owners)?,
        updated_by: transaction.actor.username().to_string(),
        updated_at: transaction.now,
        ..before
    };
    rights.may_change(transaction, Some(&stored), &after)?;
    assets::replace(transaction.connection, &after)?;
    transaction.record(Action::AssetUpdated, ChangeSubject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    record_access(transaction, draft, Some(&stored), &after)?;
    Ok(Saved::Updated(after.id.uuid()))
}

/// The parent of a folder or query, which counts as updated with it.
pub(in crate::service) fn parent(transaction: &mut Transaction<'_>, draft: &AssetDraft) -> Result<Option<Uuid>> {
    let name = draft.head.attributes.get(PARENT).and_then(Value::as_str);
    let Some(name) = name.filter(|_| WITH_PARENT.contains(&draft.type_name.as_str())) else { return Ok(None) };
    check_qualified_name(name).map_err(|message| draft.head.violation(PARENT, message))?;
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    let parent = search::find_asset(transaction.connection, name, &sight)?;
    match parent.as_deref().and_then(|id| Uuid::parse_str(id).ok()) {
        Some(parent) => Ok(Some(parent)),
        None => Err(draft.head.violation(PARENT, format!("names no asset: `{}`", clip(name))).into()),
    }
}

/// Locks the asset with this id, if it exists, until the transaction ends.
pub(in crate::service) fn lock(transaction: &mut Transaction<'_>, id: Uuid) -> Result<()> {
    assets::lock(transaction.connection, id.into())
}

/// Deletes an asset that the transaction has locked.
pub(in crate::service) fn remove(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    asset: Asset,
    how: Removal,
) -> Result<Asset> {
    may_delete(transaction, rights, &asset)?;
    if how == Removal::Purge {
        may_purge(transaction, rights, &asset)?;
    }
    let after = Asset {
        state: EntityState::Deleted,
        updated_by: transaction.actor.username().to_string(),
        updated_at: transaction.now,
        ..asset
    };
    match how {
        Removal::Soft => assets::replace(transaction.connection, &after)?,
        Removal::Purge => {
            let people = after.people.values().map(BTreeSet::len).sum::<usize>() + after.owners.len();
            // One asset can be purged however many it names.
            let is_first = !transaction.effort.has_changed_people();
            match transaction.effort.change_people(people) {
                Err(message) if !is_first => return Err(Violation::new("guid", message).into()),
                _ => {}
            }
            assets::delete(transaction.connection, after.id)?;
            for list in PeopleList::ALL {
                let members = after.people.get(&list).into_iter().flatten();
                record_members(transaction, list, members.map(String::as_str), &after)?;
            }
            let owners: Vec<&str> = after.owners.iter().map(String::as_str).collect();
            record_principals(transaction, &owners, &after)?;
        }
    }
    transaction.record(Action::AssetDeleted, ChangeSubject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    Ok(after)
}

/// The owners that an asset will have: as before, unless the draft writes them.
fn owners(
    transaction: &mut Transaction<'_>,
    draft: &AssetDraft,
    before: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let Some(written) = draft.head.attributes.get(OWNERS) else { return Ok(before.clone()) };
    let names: BTreeSet<&str> = written.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // PostgreSQL rejects NUL characters in text.
    let names: Vec<&str> = names.into_iter().filter(|name| !name.contains('\0')).collect();
    known_owners(transaction, &names, before)
}
