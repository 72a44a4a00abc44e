//! `/keys/new`: the form for a key, and the page that shows its token once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::choices::{Choices, not_saved};
use super::created::Created;
use super::draft::Draft;
use crate::domain::api_key::NEVER;
use crate::domain::permission::Permission;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::once;
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::keys::api_keys;

/// The default lifetime in days.
const LIFETIME: &str = "30";

/// The fields whose errors are shown beside them.
pub(super) const SHOWN: &[&str] =
    &["name", "description", "lifetime", "until", "persona", "permission", "addresses", "rate"];

#[derive(Template)]
#[template(path = "keys/new.html")]
struct New {
    page: Page,
    draft: Draft,
    choices: Choices,
    errors: FormErrors,
    ends: Option<DisplayTime>,
    never: bool,
    /// The idempotency key: the form may be sent again because the answer was lost.
    request_key: String,
    templates: [KeyTemplate; 4],
    /// For `keys/fields.html`: whether an existing key can keep its expiry, and when that is.
    keeps: bool,
    current: Option<DisplayTime>,
}

/// A template for a key: a query string that fills in the form.
struct KeyTemplate {
    name: &'static str,
    query: &'static str,
}

const TEMPLATES: [KeyTemplate; 4] = [
    KeyTemplate { name: "CI job", query: "name=ci&description=Used+by+a+pipeline&lifetime=90" },
    KeyTemplate {
        name: "gateway",
        query: "name=gateway&description=Asks+about+the+tokens+of+others&permission=VERIFY_TOKENS&lifetime=365",
    },
    KeyTemplate {
        name: "catalogue reader",
        query: "name=catalogue-reader&description=Reads+the+catalogue&lifetime=90",
    },
    KeyTemplate { name: "AI agent", query: "name=agent&description=Used+by+an+agent&lifetime=7&rate=60&period=60" },
];

/// `GET /keys/new`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `MANAGE_APIKEYS`; when the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManageApiKeys)?;
    let draft = Draft::read(&Form::of_query(request.http.query_string()), LIFETIME);
    page(&request, draft, FormErrors::default(), StatusCode::OK, once::new_key(&request)?).await
}

async fn page(
    request: &SignedInRequest,
    draft: Draft,
    errors: FormErrors,
    status: StatusCode,
    request_key: String,
) -> Result<HttpResponse, Failure> {
    let now = request.now();
    let ends = draft.ends(now, None);
    let new = New {
        page: request.page("New key", "keys")?,
        choices: Choices::of(request, &draft).await?,
        errors,
        ends: ends.and_then(|end| DisplayTime::of(end, now)),
        never: ends == Some(NEVER),
        draft,
        request_key,
        templates: TEMPLATES,
        keeps: false,
        current: None,
    };
    request.answer(status, &new)
}

/// `POST /keys/new`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] for a form of another session; when the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageApiKeys)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let draft = Draft::read(form, LIFETIME);
    let request_key = match once::key_of(form) {
        Some(key) => key.to_owned(),
        None => once::new_key(request)?,
    };
    let new = match draft.new_key(request.now()) {
        Ok(new) => new,
        Err(errors) => return page(request, draft, errors, StatusCode::BAD_REQUEST, request_key).await,
    };
    // Before the key exists, because a refusal afterwards would lose its token.
    let url = request.base_url()?;
    let repeatable = Some(format!("console:{request_key}"));
    match api_keys::create(&request.state.service, &request.actor, new, repeatable).await {
        Ok(created) => request.answer(StatusCode::OK, &Created::of(request, url, created)?),
        Err(error) => {
            let errors = not_saved(request, &draft, &[], error).await?.errors;
            page(request, draft, errors, StatusCode::BAD_REQUEST, once::new_key(request)?).await
        }
    }
}
