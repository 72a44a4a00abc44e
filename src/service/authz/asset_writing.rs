//! Who may create, update, delete and purge which assets.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::domain::asset::{Asset, AssetKind, AssetOperation, Relation, ancestors, check_top_level};
use crate::domain::entity::{AssetDraft, Attributes};
use crate::domain::error::{Error, Result};
use crate::domain::listing::clip;
use crate::domain::policy::{Extent, Extents, Scope};
use crate::domain::principal::Role;
use crate::service::Transaction;
use crate::service::authz::asset_access::{
    TestedAttributes, may_change_attributes, may_change_people, may_remove_owners,
};
use crate::service::authz::authority;
use crate::service::authz::grounds::{self, relation};
use crate::service::authz::in_write::Rules;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::{giving, sight};
use crate::storage::{assets, search};

/// Types that contain other assets.
const CONTAINERS: [&str; 2] = ["Connection", "Collection"];
/// Decides what the actor may do with assets. Policies are read on first use, once the transaction has written
/// something.
#[derive(Default)]
pub(in crate::service) struct Rights {
    rules: Option<Rc<Rules>>,
    tested_attributes: TestedAttributes,
    reserved: Option<Extents>,
}

impl Rights {
    /// Whether the actor may do this with an asset that the transaction has locked.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn allow(
        &mut self,
        transaction: &mut Transaction<'_>,
        operation: AssetOperation,
        asset: &Asset,
    ) -> Result<bool> {
        let action = AssetKind::of(&asset.type_name, &asset.qualified_name).action(operation);
        let inquiry = Inquiry::new(action, &asset.qualified_name, &asset.type_name);
        self.decide(transaction, &inquiry.with_stored(&asset.into()))
    }

    /// Whether the actor may create such an asset. Nothing is stored of it that a policy could test.
    fn allow_new(&mut self, transaction: &mut Transaction<'_>, type_name: &str, qualified_name: &str) -> Result<bool> {
        let action = AssetKind::of(type_name, qualified_name).action(AssetOperation::Create);
        self.decide(transaction, &Inquiry::new(action, qualified_name, type_name))
    }

    /// Whether policies reserve this name.
    fn reserves(&mut self, transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<bool> {
        let reserved = match &mut self.reserved {
            Some(reserved) => reserved,
            empty => empty.insert(authority::reserved(transaction.connection)?),
        };
        Ok(reserved.overlap(&Extent::every_action(Scope::at(qualified_name))))
    }

    /// Checks that the actor may change the owners and the attributes that policies test. That takes the authority to
    /// change whom the asset names. Besides, a changed attribute can allow anybody anything that policies tie to it, and a
    /// removed owner is denied no longer what policies deny to the owners, so both take the right to give access.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub(in crate::service) fn may_change(
        &mut self,
        transaction: &mut Transaction<'_>,
        before: Option<&Asset>,
        after: &Asset,
    ) -> Result<()> {
        let changed = self.tested_attributes.changed(transaction, before, after)?;
        if changed.is_empty() {
            return Ok(());
        }
        let relation = relation(transaction, &after.qualified_name)?;
        may_change_attributes(transaction, relation, &after.qualified_name, &changed)?;
        if before.is_some_and(|before| !before.owners.is_subset(&after.owners)) {
            may_remove_owners(transaction, &after.qualified_name)?;
        }
        if self.tested_attributes.include_any(&changed) {
            giving::may_give(transaction, &Scope::at(&after.qualified_name))?;
        }
        Ok(())
    }

    /// The decision, given the actor's relation to the asset.
    fn decide(&mut self, transaction: &mut Transaction<'_>, inquiry: &Inquiry) -> Result<bool> {
        let relation = relation(transaction, &inquiry.resource.name)?;
        let standing = transaction.actor.standing();
        let rules = match &mut self.rules {
            Some(rules) => rules,
            empty => empty.insert(Rc::new(Rules::read(transaction.connection, standing)?)),
        };
        grounds::decided_by(transaction, rules, &inquiry.resource.name)?;
        let allowed = rules.decide(standing, inquiry, relation)?.is_allowed();
        if allowed {
            transaction.service.record_permission_use(transaction.actor, &inquiry.action);
        }
        Ok(allowed)
    }
}

/// Where a new asset is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Place {
    /// Beneath another asset, or with the name of an asset of another type.
    Settled,
    /// Where no asset is: its creator becomes its admin.
    Free,
}

/// Checks that the actor may create an asset of this name. Beneath another asset, or with the name of an asset of another
/// type, creating it takes a right there: access is given by qualified name alone, and the admins above decide. Any other
/// asset may be created by all but guests, unless policies already name it.
///
/// # Errors
/// [`Error::Forbidden`]; a violation for a name that no top-level asset can have.
pub(in crate::service) fn may_create(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    draft: &AssetDraft,
    qualified_name: &str,
) -> Result<Place> {
    let actor = transaction.actor;
    if assets::exists_at_or_above(transaction.connection, qualified_name)? {
        if !rights.allow_new(transaction, &draft.type_name, qualified_name)? {
            return Err(refused_write(transaction, qualified_name));
        }
        let container = CONTAINERS.contains(&draft.type_name.as_str());
        if !draft.people.values().all(Vec::is_empty) || container && is_inhabited(transaction, qualified_name)? {
            may_change_people_of(transaction, qualified_name)?;
        }
        return Ok(Place::Settled);
    }
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
        if rights.reserves(transaction, qualified_name)? {
            return Err(refused(transaction, "create", qualified_name));
        }
    }
    Ok(Place::Free)
}

/// Checks that the actor may update an asset that the transaction has locked.
///
/// # Errors
/// [`Error::Forbidden`], in the words for a missing asset if the actor does not see it.
pub(in crate::service) fn may_update(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    asset: &Asset,
) -> Result<()> {
    if rights.allow(transaction, AssetOperation::Update, asset)? {
        return Ok(());
    }
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    Err(if search::is_seen(transaction.connection, &asset.id.to_string(), &sight)? {
        refused(transaction, "update", &asset.qualified_name)
    } else {
        refused_write(transaction, &asset.qualified_name)
    })
}

/// Checks that the actor may change which principals the asset names.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change_people_of(transaction: &mut Transaction<'_>, qualified_name: &str) -> Result<()> {
    let relation = relation(transaction, qualified_name)?;
    may_change_people(transaction, relation, qualified_name)
}

/// Checks that the actor may delete an asset.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_delete(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    asset: &Asset,
) -> Result<()> {
    if rights.allow(transaction, AssetOperation::Delete, asset)? {
        return Ok(());
    }
    Err(refused(transaction, "delete", &asset.qualified_name))
}

/// Checks that the actor may purge an asset. Purging allows a replacement without the named principals or without the
/// attributes that policies test, so the actor must be allowed to remove those, too.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_purge(
    transaction: &mut Transaction<'_>,
    rights: &mut Rights,
    asset: &Asset,
) -> Result<()> {
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
