//! The OpenAPI document and Swagger UI.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, web};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::address::EndsWithSlash;
use super::openapi::{self, Fails};
use super::problem::Failure;
use crate::domain::error::Error;

/// Content Security Policy of Swagger UI: no other origins, no inline scripts. The hash allows the one style
/// attribute that Swagger UI sets.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-hashes' \
                      'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'none'";

/// The OpenAPI document as JSON, in versions 3.1 and 3.0.
pub struct Documents {
    v3_1: String,
    v3_0: String,
}

impl Documents {
    /// Writes the document in both versions.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(described: &OpenApi) -> serde_json::Result<Self> {
        Ok(Self { v3_1: openapi::json(described)?, v3_0: openapi::json_3_0(described)? })
    }
}

/// Get the OpenAPI document
///
/// SDKs can be generated from it.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_openapi_document",
    security(()),
    responses((status = 200, description = "This document, as OpenAPI 3.1", content_type = "application/json", body = Object)),
)]
#[get("/api-docs/openapi.json")]
pub async fn document(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(documents.v3_1.clone())
}

/// Get the OpenAPI document for tools that cannot read 3.1
///
/// Describes the same endpoints as `/api-docs/openapi.json`, as OpenAPI 3.0.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_openapi_3_0_document",
    security(()),
    responses((status = 200, description = "This document, as OpenAPI 3.0", content_type = "application/json", body = Object)),
)]
#[get("/api-docs/openapi-3.0.json")]
pub async fn document_3_0(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(documents.v3_0.clone())
}

/// Read this document in Swagger UI
///
/// Enter a token under "Authorize"; "Try it out" sends requests with it.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_swagger_ui",
    security(()),
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
)]
#[get("/swagger-ui")]
pub async fn index(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let base = if request.extensions().contains::<EndsWithSlash>() { "./" } else { "swagger-ui/" };
    serve("index.html", base)
}

/// Get a file of Swagger UI
///
/// The files are embedded in the program; no CDN is used.
#[utoipa::path(
    tag = "Operations",
    operation_id = "get_swagger_ui_file",
    security(()),
    params(("file" = String, Path, description = "The name of the file", example = "index.html")),
    responses((status = 200, description = "The file", content_type = "text/html", body = String), Fails<404>),
)]
#[get("/swagger-ui/{file}")]
pub async fn file(file: web::Path<String>) -> Result<HttpResponse, Failure> {
    serve(&file, "./")
}

fn serve(name: &str, base: &str) -> Result<HttpResponse, Failure> {
    // The page keeps a token in memory only, and ignores query parameters that would make it load another document.
    let config = Config::from("../api-docs/openapi.json")
        .persist_authorization(false)
        .query_config_enabled(false)
        .use_base_layout();
    let found = utoipa_swagger_ui::serve(name, Arc::new(config))
        .map_err(|error| Error::Internal(error.to_string().into()))?
        .ok_or(Failure::NoEndpoint)?;
    let bytes = if name == "index.html" { with_base(&found.bytes, base) } else { found.bytes.into_owned() };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, found.content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(bytes))
}

/// Adds a `<base>` to the page, so that its relative links work with and without a trailing slash in the address and
/// behind a proxy that adds a path prefix.
fn with_base(page: &[u8], base: &str) -> Vec<u8> {
    let head = format!("<head>\n    <base href=\"{base}\" />");
    String::from_utf8_lossy(page).replacen("<head>", &head, 1).into_bytes()
}
