//! `/settings`: access tokens and sessions of the signed-in user.

pub mod generate;
pub mod revoke;
pub mod sessions;
pub mod tokens;

use actix_web::HttpResponse;

use super::SignedInRequest;

/// `GET /settings`: leads to the access tokens.
pub async fn start(request: SignedInRequest) -> HttpResponse {
    request.redirect("settings/tokens")
}
