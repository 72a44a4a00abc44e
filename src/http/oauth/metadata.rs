//! `/.well-known/oauth-authorization-server`: the metadata of the authorization server (RFC 8414).

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::token::GRANTS;
use crate::domain::dpop::ALGORITHM_NAMES;
use crate::domain::jwk::OF_PROGRAMS_NAMES;
use crate::domain::signing::SigningAlgorithm;
use crate::http::base_url::base_url;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::children::signing_keys;

/// Authorization server metadata.
#[derive(Serialize, ToSchema)]
pub struct AuthorizationServer {
    /// The URL of this server.
    #[schema(example = "https://tessera.example.org")]
    issuer: String,
    /// A page that says that no grant begins there. Official MCP clients require the member: without it, one of them sends the
    /// secret of a key to the MCP server.
    authorization_endpoint: String,
    /// The token endpoint.
    token_endpoint: String,
    /// The keys that sign tokens.
    jwks_uri: String,
    /// The device authorization endpoint (RFC 8628).
    device_authorization_endpoint: String,
    /// The introspection endpoint (RFC 7662).
    introspection_endpoint: String,
    /// The revocation endpoint (RFC 7009).
    revocation_endpoint: String,
    /// The supported grants.
    grant_types_supported: [&'static str; GRANTS.len()],
    /// `none`: no grant begins at the authorization endpoint.
    response_types_supported: [&'static str; 1],
    /// How clients authenticate at the token endpoint; `none` is for the device grant, its refresh tokens, and token
    /// exchange by workloads.
    token_endpoint_auth_methods_supported: [&'static str; 4],
    /// The algorithms of client assertions.
    token_endpoint_auth_signing_alg_values_supported: [&'static str; OF_PROGRAMS_NAMES.len()],
    /// How clients authenticate at the introspection endpoint.
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    /// The algorithms of client assertions at the introspection endpoint.
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; OF_PROGRAMS_NAMES.len()],
    /// The algorithms of signed introspection responses: that of `TESSERA_SIGNING_ALGORITHM`, and after a change of it also the
    /// earlier one, as long as it signs.
    introspection_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the revocation endpoint; `none` is for the tokens of public clients.
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    /// The algorithms of client assertions at the revocation endpoint.
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; OF_PROGRAMS_NAMES.len()],
    /// The algorithms of DPoP proofs.
    dpop_signing_alg_values_supported: [&'static str; ALGORITHM_NAMES.len()],
}

/// Get the metadata of the authorization server
///
/// RFC 8414. The URLs begin with `TESSERA_PUBLIC_URL`. If it is not set, they begin with `https://` and the request's
/// host, or with `http://` for a loopback host.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "get_authorization_server",
    security(()),
    responses((status = 200, description = "The metadata", body = AuthorizationServer), Fails<400>),
)]
#[get("/.well-known/oauth-authorization-server")]
pub async fn configuration(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    answer(&state, &request)
}

fn answer(state: &State, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    let issuer = base_url(state, request)?;
    let signing = signing_keys::algorithms(&state.service);
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    Ok(HttpResponse::Ok().json(AuthorizationServer {
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        jwks_uri: at("jwks.json"),
        device_authorization_endpoint: at("device_authorization"),
        introspection_endpoint: at("introspect"),
        revocation_endpoint: at("revoke"),
        grant_types_supported: GRANTS,
        response_types_supported: ["none"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        token_endpoint_auth_signing_alg_values_supported: OF_PROGRAMS_NAMES,
        introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        introspection_endpoint_auth_signing_alg_values_supported: OF_PROGRAMS_NAMES,
        introspection_signing_alg_values_supported: signing.into_iter().map(SigningAlgorithm::name).collect(),
        revocation_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "none",
        ],
        revocation_endpoint_auth_signing_alg_values_supported: OF_PROGRAMS_NAMES,
        dpop_signing_alg_values_supported: ALGORITHM_NAMES,
        issuer,
    }))
}

/// Serves the metadata where a client looks for an issuer with a path (RFC 8414, section 3): at the well-known path
/// followed by the path of `TESSERA_PUBLIC_URL`.
///
/// # Errors
/// `Failure::NoEndpoint` for any other path.
pub async fn of_issuer_with_path(
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    if is_path_of_issuer(&state, &path) { answer(&state, &request) } else { Err(Failure::NoEndpoint) }
}

/// Whether this is the path of `TESSERA_PUBLIC_URL`, without the slash at its beginning.
pub(super) fn is_path_of_issuer(state: &State, path: &str) -> bool {
    let own = state.public_url.as_deref().and_then(|url| url.strip_prefix("https://")?.split_once('/'));
    own.is_some_and(|(_, own)| own.trim_end_matches('/') == path)
}
