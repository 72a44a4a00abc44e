//! Who may write which policies. Admins of the object that a policy is about have authority over it, and so do platform
//! administrators. No platform permission replaces this.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::actor::Actor;
use crate::domain::asset::{AssetId, Relation, ancestors, is_within};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PersonaId;
use crate::domain::listing::clip;
use crate::domain::policy::{Criterion, Effect, Extent, Extents, Policy, Rule, Scope};
use crate::service::Transaction;
use crate::service::authz::{containment, denies, giving, grounds, sight};
use crate::storage::database::AnyConnection;
use crate::storage::{assets, personas, policies, search};

/// The attribute of a policy that names its connection (docs/contracts/atlan.md, section 6.2).
pub(in crate::service) const CONNECTION: &str = "connectionQualifiedName";

/// Names that every connection or every collection lies beneath (docs/contracts/atlan.md, section 6.3).
const SHARED_ROOTS: [&str; 2] = ["default", "default/collection"];

/// What a policy is about, for the question of authority. The object is the topmost stored asset at or above all names
/// in the policy, so the admins of a connection decide about everything beneath it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PolicyTarget {
    /// No resource at all.
    Nothing,
    /// One object, or something beneath it.
    Object(Object),
    /// A name at or above which no asset is stored.
    Unknown(String),
    /// Several objects, or everything.
    Everything,
}

/// An asset whose admins have authority over policies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    id: AssetId,
    qualified_name: String,
}

/// How an actor relates to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObjectRelation {
    /// The actor has authority over it.
    Administers,
    /// The actor sees it.
    Sees,
    /// The actor does not see it, or it does not exist.
    Unknown,
}

impl PolicyTarget {
    /// What a rule is about: the connection that its policy states, if any, otherwise the resources that the rule
    /// names.
    fn read(connection: &mut AnyConnection, rule: &Rule, connection_name: Option<&str>) -> Result<Self> {
        let names = match (connection_name, rule.scope()) {
            (Some(connection_name), _) => BTreeSet::from([connection_name.to_owned()]),
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

/// A name and all its ancestors, topmost first.
fn path(qualified_name: &str) -> Vec<&str> {
    let mut path = ancestors(qualified_name);
    path.push(qualified_name);
    path
}

/// Checks that the resources of a rule lie within the connection that its policy states.
///
/// # Errors
/// A message that names the resource outside the connection.
pub(in crate::service) fn check_within(rule: &Rule, connection_name: &str) -> Result<(), String> {
    match rule.scope() {
        Scope::Within(names) => match names.iter().find(|name| !is_within(name, connection_name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "must lie within `{}`, the policy's `{CONNECTION}`: `{}`",
                clip(connection_name),
                clip(name)
            )),
        },
        Scope::Unbounded => Err(format!("must lie within `{}`, the policy's `{CONNECTION}`", clip(connection_name))),
    }
}

/// The connection that a policy states, if any.
///
/// # Errors
/// A message if the attribute is not a string.
pub(in crate::service) fn connection_of(policy: &Policy) -> Result<Option<&str>, &'static str> {
    match policy.attributes.get(CONNECTION) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(name)) => Ok(Some(name.as_str()).filter(|name| !name.is_empty())),
        Some(_) => Err("must be the qualified name of a connection"),
    }
}

/// Checks that the actor may write this policy: it needs authority over what the policy is about, and for an allow also
/// the right to give what it allows. Returns the object that the policy is about, if any; no other right is needed to
/// write a policy about it.
///
/// # Errors
/// [`Error::NotFound`] for an object that does not exist or that the actor does not see, [`Error::Forbidden`]
/// otherwise.
pub(in crate::service) fn may_write(
    transaction: &mut Transaction<'_>,
    rule: &Rule,
    connection_name: Option<&str>,
) -> Result<Option<String>> {
    let object = object(transaction, rule, connection_name)?;
    if rule.effect == Effect::Allow && rule.scope() != Scope::Within(BTreeSet::new()) {
        giving::may_give(transaction, &rule.scope())?;
    }
    Ok(object)
}

fn object(transaction: &mut Transaction<'_>, rule: &Rule, connection_name: Option<&str>) -> Result<Option<String>> {
    let about = PolicyTarget::read(transaction.connection, rule, connection_name)?;
    let is_administrator = transaction.actor.principal().is_administrator();
    let (object, name) = match about {
        PolicyTarget::Nothing => return Ok(None),
        PolicyTarget::Everything if is_administrator => return Ok(None),
        PolicyTarget::Everything => {
            let what = "write a policy about more than one object: a user with the role `$admin` can";
            return Err(refused(transaction.actor, what));
        }
        PolicyTarget::Unknown(_) if is_administrator && connection_name.is_none() => return Ok(None),
        PolicyTarget::Unknown(name) => (None, name),
        PolicyTarget::Object(object) => {
            let name = connection_name.unwrap_or(&object.qualified_name).to_owned();
            (Some(object), name)
        }
    };
    match relation_to(transaction, object.as_ref(), &name)? {
        ObjectRelation::Administers => Ok(object.map(|object| object.qualified_name)),
        ObjectRelation::Sees => {
            let what = format!("write policies about `{}`: only its admins can", clip(&name));
            Err(refused(transaction.actor, &what))
        }
        ObjectRelation::Unknown => {
            let kind = if connection_name.is_some() { "connection" } else { "asset" };
            Err(Error::NotFound { kind, id: clip(&name) })
        }
    }
}

