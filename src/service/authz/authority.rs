//! Authority over policies lies with the object that they are about: with its admins, and with administrators of the
//! platform. No permission on the platform replaces it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::actor::Actor;
use crate::domain::asset::{AssetId, Relation, ancestors, is_within};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PersonaId;
use crate::domain::listing::clip;
use crate::domain::policy::{Criterion, Effect, Policy, Rule, Scope};
use crate::service::Transaction;
use crate::service::authz::{denies, giving, sight};
use crate::storage::database::AnyConnection;
use crate::storage::{assets, personas, policies, search};

/// The attribute of a policy that names its connection (docs/contracts/atlan.md, section 6.2).
pub(in crate::service) const CONNECTION: &str = "connectionQualifiedName";

/// What all connections and all collections lie beneath (docs/contracts/atlan.md, section 6.3).
const COMMON_GROUND: [&str; 2] = ["default", "default/collection"];

/// What a policy is about, as far as authority over it goes. An object is the uppermost stored asset at or above all that
/// the policy names, so that what lies beneath a connection is the business of the connection's admins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// No resource at all.
    Nothing,
    /// One object, or what lies beneath it.
    Object(Object),
    /// What lies at or beneath a name that no asset has.
    Unknown(String),
    /// Several objects, or whatever there is.
    Everything,
}

/// An asset whose admins have authority over policies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    id: AssetId,
    qualified_name: String,
}

/// What an actor is to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearing {
    /// It has authority over it.
    Administers,
    /// It sees it.
    Sees,
    /// For this actor there is no such object.
    Unknown,
}

impl About {
    /// What a rule is about; it lies within the connection, if its policy states one.
    fn read(connection: &mut AnyConnection, rule: &Rule, stated: Option<&str>) -> Result<Self> {
        let names = match (stated, rule.scope()) {
            (Some(stated), _) => BTreeSet::from([stated.to_owned()]),
            (None, Scope::Within(names)) => names,
            (None, Scope::Unbounded) => return Ok(Self::Everything),
        };
        let paths: BTreeSet<&str> = names.iter().flat_map(|name| path(name)).collect();
        let stored = assets::ids_of(connection, &paths.into_iter().collect::<Vec<_>>())?;
        let mut objects = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        for name in &names {
            match path(name).into_iter().find_map(|above| Some((above, *stored.get(above)?))) {
                Some((above, id)) => {
                    objects.insert(above, id);
                }
                None => {
                    unknown.insert(name);
                }
            }
        }
        let mut objects = objects.into_iter();
        Ok(match (objects.next(), objects.next(), unknown.len()) {
            (None, _, 0) => Self::Nothing,
            (None, _, 1) => Self::Unknown(unknown.into_iter().cloned().collect()),
            (Some((name, id)), None, 0) => Self::Object(Object { id, qualified_name: name.to_owned() }),
            _ => Self::Everything,
        })
    }
}

/// A name and all that it lies beneath, the uppermost first.
fn path(qualified_name: &str) -> Vec<&str> {
    let mut path = ancestors(qualified_name);
    path.push(qualified_name);
    path
}

/// Whether the resources of a rule lie within the connection that its policy states.
///
/// # Errors
/// A message that names what does not.
pub(in crate::service) fn check_within(rule: &Rule, stated: &str) -> Result<(), String> {
    match rule.scope() {
        Scope::Within(names) => match names.iter().find(|name| !is_within(name, stated)) {
            None => Ok(()),
            Some(name) => {
                Err(format!("must lie within `{}`, the policy's `{CONNECTION}`: `{}`", clip(stated), clip(name)))
            }
        },
        Scope::Unbounded => Err(format!("must lie within `{}`, the policy's `{CONNECTION}`", clip(stated))),
    }
}

/// The connection that a policy states, if it states any.
///
/// # Errors
/// A message, when it states it otherwise than as text.
pub(in crate::service) fn stated(policy: &Policy) -> Result<Option<&str>, &'static str> {
    match policy.attributes.get(CONNECTION) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(name)) => Ok(Some(name.as_str()).filter(|name| !name.is_empty())),
        Some(_) => Err("must be the qualified name of a connection"),
    }
}

