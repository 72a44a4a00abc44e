//! Suggests personas that would let a principal do something, if it were linked to one of them.

use crate::domain::actor::{Actor, Standing};
use crate::domain::error::Result;
use crate::domain::fields::PersonaField;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::service::Service;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::sight;
use crate::storage::{personas, standings};

/// The most personas that are tried: each costs a decision, and perhaps the compilation of its policies.
const TRIED: i64 = 20;

/// The most personas that are suggested.
const SUGGESTED: usize = 3;

/// The personas that would let a principal do it, beside those that it is linked to: the first few by name among those
/// whose policies the actor may read. There may be others.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) without `MANAGE_APIKEYS`; when the storage fails.
pub async fn personas_allowing(
    service: &Service,
    actor: &Actor,
    about: PrincipalId,
    inquiry: Inquiry,
) -> Result<Vec<PersonaRef>> {
    service.require(actor, Permission::ManageApiKeys)?;
    let query: Query<PersonaField> = Query::first_page(Filter::EVERYTHING, "name", TRIED)?;
    let seen = service.page(actor, query, sight::personas(actor)).await?.records;
    let reads_all = sight::reads_all_policies(actor);
    let readable = seen.into_iter().filter(|persona| persona.enabled && (reads_all || actor.has_persona(persona.id)));
    let names: Vec<String> = readable.map(|persona| persona.qualified_name).collect();
    let (parts, actor) = (service.clone(), actor.clone());
    service
        .read(move |connection| {
            let Some(standing) = standings::find(connection, about)? else { return Ok(Vec::new()) };
            if !sight::principals(&actor).sees(&standing.principal) {
                return Ok(Vec::new());
            }
            let standing = parts.with_policies(connection, standing)?;
            let mut allowing = Vec::new();
            for persona in personas::find_by_qualified_names(connection, &names)? {
                if allowing.len() == SUGGESTED || standing.personas.iter().any(|linked| linked.id == persona.id) {
                    continue;
                }
                let linked = standing.personas.iter().cloned().chain([persona.clone()]).collect();
                let tried = Standing { personas: linked, ..standing.clone() };
                if parts.decide_for_asker(connection, &actor, &tried, &inquiry)?.is_allowed() {
                    allowing.push(persona);
                }
            }
            Ok(allowing)
        })
        .await
}
