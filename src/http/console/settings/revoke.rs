//! `/settings/tokens/revoke`

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::tokens::Row;
use crate::domain::error::{Error, Violation};
use crate::http::console::{Page, Posted, Visit};
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
pub async fn ask(visit: Visit) -> Result<HttpResponse, Failure> {
    let params = visit.params();
    params.only(&["id"])?;
    let token = access_tokens::get(&visit.state.service, &visit.actor, checked(params.get("id")?)?).await?;
    let page = visit.page("Revoke a token", "settings")?;
    visit.answer(StatusCode::OK, &Revoke { page, row: Row::of(token, visit.now()) })
}

/// `POST /settings/tokens/revoke`: without asking for the password: it may be urgent and only takes access away.
///
/// # Errors
/// [`Error::Forbidden`]; when the storage fails.
pub async fn revoke(posted: Posted) -> Result<HttpResponse, Failure> {
    let id = checked(posted.form.text("id"))?;
    match access_tokens::revoke(&posted.state.service, &posted.actor, id).await {
        // The token is already revoked.
        Ok(()) | Err(Error::NotFound { .. }) => Ok(posted.lead("settings/tokens?done=revoked")),
        Err(error) => Err(error.into()),
    }
}
