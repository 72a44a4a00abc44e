//! What an actor may not do to API keys, for pages that say so before it is tried. The use cases check again.

use std::collections::{HashMap, HashSet};

use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::service::Service;
use crate::service::authz::{containment, giving, sight};
use crate::storage::personas;

/// Filters personas, by qualified name: returns those that an actor may not link an API key to, because the key may then reach more
/// than the actor. Unseen personas are left out.
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_APIKEYS`.
pub async fn refused_personas(service: &Service, actor: &Actor, names: Vec<String>) -> Result<HashSet<String>> {
    service.require(actor, Permission::ManageApiKeys)?;
    let (parts, asking) = (service.clone(), actor.clone());
    service
        .read(move |connection| {
            let seen = sight::seen_personas(&asking);
            let mut found = personas::find_by_qualified_names(connection, &names)?;
            found.retain(|persona| seen.contains(persona.id));
            let refused = giving::refused_personas(&parts, connection, &asking, &found)?;
            Ok(refused.into_iter().map(|persona| persona.qualified_name).collect())
        })
        .await
}

/// Filters API keys: returns those that an actor may not change or delete, with the reasons.
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_APIKEYS`.
pub async fn refused_keys(
    service: &Service,
    actor: &Actor,
    ids: Vec<PrincipalId>,
) -> Result<HashMap<PrincipalId, String>> {
    service.require(actor, Permission::ManageApiKeys)?;
    let (parts, asking) = (service.clone(), actor.clone());
    service.read(move |connection| containment::refused_changes(&parts, connection, &asking, &ids)).await
}
