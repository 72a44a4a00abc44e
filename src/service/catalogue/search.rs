//! Searching for entities, and who sees which.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::actor::{Actor, Standing};
use crate::domain::asset::{AssetKind, Deed};
use crate::domain::entity::{Entity, LinkedPersona};
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::policy::{Bucket, Category, Policy, Rule};
use crate::domain::search::{OwnerRules, Search, SeenAssets, SeenPolicies, Sight};
use crate::service::Service;
use crate::storage::database::AnyConnection;
use crate::storage::{assets, personas, policies, search as found};

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
    let actor = actor.clone();
    service
        .read(move |connection| {
            let sight = sight(connection, &actor)?;
            let total = found::count(connection, &search, &sight)?;
            let ids = if search.size == 0 { Vec::new() } else { found::page(connection, &search, &sight)? };
            Ok(Found { total, entities: load(connection, &ids, &sight)? })
        })
        .await
}

/// What the actor can see.
pub(in crate::service) fn sight(connection: &mut AnyConnection, actor: &Actor) -> Result<Sight> {
    let permissions = actor.permissions();
    let manages =
        [Permission::ManagePersonas, Permission::ManagePolicies].into_iter().any(|it| permissions.contains(it));
    let principal = actor.principal();
    let policies = if manages {
        SeenPolicies::All
    } else {
        SeenPolicies::Of(actor.personas().iter().map(|persona| persona.id).collect())
    };
    let assets = if principal.is_administrator() {
        SeenAssets::All
    } else {
        let (username, role_id) = (actor.username().to_string(), principal.role.id());
        SeenAssets::Of { username, since: principal.created_at, role_id }
    };
    let (rules, of_owners) = rules(connection, actor.standing())?;
    let owned = OwnerRules { username: actor.username().to_string(), rules: of_owners };
    Ok(Sight { assets, policies, rules, owned })
}

/// The rules about reading entities that the engine would look at: first those about the principal, then those that are
/// about it only where it is an owner.
fn rules(connection: &mut AnyConnection, standing: &Standing) -> Result<(Vec<Rule>, Vec<Rule>)> {
    let mut about = Vec::new();
    for persona in standing.enabled_personas() {
        about.extend(policies::of_persona(connection, persona.id)?);
    }
    let buckets = Bucket::of(&standing.principal);
    let concerns = |bucket: Bucket| buckets.contains(&bucket);
    let mut shared = policies::shared(connection)?;
    shared.retain(|policy| policy.rule.category == Category::Entities);
    let (direct, others): (Vec<_>, Vec<_>) =
        shared.into_iter().partition(|policy| policy.rule.subjects.buckets().any(concerns));
    about.extend(direct);
    let reading =
        |rule: &Rule| AssetKind::ALL.iter().any(|kind| rule.actions.iter().any(|it| it == kind.action(Deed::Read)));
    let of_owners = others.into_iter().filter(|policy| policy.rule.is_about_owners()).collect();
    let enabled = |policies: Vec<Policy>| {
        policies.into_iter().filter(|policy| policy.enabled).map(|policy| policy.rule).filter(reading).collect()
    };
    Ok((enabled(about), enabled(of_owners)))
}

/// The entities with these ids, in their order; those that are gone are left out. A persona tells of the policies that
/// can be seen.
pub(in crate::service) fn load(connection: &mut AnyConnection, ids: &[String], sight: &Sight) -> Result<Vec<Entity>> {
    let mut users = personas::users_of(connection, ids)?;
    let mut own = policies::ids_of(connection, ids)?;
    let mut entities: HashMap<Uuid, Entity> = HashMap::new();
    for persona in personas::find_many(connection, ids)? {
        let id = persona.id.to_string();
        let told = match &sight.policies {
            SeenPolicies::All => true,
            SeenPolicies::Of(personas) => personas.contains(&persona.id),
        };
        let policies = own.remove(&id).filter(|_| told).unwrap_or_default();
        let users = users.remove(&id).unwrap_or_default();
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
