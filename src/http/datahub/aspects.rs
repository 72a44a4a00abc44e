//! `/aspects`: reads one aspect, and writes the aspects that name, suspend and remove users.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::entities::{Entity, record};
use super::proposals::{self, AspectWrites, LENGTH, MOST, Proposal};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Violation};
use crate::http::auth::Metering;
use crate::http::authenticated::{AuthenticatedBody, Identify};
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::{Params, Raw, read_or};
use crate::service::people::profiles;

/// Get one aspect of an entity
///
/// 404 means that the entity has no such aspect; DataHub's clients expect it.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_aspect",
    params(
        ("urn" = String, Path, description = "The entity's URN", example = "urn:li:corpuser:admin"),
        ("aspect" = String, Query, description = "The name of the aspect", example = "corpUserInfo"),
        ("version" = Option<i64>, Query, description = "Any integer; the latest version is always returned"),
    ),
    responses(
        (status = 200, description = "The aspect", body = Object),
        Fails<401>,
        Fails<404>,
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
    let version = params.get("version")?;
    if !version.is_empty() && version.parse::<i64>().is_err() {
        return Err(Violation::new("version", "must be a whole number; 0 is the latest").into());
    }
    let entity = Entity::get(&state, &actor, &urn).await?;
    let found = entity.aspects.into_iter().find(|aspect| aspect.name == name);
    let aspect = found.ok_or_else(|| Failure::DataHub(StatusCode::NOT_FOUND, "There is no such aspect.".to_owned()))?;
    Ok(HttpResponse::Ok().json(json!({"version": 0, "aspect": {record(&aspect.name): aspect.value}})))
}

/// Write aspects of users and of service accounts
///
/// `?action=ingestProposal` takes one `proposal`, `?action=ingestProposalBatch` up to 200 `proposals` in 15 MiB. They
/// are written in one transaction. `status` removes and restores, `corpUserStatus` suspends and reinstates,
/// `corpUserInfo` and `corpUserEditableInfo` set names and create users. Reports of the client about its own runs
/// (`dataHubIngestionSource`, `dataHubExecutionRequest`) are accepted and dropped; other entities are refused.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "update_datahub_aspect",
    params(("action" = inline(Batch), Query, description = "One proposal or several")),
    request_body = Object,
    responses(
        (status = 200, description = "The URN", body = Object),
        Fails<400>,
        Fails<401>,
        Fails<403>,
        Fails<404>,
        Fails<409>,
        Fails<413>,
    ),
)]
#[post("/aspects")]
pub async fn ingest(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<Raw, Emitter>,
) -> Result<HttpResponse, Failure> {
    let body = body.bytes()?;
    let params = Params::parse(request.query_string());
    let batch = Batch::parse(params.get("action")?)?;
    // Parsed on the blocking pool: 15 MiB would block this thread for as long as thousands of verifications take.
    let wanted = web::block(move || read_proposals(&body, batch)).await;
    let AspectWrites { writings, last } = wanted.map_err(|error| Error::Internal(error.into()))??;
    if !writings.is_empty() {
        profiles::write(&state.service, &actor, writings).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"value": last})))
}

/// How many proposals a body has.
#[derive(Clone, Copy, ToSchema)]
enum Batch {
    /// One.
    #[schema(rename = "ingestProposal")]
    One,
    /// Several.
    #[schema(rename = "ingestProposalBatch")]
    Many,
}

impl Batch {
    fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "ingestProposal" => Ok(Self::One),
            "ingestProposalBatch" => Ok(Self::Many),
            _ => Err(Violation::new("action", "must be `ingestProposal` or `ingestProposalBatch`")),
        }
    }
}

fn read_proposals(body: &[u8], batch: Batch) -> Result<AspectWrites, Failure> {
    let wrong = |member: &'static str| move || Violation::new(member, "must be DataHub's MetadataChangeProposal");
    match batch {
        Batch::One => {
            let One { proposal } = read_or(body, wrong("proposal"))?;
            proposals::read(vec![proposal], |_| String::new())
        }
        Batch::Many => {
            let Many { proposals } = read_or(body, wrong("proposals"))?;
            if proposals.len() > MOST {
                return Err(Violation::new("proposals", format!("must have at most {MOST} members")).into());
            }
            proposals::read(proposals, |index| format!("proposals[{index}]."))
        }
    }
}

/// Like `Caller`, but accepts bodies of up to `LENGTH` bytes.
pub struct Emitter;

impl Identify for Emitter {
    fn longest(everywhere: usize) -> usize {
        everywhere.max(LENGTH)
    }

    async fn identify(state: &State, request: &HttpRequest, metering: Metering) -> Result<Actor, Failure> {
        Caller::identify(state, request, metering).await
    }
}

#[derive(Deserialize)]
struct One {
    proposal: Proposal,
}

#[derive(Deserialize)]
struct Many {
    proposals: Vec<Proposal>,
}
