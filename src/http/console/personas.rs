//! `/personas`: what personas allow and forbid, and which keys are linked to them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::keys::row::Row;
use super::list::{ListUrl, contains, is};
use super::policies::PolicyView;
use super::{Page, SignedInRequest};
use crate::domain::error::{Error, Result as Outcome};
use crate::domain::fields::{ApiKeyField, PersonaField};
use crate::domain::filter::Filter;
use crate::domain::ids::PersonaId;
use crate::domain::listing::Query;
use crate::domain::persona::Persona;
use crate::domain::text::clip;
use crate::http::problem::Failure;
use crate::service::catalogue::personas;
use crate::service::keys::api_keys;

#[derive(Template)]
#[template(path = "personas/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    personas: Vec<Persona>,
    next: Option<String>,
}

/// `GET /personas`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let list_url = ListUrl::parse("personas", &request.params(), &["q"])?;
    let filter = match list_url.value("q") {
        "" => Filter::EVERYTHING,
        text => contains(PersonaField::Name, text),
    };
    let service = &request.state.service;
    let found = personas::list(service, &request.actor, list_url.query(service, filter)?).await?;
    let next = list_url.next(service, &found);
    let list = List { page: request.page("Personas", "personas")?, personas: found.records, next, url: list_url };
    request.answer(StatusCode::OK, &list)
}

#[derive(Template)]
#[template(path = "personas/one.html")]
struct One {
    page: Page,
    persona: Persona,
    policies: Vec<PolicyView>,
    keys: Vec<Row>,
    more_keys: bool,
}

/// The most linked keys that are shown.
const KEYS: i64 = 20;

/// `GET /personas/{guid}`
///
/// # Errors
/// [`Error::NotFound`], also for a persona that the user may not see; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let id = id_of(&guid)?;
    let service = &request.state.service;
    let persona = personas::get(service, &request.actor, id).await?;
    let policies = personas::policies(service, &request.actor, id).await?;
    let linked = is(ApiKeyField::PersonaQualifiedName, &persona.qualified_name);
    let query = Query::first_page(linked, "", KEYS)?;
    let keys = api_keys::list(service, &request.actor, query).await?;
    let now = request.now();
    let one = One {
        page: request.page(persona.display_name.clone(), "personas")?,
        policies: policies.into_iter().map(PolicyView::of).collect(),
        more_keys: keys.next.is_some(),
        keys: keys.records.into_iter().map(|key| Row::of(key, now)).collect(),
        persona,
    };
    request.answer(StatusCode::OK, &one)
}

fn id_of(text: &str) -> Outcome<PersonaId> {
    PersonaId::parse(text).ok_or_else(|| Error::NotFound { kind: "persona", id: clip(text) })
}
