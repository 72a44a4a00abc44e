//! Forms that make something are carried out once: reloading the page of their answer sends them again.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;
use data_encoding::BASE64URL_NOPAD;

use super::form::Form;
use super::{Page, SignedInRequest, SubmittedForm};
use crate::domain::error::Error;
use crate::http::problem::Failure;
use crate::service::forms::{self, Sent};

/// The form field of its key.
const FIELD: &str = "request_key";

/// A new key for a form.
///
/// # Errors
/// When there is no randomness.
pub(super) fn new_key(request: &SignedInRequest) -> Result<String, Failure> {
    let mut random = [0; 16];
    request.state.service.entropy.fill(&mut random)?;
    Ok(BASE64URL_NOPAD.encode(&random))
}

/// The key of a submitted form; `None` if it has none that is usable.
pub(super) fn key_of(form: &Form) -> Option<&str> {
    let key = form.text(FIELD);
    let usable = (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then_some(key)
}

/// What a form makes.
#[derive(Clone, Copy)]
pub(super) struct Makes {
    /// `access token`
    pub(super) what: &'static str,
    /// The page that lists it, relative to the start of this server.
    pub(super) list: &'static str,
    /// The page with the form.
    pub(super) form: &'static str,
    /// Whether its page shows a secret, which no other page does.
    pub(super) is_secret: bool,
}

#[derive(Template)]
#[template(path = "once.html")]
struct SentBefore {
    page: Page,
    makes: Makes,
}

/// Carries out the work of a form, unless it was sent before. A form that was refused has made nothing, so it can be sent again;
/// after any other failure, such as a lost answer of the database, it may have made something.
///
/// # Errors
/// Those of the work; when the storage fails.
pub(super) async fn carry_out(
    submitted: &SubmittedForm,
    makes: Makes,
    work: impl Future<Output = Result<HttpResponse, Failure>>,
) -> Result<HttpResponse, Failure> {
    let request = &submitted.request;
    let (service, actor) = (&request.state.service, &request.actor);
    let Some(key) = key_of(&submitted.form) else { return work.await };
    if forms::note(service, actor, key.to_owned()).await? == Sent::Again {
        let page = request.page("Already sent", "once")?;
        return request.answer(StatusCode::CONFLICT, &SentBefore { page, makes });
    }
    let answer = work.await;
    let was_refused = match &answer {
        Ok(answer) => answer.status().is_client_error(),
        Err(Failure::Domain(Error::Overloaded | Error::Busy | Error::Contended)) => true,
        Err(failure) => failure.status_code().is_client_error(),
    };
    if was_refused && let Err(error) = forms::forget(service, actor, key.to_owned()).await {
        tracing::warn!(%error, "a form that made nothing cannot be sent again");
    }
    answer
}