/// Refuses the content of a policy to those who have no authority over what it is about, and an allow to those who may not
/// give what it allows. The answer is the object that it is about, if it is about one: to write a policy about it takes no
/// other right.
///
/// # Errors
/// [`Error::NotFound`] for an object that there is not or that the actor may not see, [`Error::Forbidden`] otherwise.
pub(in crate::service) fn may_write(
    transaction: &mut Transaction<'_>,
    rule: &Rule,
    stated: Option<&str>,
) -> Result<Option<String>> {
    let object = object(transaction, rule, stated)?;
    if rule.effect == Effect::Allow && rule.scope() != Scope::Within(BTreeSet::new()) {
        giving::may_give(transaction, &rule.scope())?;
    }
    Ok(object)
}

fn object(transaction: &mut Transaction<'_>, rule: &Rule, stated: Option<&str>) -> Result<Option<String>> {
    let about = About::read(transaction.connection, rule, stated)?;
    let is_administrator = transaction.actor.principal().is_administrator();
    let (object, name) = match about {
        About::Nothing => return Ok(None),
        About::Everything if is_administrator => return Ok(None),
        About::Everything => {
            let what = "write a policy about more than one object, which takes the role `$admin`";
            return Err(refused(transaction.actor, what));
        }
        About::Unknown(_) if is_administrator && stated.is_none() => return Ok(None),
        About::Unknown(name) => (None, name),
        About::Object(object) => {
            let name = stated.unwrap_or(&object.qualified_name).to_owned();
            (Some(object), name)
        }
    };
    match bearing(transaction, object.as_ref(), &name)? {
        Bearing::Administers => Ok(object.map(|object| object.qualified_name)),
        Bearing::Sees => {
            let what = format!("write policies about `{}`, as it is none of its admins", clip(&name));
            Err(refused(transaction.actor, &what))
        }
        Bearing::Unknown => {
            let kind = if stated.is_some() { "connection" } else { "asset" };
            Err(Error::NotFound { kind, id: clip(&name) })
        }
    }
}

/// Refuses a change of a policy that there is to those who have no authority over what it is about: that it is updated,
/// switched on or off, or deleted. A deny is given up only by those who may give what it denies.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_change(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<()> {
    if has_authority(transaction, policy)? {
        return match policy.rule.effect {
            Effect::Allow => Ok(()),
            Effect::Deny => giving::may_give(transaction, &policy.rule.scope()),
        };
    }
    let what = format!("change the policy `{}`: that is for admins of what it is about", clip(&policy.name));
    Err(refused(transaction.actor, &what))
}

/// Refuses a deny in a persona to those who are linked to it: what a persona denies keeps its managers from unlinking it, and
/// nobody holds on to a persona by themselves.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_deny(actor: &Actor, persona: PersonaId, effect: Effect) -> Result<()> {
    if effect == Effect::Allow || actor.principal().is_administrator() || !actor.has_persona(persona) {
        return Ok(());
    }
    Err(refused(actor, "add what denies to a persona that it is linked to itself"))
}

/// Refuses that principals are set free of a persona which denies something: that it is deleted, switched off or unlinked.
/// What it denies is for those to give back who have authority over it; what nothing allows nobody is given. The persona
/// stays as it is until the transaction ends.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_release(transaction: &mut Transaction<'_>, persona: PersonaId) -> Result<()> {
    if transaction.actor.principal().is_administrator() {
        return Ok(());
    }
    let Some(locked) = personas::lock(transaction.connection, persona)? else { return Ok(()) };
    for policy in policies::of_persona(transaction.connection, persona)? {
        if policy.rule.effect == Effect::Allow {
            continue;
        }
        if has_authority(transaction, &policy)? {
            giving::may_give(transaction, &policy.rule.scope())?;
        } else if denies::keeps_back(transaction.connection, persona, &policy.rule)? {
            let what = format!(
                "delete, disable or unlink the persona `{}`: it denies something, which is for admins of that to end",
                clip(&locked.name)
            );
            return Err(refused(transaction.actor, &what));
        }
    }
    Ok(())
}

/// Refuses that a persona grants something to those who may not give that. The persona stays as it is until the transaction
/// ends.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_enable(transaction: &mut Transaction<'_>, persona: PersonaId) -> Result<()> {
    for policy in policies::of_persona(transaction.connection, persona)? {
        if policy.rule.effect == Effect::Allow {
            giving::may_give(transaction, &policy.rule.scope())?;
        }
    }
    Ok(())
}

