//! Assets: who may create, change and delete which, and whom they name.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use crate::domain::asset::{Asset, AssetKind, Deed, OWNERS, People, PeopleList, Relation, check_top_level};
use crate::domain::change::{Action, Subject};
use crate::domain::entity::{AssetDraft, Attributes, EntityState, Handle, check_qualified_name};
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::domain::principal::{PrincipalKind, Role};
use crate::service::Transaction;
use crate::service::authz::containment;
use crate::service::authz::decide::{Inquiry, Rules};
use crate::service::authz::outgrown::end_outgrown_tokens;
use crate::service::authz::sight;
use crate::service::catalogue::entities::{Removal, Saved, must_see, not_found};
use crate::storage::holds::hold_principals;
use crate::storage::principals::{self, Existed};
use crate::storage::{assets, search};

/// The types whose creator is always an admin (Atlan's contract, section 6.3).
const CONTAINERS: [&str; 2] = ["Connection", "Collection"];
/// The types whose parent is told with them (Atlan's contract, section 6.2).
const WITH_PARENT: [&str; 2] = ["Folder", "Query"];
/// The attribute that names the parent.
const PARENT: &str = "parentQualifiedName";

/// What policies say of the actor, read when it is first asked for: by then the transaction has written something.
#[derive(Default)]
pub(in crate::service) struct Rights(Option<Rules>);

impl Rights {
    /// Whether the actor may do that with an asset that the transaction has locked.
    fn allow(&mut self, transaction: &mut Transaction<'_>, deed: Deed, asset: &Asset) -> Result<bool> {
        let action = AssetKind::of(&asset.type_name, &asset.qualified_name).action(deed);
        let inquiry = Inquiry::new(action, &asset.qualified_name, &asset.type_name);
        self.decide(transaction, &inquiry.with_stored(&asset.into()))
    }

    /// Whether the actor may create such an asset: there is nothing stored of it that a policy could look at.
    fn allow_new(&mut self, transaction: &mut Transaction<'_>, type_name: &str, qualified_name: &str) -> Result<bool> {
        let action = AssetKind::of(type_name, qualified_name).action(Deed::Create);
        self.decide(transaction, &Inquiry::new(action, qualified_name, type_name))
    }

