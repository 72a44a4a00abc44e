//! `/settings/sessions`: lists the user's sessions, and ends one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::error::Error;
use crate::domain::session::SessionKind;
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
    /// How it began: `with a password`; empty if that is not known.
    kind: &'static str,
    /// The address of the client that began it; empty if it is unknown.
    address: String,
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
    let row = |session: sessions::SessionInfo| {
        let origin = session.origin.as_ref();
        Row {
            id: session.id,
            is_own: session.is_own,
            kind: origin.map_or("", |origin| kind_words(origin.kind)),
            created: DisplayTime::of(origin.map_or(session.created_at, |origin| origin.began_at), now),
            expires: DisplayTime::of(session.expires_at, now),
            address: session.origin.map_or_else(String::new, |origin| origin.address),
        }
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

/// How a session began, in words.
fn kind_words(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Password => "Signed in with the password",
        SessionKind::Provider => "Signed in at the identity provider",
        SessionKind::Token => "Bearer token made by hand",
        SessionKind::Program => "Program, signed in by a device code",
        SessionKind::Impersonation => "Program that acts as you",
    }
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
