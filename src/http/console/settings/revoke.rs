//! `/settings/tokens/revoke`

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::tokens::Row;
use crate::domain::error::{Error, Violation};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::keys::access_tokens;

#[derive(Template)]
#[template(path = "settings/revoke.html")]
struct Revoke {
    page: Page,
    row: Row,
}

fn checked(id: &str) -> Result<String, Violation> {
    if id.contains('\0') { Err(Violation::new("id", "must not contain a zero character")) } else { Ok(id.to_owned()) }
}

/// `GET /settings/tokens/revoke?id=`
///
/// # Errors
/// [`Error::NotFound`], also for a token that the user may not see; when the storage fails.
pub async fn ask(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["id"])?;
    let token = access_tokens::get(&request.state.service, &request.actor, checked(params.get("id")?)?).await?;
    let page = request.page("Revoke a token", "settings")?;
    request.answer(StatusCode::OK, &Revoke { page, row: Row::of(token, request.now()) })
}

/// `POST /settings/tokens/revoke`: without asking for the password: it may be urgent and only takes access away.
///
/// # Errors
/// [`Error::Forbidden`]; when the storage fails.
pub async fn revoke(submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    let id = checked(submitted.form.text("id"))?;
    match access_tokens::revoke(&submitted.state.service, &submitted.actor, id).await {
        Ok(()) => Ok(submitted.redirect("settings/tokens?done=revoked")),
        Err(Error::NotFound { .. }) => Ok(submitted.redirect("settings/tokens?done=gone")),
        Err(error) => Err(error.into()),
    }
}
