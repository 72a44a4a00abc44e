//! `/oauth/authorize`: the page at the authorization endpoint, which says that no grant of this server begins there.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Console;
use super::page::{Page, answer};
use crate::http::address::root;
use crate::http::problem::Failure;

#[derive(Template)]
#[template(path = "authorize.html")]
struct AuthorizePage {
    page: Page,
}

/// `GET /oauth/authorize`
///
/// # Errors
/// When the template fails.
pub async fn show(console: web::Data<Console>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let page = Page::new(&console, root(&request), "No sign-in here", "authorize");
    answer(StatusCode::BAD_REQUEST, &AuthorizePage { page })
}
