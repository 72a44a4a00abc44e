//! Assets: who may create, change and delete them.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::asset::{
    Asset, AssetId, AssetKind, AssetOperation, OWNERS, People, PeopleList, Relation, ancestors, check_top_level,
};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::{AssetDraft, Attributes, EntityState, Handle, Head, check_qualified_name};
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::domain::principal::Role;
use crate::service::authz::asset_access::{TestedAttributes, may_change_attributes, may_change_people};
use crate::service::authz::authority::is_name_in_policies;
use crate::service::authz::decide::Rules;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::sight;
use crate::service::catalogue::asset_people::{record_access, record_members};
use crate::service::catalogue::policies;
use crate::service::catalogue::saved::{Membership, Removal, Saved, must_see, not_found};
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_principals;
use crate::storage::principals::Existed;
use crate::storage::{assets, policies as stored_policies, search};

/// Types that contain other assets.
const CONTAINERS: [&str; 2] = ["Connection", "Collection"];
/// Types whose parent is returned as updated with them (docs/contracts/atlan.md, section 6.2).
const WITH_PARENT: [&str; 2] = ["Folder", "Query"];
/// The attribute that names the parent.
const PARENT: &str = "parentQualifiedName";

/// Decides what the actor may do with assets. Policies are read on first use, once the transaction has written
/// something.
#[derive(Default)]
pub(in crate::service) struct Rights {
    rules: Option<Rules>,
    tested_attributes: TestedAttributes,
}

impl Rights {
    /// Whether the actor may do this with an asset that the transaction has locked.
    fn allow(&mut self, transaction: &mut Transaction<'_>, operation: AssetOperation, asset: &Asset) -> Result<bool> {
        let action = AssetKind::of(&asset.type_name, &asset.qualified_name).action(operation);
        let inquiry = Inquiry::new(action, &asset.qualified_name, &asset.type_name);
        self.decide(transaction, &inquiry.with_stored(&asset.into()))
    }

    /// Whether the actor may create such an asset. Nothing is stored of it that a policy could test.
    fn allow_new(&mut self, transaction: &mut Transaction<'_>, type_name: &str, qualified_name: &str) -> Result<bool> {
        let action = AssetKind::of(type_name, qualified_name).action(AssetOperation::Create);
        self.decide(transaction, &Inquiry::new(action, qualified_name, type_name))
    }

    /// Checks that the actor may change the attributes that policies test: that takes the authority to change whom the
    /// asset names.
    fn may_change(&mut self, transaction: &mut Transaction<'_>, before: Option<&Asset>, after: &Asset) -> Result<()> {
        let changed = self.tested_attributes.changed(transaction, before, after)?;
        if changed.is_empty() {
            return Ok(());
        }
        let relation = relation(transaction, &after.qualified_name)?;
        may_change_attributes(transaction, relation, &after.qualified_name, &changed)
    }

    /// The decision, given the actor's relation to the asset.
    fn decide(&mut self, transaction: &mut Transaction<'_>, inquiry: &Inquiry) -> Result<bool> {
        let relation = relation(transaction, &inquiry.resource.name)?;
        let rules = match &mut self.rules {
            Some(rules) => rules,
            empty => empty.insert(Rules::read(transaction.connection, transaction.actor.standing())?),
        };
        let allowed = rules.decide(inquiry, relation)?.is_allowed();
        if allowed {
            transaction.service.record_permission_use(transaction.actor, &inquiry.action);
        }
        Ok(allowed)
    }
}

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
    record_access(transaction, draft, &People::new(), &asset)?;
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