/// Whether the actor has authority over a policy, which is over the object that it was about when it was written. An asset
/// that has come to be since gives none, nor is there any but an administrator's over a policy about no object or several.
/// One whose resources do not lie within the connection that it states was written before that was looked at: it could be
/// about anything.
fn has_authority(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<bool> {
    if transaction.actor.principal().is_administrator() {
        return Ok(true);
    }
    match stated(policy) {
        Err(_) => return Ok(false),
        Ok(Some(stated)) if check_within(&policy.rule, stated).is_err() => return Ok(false),
        Ok(_) => {}
    }
    let Some(name) = policies::object_of(transaction.connection, policy.id)? else {
        return Ok(policy.rule.scope() == Scope::Within(BTreeSet::new()));
    };
    let stored = assets::ids_of(transaction.connection, &[&name])?;
    let Some(id) = stored.get(&name).copied() else { return Ok(false) };
    let object = Object { id, qualified_name: name };
    Ok(bearing(transaction, Some(&object), &object.qualified_name)? == Bearing::Administers)
}

/// Whether a policy about no stored asset names that name, or something above or beneath it: the ground there is taken, as
/// whoever administers an asset there would have what only administrators gave. What names only where all connections or
/// all collections lie names no ground.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn is_named_ground(connection: &mut AnyConnection, qualified_name: &str) -> Result<bool> {
    let wanted = Scope::Within(BTreeSet::from([qualified_name.to_owned()]));
    let names_it = |resources: &Vec<Criterion>| match Scope::of(resources) {
        Scope::Unbounded => false,
        Scope::Within(mut names) => {
            names.retain(|name| !COMMON_GROUND.contains(&name.as_str()));
            Scope::Within(names).overlaps(&wanted)
        }
    };
    Ok(policies::resources_without_object(connection)?.iter().any(names_it))
}

/// What the actor is to an object, which stays as it is until the transaction ends. For an object that there is not and
/// for one that the actor may not see the same is done, and the same comes out.
fn bearing(transaction: &mut Transaction<'_>, object: Option<&Object>, name: &str) -> Result<Bearing> {
    let id = object.map_or_else(|| AssetId::from(uuid::Uuid::nil()), |object| object.id);
    // Whoever takes the actor off the list of admins waits, or is waited for.
    assets::lock(transaction.connection, id)?;
    let above = object.map_or(name, |object| &object.qualified_name);
    let administers = administers(transaction.connection, transaction.actor, above)?;
    if administers && object.is_some() {
        return Ok(Bearing::Administers);
    }
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    let seen = search::is_seen(transaction.connection, &id.to_string(), &sight)?;
    Ok(if seen { Bearing::Sees } else { Bearing::Unknown })
}

fn administers(connection: &mut AnyConnection, actor: &Actor, qualified_name: &str) -> Result<bool> {
    let principal = actor.principal();
    let (username, role) = (principal.username().to_string(), principal.role.id());
    let relation = assets::relation_to(connection, qualified_name, &username, role)?;
    Ok(principal.is_administrator() || relation == Some(Relation::Admin))
}

fn refused(actor: &Actor, what: &str) -> Error {
    Error::Forbidden(format!("`{}` may not {what}", actor.username()))
}

/// Who could write a policy about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWriters {
    /// The object whose admins can, if there is one and the actor who asks sees it. Administrators can always.
    pub object: Option<String>,
    /// Whether the actor who asks could.
    pub asking: bool,
}

/// Who could write a policy about a resource, as far as the actor may know.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn writers(
    connection: &mut AnyConnection,
    actor: &Actor,
    qualified_name: &str,
) -> Result<PolicyWriters> {
    let stored = assets::ids_of(connection, &path(qualified_name))?;
    let found = path(qualified_name).into_iter().find_map(|above| Some((above, *stored.get(above)?)));
    let (name, id) = found.unwrap_or_else(|| (qualified_name, AssetId::from(uuid::Uuid::nil())));
    let asking = administers(connection, actor, name)?;
    let sight = sight::entities(connection, actor)?;
    let seen = search::is_seen(connection, &id.to_string(), &sight)?;
    let object = (found.is_some() && (asking || seen)).then(|| name.to_owned());
    Ok(PolicyWriters { object, asking })
}
