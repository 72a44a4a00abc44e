//! `/livez` and `/readyz`.

use actix_web::{HttpResponse, get, web};

use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::upkeep::maintenance;

/// Tell that the process runs
///
/// Nothing else is asked: not the database, not the network.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_liveness",
    security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
#[get("/livez")]
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Tell whether requests can be served
///
/// The database must answer. An error says what is missing.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_readiness",
    security(()),
    responses(
        (status = 200, description = "They can", content_type = "text/plain", body = String),
        Fails<503>,
    ),
)]
#[get("/readyz")]
pub async fn readyz(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    maintenance::ping(&state.service).await.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().content_type("text/plain").body("ok\n"))
}
