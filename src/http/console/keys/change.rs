//! `/keys/{guid}/edit` and `/keys/{guid}/delete`: change and delete a key.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::choices::{Choices, not_saved};
use super::draft::Draft;
use super::id_of;
use super::new::SHOWN;
use super::row::Row;
use crate::clock::DAY;
use crate::domain::api_key::{ApiKey, NEVER};
use crate::domain::oauth_client::ClientSecret;
use crate::domain::permission::Permission;
use crate::http::console::confirm;
use crate::http::console::form::{FormErrors, NotDone};
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::keys::{api_keys, oauth};

#[derive(Template)]
#[template(path = "keys/edit.html")]
#[expect(clippy::struct_excessive_bools, reason = "conditions of a template")]
struct Edit {
    page: Page,
    row: Row,
    draft: Draft,
    choices: Choices,
    errors: FormErrors,
    /// The edition of the key that the form was loaded with, for optimistic locking.
    edition: String,
    /// Whether another request has changed the key since the form was loaded.
    has_changed: bool,
    keeps: bool,
    current: Option<DisplayTime>,
    /// Whether it has a token.
    has_token: bool,
    /// For `keys/says.html`: when the key would expire.
    ends: Option<DisplayTime>,
    never: bool,
}

/// `GET /keys/{guid}/edit`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], [`crate::domain::error::Error::Forbidden`]; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManageApiKeys)?;
    let key = api_keys::get(&request.state.service, &request.actor, id_of(&guid)?).await?;
    let draft = Draft::of(&key);
    page(&request, key, draft, NotDone::default()).await
}

async fn page(
    request: &SignedInRequest,
    key: ApiKey,
    draft: Draft,
    not_done: NotDone,
) -> Result<HttpResponse, Failure> {
    let now = request.now();
    let status = not_done.status();
    let ends = draft.ends(now, Some(key.expires_at));
    let edit = Edit {
        ends: ends.and_then(|end| DisplayTime::of(end, now)),
        never: ends == Some(NEVER),
        page: request.page(format!("Edit {}", key.display_name), "keys")?,
        choices: Choices::of(request, &draft).await?,
        edition: key.edition().0,
        current: DisplayTime::of(key.expires_at, now),
        has_token: oauth::get(&request.state.service, &request.actor, key.id).await?.secret == ClientSecret::Token,
        row: Row::of(key, now),
        has_changed: not_done.has_changed,
        keeps: true,
        draft,
        errors: not_done.errors,
    };
    request.answer(status, &edit)
}

/// `POST /keys/{guid}/edit`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], [`crate::domain::error::Error::Forbidden`]; when the storage fails.
pub async fn save(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageApiKeys)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (service, id) = (&request.state.service, id_of(&guid)?);
    let draft = Draft::read(form, "keep");
    let not_done = match draft.update(request.now()) {
        Err(errors) => errors.into(),
        Ok(update) => match api_keys::update(service, &request.actor, id, update, form.edition()).await {
            Ok(key) => return Ok(request.redirect(&format!("keys/{}?done=changed", key.id))),
            Err(error) => {
                let key = api_keys::get(service, &request.actor, id).await?;
                not_saved(request, &draft, &key.personas, error).await?
            }
        },
    };
    let key = api_keys::get(service, &request.actor, id).await?;
    page(request, key, draft, not_done).await
}

#[derive(Template)]
#[template(path = "keys/delete.html")]
struct Delete {
    page: Page,
    row: Row,
    /// Whether it was used within 7 days.
    is_in_use: bool,
    /// The edition of the key that is shown.
    edition: String,
    not_done: NotDone,
}

/// `GET /keys/{guid}/delete`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], [`crate::domain::error::Error::Forbidden`]; when the storage fails.
pub async fn ask(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManageApiKeys)?;
    let key = api_keys::get(&request.state.service, &request.actor, id_of(&guid)?).await?;
    question(&request, key, NotDone::default())
}

fn question(request: &SignedInRequest, key: ApiKey, not_done: NotDone) -> Result<HttpResponse, Failure> {
    let (now, status) = (request.now(), not_done.status());
    let delete = Delete {
        page: request.page(format!("Delete {}", key.display_name), "keys")?,
        is_in_use: key.last_used_at > now - 7 * DAY,
        edition: key.edition().0,
        row: Row::of(key, now),
        not_done,
    };
    request.answer(status, &delete)
}

/// `POST /keys/{guid}/delete`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], [`crate::domain::error::Error::Forbidden`]; when the storage fails.
pub async fn delete(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageApiKeys)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let (service, id) = (&request.state.service, id_of(&guid)?);
    let key = api_keys::get(service, &request.actor, id).await?;
    let deletion = api_keys::delete_edition(service, &request.actor, id, submitted.form.edition());
    let Some(not_done) = NotDone::of_deletion(&submitted.form, &key.display_name, deletion).await? else {
        return Ok(request.redirect("keys?done=deleted"));
    };
    question(request, api_keys::get(service, &request.actor, id).await?, not_done)
}
