//! The principals and roles that an asset names: checks, audit rows and cache invalidation.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::asset::{Asset, People, PeopleList};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::AssetDraft;
use crate::domain::error::{Error, Result};
use crate::domain::listing::clip;
use crate::domain::principal::Role;
use crate::service::Transaction;
use crate::service::authz::asset_access::{may_name_members, seen_members};
use crate::storage::holds::hold_principals;

/// Checks the principals that an asset newly names, and records everyone who was added or removed, which invalidates
/// their cached records.
pub(super) fn record_access(
    transaction: &mut Transaction<'_>,
    draft: &AssetDraft,
    before: &People,
    after: &Asset,
) -> Result<()> {
    let none = BTreeSet::new();
    let mut violations = Vec::new();
    for list in PeopleList::ALL {
        let (old, new) = (before.get(&list).unwrap_or(&none), after.people.get(&list).unwrap_or(&none));
        let (added, unseen) = seen_members(transaction, list, new.difference(old).map(String::as_str).collect())?;
        let mut unknown = record_members(transaction, list, added.iter().copied(), after)?;
        unknown.extend(unseen);
        may_name_members(transaction, list, &added)?;
        record_members(transaction, list, old.difference(new).map(String::as_str), after)?;
        if !unknown.is_empty() {
            let message = format!("names no user or service account: {}", unknown.join(", "));
            violations.push(draft.head.violation(list.name(), message));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// Records a change of access for each member of a list. Returns the members that do not exist.
pub(super) fn record_members<'a>(
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
                subjects.push((held.username, ChangeSubject::Principal(id)));
            }
        }
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            for role in Role::ALL.iter().filter(|role| members.contains(&role.id())) {
                let id = Uuid::parse_str(role.id()).map_err(|error| Error::Internal(error.into()))?;
                subjects.push((role.id().to_owned(), ChangeSubject::Role(id)));
            }
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => return Ok(Vec::new()),
    }
    for (_, subject) in &subjects {
        transaction.record(Action::AssetAccessChanged, *subject, &clip(&asset.qualified_name))?;
    }
    let is_unknown = |member: &&&str| !subjects.iter().any(|(name, _)| name == **member);
    Ok(members.iter().filter(is_unknown).map(|member| format!("`{}`", clip(member))).collect())
}
