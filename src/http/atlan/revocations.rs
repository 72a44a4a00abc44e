//! `/api/service/revocations/{id}`: which nodes know of a change that took something away, and its receipt.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::listing::clip;
use crate::domain::node::Spread;
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::{nodes, receipts};

/// Read which nodes know of a revocation
///
/// A revocation with `Prefer: respond-async` or `?wait=0` is answered with 202 and this address, before every node knows of
/// it. For the actor that made it, and for those with the permission `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_revocation",
    params(("id" = String, Path, description = "The GUID of the change, as in the audit trail")),
    responses((status = 200, description = "The nodes", body = RevocationView), AnyError, Fails<404>),
)]
#[get("/api/service/revocations/{id}")]
pub async fn read(state: web::Data<State>, actor: Actor, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let spread = nodes::spread_of(&state.service, &actor, parse(&id)?).await?;
    Ok(HttpResponse::Ok().json(RevocationView::from(spread)))
}

/// Get the receipt of a revocation
///
/// A signed note (C2SP `signed-note`) to file after an incident: its second line is JSON that lists every registered node, each
/// of which has acknowledged the revocation, and proves by RFC 6962 that the revocation is in the log. `docs/log.md` specifies it,
/// and `tessera audit verify-receipt` verifies it. 409 while a node has not acknowledged and may have a lease, which takes a few
/// seconds at most after the revocation, and while the log does not have the change, usually for less than a second. For the actor that
/// made the revocation, without the entry of the log and without the ids and names of nodes; with them for those with the
/// permission `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_revocation_receipt",
    params(("id" = String, Path, description = "The GUID of the change, as in the audit trail")),
    responses(
        (status = 200, description = "The receipt", content_type = "text/plain", body = String, example = json!(examples::receipt())),
        AnyError, Fails<404>, Fails<409>,
    ),
)]
#[get("/api/service/revocations/{id}/receipt")]
pub async fn receipt(state: web::Data<State>, actor: Actor, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let note = receipts::receipt_of(&state.service, &actor, parse(&id)?).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).body(note))
}

fn parse(id: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(id).map_err(|_| Error::NotFound { kind: "revocation", id: clip(id) })
}

/// A change, and which nodes know of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Revocation, example = examples::revocation)]
pub struct RevocationView {
    /// The GUID of the change.
    id: String,
    /// Epoch milliseconds.
    changed_at: i64,
    /// Whether every node knows of it. Nodes that do not answer are taken off the list when their leases have ended.
    is_final: bool,
    /// The running servers and edges.
    nodes: Vec<NodeView>,
}

/// A server or an edge.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RevocationNode)]
pub struct NodeView {
    /// The GUID that it has until it stops; empty for an actor without `VIEW_AUDIT`.
    id: String,
    /// Whether the node is a server or an edge.
    kind: NodeKind,
    /// The host and port of the node; empty for an actor without `VIEW_AUDIT`.
    name: String,
    /// Epoch milliseconds.
    started_at: i64,
    /// Whether the node knows of the change.
    is_acknowledged: bool,
    /// The position in the order of changes up to which it knows them all.
    position: String,
    /// When it reached that position, in epoch milliseconds.
    position_at: i64,
}

/// What a node is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RevocationNodeKind)]
pub enum NodeKind {
    /// A server.
    Server,
    /// An edge, which verifies next to a gateway.
    Edge,
}

impl From<Spread> for RevocationView {
    fn from(Spread { id, changed_at, nodes }: Spread) -> Self {
        let is_final = nodes.iter().all(|(_, knows)| *knows);
        let nodes = nodes.into_iter().map(|(node, is_acknowledged)| NodeView {
            id: if node.id.is_nil() { String::new() } else { node.id.to_string() },
            kind: if node.owner.is_some() { NodeKind::Edge } else { NodeKind::Server },
            name: node.name,
            started_at: node.started_at,
            is_acknowledged,
            position: node.acknowledged,
            position_at: node.acknowledged_at,
        });
        Self { id: id.to_string(), changed_at, is_final, nodes: nodes.collect() }
    }
}
