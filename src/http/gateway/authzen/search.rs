//! `/access/v1/search`: who may, with what, and what (section 8).

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::entities::{
    AccessAction, AccessEntity, AccessTarget, read_action, read_resource, read_subject, read_target,
};
use super::pages::{PageAsked, PageTold, Pages};
use crate::domain::policy::Resource;
use crate::http::asked::Asked;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authz::decide::Inquiry;
use crate::service::authz::evaluation::kinds_of;
use crate::service::authz::search_access;

/// Who may?
#[derive(Deserialize, ToSchema)]
pub struct SubjectSearch {
    /// The type of subject to look for.
    subject: AccessTarget,
    /// What they would do.
    action: AccessAction,
    /// With what.
    resource: AccessEntity,
    /// Taken, and looked at by no policy.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// Which part of the results.
    #[schema(nullable = false)]
    page: Option<PageAsked>,
}

/// With what?
#[derive(Deserialize, ToSchema)]
pub struct ResourceSearch {
    /// Who would do it.
    subject: AccessEntity,
    /// What they would do.
    action: AccessAction,
    /// The type of resource to look for.
    resource: AccessTarget,
    /// Taken, and looked at by no policy.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// Which part of the results.
    #[schema(nullable = false)]
    page: Option<PageAsked>,
}

/// What may they do?
#[derive(Deserialize, ToSchema)]
pub struct ActionSearch {
    /// Who would do it.
    subject: AccessEntity,
    /// With what.
    resource: AccessEntity,
    /// Taken, and looked at by no policy.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// Which part of the results.
    #[schema(nullable = false)]
    page: Option<PageAsked>,
}

/// Subjects or resources.
#[derive(Serialize, ToSchema)]
pub struct FoundEntities {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<PageTold>,
    /// All of the type that was looked for.
    results: Vec<FoundEntity>,
}

/// A subject or a resource.
#[derive(Serialize, ToSchema)]
pub struct FoundEntity {
    /// The type that was looked for.
    r#type: String,
    /// A user name, a client id, or a qualified name.
    id: String,
}

/// Actions.
#[derive(Serialize, ToSchema)]
pub struct FoundActions {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<PageTold>,
    /// In the order of their names.
    results: Vec<FoundAction>,
}

/// An action.
#[derive(Serialize, ToSchema)]
pub struct FoundAction {
    /// Its name.
    name: String,
}

impl FoundEntities {
    fn new(kind: &str, names: Vec<String>, page: Option<PageTold>) -> Self {
        let results = names.into_iter().map(|id| FoundEntity { r#type: kind.to_owned(), id });
        Self { page, results: results.collect() }
    }
}

/// Search for who may do something
///
/// Section 8.4 of the `AuthZEN` Authorization API 1.0. It takes the permission `VERIFY_TOKENS`. 1000 principals are looked
/// at for one page, so a page may have fewer results than there is room for; `page.next_token` leads on.
#[utoipa::path(
    tag = "Decisions",
    operation_id = "search_subjects",
    request_body = SubjectSearch,
    responses(
        (status = 200, description = "Those who may; nobody for an unknown type", body = FoundEntities),
        AnyError, Fails<403>, Fails<413>, Fails<503>,
    ),
)]
#[post("/access/v1/search/subject")]
pub async fn subjects(
    state: web::Data<State>,
    Asked { actor, body, .. }: Asked<SubjectSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let SubjectSearch { subject, action, resource, context, page } = body.open()?;
    let pages = Pages::new(&state, &actor, page, &("subject", &subject, &action, &resource, &context))?;
    let (action, action_properties) = read_action(action)?;
    let (kind, subject_properties) = read_target(subject, "subject")?;
    let inquiry = Inquiry { action, action_properties, subject_properties, resource: read_resource(resource)? };
    let found = search_access::subjects(&state.service, &actor, kinds_of(&kind), inquiry, pages.window()).await;
    let (names, page) = pages.told(found.map_err(Failure::or_unavailable)?);
    Ok(HttpResponse::Ok().json(FoundEntities::new(&kind, names, page)))
}

/// Search for what a subject may do something with
///
/// Section 8.5 of the same. Candidates are the stored assets of the type, and the names that policies about the subject
/// spell out: 1000 for one page.
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
    Asked { actor, body, .. }: Asked<ResourceSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let ResourceSearch { subject, action, resource, context, page } = body.open()?;
    let pages = Pages::new(&state, &actor, page, &("resource", &subject, &action, &resource, &context))?;
    let (about, subject_properties) = read_subject(subject)?;
    let (action, action_properties) = read_action(action)?;
    let (kind, properties) = read_target(resource, "resource")?;
    let resource = Resource { type_name: kind.clone(), properties, ..Resource::default() };
    let inquiry = Inquiry { action, action_properties, subject_properties, resource };
    let found = search_access::resources(&state.service, &actor, about, inquiry, pages.window()).await;
    let (names, page) = pages.told(found.map_err(Failure::or_unavailable)?);
    Ok(HttpResponse::Ok().json(FoundEntities::new(&kind, names, page)))
}

/// Search for what a subject may do with a resource
///
/// Section 8.6 of the same. Candidates are the actions of Atlan's personas, and those that policies about the subject
/// name; for a resource of type `platform` the permissions.
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
    Asked { actor, body, .. }: Asked<ActionSearch>,
) -> Result<HttpResponse, Failure> {
    let _place = state.fan_outs.take(&actor)?;
    let ActionSearch { subject, resource, context, page } = body.open()?;
    let pages = Pages::new(&state, &actor, page, &("action", &subject, &resource, &context))?;
    let (about, subject_properties) = read_subject(subject)?;
    let inquiry = Inquiry { subject_properties, resource: read_resource(resource)?, ..Inquiry::default() };
    let found = search_access::actions(&state.service, &actor, about, inquiry, pages.window()).await;
    let (names, page) = pages.told(found.map_err(Failure::or_unavailable)?);
    let results = names.into_iter().map(|name| FoundAction { name }).collect();
    Ok(HttpResponse::Ok().json(FoundActions { page, results }))
}
