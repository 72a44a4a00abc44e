//! `/livez` and `/readyz`.

use std::time::Instant;

use actix_web::{HttpResponse, get, web};

use crate::app::State;
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
/// The database must answer.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_readiness",
    security(()),
    responses(
        (status = 200, description = "They can", content_type = "text/plain", body = String),
        (status = 503, description = "They cannot", content_type = "text/plain", body = String),
    ),
)]
#[get("/readyz")]
pub async fn readyz(state: web::Data<State>) -> HttpResponse {
    match maintenance::ping(&state.service).await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body("ok\n"),
        Err(error) => {
            if state.log_bounds.admit("not ready", Instant::now()) {
                tracing::warn!(%error, "not ready");
            }
            HttpResponse::ServiceUnavailable().content_type("text/plain").body("not ready\n")
        }
    }
}
