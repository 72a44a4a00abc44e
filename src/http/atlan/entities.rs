//! `/api/meta/entity`: personas, policies and assets as Atlan's clients write and read them.

mod input;
mod output;

pub use self::output::EntityView;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use uuid::Uuid;

use self::input::EntitiesRequest;
use self::output::{EntityDetail, MutationView};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Violation};
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::http::asked::Asked;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::catalogue::entities;
use crate::service::catalogue::saved::Removal;

/// The largest number of entities in one call.
const MOST: usize = 1000;

/// Create and update entities
///
/// All of them, or none. An entity is known by its `guid`, else by its type and qualified name; one that is not known is
/// created. Given attributes replace what there was, `null` clears one, and those left out stay. A persona takes the
/// permission `MANAGE_PERSONAS`; a policy takes being an admin of the connection, collection, glossary or domain that its
/// resources lie within, or the role `$admin`; an asset takes being one of its admins or editors, or a policy that allows it.
#[utoipa::path(
    tag = "Entities",
    operation_id = "update_entities",
    request_body = EntitiesRequest,
    responses((status = 200, description = "What became of them", body = MutationView), AnyError, Fails<403>, Fails<404>, Fails<409>, Fails<413>),
)]
#[post("/api/meta/entity/bulk")]
pub async fn update(
    state: web::Data<State>,
    Asked { actor, body, .. }: Asked<EntitiesRequest>,
) -> Result<HttpResponse, Failure> {
    let drafts = body.known()?.into_drafts()?;
    let mutation = entities::save(&state.service, &actor, drafts).await.map_err(no_instance)?;
    Ok(HttpResponse::Ok().json(MutationView::from(mutation)))
}

/// Delete entities
///
/// All of them, or none. `PURGE` and `HARD` delete for good; `SOFT` marks an asset, which the next write revives. Those
/// that are not there, or not to be seen, are left out of the answer, which is how a client learns that nothing was left to
/// do.
#[utoipa::path(
    tag = "Entities",
    operation_id = "delete_entities",
    params(
        ("guid" = Vec<String>, Query, description = "The ids of the entities; the parameter may be repeated"),
        ("deleteType" = Option<String>, Query, description = "`PURGE`, `HARD` or `SOFT`; `SOFT` if left out"),
    ),
    responses((status = 200, description = "What became of them", body = MutationView), AnyError, Fails<403>, Fails<404>),
)]
#[delete("/api/meta/entity/bulk")]
pub async fn delete(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let (how, handler) = match params.get("deleteType")? {
        "" | "SOFT" => (Removal::Soft, "SOFT"),
        "PURGE" => (Removal::Purge, "PURGE"),
        "HARD" => (Removal::Purge, "HARD"),
        _ => return Err(Violation::new("deleteType", "must be `PURGE`, `HARD` or `SOFT`").into()),
    };
    let given: Vec<&str> = params.all("guid").collect();
    if given.is_empty() || given.len() > MOST || given.iter().any(|guid| guid.is_empty()) {
        return Err(Violation::new("guid", format!("must be given 1 to {MOST} times")).into());
    }
    // What is no id, such as a temporary one (`-1`), is the id of nothing.
    let mut ids: Vec<Uuid> = given.into_iter().filter_map(|guid| Id::<Uuid>::parse(guid).map(Id::uuid)).collect();
    let mut once = std::collections::HashSet::new();
    ids.retain(|id| once.insert(*id));
    let mutation = entities::delete(&state.service, &actor, ids, how).await.map_err(no_instance)?;
    Ok(HttpResponse::Ok().json(MutationView::deleted(mutation, handler)))
}

/// Get an entity
///
/// What the caller may not see is not found.
#[utoipa::path(
    tag = "Entities",
    operation_id = "get_entity",
    params(("guid" = String, Path, description = "The id of the entity")),
    responses((status = 200, description = "The entity", body = EntityDetail), AnyError, Fails<404>),
)]
#[get("/api/meta/entity/guid/{guid}")]
pub async fn read(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let id = Id::<Uuid>::parse(&guid).map(Id::uuid).ok_or_else(|| Failure::NoInstance(clip(&guid)))?;
    let entity = entities::get(&state.service, &actor, id).await.map_err(no_instance)?;
    Ok(HttpResponse::Ok().json(EntityDetail::from(entity)))
}

/// Get an entity by its qualified name
///
/// What the caller may not see is not found.
#[utoipa::path(
    tag = "Entities",
    operation_id = "get_entity_by_name",
    params(
        ("type" = String, Path, description = "The type of the entity, in its exact case"),
        ("attr:qualifiedName" = String, Query, description = "Its qualified name"),
    ),
    responses((status = 200, description = "The entity", body = EntityDetail), AnyError, Fails<404>),
)]
#[get("/api/meta/entity/uniqueAttribute/type/{type}")]
pub async fn read_by_name(
    state: web::Data<State>,
    actor: Actor,
    type_name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let name = params.get("attr:qualifiedName")?;
    if name.is_empty() || name.contains('\0') || type_name.contains('\0') {
        return Err(Violation::new("attr:qualifiedName", "must be a qualified name").into());
    }
    let type_name = type_name.into_inner();
    let unknown = || Failure::NoNamedInstance { type_name: clip(&type_name), name: clip(name) };
    let found = entities::get_by_name(&state.service, &actor, type_name.clone(), name.to_owned()).await;
    let entity = found.map_err(|error| match error {
        Error::NotFound { .. } => unknown(),
        other => other.into(),
    })?;
    Ok(HttpResponse::Ok().json(EntityDetail::from(entity)))
}

/// What is unknown by its GUID, in Atlas's words; what is unknown by a name is told by that.
fn no_instance(error: Error) -> Failure {
    match error {
        Error::NotFound { id, .. } if Id::<Uuid>::parse(&id).is_some() => Failure::NoInstance(id),
        other => other.into(),
    }
}
