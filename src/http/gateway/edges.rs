//! `/api/service/edges`: edges register, look at the changes, and stop. `docs/edges.md` describes them.

use actix_web::{HttpRequest, HttpResponse, delete, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::domain::actor::Actor;
use crate::domain::edge::{Changed, EDGE_SECRET, LookId};
use crate::domain::error::Violation;
use crate::http::auth::Metering;
use crate::http::authenticated::{AuthenticatedBody, Bearer, identify};
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::edges::{self, EdgeLookAnswer, ReportedUse, Shown};

/// Register an edge
///
/// An edge verifies next to a gateway and keeps answers in memory: `tessera edge`. From here on, revocations wait for it
/// until it has acknowledged them or its lease has ended. Requires the permission `VERIFY_TOKENS`.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "create_edge",
    params(("Tessera-Edge-Secret" = Option<String>, Header, description = "The secret of the edge that it replaces")),
    request_body = EdgeRequest,
    responses(
        (status = 200, description = "The edge is registered", body = RegisteredEdge),
        AnyError, Fails<403>, Fails<409>, Fails<413>, Fails<503>,
    ),
)]
#[post("/api/service/edges")]
pub async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<EdgeRequest>,
) -> Result<HttpResponse, Failure> {
    let EdgeRequest { name, replaces } = body.valid()?;
    if replaces.as_deref().is_some_and(|id| Uuid::parse_str(id).is_err()) {
        return Err(Violation::new("replaces", "must be the id of an edge").into());
    }
    let replaces = replaces.as_deref().map(|id| shown(&request, id));
    let edge = edges::register(&state.service, &actor, name, replaces).await.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().json(RegisteredEdge { id: edge.id.to_string(), secret: edge.secret, lease: edge.lease }))
}

/// The edge of a request, with the secret that it shows.
fn shown<'a>(request: &'a HttpRequest, id: &'a str) -> Shown<'a> {
    let secret = request.headers().get(EDGE_SECRET).and_then(|value| value.to_str().ok());
    Shown { id, secret: secret.unwrap_or_default() }
}

/// Remove an edge
///
/// For an edge that stops. It must not use its memory any more: revocations do not wait for it from here on. Only the
/// principal that registered it may remove it, with the secret that it was given. To others it does not exist.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "delete_edge",
    params(
        ("id" = String, Path, description = "The id of the edge"),
        ("Tessera-Edge-Secret" = Option<String>, Header, description = "The secret of the edge: without it, 404"),
    ),
    responses((status = 200, description = "The edge is removed"), AnyError, Fails<403>, Fails<404>, Fails<503>),
)]
#[delete("/api/service/edges/{id}")]
pub async fn delete(
    state: web::Data<State>,
    request: HttpRequest,
    actor: Actor,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    edges::remove(&state.service, &actor, shown(&request, &id)).await.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().finish())
}

/// Wait for the next look at the changes
///
/// Answers at the first look of this server that begins after the request has arrived, usually within 250 ms, with what
/// has changed since the look `known`. With `known` the edge acknowledges that it has applied everything up to that look.
/// Its lease runs from when it sent the request. 404 means that it has none: it registers anew. Only the principal that
/// registered the edge may look with it, with the secret that it was given. To others it does not exist.
#[utoipa::path(
    tag = "Gateways",
    operation_id = "create_edge_look",
    params(
        ("id" = String, Path, description = "The id of the edge"),
        ("Tessera-Edge-Secret" = Option<String>, Header, description = "The secret of the edge: without it, 404"),
    ),
    request_body = EdgeLookRequest,
    responses(
        (status = 200, description = "What has changed", body = EdgeLook),
        AnyError, Fails<403>, Fails<404>, Fails<413>, Fails<503>,
    ),
)]
#[post("/api/service/edges/{id}/looks")]
pub async fn look(
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<String>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<EdgeLookRequest>,
) -> Result<HttpResponse, Failure> {
    let EdgeLookRequest { known, uses } = body.valid()?;
    let known = known.as_deref().map(|text| LookId::parse(text).ok_or(text)).transpose();
    let known = known.map_err(|_| Violation::new("known", "must be the `look` of an earlier answer"))?;
    let seen = edges::look(&state.service, &actor, shown(&request, &id), known).await;
    let EdgeLookAnswer { answer, pass } = seen.map_err(Failure::or_unavailable)?;
    let uses: Vec<ReportedUse> = uses.into_iter().map(ReportedUse::from).collect();
    edges::count_uses(&state.service, &id, &uses)?;
    // The look may have shown that the key of the edge was revoked.
    let actor = identify::<Bearer>(&state, &request, Metering::Uncounted).await?;
    edges::may_look(&state.service, &actor)?;
    let (everything, changed) = match answer.changed {
        Changed::Everything => (true, Vec::new()),
        Changed::Only(names) => (false, names.iter().map(Uuid::to_string).collect()),
    };
    Ok(HttpResponse::Ok().json(EdgeLook { look: answer.look.to_string(), everything, changed, pass }))
}

/// An edge that registers.
#[derive(Serialize, Deserialize, Validate, ToSchema)]
#[schema(example = examples::edge_request)]
pub struct EdgeRequest {
    /// The host and port of the edge, for people.
    #[validate(length(min = 1, max = 200, message = "must have 1 to 200 characters"))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The id that it had before, for which it has no lease any more. It is removed if its secret is shown in
    /// `Tessera-Edge-Secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// A registered edge.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(example = examples::edge)]
pub struct RegisteredEdge {
    /// The id that it has until it stops.
    pub id: String,
    /// The secret that the edge shows in `Tessera-Edge-Secret` when it looks, stops, or registers anew in place of this id.
    pub secret: String,
    /// How long its lease lasts after it has sent a request for a look, in milliseconds.
    pub lease: i64,
}

/// What an edge knows, and the uses that it has counted.
#[derive(Default, Serialize, Deserialize, Validate, ToSchema)]
#[schema(example = examples::edge_look_request)]
pub struct EdgeLookRequest {
    /// The `look` of the last answer, all changes of which are applied. Without it everything is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// Uses of tokens that were answered from memory: at most 1000 tokens.
    #[serde(default)]
    #[validate(length(max = 1000, message = "must have at most 1000 members"))]
    #[schema(max_items = 1000)]
    pub uses: Vec<EdgeUse>,
}

/// How often a token was used.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EdgeUse {
    /// The handle that came with the answer, in `Tessera-Keep`.
    pub handle: String,
    /// The number of uses.
    pub count: i64,
    /// How long ago the last one was, in milliseconds.
    pub ago: i64,
}

impl From<EdgeUse> for ReportedUse {
    fn from(EdgeUse { handle, count, ago }: EdgeUse) -> Self {
        Self { handle, count, ago }
    }
}

/// What has changed.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(example = examples::edge_look)]
pub struct EdgeLook {
    /// The look, for the next request.
    pub look: String,
    /// Whether any answer may be wrong.
    pub everything: bool,
    /// The names of the principals that have changed, as `Tessera-Keep` has them: hashes of their ids under a key of the
    /// server. `ffffffff-ffff-ffff-ffff-ffffffffffff` stands for assets.
    pub changed: Vec<String>,
    /// What the edge sends in `Tessera-Edge` with the requests that it forwards to this server.
    pub pass: String,
}
