//! `/config`, `/health` and `/admin`: what clients request first. None of them needs or checks a credential.

use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;

/// Get the server's configuration
///
/// `noCode` is the text `true`: without it the client does not recognise the server. No DataHub version is reported,
/// because clients would expect all features of that version.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_config",
    security(()),
    responses((status = 200, description = "The configuration", body = Object)),
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

/// Check that the backend is up
///
/// Clients look at the status only.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_health",
    security(()),
    responses((status = 200, description = "The server is up", content_type = "text/plain", body = String)),
)]
#[get("/health")]
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("GOOD")
}

/// Check that the frontend is up
///
/// Clients look at the status only.
#[utoipa::path(
    tag = "DataHub",
    operation_id = "get_datahub_frontend_health",
    security(()),
    responses((status = 200, description = "The server is up", content_type = "text/plain", body = String)),
)]
#[get("/admin")]
pub async fn admin() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("GOOD")
}
