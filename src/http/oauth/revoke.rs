//! `/oauth/revoke`: token revocation (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;

use super::OauthSettings;
use super::client;
use super::form::Form;
use super::sets;
use super::wanted::oauth;
use crate::domain::error::Refusal;
use crate::http::auth::origin;
use crate::http::openapi::Fails;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authn::revoke::{Revoked, revoke as revoke_token};
use crate::service::authn::{programs, refresh};

/// Revoke a token
///
/// RFC 7009. The client authenticates like at `/oauth/token`. Ends a child of the client, or one in which the client
/// acts, with everything derived from it; or an access token or a session of the client. The answer for an unknown token, or another's,
/// is the same. A public client sends its `client_id` alone, for its children, for sessions of users who have approved it, and for
/// its refresh tokens; a refresh token ends its session with every token of it. The token of an API key ends by deleting the key.
#[utoipa::path(
    tag = "Sessions",
    operation_id = "revoke_oauth_token",
    security((), ("basic" = [])),
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is not active"), Fails<401>, Fails<429>),
)]
#[post("/oauth/revoke")]
pub async fn revoke(
    state: web::Data<State>,
    settings: web::Data<OauthSettings>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let form = Form::read(&state, &request, payload.into_inner()).await?;
    if let Some(client) = client::optional(&state, &request, &form).await? {
        let token = form.required("token")?;
        return match revoke_token(&state.service, &client, &token).await.map_err(Failure::or_unavailable)? {
            Revoked::Ended => Ok(HttpResponse::Ok().finish()),
            Revoked::OfApiKey => {
                Err(oauth("unsupported_token_type", "this is the token of an API key: delete the key to revoke it"))
            }
        };
    }
    let client = form.optional("client_id")?.filter(|client| settings.knows(client));
    let client = client.ok_or(Failure::Client(Refusal::Missing))?;
    let (token, origin) = (form.required("token")?, origin(&state, &request));
    let ended = if refresh::is_refresh_token(&state.service, &token) {
        refresh::revoke(&state.service, &client, &token, origin).await
    } else {
        programs::revoke(&state.service, &client, &token, origin).await
    };
    ended.map_err(Failure::or_unavailable)?;
    Ok(HttpResponse::Ok().finish())
}

/// The form of RFC 7009, section 2.1. `token_type_hint` is not needed, because a token shows its type.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct RevocationForm {
    /// The token.
    token: String,
    /// `apikey-<id>`, unless the request has `Authorization: Basic`; or `tessera-cli`, or a client id of `TESSERA_DEVICE_CLIENTS`.
    client_id: Option<String>,
    /// The token of the API key `client_id`.
    client_secret: Option<String>,
    /// A JWT that is signed with a registered key of the client (RFC 7523), instead of `client_secret`.
    client_assertion: Option<String>,
    #[schema(schema_with = sets::client_assertion_types)]
    client_assertion_type: Option<String>,
}
