//! Who may change the parts of an asset that decide access to it: the principals it names, its owners, and the
//! attributes that policy criteria test.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::asset::{Asset, OWNERS, PeopleList, Relation};
use crate::domain::entity::Attributes;
use crate::domain::error::{Error, Result};
use crate::domain::listing::clip;
use crate::domain::policy::{Effect, Scope, property};
use crate::domain::principal::{PrincipalKind, Role};
use crate::service::Transaction;
use crate::service::authz::{giving, outgrown, sight};
use crate::storage::holds::{HeldPrincipal, hold_principals};
use crate::storage::{policies, principals};

/// Names of the attributes that the criteria of enabled policies test. Read on first use, once per transaction.
#[derive(Default)]
pub(in crate::service) struct TestedAttributes(Option<BTreeSet<String>>);

impl TestedAttributes {
    /// The attributes that differ between two states of an asset (before and after a write) and that decide access to
    /// it. `before` is `None` for an asset that does not exist yet.
    pub(in crate::service) fn changed(
        &mut self,
        transaction: &mut Transaction<'_>,
        before: Option<&Asset>,
        after: &Asset,
    ) -> Result<Vec<String>> {
        let none = (Attributes::new(), BTreeSet::new());
        let (old, old_owners) = before.map_or((&none.0, &none.1), |asset| (&asset.attributes, &asset.owners));
        let written = after.attributes.keys().chain(old.keys());
        let differing: BTreeSet<&String> =
            written.filter(|name| seen(old.get(*name)) != seen(after.attributes.get(*name))).collect();
        let owners_differ = *old_owners != after.owners;
        if differing.is_empty() && !owners_differ {
            return Ok(Vec::new());
        }
        let tested = match &mut self.0 {
            Some(names) => names,
            empty => empty.insert(policies::tested_attributes(transaction.connection)?),
        };
        let decisive = |name: &&&String| name.as_str() == OWNERS || tested.contains(name.as_str());
        let mut changed: BTreeSet<String> = differing.iter().filter(decisive).map(|name| (*name).clone()).collect();
        if owners_differ {
            changed.insert(OWNERS.to_owned());
        }
        Ok(changed.into_iter().collect())
    }

    /// Whether criteria test one of these attributes, as [`Self::changed`] returned them.
    pub(in crate::service) fn include_any(&self, changed: &[String]) -> bool {
        self.0.as_ref().is_some_and(|tested| changed.iter().any(|attribute| tested.contains(attribute)))
    }
}

/// An attribute value as criteria see it: `null` counts as absent.
fn seen(value: Option<&Value>) -> Option<String> {
    value.filter(|value| !value.is_null()).map(property)
}

/// Checks that the actor may change these attributes. Attributes that policies test take the same authority as changing
/// the principals that the asset names.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change_attributes(
    transaction: &Transaction<'_>,
    relation: Option<Relation>,
    name: &str,
    attributes: &[String],
) -> Result<()> {
    if attributes.is_empty() || may_change_people(transaction, relation, name).is_ok() {
        return Ok(());
    }
    let listed: Vec<String> = attributes.iter().map(|attribute| format!("`{}`", clip(attribute))).collect();
    Err(Error::Forbidden(format!(
        "`{}` may not change {} of `{}`: policies test it, so only a user who is an admin of the asset can",
        transaction.actor.username(),
        listed.join(", "),
        clip(name)
    )))
}

/// Checks that the actor may change which principals the asset names: only a user who is an admin of the asset may. An
/// API key cannot give itself or another key access (docs/contracts/atlan.md, section 6.3).
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change_people(
    transaction: &Transaction<'_>,
    relation: Option<Relation>,
    name: &str,
) -> Result<()> {
    let actor = transaction.actor;
    if relation == Some(Relation::Admin) && actor.principal().kind == PrincipalKind::User {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "`{}` may not change the admins, viewers or owners of `{}`: only a user who is an admin of it can",
        actor.username(),
        clip(name)
    )))
}

/// Checks that the actor may give access to those newly named. Call it after the transaction has written the asset.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name_members(
    transaction: &mut Transaction<'_>,
    asset: &Asset,
    list: PeopleList,
    added: &[&str],
) -> Result<()> {
    match list {
        PeopleList::AdminUsers | PeopleList::ViewerUsers => may_name_principals(transaction, asset, added),
        PeopleList::AdminRoles | PeopleList::ViewerRoles => {
            let roles: Vec<_> = Role::ALL.into_iter().filter(|role| added.contains(&role.id())).collect();
            giving::may_name_roles(transaction.actor, &roles)
        }
        PeopleList::AdminGroups | PeopleList::ViewerGroups => Ok(()),
    }
}

/// Checks that the actor may give access to principals newly named as admins, viewers or owners: what policies allow the
/// owners of an asset is access, too. Call it after the transaction has written the asset.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_name_principals(
    transaction: &mut Transaction<'_>,
    asset: &Asset,
    added: &[&str],
) -> Result<()> {
    let mut named = Vec::new();
    for name in added {
        named.extend(principals::find_by_username(transaction.connection, name)?);
    }
    // Only its admins change whom an asset names, and they gain nothing by naming themselves.
    named.retain(|principal| principal.id != transaction.actor.id());
    giving::may_name(transaction, &named)?;
    giving::may_share(transaction, &asset.qualified_name, &named)?;
    outgrown::end_or_refuse_at_end(transaction, &named);
    Ok(())
}

/// Checks that the actor may remove owners from an asset. A policy that denies the owners something denies it to those
/// removed no longer, so this takes the right to give it.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_remove_owners(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<()> {
    let scope = Scope::at(qualified_name);
    let denying = policies::shared(transaction.connection)?.into_iter().map(|policy| policy.rule);
    let mut denying = denying.filter(|rule| rule.is_about_owners() && rule.effect == Effect::Deny);
    if denying.any(|rule| rule.scope().overlaps(&scope)) { giving::may_give(transaction, &scope) } else { Ok(()) }
}

/// Splits members into those that the actor sees or that do not exist, and the unseen, formatted for messages: naming a
/// principal must not reveal that it exists.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn seen_members<'a>(
    transaction: &mut Transaction<'_>,
    list: PeopleList,
    members: Vec<&'a str>,
) -> Result<(Vec<&'a str>, Vec<String>)> {
    if !matches!(list, PeopleList::AdminUsers | PeopleList::ViewerUsers) || members.is_empty() {
        return Ok((members, Vec::new()));
    }
    let held = hold_principals(transaction.connection, &members)?;
    let is_unseen = |member: &&str| {
        let held = held.iter().find(|held| held.username == **member);
        held.is_some_and(|held| !sees(transaction, held))
    };
    let (unseen, seen): (Vec<&str>, Vec<&str>) = members.into_iter().partition(is_unseen);
    Ok((seen, unseen.into_iter().map(|member| format!("`{}`", clip(member))).collect()))
}

/// The owners that an asset has once these names are written. Names of no principal are ignored: otherwise a principal
/// created later under the name would be an owner. So are principals that the actor does not see, unless they are owners
/// already: an owner that is not ignored would reveal that it exists.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn known_owners(
    transaction: &mut Transaction<'_>,
    written: &[&str],
    before: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let mut held = hold_principals(transaction.connection, written)?;
    held.retain(|held| before.contains(&held.username) || sees(transaction, held));
    Ok(held.into_iter().map(|held| held.username).collect())
}

fn sees(transaction: &Transaction<'_>, held: &HeldPrincipal) -> bool {
    let kind = PrincipalKind::find(&held.kind);
    kind.is_some_and(|kind| sight::principals(transaction.actor).contains(kind, &held.username))
}
