//! `/api/service/personas`: personas, in Tessera's own format.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::fields::PersonaField;
use crate::domain::ids::PersonaId;
use crate::domain::persona::{Persona, PersonaInput};
use crate::domain::text::{Description, DisplayName};
use crate::http::authenticated::AuthenticatedBody;
use crate::http::edition::{expected, with_etag};
use crate::http::listing::{ListRequest, Records};
use crate::http::openapi::{AnyError, Fails, IfMatch, ListParams, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Violations;
use crate::service::catalogue::personas;

type PersonaPage = Records<PersonaView>;

/// Create a persona
///
/// Requires the permission `MANAGE_PERSONAS`. The server generates the qualified name.
#[utoipa::path(
    tag = "Personas",
    operation_id = "create_persona",
    request_body = PersonaRequest,
    responses((status = 200, description = "The persona", body = PersonaView), AnyError, Fails<403>, Fails<409>, Fails<413>),
)]
#[post("/api/service/personas")]
pub async fn create(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<PersonaRequest>,
) -> Result<HttpResponse, Failure> {
    let persona = personas::create(&state.service, &actor, body.strict()?.into_input()?).await?;
    Ok(HttpResponse::Ok().json(PersonaView::from(persona)))
}

/// List personas
///
/// The personas that the caller is linked to; all with the permission `VIEW_APIKEYS`, `MANAGE_PERSONAS` or
/// `MANAGE_POLICIES`.
#[utoipa::path(
    tag = "Personas",
    operation_id = "list_personas",
    params(ListParams<PersonaField>),
    responses((status = 200, description = "One page of personas", body = PersonaPage), AnyError),
)]
#[get("/api/service/personas")]
pub async fn list(state: web::Data<State>, actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = ListRequest::<PersonaField>::parse(&request, &state.service)?;
    let page = personas::list(&state.service, &actor, request.query.clone()).await?;
    Ok(request.respond(page, PersonaView::from))
}

/// Get a persona
///
/// 404 also for a persona that the caller may not see.
#[utoipa::path(
    tag = "Personas",
    operation_id = "get_persona",
    params(("guid" = String, Path, description = "The `id` of the persona")),
    responses((status = 200, description = "The persona", body = PersonaView, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<404>),
)]
#[get("/api/service/personas/{guid}")]
pub async fn read(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let persona = personas::get(&state.service, &actor, parse_guid(&guid)?).await?;
    Ok(with_etag(&mut HttpResponse::Ok(), persona.edition()).json(PersonaView::from(persona)))
}

/// Update a persona
///
/// Requires the permission `MANAGE_PERSONAS`. The qualified name stays. Absent members get their defaults, as when
/// creating. Disabling a persona with deny policies also requires being an admin of the assets that they are about, or
/// the role `$admin`.
#[utoipa::path(
    tag = "Personas",
    operation_id = "update_persona",
    params(
        ("guid" = String, Path, description = "The `id` of the persona"),
        IfMatch,
    ),
    request_body = PersonaRequest,
    responses((status = 200, description = "The persona as it is now", body = PersonaView, headers(("ETag" = String, description = "The edition, for `If-Match`"))), AnyError, Fails<403>, Fails<404>, Fails<409>, Fails<412>, Fails<413>),
)]
#[post("/api/service/personas/{guid}")]
pub async fn update(
    state: web::Data<State>,
    guid: web::Path<String>,
    request: HttpRequest,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<PersonaRequest>,
) -> Result<HttpResponse, Failure> {
    let (id, input, expected) = (parse_guid(&guid)?, body.strict()?.into_input()?, expected(&request));
    let persona = personas::update(&state.service, &actor, id, input, expected).await?;
    Ok(with_etag(&mut HttpResponse::Ok(), persona.edition()).json(PersonaView::from(persona)))
}

/// Delete a persona
///
/// Requires the permission `MANAGE_PERSONAS`. Unlinks the persona from every API key at once, and deletes its policies.
/// If it has deny policies, this also requires being an admin of the assets that they are about, or the role `$admin`.
#[utoipa::path(
    tag = "Personas",
    operation_id = "delete_persona",
    params(("guid" = String, Path, description = "The `id` of the persona")),
    responses((status = 200, description = "Deleted"), AnyError, Fails<403>, Fails<404>),
)]
#[delete("/api/service/personas/{guid}")]
pub async fn delete(state: web::Data<State>, actor: Actor, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    personas::delete(&state.service, &actor, parse_guid(&guid)?).await?;
    Ok(HttpResponse::Ok().finish())
}

fn parse_guid(guid: &str) -> Result<PersonaId, Error> {
    PersonaId::parse(guid).ok_or_else(|| Error::NotFound { kind: "persona", id: crate::domain::listing::clip(guid) })
}

/// The body to create or update a persona.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::persona_request)]
pub struct PersonaRequest {
    /// The name, unique among personas.
    #[schema(min_length = 1, max_length = 255, example = "Data engineers")]
    name: String,
    /// The display name; `name` by default.
    #[schema(min_length = 1, max_length = 255)]
    display_name: Option<String>,
    /// The description: what the persona is for.
    #[schema(max_length = 4096)]
    description: Option<String>,
    /// Whether its policies are in effect; `true` by default.
    enabled: Option<bool>,
}

impl PersonaRequest {
    fn into_input(self) -> Result<PersonaInput, Error> {
        let mut violations = Violations::default();
        let name = violations.keep("name", DisplayName::parse(&self.name));
        let display_name = self.display_name.map(|text| violations.keep("displayName", DisplayName::parse(&text)));
        let display_name = display_name.unwrap_or_else(|| name.clone());
        let description = violations.keep("description", Description::parse(&self.description.unwrap_or_default()));
        let (Some(name), Some(display_name), Some(description)) = (name, display_name, description) else {
            return Err(violations.into_error());
        };
        Ok(PersonaInput { name, display_name, description, enabled: self.enabled.unwrap_or(true) })
    }
}

/// A persona.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Persona, example = examples::persona)]
pub struct PersonaView {
    /// The GUID.
    id: String,
    /// `default/<22 characters>`, which requests use to link API keys.
    qualified_name: String,
    /// The name, unique among personas.
    name: String,
    /// The display name.
    display_name: String,
    /// The description: what the persona is for.
    description: String,
    /// Whether its policies are in effect.
    enabled: bool,
    /// The user name of its creator.
    created_by: String,
    /// Epoch milliseconds.
    created_at: i64,
    /// Epoch milliseconds.
    updated_at: i64,
}

impl From<Persona> for PersonaView {
    fn from(persona: Persona) -> Self {
        Self {
            id: persona.id.to_string(),
            qualified_name: persona.qualified_name,
            name: persona.name,
            display_name: persona.display_name,
            description: persona.description,
            enabled: persona.enabled,
            created_by: persona.created_by,
            created_at: persona.created_at,
            updated_at: persona.updated_at,
        }
    }
}
