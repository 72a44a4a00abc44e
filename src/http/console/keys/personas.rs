//! `/keys/{guid}/personas`: what a key could do with other personas, and changing them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::choices::{Choices, not_saved, refused_names};
use super::draft::Draft;
use super::id_of;
use super::row::Row;
use crate::domain::api_key::{ApiKey, ApiKeyUpdate, persona_set};
use crate::domain::error::Error;
use crate::domain::permission::Permission;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::gains::Gains;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::authz::compare;
use crate::service::keys::api_keys;

/// Field names of the services, and their names in the form.
const FIELDS: [(&str, &str); 1] = [("personaQualifiedNames", "persona")];

#[derive(Template)]
#[template(path = "keys/personas.html")]
struct Personas {
    page: Page,
    row: Row,
    choices: Choices,
    /// The personas to try.
    draft: Draft,
    errors: FormErrors,
    /// Whether the choice differs from the key's personas.
    is_tried: bool,
    /// `None` if nothing is tried, or if the user may not see what the personas allow.
    gains: Option<Gains>,
    edition: String,
    /// The names of the chosen personas that the user may not link it to; empty if there are none.
    refused: String,
    /// Whether another request has changed the key since the page was loaded.
    has_changed: bool,
}

/// `GET /keys/{guid}/personas?try=&persona=`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.params().only(&["try", "persona"])?;
    request.actor.require(Permission::ManageApiKeys)?;
    let key = api_keys::get(&request.state.service, &request.actor, id_of(&guid)?).await?;
    let form = Form::of_query(request.http.query_string());
    let tried = if form.has("try") { Draft::read(&form, "keep") } else { Draft::of(&key) };
    page(&request, key, tried, FormErrors::default(), false).await
}

async fn page(
    request: &SignedInRequest,
    key: ApiKey,
    draft: Draft,
    mut errors: FormErrors,
    has_changed: bool,
) -> Result<HttpResponse, Failure> {
    let names = errors.keep("persona", persona_set(draft.personas.clone()).map_err(|broken| broken.message));
    let current = persona_set(Draft::of(&key).personas).unwrap_or_default();
    let names = names.filter(|names| errors.is_empty() && *names != current);
    let is_tried = names.is_some();
    let mut gains = None;
    if let Some(names) = names {
        match compare::of_personas(&request.state.service, &request.actor, key.id, names).await {
            Ok(comparison) => gains = Some(Gains::of(request, comparison).await?),
            Err(Error::Forbidden(_)) => {}
            Err(error) => errors = FormErrors::from_error(error, &FIELDS)?,
        }
    }
    let status = if errors.is_empty() && !has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let new: Vec<String> = draft.personas.iter().filter(|name| !current.contains(*name)).cloned().collect();
    let personas = Personas {
        refused: refused_names(request, &new).await?,
        page: request.page(format!("What if: {}", key.display_name), "keys")?,
        choices: Choices::of(request, &draft).await?,
        edition: key.edition().0,
        row: Row::of(key, request.now()),
        is_tried: is_tried && errors.is_empty(),
        draft,
        errors,
        gains,
        has_changed,
    };
    request.answer(status, &personas)
}

/// `POST /keys/{guid}/personas`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn save(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManageApiKeys)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (service, id) = (&request.state.service, id_of(&guid)?);
    let key = api_keys::get(service, &request.actor, id).await?;
    let draft = Draft { personas: Draft::read(form, "keep").personas, ..Draft::of(&key) };
    let expected = form.edition();
    let (errors, has_changed) = match draft.update(request.now()) {
        Err(errors) => (errors, false),
        Ok(update) => {
            let update = ApiKeyUpdate { permissions: None, addresses: None, rate: None, ..update };
            match api_keys::update(service, &request.actor, id, update, expected).await {
                Ok(key) => return Ok(request.redirect(&format!("keys/{}?done=changed", key.id))),
                Err(Error::Changed) => (FormErrors::default(), true),
                Err(error) => (not_saved(request, &draft, &key.personas, error).await?.errors, false),
            }
        }
    };
    let key = api_keys::get(service, &request.actor, id).await?;
    page(request, key, draft, errors, has_changed).await
}
