//! `/device`: the user approves or denies a device authorization (RFC 8628, section 3.3).
//!
//! A code in the URL only fills in the field. It is looked up when the form is sent, so a link on another site cannot use
//! up the user's wrong attempts.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::form::sentence;
use super::page::Page;
use super::words::DisplayTime;
use super::{SignedInRequest, SubmittedForm, confirm};
use crate::domain::device::COMMAND_LINE;
use crate::domain::error::Error;
use crate::http::problem::Failure;
use crate::service::authn::device_sign_in::{self, PendingSignIn, Verdict};

/// The page where the user types the code.
#[derive(Template)]
#[template(path = "device.html")]
struct Enter {
    page: Page,
    user_code: String,
    error: String,
}

/// The page that asks for the decision.
#[derive(Template)]
#[template(path = "device_question.html")]
struct Decide {
    page: Page,
    user_code: String,
    client: String,
    is_command_line: bool,
    address: String,
    /// Whether the program has the same address as the browser.
    is_here: bool,
    asked: Option<DisplayTime>,
    until: Option<DisplayTime>,
}

/// The page after the decision.
#[derive(Template)]
#[template(path = "device_done.html")]
struct Decided {
    page: Page,
    approved: bool,
}

/// `GET /device`
///
/// # Errors
/// When the page cannot be written.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let user_code: String = params.get("user_code")?.chars().take(LONGEST_CODE).collect();
    enter(&request, StatusCode::OK, user_code, String::new())
}

/// The most characters of a typed code that are shown again.
const LONGEST_CODE: usize = 40;

/// `POST /device`: shows the device authorization with this code; with `verdict`, decides about it.
///
/// # Errors
/// When the storage fails.
pub async fn decide(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    let verdict = match submitted.form.text("verdict") {
        "" => None,
        "approve" => Some(Verdict::Approve),
        "deny" => Some(Verdict::Deny),
        _ => return Err(Failure::Body("`verdict` must be `approve` or `deny`".to_owned())),
    };
    // An approval hands out a bearer token, as `/token` does.
    if verdict == Some(Verdict::Approve)
        && let Some(page) = confirm::require_recent_sign_in(&mut submitted).await?
    {
        return Ok(page);
    }
    let (service, actor, typed) = (&submitted.state.service, &submitted.actor, submitted.form.text("user_code"));
    let outcome = match verdict {
        None => device_sign_in::pending_sign_in(service, actor, typed).await.map(Some),
        Some(verdict) => device_sign_in::decide(service, actor, typed, verdict).await.map(|()| None),
    };
    match outcome {
        Ok(Some(question)) => ask(&submitted, question),
        Ok(None) => {
            let approved = verdict == Some(Verdict::Approve);
            let title = if approved { "Signed in" } else { "Denied" };
            submitted.answer(StatusCode::OK, &Decided { page: submitted.page(title, "device")?, approved })
        }
        Err(Error::NotFound { .. }) => {
            let error =
                "Nothing waits under this code. It may be mistyped, decided already, or older than ten minutes.";
            enter_again(&submitted, StatusCode::BAD_REQUEST, error.to_owned())
        }
        Err(Error::SlowedDown { retry_after }) => {
            let error = format!("too many wrong codes, try again in {retry_after} s");
            enter_again(&submitted, StatusCode::TOO_MANY_REQUESTS, sentence(&error))
        }
        Err(error) => Err(error.into()),
    }
}

fn ask(submitted: &SubmittedForm, sign_in: PendingSignIn) -> Result<HttpResponse, Failure> {
    let PendingSignIn { asked, user_code, until } = sign_in;
    let now = submitted.now();
    let decide = Decide {
        page: submitted.page("Sign in a program", "device")?,
        user_code: user_code.to_string(),
        is_command_line: asked.client == COMMAND_LINE,
        client: asked.client,
        address: asked.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
        is_here: asked.address.is_some() && asked.address == submitted.actor.address,
        asked: DisplayTime::of(asked.created_at, now),
        until: DisplayTime::of(until, now),
    };
    submitted.answer(StatusCode::OK, &decide)
}

fn enter_again(submitted: &SubmittedForm, status: StatusCode, error: String) -> Result<HttpResponse, Failure> {
    let user_code = submitted.form.text("user_code").chars().take(LONGEST_CODE).collect();
    enter(submitted, status, user_code, error)
}

fn enter(
    request: &SignedInRequest,
    status: StatusCode,
    user_code: String,
    error: String,
) -> Result<HttpResponse, Failure> {
    let page = request.page("Sign in a program", "device")?;
    request.answer(status, &Enter { page, user_code, error })
}