/// Checks that the actor may update, enable, disable or delete an existing policy: it needs authority over what the
/// policy is about. Ending a deny also takes the right to give what it denies.
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
    let what = format!("change the policy `{}`: only admins of the object that it is about can", clip(&policy.name));
    Err(refused(transaction.actor, &what))
}

/// Stops an actor from adding a deny to a persona that it is linked to itself. A deny keeps persona managers from
/// unlinking the persona, so the actor could make its own link permanent.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_deny(actor: &Actor, persona: PersonaId, effect: Effect) -> Result<()> {
    if effect == Effect::Allow || containment::administers(actor) || !actor.has_persona(persona) {
        return Ok(());
    }
    Err(refused(actor, "add a deny policy to a persona that it is linked to"))
}

/// Checks that the actor may end a persona's denies by deleting, disabling or unlinking the persona. That takes
/// authority over what each deny is about. A deny of something that nothing allows is ignored. Locks the persona until
/// the transaction ends.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_release(transaction: &mut Transaction<'_>, persona: PersonaId) -> Result<()> {
    // What an administrator gives back with a child would outlive the child.
    if containment::administers(transaction.actor) {
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
                "delete, disable or unlink the persona `{}`: only admins of the object of its deny policy can",
                clip(&locked.name)
            );
            return Err(refused(transaction.actor, &what));
        }
    }
    Ok(())
}

/// Checks that the actor may give everything that the persona allows. The persona does not change until the transaction
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

/// Whether the actor has authority over a policy: authority over the object recorded when the policy was written. An
/// asset created later gives none. Only administrators have authority over policies about no object or several. A
/// policy whose resources lie outside its stated connection predates that check and could be about anything: only
/// administrators have authority over it.
fn has_authority(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<bool> {
    if transaction.actor.principal().is_administrator() {
        return Ok(true);
    }
    match connection_of(policy) {
        Err(_) => return Ok(false),
        Ok(Some(connection_name)) if check_within(&policy.rule, connection_name).is_err() => return Ok(false),
        Ok(_) => {}
    }
    let Some(name) = policies::object_of(transaction.connection, policy.id)? else {
        return Ok(policy.rule.scope() == Scope::Within(BTreeSet::new()));
    };
    let stored = assets::ids_of(transaction.connection, &[&name])?;
    let Some(id) = stored.get(&name).copied() else { return Ok(false) };
    let object = Object { id, qualified_name: name };
    Ok(relation_to(transaction, Some(&object), &object.qualified_name)? == ObjectRelation::Administers)
}

/// What policies without a stored object name. A name at, above or beneath one of these is reserved: otherwise the admin of a
/// new asset there would gain authority over, or access from, what only administrators granted. The names in
/// `SHARED_ROOTS` do not count.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn reserved(connection: &mut AnyConnection) -> Result<Extents> {
    let named = |resources: &Vec<Criterion>| match Scope::of(resources) {
        Scope::Unbounded => None,
        Scope::Within(mut names) => {
            names.retain(|name| !SHARED_ROOTS.contains(&name.as_str()));
            Some(Extent::every_action(Scope::Within(names)))
        }
    };
    let extents: Vec<Extent> = policies::resources_without_object(connection)?.iter().filter_map(named).collect();
    Ok(extents.iter().collect())
}

/// How the actor relates to the object, which is locked until the transaction ends. A missing and an unseen object take
/// the same steps and give the same result.
fn relation_to(transaction: &mut Transaction<'_>, object: Option<&Object>, name: &str) -> Result<ObjectRelation> {
    let id = object.map_or_else(|| AssetId::from(uuid::Uuid::nil()), |object| object.id);
    // Serialises with a transaction that removes the actor from the admins.
    assets::lock(transaction.connection, id)?;
    let above = object.map_or(name, |object| &object.qualified_name);
    let administers = grounds::relation(transaction, above)? == Some(Relation::Admin);
    if administers && object.is_some() {
        return Ok(ObjectRelation::Administers);
    }
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    let seen = search::is_seen(transaction.connection, &id.to_string(), &sight)?;
    Ok(if seen { ObjectRelation::Sees } else { ObjectRelation::Unknown })
}

fn refused(actor: &Actor, what: &str) -> Error {
    Error::Forbidden(format!("`{}` may not {what}", actor.username()))
}

/// The actors that can write a policy about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWriters {
    /// The object whose admins can, if it exists and the asking actor sees it. Administrators always can.
    pub object: Option<String>,
    /// Whether the asking actor can.
    pub asking: bool,
}

/// Which actors can write a policy about a resource, as far as the asking actor may know.
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
    let (username, role) = actor.granted_as();
    let relation = assets::relation_to(connection, name, &username, role)?;
    let asking = actor.principal().is_administrator() || relation == Some(Relation::Admin);
    let sight = sight::entities(connection, actor)?;
    let seen = search::is_seen(connection, &id.to_string(), &sight)?;
    let object = (found.is_some() && (asking || seen)).then(|| name.to_owned());
    Ok(PolicyWriters { object, asking })
}
