//! `/personas`: what personas allow and forbid, and which keys are linked to them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::keys::row::Row;
use super::list::{Listing, contains, is};
use super::policies::PolicyView;
use super::{Page, Visit};
use crate::domain::error::{Error, Result as Outcome};
use crate::domain::fields::{ApiKeyField, PersonaField};
use crate::domain::filter::Filter;
use crate::domain::ids::PersonaId;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::persona::Persona;
use crate::domain::text::clip;
use crate::http::problem::Failure;
use crate::service::catalogue::personas;
use crate::service::keys::api_keys;

#[derive(Template)]
#[template(path = "personas/list.html")]
struct List {
    page: Page,
    listing: Listing,
    personas: Vec<Persona>,
    next: Option<String>,
}

/// `GET /personas`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(visit: Visit) -> Result<HttpResponse, Failure> {
    let listing = Listing::parse("personas", &visit.params(), &["q"])?;
    let filter = match listing.value("q") {
        "" => Filter::EVERYTHING,
        text => contains(PersonaField::Name, text),
    };
    let service = &visit.state.service;
    let found = personas::list(service, &visit.actor, listing.query(service, filter)?).await?;
    let next = listing.next(service, &found);
    let list = List { page: visit.page("Personas", "personas")?, personas: found.records, next, listing };
    visit.answer(StatusCode::OK, &list)
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
pub async fn show(visit: Visit, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let id = id_of(&guid)?;
    let service = &visit.state.service;
    let persona = personas::get(service, &visit.actor, id).await?;
    let policies = personas::policies(service, &visit.actor, id).await?;
    let query = Query {
        filter: is(ApiKeyField::PersonaQualifiedName, &persona.qualified_name),
        sort: Sort::parse("")?,
        limit: KEYS,
        start: Start::Offset(0),
        totals: Totals::Skipped,
    };
    let keys = api_keys::list(service, &visit.actor, query).await?;
    let now = visit.now();
    let one = One {
        page: visit.page(persona.display_name.clone(), "personas")?,
        policies: policies.into_iter().map(PolicyView::of).collect(),
        more_keys: keys.next.is_some(),
        keys: keys.records.into_iter().map(|key| Row::of(key, now)).collect(),
        persona,
    };
    visit.answer(StatusCode::OK, &one)
}

fn id_of(text: &str) -> Outcome<PersonaId> {
    PersonaId::parse(text).ok_or_else(|| Error::NotFound { kind: "persona", id: clip(text) })
}
