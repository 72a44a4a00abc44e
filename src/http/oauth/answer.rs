//! The token response (RFC 6749, section 5.1), shared by all grants.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, PRAGMA};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::domain::actor::Actor;
use crate::domain::permission::{Permission, Permissions};
use crate::http::openapi::sets;
use crate::http::state::State;
use crate::service::authn::refresh::Granted;
use crate::service::authn::sessions::NewSession;
use crate::service::children::Minted;

/// The token response for a session.
pub(super) fn token_response(state: &State, session: NewSession, permissions: Permissions) -> HttpResponse {
    answer(&OauthToken {
        expires_in: (session.expires_at - state.service.clock.now()) / SECOND,
        access_token: session.token.expose(),
        token_type: "Bearer",
        scope: names(permissions),
        issued_token_type: None,
        refresh_token: None,
    })
}

/// The token response for a child of `parent`.
pub(super) fn child_response(
    state: &State,
    minted: Minted,
    parent: &Actor,
    issued_token_type: Option<&'static str>,
) -> HttpResponse {
    answer(&of_child(state, minted, parent, issued_token_type))
}

/// The token response for a child of a user's session, with a refresh token.
pub(super) fn granted_response(state: &State, granted: Granted) -> HttpResponse {
    let Granted { minted, user, refresh_token } = granted;
    let token = of_child(state, minted, &user, None);
    answer(&OauthToken { refresh_token: Some(refresh_token.expose()), ..token })
}

fn of_child(state: &State, minted: Minted, parent: &Actor, issued_token_type: Option<&'static str>) -> OauthToken {
    let Minted { child, token } = minted;
    OauthToken {
        expires_in: child.expires_at - state.service.clock.now() / SECOND,
        access_token: token.expose(),
        token_type: child.token_type(),
        scope: match child.scope {
            Some(scope) => Some(scope.to_string()).filter(|scope| !scope.is_empty()),
            None => names(parent.permissions()),
        },
        issued_token_type,
        refresh_token: None,
    }
}

fn answer(token: &OauthToken) -> HttpResponse {
    HttpResponse::Ok().insert_header((PRAGMA, HeaderValue::from_static("no-cache"))).json(token)
}

fn names(permissions: Permissions) -> Option<String> {
    let names: Vec<&str> = permissions.iter().map(Permission::name).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// A token response.
#[derive(Serialize, ToSchema)]
pub struct OauthToken {
    /// The token: a user's bearer token, or a child's.
    access_token: String,
    #[schema(schema_with = sets::token_types)]
    token_type: &'static str,
    /// The lifetime of the token, in seconds.
    expires_in: i64,
    /// What the token carries: names of permissions, `persona:` and qualified names of personas, and names of tools, separated by
    /// spaces. Absent if there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The type of the token that an exchange has made.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    /// The refresh token: only of the device grant with the scope `offline_access`, and of the grant `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}
