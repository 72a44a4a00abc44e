//! `GET /personas/{guid}`: a persona, its policies, and the keys and users linked to it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::id_of;
use crate::domain::asset::Relation;
use crate::domain::entity::Entity;
use crate::domain::error::Result as DomainResult;
use crate::domain::fields::ApiKeyField;
use crate::domain::ids::PersonaId;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::persona::Persona;
use crate::http::console::keys::row::Row;
use crate::http::console::list::is;
use crate::http::console::policies::PolicyView;
use crate::http::console::{Page, SignedInRequest, words};
use crate::http::problem::Failure;
use crate::service::catalogue::entities;
use crate::service::catalogue::personas::{self, PersonaPolicies};
use crate::service::keys::api_keys;

#[derive(Template)]
#[template(path = "personas/one.html")]
struct One {
    page: Page,
    persona: Persona,
    policies: Vec<PolicyView>,
    /// How many policies the user may not read, in words; empty if there are none.
    hidden: String,
    keys: Vec<Row>,
    more_keys: bool,
    users: Vec<String>,
    may_change: bool,
    /// Whether the user may write policies about something.
    may_write: bool,
    notice: &'static str,
}

/// The most linked keys that are shown.
pub(super) const KEYS: i64 = 20;

/// `GET /personas/{guid}`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], also for a persona that the user may not see; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["done"])?;
    let id = id_of(&guid)?;
    let service = &request.state.service;
    let persona = personas::get(service, &request.actor, id).await?;
    let PersonaPolicies { policies, hidden } = personas::policies(service, &request.actor, id).await?;
    let (keys, more_keys) = keys(&request, &persona, KEYS).await?;
    let may_change = request.actor.permissions().contains(Permission::ManagePersonas);
    let administers = request.actor.standing().assets.iter().any(|grant| grant.relation == Relation::Admin);
    let notice = match params.get("done")? {
        "created" => "The persona is created. It allows nothing until it has a policy.",
        "changed" => "The change is saved, and in force.",
        "policy" => "The policy is saved, and in force.",
        "policy-deleted" => "The policy is deleted.",
        _ => "",
    };
    let one = One {
        page: request.page(persona.display_name.clone(), "personas")?,
        hidden: if hidden == 0 { String::new() } else { words::policies(hidden) },
        policies: policies.into_iter().map(PolicyView::of).collect(),
        keys,
        more_keys,
        users: users(&request, id).await?,
        persona,
        may_change,
        may_write: may_change || administers,
        notice,
    };
    request.answer(StatusCode::OK, &one)
}

/// The keys linked to a persona that the user sees, and whether there are more.
///
/// # Errors
/// When the storage fails.
pub(super) async fn keys(request: &SignedInRequest, persona: &Persona, limit: i64) -> DomainResult<(Vec<Row>, bool)> {
    let query = Query::first_page(is(ApiKeyField::PersonaQualifiedName, &persona.qualified_name), "", limit)?;
    let keys = api_keys::list(&request.state.service, &request.actor, query).await?;
    let now = request.now();
    Ok((keys.records.into_iter().map(|key| Row::of(key, now)).collect(), keys.next.is_some()))
}

/// The names of the users linked to a persona that the user sees.
///
/// # Errors
/// When the storage fails.
pub(super) async fn users(request: &SignedInRequest, id: PersonaId) -> DomainResult<Vec<String>> {
    match entities::get(&request.state.service, &request.actor, id.uuid()).await? {
        Entity::Persona(linked) => Ok(linked.users),
        _ => Ok(Vec::new()),
    }
}
