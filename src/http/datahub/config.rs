//! `/config`, `/health` and `/admin`: what clients ask before anything else. `/config` answers whatever the credential.

use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;

/// Tell DataHub's clients what this server is
///
/// `noCode` is the text `true`: without it the client takes the server for another one. No version of DataHub is told, as
/// clients would expect more of it than is here.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_config",
    security(()),
    responses((status = 200, description = "What this server is", body = Object)),
)]
#[get("/config")]
pub async fn config(request: HttpRequest) -> HttpResponse {
    let connection = request.connection_info();
    HttpResponse::Ok().json(json!({
        "noCode": "true",
        "models": {},
        "versions": {"tessera": {"version": env!("CARGO_PKG_VERSION")}},
        "datahub": {"serverType": "prod", "serverEnv": "core"},
        "telemetry": {"enabledCli": false, "enabledIngestion": false},
        "managedIngestion": {"enabled": false},
        "statefulIngestionCapable": false,
        "supportsImpactAnalysis": false,
        "patchCapable": false,
        "retention": "true",
        "baseUrl": format!("{}://{}", connection.scheme(), connection.host()),
    }))
}

/// Tell DataHub's clients that the backend runs
///
/// They look at the status only.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_health",
    security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
#[get("/health")]
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("GOOD")
}

/// Tell DataHub's clients that the frontend runs
///
/// They look at the status only.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_frontend_health",
    security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
#[get("/admin")]
pub async fn admin() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("GOOD")
}
