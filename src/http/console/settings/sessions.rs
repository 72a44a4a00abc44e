//! `/settings/sessions`: lists the user's sessions, and ends one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::error::Error;
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
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
    created: Option<DisplayTime>,
    expires: Option<DisplayTime>,
}

/// `GET /settings/sessions`
///
/// # Errors
/// When the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["done"])?;
    let now = request.now();
    let row = |session: sessions::SessionInfo| Row {
        id: session.id,
        is_own: session.is_own,
        created: DisplayTime::of(session.created_at, now),
        expires: DisplayTime::of(session.expires_at, now),
    };
    let notice = match params.get("done")? {
        "ended" => "The session has ended.",
        "others" => "All other sessions have ended.",
        _ => "",
    };
    let found = sessions::list(&request.state.service, &request.actor).await?;
    let sessions = Sessions {
        page: request.page("Sessions", "settings")?,
        rows: found.into_iter().map(row).collect(),
        role: request.actor.principal().role.name(),
        notice,
    };
    request.answer(StatusCode::OK, &sessions)
}

/// `POST /settings/sessions`: ends a session, or all others, without asking for the password again: it may be urgent.
///
/// # Errors
/// When the storage fails.
pub async fn end(submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    if submitted.form.has("others") {
        sessions::end_others(&submitted.state.service, &submitted.actor).await?;
        return Ok(submitted.redirect("settings/sessions?done=others"));
    }
    match sessions::end_one(&submitted.state.service, &submitted.actor, submitted.form.text("id").to_owned()).await {
        // The session has already ended.
        Ok(()) | Err(Error::NotFound { .. }) => Ok(submitted.redirect("settings/sessions?done=ended")),
        Err(error) => Err(error.into()),
    }
}
