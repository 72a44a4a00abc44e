//! `/openapi/operations/identity/user/urn`: who am I?

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::urn;
use crate::http::openapi::DataHubFails;

/// Get the caller's URN
///
/// It says who a token authenticates, and is refused once that user is suspended or removed.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_caller_urn",
    responses(
        (status = 200, description = "Who calls", body = CallerUrn),
        DataHubFails<401>,
    ),
)]
#[get("/openapi/operations/identity/user/urn")]
pub async fn caller(Caller(actor): Caller) -> HttpResponse {
    HttpResponse::Ok().json(CallerUrn { urn: urn::of_user(actor.username()) })
}

/// Who calls.
#[derive(Serialize, ToSchema)]
pub struct CallerUrn {
    /// `urn:li:corpuser:<user name>`
    urn: String,
}
