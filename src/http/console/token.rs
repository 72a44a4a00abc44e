//! `/token`: creates a bearer token of the signed-in user, for programs that act as the user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::form::FormErrors;
use super::once::{self, Makes};
use super::page::Page;
use super::words::{DisplayTime, duration};
use super::{SignedInRequest, SubmittedForm, confirm};
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::http::problem::Failure;
use crate::service::authn::bearer_tokens::{self, SHORTEST_LIFE, USUAL_LIFE};

/// The offered lifetimes in milliseconds; those beyond the end of the session are left out.
const LIVES: [i64; 4] = [15 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR];

/// The page where the user chooses the lifetime.
#[derive(Template)]
#[template(path = "token.html")]
struct Choose {
    page: Page,
    lives: Vec<Life>,
    error: String,
    request_key: String,
}

/// An offered lifetime.
struct Life {
    seconds: i64,
    name: String,
    ends: Option<DisplayTime>,
    chosen: bool,
}

/// The page that shows the token, once.
#[derive(Template)]
#[template(path = "token_made.html")]
struct CreatedToken {
    page: Page,
    token: String,
    base: String,
    until: Option<DisplayTime>,
}

/// `GET /token`
///
/// # Errors
/// When the page cannot be written.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    choose(&request, StatusCode::OK, String::new())
}

/// `POST /token`
///
/// # Errors
/// When the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    if let Some(page) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(page);
    }
    let Ok(seconds) = submitted.form.text("validitySeconds").parse() else {
        return choose(&submitted, StatusCode::BAD_REQUEST, "Choose how long the token lives.".to_owned());
    };
    // Before the token exists, because a refusal afterwards would lose it.
    let base = submitted.base_url()?;
    let makes = Makes { what: "bearer token", list: "settings/sessions", form: "token", is_secret: true };
    once::carry_out(&submitted, makes, async {
        let session = match bearer_tokens::create(&submitted.state.service, &submitted.actor, seconds).await {
            Ok(session) => session,
            Err(error) => {
                return choose(&submitted, StatusCode::BAD_REQUEST, FormErrors::from_error(error, &[])?.except(&[]));
            }
        };
        let created = CreatedToken {
            page: submitted.page("Your bearer token", "settings")?,
            base,
            until: DisplayTime::of(session.expires_at, submitted.now()),
            token: session.token.expose(),
        };
        submitted.answer(StatusCode::OK, &created)
    })
    .await
}

fn choose(request: &SignedInRequest, status: StatusCode, error: String) -> Result<HttpResponse, Failure> {
    let (now, end) = (request.now(), request.actor.expires_at().unwrap_or(i64::MAX));
    let left = end - now;
    let life = |millis: i64| Life {
        seconds: millis / SECOND,
        name: duration(millis / SECOND),
        ends: DisplayTime::of(now + millis, now),
        chosen: millis == USUAL_LIFE,
    };
    let mut lives: Vec<Life> = LIVES.into_iter().filter(|millis| *millis < left).map(life).collect();
    let whole = left.min(request.state.service.session_millis).max(SHORTEST_LIFE);
    lives.push(Life { name: "As long as this sign-in".to_owned(), chosen: false, ..life(whole) });
    if lives.iter().all(|life| !life.chosen)
        && let Some(last) = lives.last_mut()
    {
        last.chosen = true;
    }
    let (page, request_key) = (request.page("Bearer token", "settings")?, once::new_key(request)?);
    request.answer(status, &Choose { page, lives, error, request_key })
}
