//! `/personas`: personas, what they allow and forbid, and the keys and users linked to them.

pub mod change;
pub mod members;
pub mod one;
pub mod policy;
mod policy_draft;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::list::{ListUrl, contains};
use super::{Page, SignedInRequest};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::fields::PersonaField;
use crate::domain::filter::Filter;
use crate::domain::ids::PersonaId;
use crate::domain::permission::Permission;
use crate::domain::persona::Persona;
use crate::domain::text::clip;
use crate::http::problem::Failure;
use crate::service::catalogue::personas;

#[derive(Template)]
#[template(path = "personas/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    personas: Vec<Persona>,
    next: Option<String>,
    may_create: bool,
    notice: &'static str,
}

/// `GET /personas`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("personas", &params, &["q"])?;
    let notice = match params.get("done")? {
        "deleted" => "The persona is deleted, with its policies and links.",
        _ => "",
    };
    let filter = match list_url.value("q") {
        "" => Filter::EVERYTHING,
        text => contains(PersonaField::Name, text),
    };
    let service = &request.state.service;
    let found = personas::list(service, &request.actor, list_url.query(service, filter)?).await?;
    let next = list_url.next(service, &found);
    let list = List {
        page: request.page("Personas", "personas")?,
        personas: found.records,
        next,
        may_create: request.actor.permissions().contains(Permission::ManagePersonas),
        url: list_url,
        notice,
    };
    request.answer(StatusCode::OK, &list)
}

fn id_of(text: &str) -> DomainResult<PersonaId> {
    PersonaId::parse(text).ok_or_else(|| Error::NotFound { kind: "persona", id: clip(text) })
}
