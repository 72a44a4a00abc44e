//! `/`: what there is, and what needs somebody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Page, Visit};
use crate::http::problem::Failure;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    page: Page,
}

/// `GET /`
///
/// # Errors
/// When the storage fails.
pub async fn show(visit: Visit) -> Result<HttpResponse, Failure> {
    visit.answer(StatusCode::OK, &Start { page: visit.page("Start", "start")? })
}