/// Builds a new asset. Beneath another asset, or with the name of an asset of another type, creating it takes a right
/// there: access is given by qualified name alone, and the admins above decide. Any other asset may be created by all
/// but guests, unless policies already name it; its creator becomes its admin.
fn new(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    draft: &AssetDraft,
    qualified_name: &str,
) -> Result<Asset> {
    let actor = transaction.actor;
    let mut people = People::new();
    let settled = assets::exists_at_or_above(transaction.connection, qualified_name)?;
    if settled {
        if !rights.allow_new(transaction, &draft.type_name, qualified_name)? {
            return Err(refused_write(transaction, qualified_name));
        }
        let container = CONTAINERS.contains(&draft.type_name.as_str());
        if !draft.people.values().all(Vec::is_empty) || container && is_inhabited(transaction, qualified_name)? {
            let relation = relation(transaction, qualified_name)?;
            may_change_people(transaction, relation, qualified_name)?;
        }
    } else {
        // The creator becomes the admin, beyond what a restricted child carries and for longer.
        if actor.principal().role == Role::Guest || actor.standing().restriction.is_some() {
            return Err(refused(transaction, "create", qualified_name));
        }
        if !actor.principal().is_administrator() {
            let violation = |message| draft.head.violation("qualifiedName", message);
            check_top_level(qualified_name).map_err(violation)?;
            if assets::is_above_any(transaction.connection, qualified_name)? {
                return Err(refused(
                    transaction,
                    "create an asset whose name is a prefix of another actor's asset:",
                    qualified_name,
                ));
            }
            if is_name_in_policies(transaction.connection, qualified_name)? {
                return Err(refused(transaction, "create", qualified_name));
            }
        }
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
        owners: owners(transaction, draft, BTreeSet::new())?,
        created_by: actor.username().to_string(),
        updated_by: actor.username().to_string(),
        created_at: transaction.now,
        updated_at: transaction.now,
        revision: 1,
    };
    if settled {
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
    if !rights.allow(transaction, AssetOperation::Update, &before)? {
        let sight = sight::entities(transaction.connection, transaction.actor)?;
        return Err(if search::is_seen(transaction.connection, &before.id.to_string(), &sight)? {
            refused(transaction, "update", &before.qualified_name)
        } else {
            refused_write(transaction, &before.qualified_name)
        });
    }
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
        let relation = relation(transaction, &before.qualified_name)?;
        may_change_people(transaction, relation, &before.qualified_name)?;
    }
    let after = Asset {
        name: draft.head.name.as_ref().map_or(before.name, |name| name.as_str().to_owned()),
        state: if draft.state == EntityState::Active { EntityState::Active } else { before.state },
        attributes: draft.head.merged(before.attributes),
        people,
        owners: owners(transaction, draft, before.owners)?,
        updated_by: transaction.actor.username().to_string(),
        updated_at: transaction.now,
        ..before
    };
    rights.may_change(transaction, Some(&stored), &after)?;
    assets::replace(transaction.connection, &after)?;
    transaction.record(Action::AssetUpdated, ChangeSubject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    record_access(transaction, draft, &stored.people, &after)?;
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
    if !rights.allow(transaction, AssetOperation::Delete, &asset)? {
        return Err(refused(transaction, "delete", &asset.qualified_name));
    }
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
            assets::delete(transaction.connection, after.id)?;
            for list in PeopleList::ALL {
                let members = after.people.get(&list).into_iter().flatten();
                record_members(transaction, list, members.map(String::as_str), &after)?;
            }
        }
    }
    transaction.record(Action::AssetDeleted, ChangeSubject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    Ok(after)
}

/// Checks that the actor may purge an asset. Purging allows a replacement without the named principals or without the
/// attributes that policies test, so the actor must be allowed to remove those, too.
fn may_purge(transaction: &mut Transaction<'_>, rights: &mut Rights, asset: &Asset) -> Result<()> {
    let takes_an_admin = !asset.people.is_empty() || !is_beneath_any(transaction, &asset.qualified_name)?;
    if takes_an_admin && relation(transaction, &asset.qualified_name)? != Some(Relation::Admin) {
        return Err(refused(transaction, "purge an asset without being its admin:", &asset.qualified_name));
    }
    let bare = Asset { attributes: Attributes::new(), owners: BTreeSet::new(), ..asset.clone() };
    rights.may_change(transaction, Some(asset), &bare)
}

/// Whether an asset exists above this name.
fn is_beneath_any(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<bool> {
    Ok(!assets::ids_of(transaction.connection, &ancestors(qualified_name))?.is_empty())
}

/// The actor's relation to the asset with this qualified name, from the asset itself or any above it.
fn relation(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<Option<Relation>> {
    let actor = transaction.actor;
    if actor.principal().is_administrator() {
        return Ok(Some(Relation::Admin));
    }
    let (username, role) = actor.granted_as();
    assets::relation_to(transaction.connection, qualified_name, &username, role)
}

/// The owners that an asset will have. Unknown names are ignored: otherwise a principal created later under the
/// name would be an owner.
fn owners(transaction: &mut Transaction<'_>, draft: &AssetDraft, before: BTreeSet<String>) -> Result<BTreeSet<String>> {
    let Some(written) = draft.head.attributes.get(OWNERS) else { return Ok(before) };
    let names: BTreeSet<&str> = written.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // PostgreSQL rejects NUL characters in text.
    let names: Vec<&str> = names.into_iter().filter(|name| !name.contains('\0')).collect();
    Ok(hold_principals(transaction.connection, &names)?.into_iter().map(|held| held.username).collect())
}

/// Whether an asset has this qualified name or lies beneath it.
fn is_inhabited(transaction: &mut Transaction<'_>, name: &str) -> Result<bool> {
    let is_taken = !assets::ids_of(transaction.connection, &[name])?.is_empty();
    Ok(is_taken || assets::is_above_any(transaction.connection, name)?)
}

/// The refusal for an asset that the actor does not see: the same whether or not it exists.
fn refused_write(transaction: &Transaction<'_>, name: &str) -> Error {
    refused(transaction, "create or update", name)
}

fn refused(transaction: &Transaction<'_>, what: &str, name: &str) -> Error {
    Error::Forbidden(format!("`{}` may not {what} `{}`", transaction.actor.username(), clip(name)))
}
