//! `/settings/sessions`: lists the user's sessions, and ends one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::error::Error;
use crate::http::console::words::When;
use crate::http::console::{Page, Posted, Visit};
use crate::http::problem::Failure;
use crate::service::authn::sessions;

#[derive(Template)]
#[template(path = "settings/sessions.html")]
struct Sessions {
    page: Page,
    rows: Vec<Row>,
    role: &'static str,
    notice: &'static str,
}

struct Row {
    id: String,
    is_own: bool,
    created: Option<When>,
    expires: Option<When>,
}

/// `GET /settings/sessions`
///
/// # Errors
/// When the storage fails.
pub async fn show(visit: Visit) -> Result<HttpResponse, Failure> {
    let params = visit.params();
    params.only(&["done"])?;
    let now = visit.now();
    let row = |session: sessions::SessionInfo| Row {
        id: session.id,
        is_own: session.is_own,
        created: When::of(session.created_at, now),
        expires: When::of(session.expires_at, now),
    };
    let notice = match params.get("done")? {
        "ended" => "The session has ended.",
        _ => "",
    };
    let found = sessions::list(&visit.state.service, &visit.actor).await?;
    let sessions = Sessions {
        page: visit.page("Sessions", "settings")?,
        rows: found.into_iter().map(row).collect(),
        role: visit.actor.principal().role.name(),
        notice,
    };
    visit.answer(StatusCode::OK, &sessions)
}

/// `POST /settings/sessions`: ends a session, without asking for the password again: it may be urgent.
///
/// # Errors
/// When the storage fails.
pub async fn end(posted: Posted) -> Result<HttpResponse, Failure> {
    match sessions::end_one(&posted.state.service, &posted.actor, posted.form.text("id").to_owned()).await {
        // The session has already ended.
        Ok(()) | Err(Error::NotFound { .. }) => Ok(posted.lead("settings/sessions?done=ended")),
        Err(error) => Err(error.into()),
    }
}
