//! `/personas/{guid}/members`: the keys and users linked to a persona; linking and unlinking one.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::{id_of, one};
use crate::domain::error::{Error, Result as DomainResult, Violation};
use crate::domain::ids::PersonaId;
use crate::domain::permission::Permission;
use crate::domain::persona::Persona;
use crate::http::console::confirm;
use crate::http::console::form::FormErrors;
use crate::http::console::keys::bulk::{BulkAction, to_one};
use crate::http::console::keys::row::Row;
use crate::http::console::list::ListUrl;
use crate::http::console::pick::{self, Candidate, Picked};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::catalogue::personas;
use crate::service::catalogue::saved::Membership;
use crate::service::keys::api_keys;

#[derive(Template)]
#[template(path = "personas/members.html")]
struct Members {
    page: Page,
    persona: Persona,
    url: ListUrl,
    candidates: Vec<Candidate>,
    keys: Vec<Row>,
    more_keys: bool,
    users: Vec<String>,
    errors: FormErrors,
    notice: &'static str,
}

/// The most linked keys that are shown.
const KEYS: i64 = 50;

/// `GET /personas/{guid}/members`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; violations of the parameters; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ManagePersonas)?;
    page(&request, id_of(&guid)?, FormErrors::default()).await
}

async fn page(request: &SignedInRequest, id: PersonaId, errors: FormErrors) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let persona = personas::get(&request.state.service, &request.actor, id).await?;
    let list_url = ListUrl::parse(format!("personas/{id}/members"), &params, &["q"])?;
    let (keys, more_keys) = one::keys(request, &persona, KEYS).await?;
    let users = one::users(request, id).await?;
    let mut candidates = pick::find(request, list_url.value("q")).await?;
    for candidate in &mut candidates {
        candidate.is_member = match &candidate.key {
            Some(key) => key.personas.iter().any(|linked| linked.id == id),
            None => users.contains(&candidate.username),
        };
    }
    let notice = match params.get("done")? {
        "linked" => "It is linked, and in force.",
        "unlinked" => "It is unlinked, and in force.",
        _ => "",
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = request.page(format!("Keys and users of {}", persona.display_name), "personas")?;
    request
        .answer(status, &Members { page, persona, url: list_url, candidates, keys, more_keys, users, errors, notice })
}

/// `POST /personas/{guid}/members`
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; violations; when the storage fails.
pub async fn change(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    submitted.actor.require(Permission::ManagePersonas)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form, id) = (&submitted.request, &submitted.form, id_of(&guid)?);
    let (membership, done) = match form.text("operation") {
        "unlink" => (Ok(Membership::Remove), "unlinked"),
        "link" => (Ok(Membership::Add), "linked"),
        _ => (Err(Violation::new("operation", "must be `link` or `unlink`")), ""),
    };
    let (picked, membership) = match (Picked::read(form.text("member")), membership) {
        (Ok(picked), Ok(membership)) => (picked, membership),
        (Err(broken), _) | (_, Err(broken)) => {
            return page(request, id, FormErrors::from_error(broken.into(), &[])?).await;
        }
    };
    match relink(request, id, picked, membership).await {
        Ok(()) => Ok(request.redirect(&format!("personas/{id}/members?done={done}"))),
        Err(Error::Changed) => {
            let mut errors = FormErrors::default();
            errors.add("", "the key was changed at the same time: try again");
            page(request, id, errors).await
        }
        Err(error) => page(request, id, FormErrors::from_error(error, &[])?).await,
    }
}

async fn relink(request: &SignedInRequest, id: PersonaId, picked: Picked, membership: Membership) -> DomainResult<()> {
    let (service, actor) = (&request.state.service, &request.actor);
    let key = match picked {
        Picked::User(username) => return personas::change_user(service, actor, id, username, membership).await,
        Picked::Key(key) => api_keys::get(service, actor, key).await?,
    };
    let name = personas::get(service, actor, id).await?.qualified_name;
    let is_linked = key.personas.iter().any(|persona| persona.id == id);
    match membership {
        Membership::Add if !is_linked => to_one(request, &BulkAction::Link(name), &key).await,
        Membership::Remove if is_linked => to_one(request, &BulkAction::Unlink(name), &key).await,
        _ => Ok(()),
    }
}
