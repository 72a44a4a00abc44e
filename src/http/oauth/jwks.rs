//! `/oauth/jwks.json`: the keys that check the signatures of children (RFC 7517).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::children::signing_keys;

/// A set of keys.
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// The public keys: those that sign, have signed lately, or will sign next.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Json>,
}

/// Get the keys that sign tokens
///
/// RFC 7517. A key is published before it signs, and until the last token that it signed has expired. Receivers may keep
/// the set for five minutes.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "get_signing_keys",
    security(()),
    responses((status = 200, description = "The public keys", body = KeySet)),
)]
#[get("/oauth/jwks.json")]
pub async fn keys(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    let keyring = signing_keys::ready(&state.service).await.map_err(Failure::or_unavailable)?;
    let keys = keyring.keys.iter().map(|key| key.public.clone()).collect();
    let fresh = HeaderValue::from_static("public, max-age=300");
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, fresh)).json(KeySet { keys }))
}
