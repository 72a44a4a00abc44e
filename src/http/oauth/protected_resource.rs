//! `/.well-known/oauth-protected-resource`: the metadata of this server as a protected resource (RFC 9728).

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::dpop::ALGORITHM_NAMES;
use crate::domain::oauth_client::metadata_address;
use crate::http::auth::is_dpop;
use crate::http::base_url::base_url;
use crate::http::oauth::metadata::is_path_of_issuer;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;

/// The path of the metadata.
const PATH: &str = "/.well-known/oauth-protected-resource";

/// Protected resource metadata.
#[derive(Serialize, ToSchema)]
pub struct ProtectedResource {
    /// The URL of this server: the audience of tokens for it.
    #[schema(example = "https://tessera.example.org")]
    resource: String,
    /// The authorization servers whose tokens it takes: only itself.
    authorization_servers: [String; 1],
    /// Tokens are sent in `Authorization`.
    bearer_methods_supported: [&'static str; 1],
    /// The algorithms of DPoP proofs.
    dpop_signing_alg_values_supported: [&'static str; ALGORITHM_NAMES.len()],
    /// The name of this server, for display.
    resource_name: &'static str,
}

/// Get the metadata of the protected resource
///
/// RFC 9728. Every `Bearer` and `DPoP` challenge names this document, except for those of `/gateway/verify` with an `audience`. It
/// has no `scopes_supported`, because clients ask for all that are there, and no client may do everything; and no `jwks_uri`, which
/// would be the keys that sign answers of the resource.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "get_protected_resource",
    security(()),
    responses((status = 200, description = "The metadata", body = ProtectedResource), Fails<400>),
)]
#[get("/.well-known/oauth-protected-resource")]
pub async fn configuration(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    answer(&state, &request)
}

/// Serves the metadata where a client looks for a resource with a path (RFC 9728, section 3.1): at the well-known path followed by
/// the path of `TESSERA_PUBLIC_URL`.
///
/// # Errors
/// `Failure::NoEndpoint` for any other path.
pub async fn of_resource_with_path(
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    if is_path_of_issuer(&state, &path) { answer(&state, &request) } else { Err(Failure::NoEndpoint) }
}

fn answer(state: &State, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    let resource = base_url(state, request)?;
    Ok(HttpResponse::Ok().json(ProtectedResource {
        authorization_servers: [resource.clone()],
        bearer_methods_supported: ["header"],
        dpop_signing_alg_values_supported: ALGORITHM_NAMES,
        resource_name: "Tessera",
        resource,
    }))
}

/// Adds the challenge of a 403 to a request with a token (RFC 6750, section 3.1).
pub fn challenge_forbidden(request: &HttpRequest, headers: &mut HeaderMap) {
    let sent = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_bearer = sent.split_first_chunk::<7>().is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    if is_dpop(request) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(INSUFFICIENT_DPOP));
    } else if is_bearer {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(INSUFFICIENT));
    }
}

const INSUFFICIENT: &str = r#"Bearer realm="tessera", error="insufficient_scope""#;
const INSUFFICIENT_DPOP: &str = r#"DPoP realm="tessera", error="insufficient_scope""#;

/// The resource that a request is for, if it is not this server but what a gateway protects.
pub struct Protected(pub String);

/// The address of the metadata of the resource that a request is for; `None` if that has none.
fn address(state: &State, request: &HttpRequest) -> Option<String> {
    // Not borrowed while the base URL is made, which writes to the extensions.
    let protected = request.extensions().get::<Protected>().map(|Protected(resource)| metadata_address(resource));
    protected.unwrap_or_else(|| base_url(state, request).ok().map(|base| format!("{base}{PATH}")))
}

/// Adds `resource_metadata` to the challenges of a response (RFC 9728, section 5.1).
pub fn point_to(state: &State, request: &HttpRequest, headers: &mut HeaderMap) {
    if !headers.contains_key(WWW_AUTHENTICATE) {
        return;
    }
    let Some(address) = address(state, request) else { return };
    let challenges: Vec<HeaderValue> = headers.remove(WWW_AUTHENTICATE).collect();
    for challenge in challenges {
        let takes_tokens = [&b"Bearer "[..], b"DPoP "].iter().any(|scheme| challenge.as_bytes().starts_with(scheme));
        let extended = [challenge.as_bytes(), b", resource_metadata=\"", address.as_bytes(), b"\""].concat();
        let extended = HeaderValue::from_bytes(&extended).ok().filter(|_| takes_tokens);
        headers.append(WWW_AUTHENTICATE, extended.unwrap_or(challenge));
    }
}
