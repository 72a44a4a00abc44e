//! The page of a form that was not carried out because its session is not the browser's any more: it sends the form again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::form::Fields;
use super::page::{Page, answer};
use crate::http::problem::Failure;

/// The fields that say nothing to the user.
const SILENT: [&str; 6] = ["csrf", "edition", "request_key", "seen", "step", "list"];

#[derive(Template)]
#[template(path = "unsent.html")]
struct Unsent {
    page: Page,
    fields: Fields,
    /// The CSRF token that the form sends.
    csrf: String,
    /// The page to sign in at, relative to the start of this server; empty for a user who is signed in.
    sign_in: String,
}

impl Unsent {
    /// What the user entered, to recognise the form.
    fn entered(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.iter().filter(|(name, value)| !value.is_empty() && !SILENT.contains(&name.as_str()))
    }
}

/// The page for a user who has signed in again since the form was loaded: in another tab, or to confirm a dangerous action.
///
/// # Errors
/// When the template fails.
pub(super) fn of_another_session(page: Page, fields: Fields) -> Result<HttpResponse, Failure> {
    let csrf = page.csrf.clone();
    answer(StatusCode::FORBIDDEN, &Unsent { page, fields, csrf, sign_in: String::new() })
}

/// The page for a user whose session has ended. The form keeps its CSRF token, which is of no use until that user has
/// signed in.
///
/// # Errors
/// When the template fails.
pub(super) fn of_an_ended_session(page: Page, fields: Fields, sign_in: String) -> Result<HttpResponse, Failure> {
    let csrf = fields.iter().find(|(name, _)| name == "csrf").map_or_else(String::new, |(_, value)| value.clone());
    let fields = fields.into_iter().filter(|(name, _)| name != "csrf").collect();
    answer(StatusCode::FORBIDDEN, &Unsent { page, fields, csrf, sign_in })
}
