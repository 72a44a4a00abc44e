//! `/audit/{id}`: the proof that a change is in the log.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::{Page, SignedInRequest};
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
/// [`crate::domain::error::Error::Forbidden`] without `VIEW_AUDIT`; not found for an unknown change, a conflict for one that
/// is not in the log yet.
pub async fn show(request: SignedInRequest, id: web::Path<String>) -> Result<HttpResponse, Failure> {
    let proof = read::prove(&request.state.service, &request.actor, &id).await?;
    request.answer(StatusCode::OK, &ProofPage { page: request.page("Entry of the log", "audit")?, proof })
}
