//! `/access/v1/search`: searches for subjects, resources and actions (section 8).

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::entities::{
    AccessAction, AccessEntity, AccessTarget, read_action, read_resource, read_subject, read_target,
};
use super::pages::{PageRequest, PageResponse, Pages};
use crate::domain::policy::Resource;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{AnyError, Fails};
use crate::http::present;
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authz::evaluation::kinds_of;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::search_access;

/// A search for the subjects that may do something.
#[derive(Deserialize, ToSchema)]
pub struct SubjectSearch {
    /// The type of subject to search for.
    subject: AccessTarget,
    /// The action of the subject.
    action: AccessAction,
    /// The resource of the action.
    resource: AccessEntity,
    /// Ignored: no policy uses it.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// The page of results.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    page: Option<PageRequest>,
}

/// A search for the resources that a subject may do something with.
#[derive(Deserialize, ToSchema)]
pub struct ResourceSearch {
    /// The subject.
    subject: AccessEntity,
    /// The action of the subject.
    action: AccessAction,
    /// The type of resource to search for.
    resource: AccessTarget,
    /// Ignored: no policy uses it.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// The page of results.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    page: Option<PageRequest>,
}

/// A search for the actions that a subject may do.
#[derive(Deserialize, ToSchema)]
pub struct ActionSearch {
    /// The subject.
    subject: AccessEntity,
    /// The resource of the action.
    resource: AccessEntity,
    /// Ignored: no policy uses it.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// The page of results.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(nullable = false)]
    page: Option<PageRequest>,
}

/// Subjects or resources that a search found.
#[derive(Serialize, ToSchema)]
pub struct FoundEntities {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<PageResponse>,
    /// The results, all of the type in the request.
    results: Vec<FoundEntity>,
}

/// A subject or a resource.
#[derive(Serialize, ToSchema)]
pub struct FoundEntity {
    /// The type in the request.
    r#type: String,
    /// A user name, a client id, or a qualified name.
    id: String,
}

/// Actions that a search found.
#[derive(Serialize, ToSchema)]
pub struct FoundActions {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<PageResponse>,
    /// The actions, ordered by name.
    results: Vec<FoundAction>,
}

/// An action.
#[derive(Serialize, ToSchema)]
pub struct FoundAction {
    /// The name of the action.
    name: String,
}

impl FoundEntities {
    fn new(kind: &str, names: Vec<String>, page: Option<PageResponse>) -> Self {
        let results = names.into_iter().map(|id| FoundEntity { r#type: kind.to_owned(), id });
        Self { page, results: results.collect() }
    }
}

/// Search for the subjects that may do something
///
/// Section 8.4 of the `AuthZEN` Authorization API 1.0. Requires the permission `VERIFY_TOKENS`. Each page examines 1000
/// principals, so it may have fewer results than `page.limit`; `page.next_token` is the token of the next page.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "search_subjects",
    request_body = SubjectSearch,
    responses(
        (status = 200, description = "The subjects; none for an unknown type", body = FoundEntities),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/search/subject")]
pub async fn subjects(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<SubjectSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let SubjectSearch { subject, action, resource, context, page } = body.lenient()?;
    let pages = Pages::new(&state, &actor, page, &("subject", &subject, &action, &resource, &context))?;
    let (action, action_properties) = read_action(action)?;
    let (kind, subject_properties) = read_target(subject, "subject")?;
    let inquiry = Inquiry { action, action_properties, subject_properties, resource: read_resource(resource)? };
    let found = search_access::subjects(&state.service, &actor, kinds_of(&kind), inquiry, pages.window()).await;
    let (names, page) = pages.answer(found.map_err(Failure::or_unavailable)?);
    Ok(HttpResponse::Ok().json(FoundEntities::new(&kind, names, page)))
}

/// Search for the resources that a subject may do something with
///
/// Section 8.5 of the `AuthZEN` Authorization API 1.0. Candidates are the stored assets of the type, and the names that
/// policies about the subject contain: 1000 per page.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "search_resources",
    request_body = ResourceSearch,
    responses(
        (status = 200, description = "The resources; none for an unknown subject or type", body = FoundEntities),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/search/resource")]
pub async fn resources(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<ResourceSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let ResourceSearch { subject, action, resource, context, page } = body.lenient()?;
    let pages = Pages::new(&state, &actor, page, &("resource", &subject, &action, &resource, &context))?;
    let (about, subject_properties) = read_subject(subject)?;
    let (action, action_properties) = read_action(action)?;
    let (kind, properties) = read_target(resource, "resource")?;
    let resource = Resource { type_name: kind.clone(), properties, ..Resource::default() };
    let inquiry = Inquiry { action, action_properties, subject_properties, resource };
    let found = search_access::resources(&state.service, &actor, about, inquiry, pages.window()).await;
    let (names, page) = pages.answer(found.map_err(Failure::or_unavailable)?);
    Ok(HttpResponse::Ok().json(FoundEntities::new(&kind, names, page)))
}

/// Search for the actions that a subject may do with a resource
///
/// Section 8.6 of the `AuthZEN` Authorization API 1.0. Candidates are the actions of Atlan's personas, and those that
/// policies about the subject name; for a resource of type `platform`, the permissions.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "search_actions",
    request_body = ActionSearch,
    responses(
        (status = 200, description = "The actions; none for an unknown subject", body = FoundActions),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/search/action")]
pub async fn actions(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<ActionSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let ActionSearch { subject, resource, context, page } = body.lenient()?;
    let pages = Pages::new(&state, &actor, page, &("action", &subject, &resource, &context))?;
    let (about, subject_properties) = read_subject(subject)?;
    let inquiry = Inquiry { subject_properties, resource: read_resource(resource)?, ..Inquiry::default() };
    let found = search_access::actions(&state.service, &actor, about, inquiry, pages.window()).await;
    let (names, page) = pages.answer(found.map_err(Failure::or_unavailable)?);
    let results = names.into_iter().map(|name| FoundAction { name }).collect();
    Ok(HttpResponse::Ok().json(FoundActions { page, results }))
}
