//! `/api/service/sessions`: signs in with a password, and signs out.

use actix_web::{HttpRequest, HttpResponse, delete, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::actor::Actor;
use crate::http::auth::origin;
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Body;
use crate::service::authn::sessions;

/// Sign in
///
/// The answer contains a bearer token for the user, valid for a limited time.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "create_session",
    security(()),
    request_body = SessionRequest,
    responses((status = 200, description = "The session", body = Session), AnyError, Fails<403>, Fails<413>, Fails<429>),
)]
#[post("/api/service/sessions")]
pub async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    body: Body<SessionRequest>,
) -> Result<HttpResponse, Failure> {
    let SessionRequest { username, password } = body.valid()?;
    let session = sessions::create(&state.service, username, password, origin(&state, &request)).await?;
    Ok(HttpResponse::Ok().json(Session { token: session.token.expose(), expires_at: session.expires_at }))
}

/// Sign out
///
/// Ends the session of the request's token.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "delete_current_session",
    responses((status = 200, description = "The session has ended"), AnyError, Fails<409>),
)]
#[delete("/api/service/sessions/current")]
pub async fn delete(state: web::Data<State>, actor: Actor) -> Result<HttpResponse, Failure> {
    sessions::end(&state.service, &actor).await?;
    Ok(HttpResponse::Ok().finish())
}

/// User name and password.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = examples::session_request)]
pub struct SessionRequest {
    /// The user name.
    #[validate(length(max = 100, message = "must have at most 100 characters"))]
    #[schema(max_length = 100)]
    username: String,
    /// In clear text: use TLS.
    #[validate(length(max = 1024, message = "must have at most 1024 characters"))]
    #[schema(format = Password, max_length = 1024)]
    password: String,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::session)]
pub struct Session {
    /// The bearer token.
    token: String,
    /// When the session expires, in epoch milliseconds.
    expires_at: i64,
}
