//! How much the policies of a persona can name together. Admins of assets can add to any persona that they see, and every
//! principal linked to it pays in decision time.

use std::collections::BTreeMap;

use crate::domain::error::{Error, Result};
use crate::domain::ids::{PersonaId, PolicyId};
use crate::domain::listing::clip;
use crate::domain::permission::Permission;
use crate::domain::policy::Policy;
use crate::service::Transaction;
use crate::service::authz::containment;
use crate::storage::policies;

/// The most resources and actions that the policies of one persona can name together.
const NAMES: usize = 20_000;
/// The most of them that actors without `MANAGE_PERSONAS` can reach, so that they leave room for others.
const NAMES_OF_MEMBERS: usize = 10_000;
/// The most of them in policies that one such actor has written.
const NAMES_OF_ONE: usize = 2_000;
/// The most of them in policies about one object, so that its admins leave room for others.
const NAMES_ABOUT_ONE: usize = 1_000;

/// The policies of the personas that a transaction has written policies of and locked: it reads them only once.
#[derive(Default)]
struct Rooms(BTreeMap<PersonaId, Room>);

type Room = BTreeMap<PolicyId, Taken>;

/// The part of a room that a policy takes.
struct Taken {
    names: usize,
    written_by: String,
    object: Option<String>,
}

/// Checks that a persona has room for a policy about this object, which named `before` actions and resources. Taking some away
/// needs no room.
///
/// # Errors
/// [`Error::Conflict`]
pub(super) fn check_room(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    before: usize,
    object: Option<&str>,
) -> Result<()> {
    let actor = transaction.actor;
    let Some(persona) = policy.persona.filter(|_| !containment::administers(actor)) else { return Ok(()) };
    let is_known = transaction.effort.known::<Rooms>().is_some_and(|rooms| rooms.0.contains_key(&persona));
    let read = if is_known { None } else { Some(read(transaction, persona)?) };
    let Some(Rooms(rooms)) = transaction.effort.known() else { return Ok(()) };
    let room = rooms.entry(persona).or_insert_with(|| read.unwrap_or_default());
    let names = policy.rule.names();
    let taken = Taken { names, written_by: policy.created_by.clone(), object: object.map(str::to_owned) };
    room.insert(policy.id, taken);
    if names <= before {
        return Ok(());
    }
    let total = |counts: &dyn Fn(&Taken) -> bool| -> usize {
        room.values().filter(|taken| counts(taken)).map(|taken| taken.names).sum()
    };
    let full = |which: &str, most: usize| {
        Error::Conflict(format!("the policies of a persona{which} can name {most} actions and resources together"))
    };
    if let Some(object) = object
        && total(&|taken| taken.object.as_deref() == Some(object)) > NAMES_ABOUT_ONE
    {
        return Err(full(&format!(" about `{}`", clip(object)), NAMES_ABOUT_ONE));
    }
    let in_all = total(&|_| true);
    if !actor.permissions().contains(Permission::ManagePersonas) {
        let username = actor.username().to_string();
        if total(&|taken| taken.written_by == username) > NAMES_OF_ONE {
            return Err(full(&format!(" that `{username}` has written"), NAMES_OF_ONE));
        }
        if in_all > NAMES_OF_MEMBERS {
            return Err(full(" to which an actor without `MANAGE_PERSONAS` adds", NAMES_OF_MEMBERS));
        }
    }
    if in_all > NAMES {
        return Err(full("", NAMES));
    }
    Ok(())
}

fn read(transaction: &mut Transaction<'_>, persona: PersonaId) -> Result<Room> {
    let mut objects = policies::objects_of_persona(transaction.connection, persona)?;
    let policies = policies::of_persona(transaction.connection, persona)?.into_iter();
    let taken = policies.map(|policy| {
        let object = objects.remove(&policy.id);
        (policy.id, Taken { names: policy.rule.names(), written_by: policy.created_by, object })
    });
    Ok(taken.collect())
}

/// Notes that the transaction has deleted a policy.
pub(super) fn leave(transaction: &mut Transaction<'_>, policy: &Policy) {
    if let Some(Rooms(rooms)) = transaction.effort.known()
        && let Some(room) = policy.persona.and_then(|persona| rooms.get_mut(&persona))
    {
        room.remove(&policy.id);
    }
}
