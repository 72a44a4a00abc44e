//! `/api/service/audit`: the audit trail.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::fields::ChangeField;
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, Fails, ListParams, examples, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
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
    subject_kind: &'static str,
    /// The GUID of the changed object.
    subject_id: String,
    /// The name of the changed object at that time.
    subject: String,
    /// The id of the request that made the change; empty for the command line.
    request_id: String,
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
            subject_kind: change.subject.kind(),
            subject_id: change.subject.id().to_string(),
            subject: change.subject_name,
            request_id: change.request_id,
        }
    }
}
