//! `/metrics`: counters for Prometheus.

use actix_web::{HttpResponse, get, web};

use super::super::openapi::Fails;
use super::super::problem::Failure;
use crate::http::state::State;

/// The media type of metrics.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Get the metrics
///
/// For Prometheus. No label value comes from a client.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_metrics",
    security(()),
    responses((status = 200, description = "The metrics in OpenMetrics text format", content_type = "application/openmetrics-text", body = String), Fails<500>),
)]
#[get("/metrics")]
pub async fn metrics(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    let body = state.metrics.text(&state.service, &state.connections, &state.bodies)?;
    Ok(HttpResponse::Ok().content_type(OPEN_METRICS).body(body))
}
