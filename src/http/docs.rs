//! The OpenAPI document and Swagger UI.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use actix_web::{HttpResponse, get, web};
use utoipa_swagger_ui::Config;

use super::problem::Failure;
use crate::app::State;
use crate::domain::error::Error;

/// Nothing is loaded from elsewhere and nothing inline is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Get the OpenAPI document
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_openapi_document",
    security(()),
    responses((status = 200, description = "This document", content_type = "application/json")),
)]
#[get("/openapi.json")]
pub async fn document(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(state.document.clone())
}

/// Read this document in Swagger UI
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_docs",
    security(()),
    responses((status = 307, description = "Swagger UI is at `/docs/index.html`")),
)]
#[get("/docs")]
pub async fn index() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/docs/index.html")).finish()
}

/// Get a file of Swagger UI
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_docs_file",
    security(()),
    params(("file" = String, Path, description = "The name of the file")),
    responses((status = 200, description = "The file", content_type = "text/html")),
)]
#[get("/docs/{file}")]
pub async fn file(file: web::Path<String>) -> Result<HttpResponse, Failure> {
    // A token entered into the page is kept in memory only, and no parameter of the address changes what it loads.
    let config = Config::from("/openapi.json").persist_authorization(false).query_config_enabled(false);
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config))
        .map_err(|error| Error::Internal(error.to_string().into()))?
        .ok_or(Failure::NoEndpoint)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, found.content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(found.bytes.into_owned()))
}
