//! The token response (RFC 6749, section 5.1), shared by all grants.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, PRAGMA};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::domain::permission::{Permission, Permissions};
use crate::http::state::State;
use crate::service::authn::sessions::NewSession;

/// The token response for a session.
pub(super) fn token_response(state: &State, session: NewSession, permissions: Permissions) -> HttpResponse {
    let scope: Vec<&str> = permissions.iter().map(Permission::name).collect();
    let body = OauthToken {
        expires_in: (session.expires_at - state.service.clock.now()) / SECOND,
        access_token: session.token.expose(),
        token_type: "Bearer",
        scope: (!scope.is_empty()).then(|| scope.join(" ")),
    };
    HttpResponse::Ok().insert_header((PRAGMA, HeaderValue::from_static("no-cache"))).json(body)
}

/// A token response.
#[derive(Serialize, ToSchema)]
pub struct OauthToken {
    /// The user's bearer token.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Its lifetime in seconds.
    expires_in: i64,
    /// The names of the user's permissions, separated by spaces. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}
