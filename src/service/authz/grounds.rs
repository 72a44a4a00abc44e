//! What the decisions of a writing transaction rest on, beside what its actor has itself: policies about the actor, and
//! assets that name it or its role. It is read again whenever the transaction reads the actor's access again, the last time
//! just before the commit; if any of it was taken away, the transaction runs again.
//!
//! Only as far as it concerns the names that the transaction has decided about. Whoever administers any other asset names
//! the actor there, and writes policies about it, at will: that must not stop the actor's writes, nor make them slower. Only
//! who compares everything that the actor reaches, as to create a key or a token, runs again after any of its policies has changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use uuid::Uuid;

use crate::domain::asset::{AssetGrant, Relation, ancestors};
use crate::domain::error::{Error, Result};
use crate::domain::ids::AssetId;
use crate::domain::policy::{Extent, Extents, Scope};
use crate::service::Transaction;
use crate::service::authz::in_write::Rules;
use crate::service::authz::reach::Reach;
use crate::storage::database::concurrent_change;
use crate::storage::{assets, policies};

/// What has been decided by.
struct Grounds {
    /// The policies about the actor, as they were first read.
    rules: Option<Rc<Rules>>,
    /// The names that these have decided about, with all names above them.
    paths: HashSet<String>,
    /// What the actor reaches by policies, without grants of assets, as of a state of its rights.
    reach: Option<(u64, Rc<Reach>)>,
    /// What that has decided about.
    scope: Scope,
    /// What assets give the actor, by their names.
    grants: BTreeMap<String, Given>,
}

/// What assets of one name give, by their ids: of each type there may be one.
type Given = BTreeMap<Uuid, Relation>;

impl Default for Grounds {
    fn default() -> Self {
        let scope = Scope::Within(BTreeSet::new());
        Self { rules: None, paths: HashSet::new(), reach: None, scope, grants: BTreeMap::new() }
    }
}

/// The grounds of a transaction, which it reads again from now on.
fn grounds<'t>(transaction: &'t mut Transaction<'_>) -> Result<&'t mut Grounds> {
    transaction.recheck_rights_with(still_hold);
    transaction.effort.known().ok_or_else(|| Error::Internal("the grounds are of another type".into()))
}

/// The actor's relation to the asset with this qualified name, from the asset itself or any above it.
///
/// # Errors
/// When the storage fails, or another transaction has taken away what this one has decided by.
pub(in crate::service) fn relation(
    transaction: &mut Transaction<'_>,
    qualified_name: &str,
) -> Result<Option<Relation>> {
    if transaction.actor.principal().is_administrator() {
        return Ok(Some(Relation::Admin));
    }
    let found = grants(transaction, &[qualified_name])?;
    Ok(Relation::strongest(found.into_iter().map(|grant| grant.relation)))
}

/// What assets give the actor that have one of these qualified names or lie above.
///
/// # Errors
/// Those of [`relation`].
pub(in crate::service) fn grants(transaction: &mut Transaction<'_>, names: &[&str]) -> Result<Vec<AssetGrant>> {
    if transaction.actor.standing().restriction.is_some() {
        return Ok(Vec::new());
    }
    let paths: BTreeSet<&str> = names.iter().flat_map(|name| path(name)).collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    let (username, role) = transaction.actor.granted_as();
    let found = assets::grants_among(transaction.connection, &paths, &username, role)?;
    // What earlier decisions rest on may be gone already.
    let known = &grounds(transaction)?.grants;
    let known: Given = paths.iter().filter_map(|path| known.get(*path)).flatten().map(owned).collect();
    check_kept(transaction, &known, &found)?;
    let known = &mut grounds(transaction)?.grants;
    for (id, grant) in &found {
        add(known.entry(grant.qualified_name.clone()).or_default(), *id, grant.relation);
    }
    Ok(found.into_iter().map(|(_, grant)| grant).collect())
}

/// The names of the ancestors of an asset, and its own.
fn path(qualified_name: &str) -> impl Iterator<Item = &str> {
    ancestors(qualified_name).into_iter().chain([qualified_name])
}

