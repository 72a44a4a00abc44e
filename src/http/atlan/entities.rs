//! `/api/meta/entity`: personas, policies and assets in Atlan's wire format.

mod input;
mod output;

pub use self::output::EntityView;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use utoipa::ToSchema;
use uuid::Uuid;

use self::input::EntitiesRequest;
use self::output::{EntityDetail, MutationView};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Violation};
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::catalogue::entities;
use crate::service::catalogue::saved::Removal;

/// The most entities in a request.
const MOST: usize = 1000;

/// Create and update entities
///
/// All entities are saved in one transaction. An entity is identified by its `guid`, else by its type and qualified
/// name; an unknown one is created. Given attributes replace stored ones, `null` clears an attribute, and absent ones
/// stay. A persona requires the permission `MANAGE_PERSONAS`. A policy requires being an admin of the connection,
/// collection, glossary or domain that contains its resources, or the role `$admin`. An asset requires being one of its
/// admins or editors, or a policy that allows it.
#[utoipa::path(
    tag = "Entities",
    operation_id = "update_entities",
    request_body = EntitiesRequest,
    responses((status = 200, description = "The changed entities", body = MutationView), AnyError, Fails<403>, Fails<404>, Fails<409>, Fails<413>),
)]
#[post("/api/meta/entity/bulk")]
pub async fn update(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<EntitiesRequest>,
) -> Result<HttpResponse, Failure> {
    let drafts = body.strict()?.into_drafts()?;
    let mutation = entities::save(&state.service, &actor, drafts).await.map_err(no_instance)?;
    Ok(HttpResponse::Ok().json(MutationView::from(mutation)))
}

/// Delete entities
///
/// All entities are deleted in one transaction. `PURGE` and `HARD` delete permanently; `SOFT` marks an asset as
/// deleted, and its next write restores it. Entities that do not exist, or that the caller may not see, are absent from
/// the answer.
#[utoipa::path(
    tag = "Entities",
    operation_id = "delete_entities",
    params(
        ("guid" = Vec<String>, Query, description = "The ids of the entities; the parameter may be repeated"),
        ("deleteType" = inline(Option<DeleteType>), Query, description = "How they are deleted; `SOFT` if left out"),
    ),
    responses((status = 200, description = "The changed entities", body = MutationView), AnyError, Fails<403>, Fails<404>),
)]
#[delete("/api/meta/entity/bulk")]
pub async fn delete(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    params.only(&["guid", "deleteType"])?;
    let how = DeleteType::parse(params.get("deleteType")?)?;
    let given: Vec<&str> = params.all("guid").collect();
    if given.is_empty() || given.len() > MOST || given.iter().any(|guid| guid.is_empty()) {
        return Err(Violation::new("guid", format!("must be given 1 to {MOST} times")).into());
    }
    // An invalid id, such as a temporary one (`-1`), matches no entity.
    let mut ids: Vec<Uuid> = given.into_iter().filter_map(|guid| Id::<Uuid>::parse(guid).map(Id::uuid)).collect();
    let mut once = std::collections::HashSet::new();
    ids.retain(|id| once.insert(*id));
    let mutation = entities::delete(&state.service, &actor, ids, how.removal()).await.map_err(no_instance)?;
    Ok(HttpResponse::Ok().json(MutationView::deleted(mutation, how.name())))
}

/// How entities are deleted.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum DeleteType {
    /// Marks the entities as deleted; they are still found.
    Soft,
    /// Removes the entities from the database.
    Hard,
    /// Same as `HARD`.
    Purge,
}

impl DeleteType {
    fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "" | "SOFT" => Ok(Self::Soft),
            "HARD" => Ok(Self::Hard),
            "PURGE" => Ok(Self::Purge),
            _ => Err(Violation::new("deleteType", "must be `PURGE`, `HARD` or `SOFT`")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Soft => "SOFT",
            Self::Hard => "HARD",
            Self::Purge => "PURGE",
        }
    }

    fn removal(self) -> Removal {
        match self {
            Self::Soft => Removal::Soft,
            Self::Hard | Self::Purge => Removal::Purge,
        }
    }
}

/// Get an entity
///
/// 404 also for an entity that the caller may not see.
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
/// 404 also for an entity that the caller may not see.
#[utoipa::path(
    tag = "Entities",
    operation_id = "get_entity_by_name",
    params(
        ("type" = String, Path, description = "The type of the entity, in its exact case"),
        ("attr:qualifiedName" = String, Query, description = "The qualified name of the entity"),
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

/// Turns `NotFound` of a GUID into Atlas's error for it; other errors stay as they are.
fn no_instance(error: Error) -> Failure {
    match error {
        Error::NotFound { id, .. } if Id::<Uuid>::parse(&id).is_some() => Failure::NoInstance(id),
        other => other.into(),
    }
}
