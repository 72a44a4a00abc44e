//! The principals and roles that an asset names: checks, audit rows and cache invalidation.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::asset::{Asset, People, PeopleList};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::entity::AssetDraft;
use crate::domain::error::{Error, Result};
use crate::domain::listing::clip;
use crate::domain::principal::{PrincipalKind, Role};
use crate::service::Transaction;
use crate::service::authz::{giving, outgrown, sight};
use crate::storage::holds::hold_principals;
use crate::storage::principals;

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
        may_share(transaction, list, &added)?;
        record_members(transaction, list, old.difference(new).map(String::as_str), after)?;
        if !unknown.is_empty() {
            let message = format!("names no user or service account: {}", unknown.join(", "));
            violations.push(draft.head.violation(list.name(), message));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// Checks that the actor may give access to those newly named. Call it after the transaction has written the asset.
fn may_share(transaction: &mut Transaction<'_>, list: PeopleList, added: &[&str]) -> Result<()> {
    match list {
        PeopleList::AdminUsers | PeopleList::ViewerUsers => {
            let mut named = Vec::new();
            for name in added {
                named.extend(principals::find_by_username(transaction.connection, name)?);
            }
            // The creator of an asset is named by it, but gains nothing that it did not create.
            named.retain(|principal| principal.id != transaction.actor.id());
            giving::may_name(transaction, &named)?;
            giving::may_share(transaction, &named)?;
            named.iter().try_for_each(|principal| outgrown::end_or_refuse(transaction, principal))
        }
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            let roles: Vec<_> = Role::ALL.into_iter().filter(|role| added.contains(&role.id())).collect();
            giving::may_name_roles(transaction.actor, &roles)
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => Ok(()),
    }
}

/// Splits members into those that the actor sees or that do not exist, and the unseen, formatted for messages: naming a
/// principal must not reveal that it exists.
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
    let known = |member: &&&str| !subjects.iter().any(|(name, _)| name == **member);
    Ok(members.iter().filter(known).map(|member| format!("`{}`", clip(member))).collect())
}