    /// Whether the actor may, being to the asset what it is.
    fn decide(&mut self, transaction: &mut Transaction<'_>, inquiry: &Inquiry) -> Result<bool> {
        let relation = relation(transaction, &inquiry.resource.name)?;
        let rules = match &mut self.0 {
            Some(rules) => rules,
            empty => empty.insert(Rules::read(transaction.connection, transaction.actor.standing())?),
        };
        let allowed = rules.decide(inquiry, relation)?.is_allowed();
        if allowed {
            transaction.service.note_permission(transaction.actor, &inquiry.action);
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
    if !assets::is_settled(transaction.connection, name)? {
        assets::lock_ground(transaction.connection)?;
        // Whoever held it may have settled there.
        if let Some(before) = assets::lock_by_name(transaction.connection, &draft.type_name, name)? {
            return update(transaction, rights, before, draft);
        }
    }
    let asset = new(transaction, rights, draft, name)?;
    if assets::insert(transaction.connection, &asset)? == Existed::Yes {
        // Somebody else was faster.
        let before = assets::lock_by_name(transaction.connection, &draft.type_name, name)?;
        return update(transaction, rights, before.ok_or(Error::Busy)?, draft);
    }
    let subject = Subject::Asset(asset.id.uuid());
    transaction.record(Action::AssetCreated, subject, &clip(&asset.qualified_name))?;
    record_access(transaction, draft, &People::new(), &asset)?;
    Ok(Saved::Created(asset.id.uuid()))
}

/// An asset that does not exist yet. What lies beneath another, or has the name of one of another type, takes a right
/// there, as people are named by qualified names alone; anything else may be created by everybody but guests, and whoever
/// creates it is its admin from birth.
fn new(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    draft: &AssetDraft,
    qualified_name: &str,
) -> Result<Asset> {
    let actor = transaction.actor;
    let mut people = People::new();
    if assets::is_settled(transaction.connection, qualified_name)? {
        if !rights.allow_new(transaction, &draft.type_name, qualified_name)? {
            return Err(refused_write(transaction, qualified_name));
        }
        let container = CONTAINERS.contains(&draft.type_name.as_str());
        if !draft.people.values().all(Vec::is_empty) || container && is_inhabited(transaction, qualified_name)? {
            may_change_people(transaction, qualified_name)?;
        }
        if container {
            people.entry(PeopleList::AdminUsers).or_default().insert(actor.username().to_string());
        }
    } else {
        if actor.principal().role == Role::Guest {
            return Err(refused(transaction, "create", qualified_name));
        }
        if !actor.principal().is_administrator() {
            let violation = |message| draft.head.violation("qualifiedName", message);
            check_top_level(qualified_name).map_err(violation)?;
            if assets::is_above_any(transaction.connection, qualified_name)? {
                return Err(refused(transaction, "create an asset above those of others at", qualified_name));
            }
        }
        people.entry(PeopleList::AdminUsers).or_default().insert(actor.username().to_string());
    }
    for (list, members) in &draft.people {
        people.entry(*list).or_default().extend(members.iter().cloned());
    }
    people.retain(|_, members| !members.is_empty());
    Ok(Asset {
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
    })
}

/// Writes an asset that the transaction has locked.
fn update(transaction: &mut Transaction<'_>, rights: &mut Rights, before: Asset, draft: &AssetDraft) -> Result<Saved> {
    if !rights.allow(transaction, Deed::Update, &before)? {
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
    let people_before = before.people.clone();
    let mut people = before.people.clone();
    for (list, members) in &draft.people {
        people.insert(*list, members.iter().cloned().collect());
    }
    people.retain(|_, members| !members.is_empty());
    if people != before.people {
        may_change_people(transaction, &before.qualified_name)?;
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
    assets::replace(transaction.connection, &after)?;
    transaction.record(Action::AssetUpdated, Subject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    record_access(transaction, draft, &people_before, &after)?;
    Ok(Saved::Updated(after.id.uuid()))
}

/// The asset that a folder or a query lies in: it changes with them.
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

/// Locks the asset with that id, if there is one, for the rest of the transaction.
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
    if !rights.allow(transaction, Deed::Delete, &asset)? {
        return Err(refused(transaction, "delete", &asset.qualified_name));
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
    transaction.record(Action::AssetDeleted, Subject::Asset(after.id.uuid()), &clip(&after.qualified_name))?;
    Ok(after)
}

/// What the actor is to the asset with that qualified name: there, or to anything above.
fn relation(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<Option<Relation>> {
    let actor = transaction.actor;
    if actor.principal().is_administrator() {
        return Ok(Some(Relation::Admin));
    }
    let role = actor.principal().role.id();
    assets::relation_to(transaction.connection, qualified_name, &actor.username().to_string(), role)
}

/// Whom an asset names is for its admins to say, and among those for people: a key does not make itself or another
/// key at home (Atlan's contract, section 6.3).
fn may_change_people(transaction: &mut Transaction<'_>, name: &str) -> Result<()> {
    let is_user = transaction.actor.principal().kind == PrincipalKind::User;
    match relation(transaction, name)? {
        Some(Relation::Admin) if is_user => Ok(()),
        Some(Relation::Admin) => Err(Error::Forbidden(format!(
            "`{}` is no user: only a user who is an admin of `{}` can say whom it names",
            transaction.actor.username(),
            clip(name)
        ))),
        _ => Err(refused(transaction, "change the people of", name)),
    }
}

/// The owners that an asset will have. A name that nobody bears owns nothing: whoever has it later is not who was meant.
fn owners(transaction: &mut Transaction<'_>, draft: &AssetDraft, before: BTreeSet<String>) -> Result<BTreeSet<String>> {
    let Some(written) = draft.head.attributes.get(OWNERS) else { return Ok(before) };
    let names: BTreeSet<&str> = written.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // PostgreSQL cannot even be asked about names with that.
    let names: Vec<&str> = names.into_iter().filter(|name| !name.contains('\0')).collect();
    Ok(hold_principals(transaction.connection, &names)?.into_iter().map(|held| held.username).collect())
}

/// Whether an asset has that qualified name or lies beneath it: the admins of a container there would be theirs too.
fn is_inhabited(transaction: &mut Transaction<'_>, name: &str) -> Result<bool> {
    Ok(assets::is_taken(transaction.connection, name)? || assets::is_above_any(transaction.connection, name)?)
}

/// The same whether or not there is an asset of that name, which the actor does not see.
fn refused_write(transaction: &Transaction<'_>, name: &str) -> Error {
    refused(transaction, "create or update", name)
}

fn refused(transaction: &Transaction<'_>, what: &str, name: &str) -> Error {
    Error::Forbidden(format!("`{}` may not {what} `{}`", transaction.actor.username(), clip(name)))
}

/// Checks whom an asset names anew, and tells everybody concerned, so that nobody's record stays as it was.
fn record_access(transaction: &mut Transaction<'_>, draft: &AssetDraft, before: &People, after: &Asset) -> Result<()> {
    let none = BTreeSet::new();
    let mut violations = Vec::new();
    for list in PeopleList::ALL {
        let (old, new) = (before.get(&list).unwrap_or(&none), after.people.get(&list).unwrap_or(&none));
        let (added, unseen) = seen_members(transaction, list, new.difference(old).map(String::as_str).collect())?;
        let mut unknown = record_members(transaction, list, added.iter().copied(), after)?;
        unknown.extend(unseen);
        may_share(transaction, list, &added)?;
        record_members(transaction, list, old.difference(new).map(String::as_str), after)?;
        if !unknown.is_empty() {
            let message = format!("names nobody: {}", unknown.join(", "));
            violations.push(draft.head.violation(list.name(), message));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// Checks what an asset gives to those whom it names from now on, which the transaction has written.
fn may_share(transaction: &mut Transaction<'_>, list: PeopleList, added: &[&str]) -> Result<()> {
    match list {
        PeopleList::AdminUsers | PeopleList::ViewerUsers => {
            let mut named = Vec::new();
            for name in added {
                named.extend(principals::find_by_username(transaction.connection, name)?);
            }
            let ids: Vec<_> = named.iter().map(|principal| principal.id).collect();
            containment::may_name(transaction, &ids)?;
            named.iter().try_for_each(|principal| end_outgrown_tokens(transaction, principal))
        }
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            let roles: Vec<_> = Role::ALL.into_iter().filter(|role| added.contains(&role.id())).collect();
            containment::may_name_roles(transaction, &roles)
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => Ok(()),
    }
}

/// The members of a list that the actor sees or that nobody bears, and the others as messages name them: to name somebody
/// is to learn whether they exist.
fn seen_members<'a>(
    transaction: &mut Transaction<'_>,
    list: PeopleList,
    members: Vec<&'a str>,
) -> Result<(Vec<&'a str>, Vec<String>)> {
    if !matches!(list, PeopleList::AdminUsers | PeopleList::ViewerUsers) || members.is_empty() {
        return Ok((members, Vec::new()));
    }
    let sight = sight::principals(transaction.actor);
    let held = hold_principals(transaction.connection, &members)?;
    let is_unseen = |member: &&str| {
        let held = held.iter().find(|held| held.username == **member);
        held.is_some_and(|held| PrincipalKind::find(&held.kind).is_none_or(|kind| !sight.contains(kind, member)))
    };
    let (unseen, seen): (Vec<&str>, Vec<&str>) = members.into_iter().partition(is_unseen);
    Ok((seen, unseen.into_iter().map(|member| format!("`{}`", clip(member))).collect()))
}

/// Leaves a trace for each member of a list; those that do not exist come back.
fn record_members<'a>(
    transaction: &mut Transaction<'_>,
    list: PeopleList,
    members: impl Iterator<Item = &'a str>,
    asset: &Asset,
) -> Result<Vec<String>> {
    let members: Vec<&str> = members.collect();
    let mut subjects = Vec::new();
    match list {
        PeopleList::AdminUsers | PeopleList::ViewerUsers => {
            if members.is_empty() {
                return Ok(Vec::new());
            }
            for held in hold_principals(transaction.connection, &members)? {
                let id = Uuid::parse_str(&held.id).map_err(|error| Error::Internal(error.into()))?;
                subjects.push((held.username, Subject::Principal(id)));
            }
        }
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            for role in Role::ALL.iter().filter(|role| members.contains(&role.id())) {
                let id = Uuid::parse_str(role.id()).map_err(|error| Error::Internal(error.into()))?;
                subjects.push((role.id().to_owned(), Subject::Role(id)));
            }
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => return Ok(Vec::new()),
    }
    for (_, subject) in &subjects {
        transaction.record(Action::AssetAccessChanged, *subject, &clip(&asset.qualified_name))?;
    }
    let known = |member: &&&str| !subjects.iter().any(|(name, _)| name == **member);
    Ok(members.iter().filter(known).map(|member| format!("`{}`", clip(member))).collect())
}
