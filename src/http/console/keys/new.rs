//! `/keys/new`: the form for a key, and the page that shows its token once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use data_encoding::BASE64URL_NOPAD;

use super::choices::Choices;
use super::created::Created;
use super::draft::Draft;
use crate::domain::permission::Permission;
use crate::http::console::confirm;
use crate::http::console::form::{Faults, Form};
use crate::http::console::words::When;
use crate::http::console::{Page, Posted, Visit};
use crate::http::problem::Failure;
use crate::service::keys::api_keys;

/// The default lifetime in days.
const LIFETIME: &str = "30";

/// Field names of the services, and their names in the form.
pub(super) const FIELDS: [(&str, &str); 3] =
    [("personaQualifiedNames", "persona"), ("workspacePermissions", "permission"), ("displayName", "name")];

/// The fields whose errors are shown beside them.
pub(super) const SHOWN: &[&str] =
    &["name", "description", "lifetime", "until", "persona", "permission", "addresses", "rate"];

#[derive(Template)]
#[template(path = "keys/new.html")]
struct New {
    page: Page,
    draft: Draft,
    choices: Choices,
    faults: Faults,
    ends: Option<When>,
    never: bool,
    /// The idempotency key: the form may be sent again because the answer was lost.
    request_key: String,
    templates: [KeyTemplate; 4],
    /// For `keys/fields.html`: whether an existing key can keep its expiry, and when that is.
    keeps: bool,
    current: Option<When>,
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
pub async fn show(visit: Visit) -> Result<HttpResponse, Failure> {
    visit.actor.require(Permission::ManageApiKeys)?;
    let draft = Draft::read(&Form::of_query(visit.request.query_string()), LIFETIME);
    page(&visit, draft, Faults::default(), StatusCode::OK, draw_key(&visit)?).await
}

fn draw_key(visit: &Visit) -> Result<String, Failure> {
    let mut random = [0; 16];
    visit.state.service.entropy.fill(&mut random)?;
    Ok(BASE64URL_NOPAD.encode(&random))
}

async fn page(
    visit: &Visit,
    draft: Draft,
    faults: Faults,
    status: StatusCode,
    request_key: String,
) -> Result<HttpResponse, Failure> {
    let now = visit.now();
    let ends = draft.ends(now);
    let new = New {
        page: visit.page("New key", "keys")?,
        choices: Choices::of(visit, &draft).await?,
        faults,
        ends: ends.and_then(|end| When::of(end, now)),
        never: draft.lifetime == "never",
        draft,
        request_key,
        templates: TEMPLATES,
        keeps: false,
        current: None,
    };
    visit.answer(status, &new)
}

/// `POST /keys/new`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] for a form of another session; when the storage fails.
pub async fn create(mut posted: Posted) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let (visit, form) = (&posted.visit, &posted.form);
    let draft = Draft::read(form, LIFETIME);
    let request_key = form.text("request_key").to_owned();
    let usable = (16..=64).contains(&request_key.len()) && request_key.bytes().all(|byte| byte.is_ascii_graphic());
    let request_key = if usable { request_key } else { draw_key(visit)? };
    let new = match draft.new_key(visit.now()) {
        Ok(new) => new,
        Err(faults) => return page(visit, draft, faults, StatusCode::BAD_REQUEST, request_key).await,
    };
    let repeatable = Some(format!("console:{request_key}"));
    match api_keys::create(&visit.state.service, &visit.actor, new, repeatable).await {
        Ok(created) => visit.answer(StatusCode::OK, &Created::of(visit, created)?),
        Err(error) => {
            let faults = Faults::of(error, &FIELDS)?;
            page(visit, draft, faults, StatusCode::BAD_REQUEST, draw_key(visit)?).await
        }
    }
}
