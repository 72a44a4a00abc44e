//! `/livez` and `/readyz`.

use actix_web::{HttpResponse, get, web};

use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::upkeep::maintenance;

/// Check that the process runs
///
/// Liveness probe: checks neither the database nor the network.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_liveness",
    security(()),
    responses((status = 200, description = "The process runs", content_type = "text/plain", body = String)),
)]
#[get("/livez")]
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Check whether requests can be served
///
/// Readiness probe: the database must answer and accept writes. Otherwise the response says what is missing.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_readiness",
    security(()),
    responses(
        (status = 200, description = "Requests can be served", content_type = "text/plain", body = String),
        (status = 503, description = "Requests cannot be served; the body says why", content_type = "text/plain", body = String),
    ),
)]
#[get("/readyz")]
pub async fn readyz(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    if let Err(error) = maintenance::ping(&state.service).await {
        tracing::debug!(%error, "not ready");
        return Err(Failure::NotReady("the database does not answer"));
    }
    maintenance::check_writes(&state.service).await.map_err(Failure::NotReady)?;
    Ok(HttpResponse::Ok().content_type("text/plain").body("ok\n"))
}
