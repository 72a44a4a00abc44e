//! Searches entities and loads those found.

use std::collections::HashMap;
use std::time::Instant;

use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::entity::{Entity, LinkedPersona};
use crate::domain::error::Result;
use crate::domain::principal::PrincipalKind;
use crate::domain::search::Search;
use crate::domain::sight::{SeenPolicies, Sight};
use crate::service::Service;
use crate::service::authz::sight;
use crate::storage::database::AnyConnection;
use crate::storage::{assets, personas, policies, search as found};

/// A page of search results.
#[derive(Debug)]
pub struct Hits {
    /// The total on all pages.
    pub total: i64,
    /// The entities on this page, in order.
    pub entities: Vec<Entity>,
}

/// One page of the entities that the actor sees.
///
/// # Errors
/// When the storage fails.
pub async fn search(service: &Service, actor: &Actor, search: Search) -> Result<Hits> {
    let (began, seeing) = (Instant::now(), actor.clone());
    let found = service
        .list(actor, move |connection| {
            let sight = sight::entities(connection, &seeing)?;
            let total = found::count(connection, &search, &sight)?;
            let ids = if search.size == 0 { Vec::new() } else { found::page(connection, &search, &sight)? };
            Ok(Hits { total, entities: load(connection, &ids, &sight)? })
        })
        .await?;
    sight::delay_if_missing(began, found, |found| found.total == 0).await
}

/// The entities with these ids, in order; missing ones are left out. A persona lists only the policies and users that
/// are seen.
pub(in crate::service) fn load(connection: &mut AnyConnection, ids: &[String], sight: &Sight) -> Result<Vec<Entity>> {
    let mut users = personas::users_of(connection, ids)?;
    let mut own = policies::ids_of(connection, ids)?;
    let mut entities: HashMap<Uuid, Entity> = HashMap::new();
    for persona in personas::find_many(connection, ids)? {
        let id = persona.id.to_string();
        let told = match &sight.policies {
            SeenPolicies::All => true,
            SeenPolicies::Of { personas, .. } => personas.contains(&persona.id),
        };
        let policies = own.remove(&id).filter(|_| told).unwrap_or_default();
        let mut users = users.remove(&id).unwrap_or_default();
        users.retain(|name| sight.principals.contains(PrincipalKind::User, name));
        entities.insert(persona.id.uuid(), Entity::Persona(LinkedPersona { persona, users, policies }));
    }
    for policy in policies::find_many(connection, ids)? {
        entities.insert(policy.id.uuid(), Entity::Policy(policy));
    }
    for asset in assets::find_many(connection, ids)? {
        entities.insert(asset.id.uuid(), Entity::Asset(asset));
    }
    Ok(ids.iter().filter_map(|id| entities.remove(&Uuid::parse_str(id).ok()?)).collect())
}
