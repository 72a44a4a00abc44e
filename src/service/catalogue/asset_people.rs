//! The principals and roles that an asset names: checks, audit rows and cache invalidation.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::asset::{Asset, OWNERS, PeopleList};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::AssetDraft;
use crate::domain::error::{Error, Result};
use crate::domain::listing::clip;
use crate::domain::principal::Role;
use crate::service::Transaction;
use crate::service::authz::asset_access::{may_name_members, may_name_principals, seen_members};
use crate::storage::holds::hold_principals;

/// Checks the principals that an asset newly names, and records everyone who was added or removed, which invalidates
/// their cached records. `before` is the asset as it was, unless it is new.
pub(super) fn record_access(
    transaction: &mut Transaction<'_>,
    draft: &AssetDraft,
    before: Option<&Asset>,
    after: &Asset,
) -> Result<()> {
    let none = BTreeSet::new();
    count_people(transaction, draft, before, after)?;
    let mut violations = Vec::new();
    for list in PeopleList::ALL {
        let old = before.and_then(|before| before.people.get(&list)).unwrap_or(&none);
        let new = after.people.get(&list).unwrap_or(&none);
        let (added, unseen) = seen_members(transaction, list, difference(new, old))?;
        let mut unknown = record_members(transaction, list, added.iter().copied(), after)?;
        unknown.extend(unseen);
        may_name_members(transaction, after, list, &added)?;
        record_members(transaction, list, difference(old, new).into_iter(), after)?;
        if !unknown.is_empty() {
            let message = format!("names no user or service account: {}", unknown.join(", "));
            violations.push(draft.head.violation(list.name(), message));
        }
    }
    let old = before.map_or(&none, |before| &before.owners);
    let added = difference(&after.owners, old);
    record_principals(transaction, &added, after)?;
    may_name_principals(transaction, after, &added)?;
    record_principals(transaction, &difference(old, &after.owners), after)?;
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// Counts the members of lists and the owners that differ. The actor itself does not count: it is the admin of what it creates.
fn count_people(
    transaction: &mut Transaction<'_>,
    draft: &AssetDraft,
    before: Option<&Asset>,
    after: &Asset,
) -> Result<()> {
    let none = BTreeSet::new();
    let own = transaction.actor.username().to_string();
    let lists = PeopleList::ALL.map(|list| {
        let of = |asset: &Asset| asset.people.get(&list).cloned().unwrap_or_default();
        (list.name(), before.map(of).unwrap_or_default(), of(after))
    });
    let owners = (OWNERS, before.map_or(&none, |before| &before.owners).clone(), after.owners.clone());
    for (list, old, new) in lists.into_iter().chain([owners]) {
        let count = old.symmetric_difference(&new).filter(|member| **member != own).count();
        transaction.effort.change_people(count).map_err(|message| draft.head.violation(list, message))?;
    }
    Ok(())
}

fn difference<'a>(all: &'a BTreeSet<String>, but: &'a BTreeSet<String>) -> Vec<&'a str> {
    all.difference(but).map(String::as_str).collect()
}

/// Records a change of access for each member of a list. Returns the members that do not exist.
pub(super) fn record_members<'a>(
    transaction: &mut Transaction<'_>,
    list: PeopleList,
    members: impl Iterator<Item = &'a str>,
    asset: &Asset,
) -> Result<Vec<String>> {
    let members: Vec<&str> = members.collect();
    let found = match list {
        PeopleList::AdminUsers | PeopleList::ViewerUsers => record_principals(transaction, &members, asset)?,
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            let mut found = Vec::new();
            for role in Role::ALL.iter().filter(|role| members.contains(&role.id())) {
                let id = Uuid::parse_str(role.id()).map_err(|error| Error::Internal(error.into()))?;
                record(transaction, ChangeSubject::Role(id), asset)?;
                found.push(role.id().to_owned());
            }
            found
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => return Ok(Vec::new()),
    };
    let is_unknown = |member: &&&str| !found.iter().any(|name| name == **member);
    Ok(members.iter().filter(is_unknown).map(|member| format!("`{}`", clip(member))).collect())
}

/// Records a change of access for each of these principals. Returns the names of those that exist.
pub(super) fn record_principals(
    transaction: &mut Transaction<'_>,
    names: &[&str],
    asset: &Asset,
) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for held in hold_principals(transaction.connection, names)? {
        let id = Uuid::parse_str(&held.id).map_err(|error| Error::Internal(error.into()))?;
        record(transaction, ChangeSubject::Principal(id), asset)?;
        found.push(held.username);
    }
    Ok(found)
}

fn record(transaction: &mut Transaction<'_>, subject: ChangeSubject, asset: &Asset) -> Result<()> {
    transaction.writes_asset(asset.id);
    transaction.record(Action::AssetAccessChanged, subject, &clip(&asset.qualified_name))
}
