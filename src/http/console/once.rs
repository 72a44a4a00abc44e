//! Forms that make something are carried out once: reloading the page of their answer sends them again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use data_encoding::BASE64URL_NOPAD;

use super::form::Form;
use super::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::authn::forms::{self, Sent};

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
}

#[derive(Template)]
#[template(path = "once.html")]
struct SentBefore {
    page: Page,
    makes: Makes,
}

/// The answer to a form that was sent before; `None` for one that is sent for the first time. What comes after this may
/// fail: the form is then shown with a new key.
///
/// # Errors
/// When the storage fails.
pub(super) async fn sent_before(submitted: &SubmittedForm, makes: Makes) -> Result<Option<HttpResponse>, Failure> {
    let request = &submitted.request;
    let Some(key) = key_of(&submitted.form) else { return Ok(None) };
    if forms::note(&request.state.service, &request.actor, key.to_owned()).await? == Sent::First {
        return Ok(None);
    }
    let page = request.page("Already sent", "once")?;
    request.answer(StatusCode::CONFLICT, &SentBefore { page, makes }).map(Some)
}
