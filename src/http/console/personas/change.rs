//! `/personas/new`, `/personas/{guid}/edit` and `/personas/{guid}/delete`: create, change and delete a persona.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::id_of;
use crate::domain::edition::Edition;
use crate::domain::error::Error;
use crate::domain::ids::PersonaId;
use crate::domain::permission::Permission;
use crate::domain::persona::{Persona, PersonaInput};
use crate::domain::text::{Description, DisplayName};
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors, NotDone};
use crate::http::console::gains::Gains;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::catalogue::persona_policies::{self, PolicyChange};
use crate::service::catalogue::personas;

/// The fields of the form, as typed.
struct Draft {
    name: String,
    display_name: String,
    description: String,
    enabled: bool,
}

impl Draft {
    fn read(form: &Form) -> Self {
        Self {
            name: form.text("name").trim().to_owned(),
            display_name: form.text("display_name").trim().to_owned(),
            description: form.text("description").replace("\r\n", "\n"),
            enabled: form.text("state") != "disabled",
        }
    }

    fn of(persona: &Persona) -> Self {
        let display_name = &persona.display_name;
        Self {
            name: persona.name.clone(),
            display_name: if *display_name == persona.name { String::new() } else { display_name.clone() },
            description: persona.description.clone(),
            enabled: persona.enabled,
        }
    }

    fn input(&self) -> Result<PersonaInput, FormErrors> {
        let mut errors = FormErrors::default();
        let name = errors.keep("name", DisplayName::parse(&self.name));
        let display_name = match self.display_name.as_str() {
            "" => name.clone(),
            text => errors.keep("display_name", DisplayName::parse(text)),
        };
        let description = errors.keep("description", Description::parse(&self.description));
        match (name, display_name, description) {
            (Some(name), Some(display_name), Some(description)) => {
                Ok(PersonaInput { name, display_name, description, enabled: self.enabled })
            }
            _ => Err(errors),
        }
    }
}

#[derive(Template)]
#[template(path = "personas/form.html")]
struct PersonaForm {
    page: Page,
    draft: Draft,
    errors: FormErrors,
    /// The persona that is changed; `None` for a new one.
    persona: Option<Persona>,
    /// The edition that the form was loaded with, for optimistic locking.
    edition: String,
    /// Whether another request has changed the persona since then.
    has_changed: bool,
}

fn page(
    request: &SignedInRequest,
    draft: Draft,
    errors: FormErrors,
    persona: Option<Persona>,
    has_changed: bool,
) -> Result<HttpResponse, Failure> {
    let status = if errors.is_empty() && !has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let title = persona.as_ref().map_or("New persona".to_owned(), |persona| format!("Edit {}", persona.display_name));
    let edition = persona.as_ref().map_or(String::new(), |persona| persona.edition().0);
    let page = request.page(title, "personas")?;
    request.answer(status, &PersonaForm { page, draft, errors, persona, edition, has_changed })
}

/// `GET /personas/new`
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_PERSONAS`.
pub async fn new(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePersonas)?;
    page(&request, Draft::read(&Form::default()), FormErrors::default(), None, false)
}

/// `POST /personas/new`
///
/// # Errors
/// [`Error::Forbidden`]; when the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePersonas)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, draft) = (&submitted.request, Draft::read(&submitted.form));
    let errors = match draft.input() {
        Err(errors) => errors,
        Ok(input) => match personas::create(&request.state.service, &request.actor, input).await {
            Ok(persona) => return Ok(request.redirect(&format!("personas/{}?done=created", persona.id))),
            Err(error) => refused(error)?,
        },
    };
    page(request, draft, errors, None, false)
}

/// The errors beside the fields: a conflict is about the name.
fn refused(error: Error) -> Result<FormErrors, Failure> {
    match error {
        Error::Conflict(message) => {
            let mut errors = FormErrors::default();
            errors.add("name", message);
            Ok(errors)
        }
        other => FormErrors::from_error(other, &[("displayName", "display_name")]),
    }
}

/// `GET /personas/{guid}/edit`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePersonas)?;
    let persona = personas::get(&request.state.service, &request.actor, id_of(&guid)?).await?;
    page(&request, Draft::of(&persona), FormErrors::default(), Some(persona), false)
}

/// `POST /personas/{guid}/edit`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn save(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePersonas)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (service, id, draft) = (&request.state.service, id_of(&guid)?, Draft::read(form));
    let expected = form.edition();
    let (errors, has_changed) = match draft.input() {
        Err(errors) => (errors, false),
        Ok(input) => match personas::update(service, &request.actor, id, input, expected).await {
            Ok(_) => return Ok(request.redirect(&format!("personas/{id}?done=changed"))),
            Err(Error::Changed) => (FormErrors::default(), true),
            Err(error) => (refused(error)?, false),
        },
    };
    let persona = personas::get(service, &request.actor, id).await?;
    page(request, draft, errors, Some(persona), has_changed)
}

#[derive(Template)]
#[template(path = "personas/delete.html")]
struct Delete {
    page: Page,
    persona: Persona,
    gains: Gains,
    /// The edition of the persona and its policies that are shown.
    edition: String,
    not_done: NotDone,
}

/// `GET /personas/{guid}/delete`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn ask(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePersonas)?;
    question(&request, id_of(&guid)?, NotDone::default()).await
}

async fn question(request: &SignedInRequest, id: PersonaId, not_done: NotDone) -> Result<HttpResponse, Failure> {
    let (service, actor) = (&request.state.service, &request.actor);
    // Before the comparison: what changes in between is noticed when the form is sent.
    let persona = personas::get(service, actor, id).await?;
    let edition = edition(request, &persona).await?;
    let comparison = persona_policies::preview(service, actor, id, PolicyChange::DeleteAll).await?;
    let delete = Delete {
        page: request.page(format!("Delete {}", persona.display_name), "personas")?,
        gains: Gains::of(request, comparison).await?,
        persona,
        edition: edition.0,
        not_done,
    };
    request.answer(delete.not_done.status(), &delete)
}

/// The edition of a persona with its policies, which the preview of its deletion is about.
async fn edition(request: &SignedInRequest, persona: &Persona) -> Result<Edition, Failure> {
    let found = personas::policies(&request.state.service, &request.actor, persona.id).await?;
    Ok(persona.edition_with(&found.policies))
}

/// `POST /personas/{guid}/delete`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; when the storage fails.
pub async fn delete(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePersonas)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let (service, id) = (&request.state.service, id_of(&guid)?);
    let persona = personas::get(service, &request.actor, id).await?;
    let deletion = personas::delete_edition(service, &request.actor, id, submitted.form.edition());
    match NotDone::of_deletion(&submitted.form, &persona.display_name, deletion).await? {
        None => Ok(request.redirect("personas?done=deleted")),
        Some(not_done) => question(request, id, not_done).await,
    }
}
