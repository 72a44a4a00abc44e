//! `/keys/{guid}/edit` and `/keys/{guid}/delete`: change and delete a key.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::choices::Choices;
use super::draft::Draft;
use super::id_of;
use super::new::{FIELDS, SHOWN};
use super::row::Row;
use crate::clock::DAY;
use crate::domain::api_key::ApiKey;
use crate::domain::edition::{Edition, Expected};
use crate::domain::error::Error;
use crate::domain::permission::Permission;
use crate::http::console::confirm;
use crate::http::console::form::Faults;
use crate::http::console::words::When;
use crate::http::console::{Page, Posted, Visit};
use crate::http::problem::Failure;
use crate::service::keys::api_keys;

#[derive(Template)]
#[template(path = "keys/edit.html")]
struct Edit {
    page: Page,
    row: Row,
    draft: Draft,
    choices: Choices,
    faults: Faults,
    /// The edition of the key that the form was loaded with, for optimistic locking.
    edition: String,
    /// Whether another request has changed the key since the form was loaded.
    has_changed: bool,
    keeps: bool,
    current: Option<When>,
}

/// `GET /keys/{guid}/edit`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn show(visit: Visit, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    visit.actor.require(Permission::ManageApiKeys)?;
    let key = api_keys::get(&visit.state.service, &visit.actor, id_of(&guid)?).await?;
    let draft = Draft::of(&key);
    page(&visit, key, draft, Faults::default(), EditConflict::Unchanged).await
}

/// Whether the key has been changed since the form was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EditConflict {
    Unchanged,
    Changed,
}

async fn page(
    visit: &Visit,
    key: ApiKey,
    draft: Draft,
    faults: Faults,
    meanwhile: EditConflict,
) -> Result<HttpResponse, Failure> {
    let now = visit.now();
    let bad = meanwhile == EditConflict::Changed || !faults.is_empty();
    let edit = Edit {
        page: visit.page(format!("Edit {}", key.display_name), "keys")?,
        choices: Choices::of(visit, &draft).await?,
        edition: key.edition().0,
        current: When::of(key.expires_at, now),
        row: Row::of(key, now),
        has_changed: meanwhile == EditConflict::Changed,
        keeps: true,
        draft,
        faults,
    };
    visit.answer(if bad { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &edit)
}

/// `POST /keys/{guid}/edit`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn save(mut posted: Posted, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let (visit, form) = (&posted.visit, &posted.form);
    let (service, id) = (&visit.state.service, id_of(&guid)?);
    let draft = Draft::read(form, "keep");
    let expected = Expected::OneOf(vec![Edition(form.text("edition").to_owned())]);
    let (faults, meanwhile) = match draft.update(visit.now()) {
        Err(faults) => (faults, EditConflict::Unchanged),
        Ok(update) => match api_keys::update(service, &visit.actor, id, update, expected).await {
            Ok(key) => return Ok(visit.lead(&format!("keys/{}?done=changed", key.id))),
            Err(Error::Changed) => (Faults::default(), EditConflict::Changed),
            Err(error) => (Faults::of(error, &FIELDS)?, EditConflict::Unchanged),
        },
    };
    let key = api_keys::get(service, &visit.actor, id).await?;
    page(visit, key, draft, faults, meanwhile).await
}

#[derive(Template)]
#[template(path = "keys/delete.html")]
struct Delete {
    page: Page,
    row: Row,
    /// Whether it was used within 7 days.
    is_in_use: bool,
    faults: Faults,
}

/// `GET /keys/{guid}/delete`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn ask(visit: Visit, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    visit.actor.require(Permission::ManageApiKeys)?;
    let key = api_keys::get(&visit.state.service, &visit.actor, id_of(&guid)?).await?;
    question(&visit, key, Faults::default())
}

fn question(visit: &Visit, key: ApiKey, faults: Faults) -> Result<HttpResponse, Failure> {
    let now = visit.now();
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let delete = Delete {
        page: visit.page(format!("Delete {}", key.display_name), "keys")?,
        is_in_use: key.last_used_at > now - 7 * DAY,
        row: Row::of(key, now),
        faults,
    };
    visit.answer(status, &delete)
}

/// `POST /keys/{guid}/delete`
///
/// # Errors
/// [`Error::NotFound`]; when the storage fails.
pub async fn delete(mut posted: Posted, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let visit = &posted.visit;
    let (service, id) = (&visit.state.service, id_of(&guid)?);
    let key = api_keys::get(service, &visit.actor, id).await?;
    let mut faults = Faults::default();
    if posted.form.text("name").trim() != key.display_name {
        faults.add("name", "this is not its name");
        return question(visit, key, faults);
    }
    match api_keys::delete(service, &visit.actor, id).await {
        Ok(()) => Ok(visit.lead("keys?done=deleted")),
        Err(error) => question(visit, key, Faults::of(error, &FIELDS)?),
    }
}