/// Adds what an asset gives, if it gives no more yet.
fn add(given: &mut Given, id: AssetId, relation: Relation) {
    let known = given.entry(id.uuid()).or_insert(relation);
    if relation.includes(*known) {
        *known = relation;
    }
}

fn owned((id, relation): (&Uuid, &Relation)) -> (Uuid, Relation) {
    (*id, *relation)
}

/// Notes that the actor's rules have decided about the asset with this qualified name.
///
/// # Errors
/// When the storage fails, or another transaction has changed what the rules say.
pub(in crate::service) fn decided_by(
    transaction: &mut Transaction<'_>,
    rules: &Rc<Rules>,
    qualified_name: &str,
) -> Result<()> {
    let known = grounds(transaction)?;
    known.paths.extend(path(qualified_name).map(str::to_owned));
    // Rules that the transaction reads later differ by its own changes only: it has locked the policies before.
    known.rules.get_or_insert_with(|| Rc::clone(rules));
    Ok(())
}

/// What the actor reaches, without grants of assets, to decide about what lies within this scope. Computed only once for all
/// decisions of a transaction that does not change what the actor may do.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn reach(transaction: &mut Transaction<'_>, about: &Scope) -> Result<Rc<Reach>> {
    let rights = transaction.effort.own_rights();
    let known = grounds(transaction)?;
    known.scope.add(about);
    let before = known.reach.clone();
    if let Some((as_of, reach)) = &before
        && *as_of == rights
    {
        return Ok(Rc::clone(reach));
    }
    let reach = Rc::new(read_reach(transaction)?);
    if let Some((_, before)) = before
        && !transaction.has_locked_policies()
        && !reach.agrees_with(&before, &extents(&grounds(transaction)?.scope))
    {
        return Err(concurrent_change());
    }
    grounds(transaction)?.reach = Some((rights, Rc::clone(&reach)));
    Ok(reach)
}

fn read_reach(transaction: &mut Transaction<'_>) -> Result<Reach> {
    Reach::without_grants(transaction.service, transaction.connection, transaction.actor.standing())
}

fn extents(scope: &Scope) -> Extents {
    [Extent::every_action(scope.clone())].iter().collect()
}

/// Runs the transaction again if another has taken away, or changed, what this one has decided by.
fn still_hold(transaction: &mut Transaction<'_>) -> Result<()> {
    let known = std::mem::take(grounds(transaction)?);
    let outcome = check(transaction, &known);
    *grounds(transaction)? = known;
    outcome
}

fn check(transaction: &mut Transaction<'_>, known: &Grounds) -> Result<()> {
    let names: Vec<&str> = known.grants.keys().map(String::as_str).collect();
    let given: Given = known.grants.values().flatten().map(owned).collect();
    // By the role that the actor had before: the transaction may give it another.
    let (username, role) = transaction.actor.granted_as();
    let found = assets::grants_among(transaction.connection, &names, &username, role)?;
    check_kept(transaction, &given, &found)?;
    if transaction.has_locked_policies() || known.rules.is_none() && known.reach.is_none() {
        return Ok(());
    }
    let standing = transaction.actor.standing();
    if policies::revision(transaction.connection)? == standing.whole().policy_revision {
        return Ok(());
    }
    if let Some(rules) = &known.rules
        && !rules.still_say(transaction.connection, standing, &known.paths)?
    {
        return Err(concurrent_change());
    }
    if let Some((_, reach)) = &known.reach
        && !read_reach(transaction)?.agrees_with(reach, &extents(&known.scope))
    {
        return Err(concurrent_change());
    }
    Ok(())
}

/// Checks that assets give at least what they gave before, except for those that the transaction itself has written.
fn check_kept(transaction: &Transaction<'_>, before: &Given, now: &[(AssetId, AssetGrant)]) -> Result<()> {
    let mut given = Given::new();
    for (id, grant) in now {
        add(&mut given, *id, grant.relation);
    }
    let is_kept = |(id, relation): (&Uuid, &Relation)| {
        given.get(id).is_some_and(|now| now.includes(*relation)) || transaction.has_written(*id)
    };
    if before.iter().all(is_kept) { Ok(()) } else { Err(concurrent_change()) }
}
