//! `/api/service/audit`: the audit trail.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::fields::ChangeField;
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, Fails, ListParams, examples, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::log::read as log;
use crate::service::log::read::Proof;
use crate::service::upkeep::audit;

type ChangePage = Records<ChangeView>;

/// List changes
///
/// The audit trail: one record for every committed change of an API key, a persona, a user or a session. Requires the
/// permission `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "list_changes",
    params(ListParams<ChangeField>),
    responses((status = 200, description = "One page of changes", body = ChangePage), AnyError, Fails<403>),
)]
#[get("/api/service/audit")]
pub async fn list(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<ChangeField>::parse(&request, &state.service)?;
    let page = audit::list(&state.service, &actor, request.query.clone()).await?;
    Ok(request.respond(page, ChangeView::from))
}

/// Read a change
///
/// One record of the audit trail, with the states of its subject. Requires the permission `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_change",
    params(("id" = String, Path, description = "The `id` of the change")),
    responses((status = 200, description = "The change", body = ChangeDetail), AnyError, Fails<403>, Fails<404>),
)]
#[get("/api/service/audit/{id}")]
pub async fn read(state: web::Data<State>, actor: Actor, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (change, states) = audit::get(&state.service, &actor, &id).await?;
    let [before, after] = states.json();
    Ok(HttpResponse::Ok().json(ChangeDetail { change: change.into(), before, after }))
}

/// A committed change, with the states of its subject.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangeDetail, example = examples::change_detail)]
pub struct ChangeDetail {
    #[serde(flatten)]
    change: ChangeView,
    /// The state before the change, without secrets; `null` if the subject did not exist, or if none is kept. Of a state of
    /// more than 16 KiB only `bytes` and `sha256`.
    #[schema(value_type = Object, nullable)]
    before: Option<Value>,
    /// The state after the change; `null` if the subject does not exist any more, or if none is kept.
    #[schema(value_type = Object, nullable)]
    after: Option<Value>,
}

/// Prove that a change is in the log
///
/// The inclusion proof of RFC 6962 for a change: the hash of its entry, combined with these hashes, is the root hash in the
/// checkpoint. A change that was made less than about a second ago may not be in the log yet (409). Requires the permission
/// `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_change_proof",
    params(("id" = String, Path, description = "The `id` of the change")),
    responses((status = 200, description = "The proof", body = ProofView), AnyError, Fails<403>, Fails<404>, Fails<409>),
)]
#[get("/api/service/audit/{id}/proof")]
pub async fn prove(state: web::Data<State>, actor: Actor, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(ProofView::from(log::prove(&state.service, &actor, &id).await?)))
}

/// The proof that a change is in the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangeProof, example = examples::log_proof)]
pub struct ProofView {
    /// The number of the leaf, from 0.
    leaf_index: u64,
    /// The number of leaves of the tree.
    tree_size: u64,
    /// The entry as it was hashed: the hash of the leaf is the SHA-256 of a zero byte and this text in UTF-8.
    leaf: String,
    /// The hashes beside the path from the leaf to the root, from below, in base64.
    hashes: Vec<String>,
    /// The checkpoint with the root hash: a signed note (C2SP `tlog-checkpoint`).
    checkpoint: String,
}

impl From<Proof> for ProofView {
    fn from(proof: Proof) -> Self {
        Self {
            leaf_index: proof.leaf_index,
            tree_size: proof.tree_size,
            leaf: proof.leaf,
            hashes: proof.hashes.iter().map(ToString::to_string).collect(),
            checkpoint: proof.checkpoint,
        }
    }
}

/// A committed change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Change, example = examples::change)]
pub struct ChangeView {
    /// The GUID.
    id: String,
    /// Epoch milliseconds.
    changed_at: i64,
    /// The GUID of the actor that made the change.
    actor_id: String,
    /// The actor's user name at that time.
    actor: String,
    /// The user names of those who acted for the actor by token exchange, the latest first, separated by commas; empty if
    /// there are none.
    acted_by: String,
    /// The kind of change.
    #[schema(schema_with = sets::actions)]
    action: String,
    /// `principal`, `persona`, `policy`, `asset` or `role`.
    #[schema(schema_with = sets::subject_kinds)]
    subject_kind: String,
    /// The GUID of the changed object.
    subject_id: String,
    /// The name of the changed object at that time.
    subject: String,
    /// The id of the request that made the change; empty for the command line.
    request_id: String,
    /// How the actor authenticated: parts with spaces between. `child:` and the id of a child token; `warrant:` and the digest of
    /// a public key or of a trust rule; the kind and the key id of the credential, as `session:6fYQ…`. Empty without a
    /// credential.
    authenticated_by: String,
    /// The client's address; empty if unknown.
    address: String,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            id: change.id.to_string(),
            changed_at: change.changed_at,
            actor_id: change.actor_id.to_string(),
            actor: change.actor_name,
            acted_by: change.acted_by,
            action: change.action,
            subject_kind: change.subject_kind,
            subject_id: change.subject_id.to_string(),
            subject: change.subject_name,
            request_id: change.request_id,
            authenticated_by: change.authenticated_by,
            address: change.address,
        }
    }
}
