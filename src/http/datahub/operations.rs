//! `/openapi/operations/identity/user/urn`: the URN of the actor.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::urn;
use crate::http::openapi::Fails;

/// Get the caller's URN
///
/// The URN of the principal that the token authenticates. 401 once that principal is suspended or removed.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_caller_urn",
    responses(
        (status = 200, description = "The caller's URN", body = CallerUrn),
        Fails<401>,
    ),
)]
#[get("/openapi/operations/identity/user/urn")]
pub async fn caller(Caller(actor): Caller) -> HttpResponse {
    HttpResponse::Ok().json(CallerUrn { urn: urn::of_user(actor.username()) })
}

/// The caller's URN.
#[derive(Serialize, ToSchema)]
pub struct CallerUrn {
    /// `urn:li:corpuser:<user name>`
    urn: String,
}
