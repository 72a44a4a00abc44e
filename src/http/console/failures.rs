//! Errors as pages, for browsers.

use actix_web::HttpMessage;
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web;
use askama::Template;

use super::form::sentence;
use super::page::{Page, answer_with};
use super::redirect_target::page_of_form;
use super::visitor::Visitor;
use super::{Console, owns, unsent};
use crate::domain::error::{Error, Refusal};
use crate::http::address::root_of;
use crate::http::problem::Failure;
use crate::http::protected::redirect;

/// A request whose errors are answered with a page.
pub struct ErrorPages {
    console: web::Data<Console>,
    root: String,
    /// Whether the path belongs to the console.
    is_console: bool,
    /// The page to return to after signing in, relative to the start of this server.
    target: Option<String>,
    visitor: Visitor,
}

/// A failure, as a page without navigation.
#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    page: Page,
    told: ToldFailure,
}

/// A failure, as a page of the signed-in user.
#[derive(Template)]
#[template(path = "failure_signed_in.html")]
struct SignedInFailurePage {
    page: Page,
    told: ToldFailure,
}

/// A failure in words.
struct ToldFailure {
    status: u16,
    heading: &'static str,
    message: String,
    hint: &'static str,
    /// The page to load again, relative to the start of this server; empty if that is no help.
    again: String,
    request_id: String,
}

impl ErrorPages {
    /// The reader of a request; `None` unless it is for the console or accepts `text/html`.
    #[must_use]
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        let (path, is_console) = (request.path(), owns(request.path()));
        let accepts = |text: &str| text.split(',').any(|range| range.trim().starts_with("text/html"));
        let reads = || request.headers().get_all(ACCEPT).any(|value| value.to_str().is_ok_and(accepts));
        if !is_console && !reads() {
            return None;
        }
        let console = request.app_data::<web::Data<Console>>()?.clone();
        let target = match *request.method() {
            Method::GET => {
                let query = request.query_string();
                let mark = if query.is_empty() { "" } else { "?" };
                Some(format!("{}{mark}{query}", path.trim_matches('/')))
            }
            Method::POST if is_console => Some(page_of_form(path).to_owned()),
            _ => None,
        };
        let visitor = Visitor::default();
        request.extensions_mut().insert(visitor.clone());
        Some(Self { console, root: root_of(path, 0), is_console, target, visitor })
    }

    /// The page for a failure, or the redirect to sign in; `None` if the failure is answered as for programs.
    #[must_use]
    pub fn page(&self, failure: &Failure, request_id: &str) -> Option<HttpResponse> {
        if !self.is_console && !matches!(failure, Failure::NoEndpoint) {
            return None;
        }
        let signed_in = self.visitor.get();
        let cookies = signed_in.iter().flat_map(|signed_in| &signed_in.cookies);
        if let Failure::Domain(Error::Unauthenticated(refusal)) = failure {
            let sign_in = self.sign_in(*refusal);
            if let Some(fields) = self.visitor.unsent() {
                let page = Page::new(&self.console, self.root.clone(), "Your session has ended", "error");
                return unsent::of_an_ended_session(page, fields, sign_in).ok();
            }
            return Some(redirect(&self.root, &sign_in, cookies.cloned()));
        }
        if let (Failure::DataHub(..), Some(signed_in), Some(fields)) = (failure, &signed_in, self.visitor.unsent()) {
            let mut page = Page::new(&self.console, self.root.clone(), "Send it again?", "error");
            page.enter(signed_in.clone());
            return unsent::of_another_session(page, fields).ok();
        }
        let (status, _) = failure.code();
        let (heading, hint) = heading_and_hint(failure, status);
        let mut response = HttpResponse::build(status);
        failure.add_headers(&mut response);
        for cookie in cookies {
            response.cookie(cookie.clone());
        }
        let mut page = Page::new(&self.console, self.root.clone(), heading, "error");
        let told = ToldFailure {
            status: status.as_u16(),
            heading,
            message: sentence(&failure.to_string()),
            hint,
            again: if matches!(failure, Failure::DataHub(..)) {
                self.target.clone().unwrap_or_default()
            } else {
                String::new()
            },
            request_id: request_id.to_owned(),
        };
        match signed_in {
            None => answer_with(response, &FailurePage { page, told }),
            Some(signed_in) => {
                page.enter(signed_in);
                answer_with(response, &SignedInFailurePage { page, told })
            }
        }
        .ok()
    }

    /// The page to sign in at, relative to the start of this server.
    fn sign_in(&self, refusal: Refusal) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if refusal != Refusal::Missing {
            query.append_pair("because", "ended");
        }
        if let Some(target) = self.target.as_deref().filter(|target| !target.is_empty()) {
            query.append_pair("next", target);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("login{mark}{query}")
    }
}

/// The heading of a failure, and a hint what to do.
fn heading_and_hint(failure: &Failure, status: StatusCode) -> (&'static str, &'static str) {
    match (failure, status.as_u16()) {
        (Failure::Domain(Error::NotFound { .. }), _) => {
            ("Not found", "It was deleted, or you may not see it: the two look the same on purpose.")
        }
        (Failure::DataHub(..), 403) => {
            ("Not sent from this page", "Nothing was done. Load the page again, and repeat it.")
        }
        (_, 404 | 405) => ("There is no such page", "The address may be mistyped, or the page has moved."),
        (_, 403) => ("Not allowed", "A manager of your permissions can change that."),
        (_, 412) => {
            ("It has changed meanwhile", "Load the page again: nothing of yours was saved, nothing of theirs is lost.")
        }
        (_, 429 | 503) => ("Too much at once", "Nothing was done. Try again in a moment."),
        (_, 504) => ("It took too long", "It may still have been carried out: look before you repeat it."),
        (_, 400..=499) => ("The request was not understood", "Go back, load the page again, and repeat it."),
        _ => ("Something went wrong here", "The log of the server has the details under the number below."),
    }
}
