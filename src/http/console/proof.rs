//! `/audit/{id}`: the proof that an entry of the audit trail is in the log.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use super::{Page, SignedInRequest};
use crate::domain::permission::Permission;
use crate::http::problem::Failure;
use crate::service::log::read::{self, Proof};

#[derive(Template)]
#[template(path = "proof.html")]
struct ProofPage {
    page: Page,
    proof: Proof,
}

/// `GET /audit/{id}`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `VIEW_AUDIT`; not found for an unknown entry, a conflict for one that
/// is not in the log yet.
pub async fn show(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ViewAudit)?;
    let id = Uuid::parse_str(&id).map_err(|_| Failure::NoEndpoint)?;
    let proof = read::prove(&request.state.service, &request.actor, id).await?;
    request.answer(StatusCode::OK, &ProofPage { page: request.page("Entry of the log", "audit")?, proof })
}
