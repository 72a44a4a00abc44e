//! `/token`: creates a bearer token of the signed-in user, for programs that act as the user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::form::Faults;
use super::page::Page;
use super::words::{When, counted};
use super::{Posted, Visit, confirm};
use crate::clock::{HOUR, MINUTE, SECOND};
use crate::http::base_url::base_url;
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
}

/// An offered lifetime.
struct Life {
    seconds: i64,
    name: String,
    hint: String,
    chosen: bool,
}

/// The page that shows the token, once.
#[derive(Template)]
#[template(path = "token_made.html")]
struct Made {
    page: Page,
    token: String,
    base: String,
    until: Option<When>,
}

/// `GET /token`
///
/// # Errors
/// When the page cannot be written.
pub async fn show(visit: Visit) -> Result<HttpResponse, Failure> {
    choose(&visit, StatusCode::OK, String::new())
}

/// `POST /token`
///
/// # Errors
/// When the storage fails.
pub async fn create(mut posted: Posted) -> Result<HttpResponse, Failure> {
    if let Some(page) = confirm::ask(&mut posted).await? {
        return Ok(page);
    }
    let Ok(seconds) = posted.form.text("validitySeconds").parse() else {
        return choose(&posted, StatusCode::BAD_REQUEST, "Choose how long the token lives.".to_owned());
    };
    let session = match bearer_tokens::create(&posted.state.service, &posted.actor, seconds).await {
        Ok(session) => session,
        Err(error) => return choose(&posted, StatusCode::BAD_REQUEST, Faults::of(error, &[])?.elsewhere(&[])),
    };
    let made = Made {
        page: posted.page("Your bearer token", "settings")?,
        base: base_url(&posted.state, &posted.request)?,
        until: When::of(session.expires_at, posted.now()),
        token: session.token.expose(),
    };
    posted.answer(StatusCode::OK, &made)
}

fn choose(visit: &Visit, status: StatusCode, error: String) -> Result<HttpResponse, Failure> {
    let (now, end) = (visit.now(), visit.actor.expires_at().unwrap_or(i64::MAX));
    let left = end - now;
    let life = |millis: i64, hint: String| Life {
        seconds: millis / SECOND,
        name: if millis < HOUR { counted(millis / MINUTE, "minute") } else { counted(millis / HOUR, "hour") },
        hint,
        chosen: millis == USUAL_LIFE,
    };
    let told = |instant: i64| When::of(instant, now).map(|when| format!("until {}", when.exact)).unwrap_or_default();
    let mut lives: Vec<Life> =
        LIVES.into_iter().filter(|millis| *millis < left).map(|millis| life(millis, told(now + millis))).collect();
    let whole = left.min(visit.state.service.session_millis).max(SHORTEST_LIFE);
    lives.push(Life { name: "As long as this sign-in".to_owned(), chosen: false, ..life(whole, told(now + whole)) });
    if lives.iter().all(|life| !life.chosen)
        && let Some(last) = lives.last_mut()
    {
        last.chosen = true;
    }
    visit.answer(status, &Choose { page: visit.page("Bearer token", "settings")?, lives, error })
}
