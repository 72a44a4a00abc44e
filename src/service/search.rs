//! Searching for entities, and who sees which.

use std::collections::HashMap;

use uuid::Uuid;

use super::Service;
use crate::domain::actor::Actor;
use crate::domain::entity::{Entity, LinkedPersona};
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::principal::{PrincipalKind, Role};
use crate::domain::search::{Search, SeenAssets, SeenPolicies, Sight};
use crate::storage::database::AnyConnection;
use crate::storage::{assets, personas, search as found};

/// One page of what was searched for.
#[derive(Debug)]
pub struct Found {
    /// How many there are on all pages.
    pub total: i64,
    /// Those on this one, in order.
    pub entities: Vec<Entity>,
}

/// One page of the entities that the actor can see: every persona; the policies of its own personas, or all for who
/// manages personas or policies; the assets that [`Sight`] says.
///
/// # Errors
/// When the storage fails.
pub async fn search(service: &Service, actor: &Actor, search: Search) -> Result<Found> {
    let sight = sight(actor);
    service
        .read(move |connection| {
            let total = found::count(connection, &search, &sight)?;
            let ids = if search.size == 0 { Vec::new() } else { found::page(connection, &search, &sight)? };
            Ok(Found { total, entities: load(connection, &ids)? })
        })
        .await
}

/// What the actor can see.
pub(super) fn sight(actor: &Actor) -> Sight {
    let permissions = actor.permissions();
    let manages =
        [Permission::ManagePersonas, Permission::ManagePolicies].into_iter().any(|it| permissions.contains(it));
    let principal = actor.principal();
    Sight {
        policies: if manages {
            SeenPolicies::All
        } else {
            SeenPolicies::Of(actor.personas().iter().map(|persona| persona.id).collect())
        },
        assets: if is_administrator(actor) {
            SeenAssets::All
        } else {
            SeenAssets::Of {
                username: actor.username().to_string(),
                since: principal.created_at,
                role_id: principal.role.id(),
            }
        },
    }
}

/// Whether the actor is a user with the role `$admin`.
pub(super) fn is_administrator(actor: &Actor) -> bool {
    actor.principal().kind == PrincipalKind::User && actor.principal().role == Role::Admin
}

/// The entities with these ids, in their order; those that are gone are left out.
pub(super) fn load(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Entity>> {
    let mut users = personas::users_of(connection, ids)?;
    let mut entities: HashMap<Uuid, Entity> = HashMap::new();
    for persona in personas::find_many(connection, ids)? {
        let users = users.remove(&persona.id.to_string()).unwrap_or_default();
        entities.insert(persona.id.uuid(), Entity::Persona(LinkedPersona { persona, users, policies: Vec::new() }));
    }
    for asset in assets::find_many(connection, ids)? {
        entities.insert(asset.id.uuid(), Entity::Asset(asset));
    }
    Ok(ids.iter().filter_map(|id| entities.remove(&Uuid::parse_str(id).ok()?)).collect())
}
