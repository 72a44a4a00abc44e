//! `/aspects`: reading one aspect, and writing those that decide who can do anything.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::caller::Caller;
use super::entities::{Entity, record};
use super::urn;
use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::nesting::read_json;
use crate::domain::profile::AspectName;
use crate::http::asked::Asked;
use crate::http::openapi::DataHubFails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::{Params, Raw, read_or};
use crate::service::people::profiles;

/// Get one aspect of an entity
///
/// 404 says that there is none, which clients take for an answer.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_aspect",
    params(
        ("urn" = String, Path, description = "The entity's URN", example = "urn:li:corpuser:admin"),
        ("aspect" = String, Query, description = "Its name", example = "corpUserInfo"),
        ("version" = Option<i64>, Query, description = "0, the latest"),
    ),
    responses(
        (status = 200, description = "The aspect", body = Object),
        DataHubFails<401>,
        DataHubFails<404>,
    ),
)]
#[get("/aspects/{urn}")]
pub async fn read(
    state: web::Data<State>,
    Caller(actor): Caller,
    urn: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    let name = params.get("aspect")?;
    let entity = Entity::get(&state, &actor, &urn).await?;
    let found = entity.aspects.into_iter().find(|aspect| aspect.name == name);
    let aspect = found.ok_or_else(|| Failure::DataHub(StatusCode::NOT_FOUND, "There is no such aspect.".to_owned()))?;
    Ok(HttpResponse::Ok().json(json!({"version": 0, "aspect": {record(&aspect.name): aspect.value}})))
}

/// Write an aspect of a user or of a service account
///
/// `?action=ingestProposal` takes one `proposal`, `?action=ingestProposalBatch` several `proposals`. `status` removes and
/// takes back, `corpUserStatus` suspends and readmits, `corpUserInfo` tells names, also of a new user.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "update_datahub_aspect",
    params(("action" = String, Query, description = "`ingestProposal` or `ingestProposalBatch`")),
    request_body = Object,
    responses(
        (status = 200, description = "The URN", body = Object),
        DataHubFails<400>,
        DataHubFails<401>,
        DataHubFails<403>,
        DataHubFails<404>,
    ),
)]
#[post("/aspects")]
pub async fn ingest(
    state: web::Data<State>,
    request: HttpRequest,
    Asked { actor, body, .. }: Asked<Raw, Caller>,
) -> Result<HttpResponse, Failure> {
    let body = body.bytes()?;
    let params = Params::parse(request.query_string());
    let wrong = || Violation::new("proposal", "must be DataHub's MetadataChangeProposal");
    let proposals = match params.get("action")? {
        "ingestProposal" => read_or(&body, wrong).map(|One { proposal }| vec![proposal])?,
        "ingestProposalBatch" => read_or(&body, wrong).map(|Many { proposals }| proposals)?,
        _ => return Err(Violation::new("action", "must be `ingestProposal` or `ingestProposalBatch`").into()),
    };
    if proposals.len() > MOST {
        return Err(Violation::new("proposals", format!("must have at most {MOST} members")).into());
    }
    let mut last = String::new();
    for proposal in proposals {
        last = write(&state, &actor, proposal).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"value": last})))
}

/// How many proposals one request can have.
const MOST: usize = 100;

async fn write(state: &State, actor: &Actor, proposal: Proposal) -> Result<String, Failure> {
    let username = urn::user("entityUrn", &proposal.entity_urn)?;
    if !matches!(proposal.change_type.as_deref(), None | Some("UPSERT" | "CREATE" | "UPDATE" | "RESTATE")) {
        return Err(Violation::new("changeType", "must be `UPSERT`").into());
    }
    // The key is told by the URN, so there is nothing in it to write.
    if proposal.aspect_name == "corpUserKey" {
        return Ok(proposal.entity_urn);
    }
    let name = AspectName::find(&proposal.aspect_name).ok_or_else(|| {
        let known = AspectName::ALL.map(|name| format!("`{}`", name.name())).join(", ");
        Violation::new("aspectName", format!("must be one of {known}"))
    })?;
    let value: Value = proposal
        .aspect
        .and_then(|aspect| read_json(aspect.value.as_bytes()).ok())
        .ok_or_else(|| Violation::new("aspect", "must hold a JSON object as text in `value`"))?;
    profiles::write(&state.service, actor, username, name, value).await?;
    Ok(proposal.entity_urn)
}

#[derive(Deserialize)]
struct One {
    proposal: Proposal,
}

#[derive(Deserialize)]
struct Many {
    proposals: Vec<Proposal>,
}

/// A change of one aspect. Further members are ignored.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Proposal {
    entity_urn: String,
    change_type: Option<String>,
    aspect_name: String,
    aspect: Option<GenericAspect>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct GenericAspect {
    value: String,
}
