//! The OpenAPI document, generated from the handlers.

mod older;

use std::collections::BTreeMap;

use actix_web::App;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, SecurityRequirement,
    ServerBuilder,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use super::problem::{AtlanError, PROBLEM_JSON, Problem};

/// What every operation that needs an actor can answer instead of a success.
pub struct ReadErrors;

impl IntoResponses for ReadErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[
            ("400", "A parameter or the body breaks a rule; `causes` names each"),
            ("401", "There is no bearer token, or it authenticates nobody"),
            ("403", "The actor may not do this"),
            ("404", "There is nothing with this id"),
            ("500", "The server failed"),
        ])
    }
}

/// What every operation that writes can answer instead of a success.
pub struct WriteErrors;

impl IntoResponses for WriteErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = ReadErrors::responses();
        responses.append(&mut errors(&[
            ("409", "The state does not allow it"),
            ("413", "The body is too large"),
            ("429", "Too much at once; `Retry-After` says when to try again"),
        ]));
        responses
    }
}

/// One body for all of them, in either media type.
fn errors(statuses: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let body = |schema: &str| ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let response = |description: &str| {
        ResponseBuilder::new()
            .description(description)
            .content("application/json", body(&AtlanError::name()))
            .content(PROBLEM_JSON, body(&Problem::name()))
            .build()
    };
    statuses.iter().map(|(status, description)| ((*status).to_owned(), response(description).into())).collect()
}

/// The document for all routes.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().openapi(base()).configure(super::routes).split_for_parts();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut schemas = vec![
        (AtlanError::name().into_owned(), AtlanError::schema()),
        (Problem::name().into_owned(), Problem::schema()),
    ];
    AtlanError::schemas(&mut schemas);
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.iter_mut().filter(|(name, _)| name.ends_with("Request")).for_each(|(_, schema)| close(schema));
    document
}

/// Says of a request body what `http::valid` enforces: it has no other members.
fn close(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

fn base() -> OpenApi {
    let mut document = OpenApi::new(
        InfoBuilder::new()
            .title("Tessera")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(
                "API keys that act: every key is a service account with its own personas and permissions.\n\n\
                 Send a token as `Authorization: Bearer <token>`: of an API key, or of a session.",
            ))
            .license(Some(
                utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
            ))
            .build(),
        utoipa::openapi::Paths::new(),
    );
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    document
}

/// The document as it is served and committed.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(document: &OpenApi) -> serde_json::Result<String> {
    document.to_pretty_json().map(|json| json + "\n")
}

/// The document in version 3.0, for tools that cannot read 3.1.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json_3_0(document: &OpenApi) -> serde_json::Result<String> {
    let mut json = serde_json::to_value(document)?;
    older::to_3_0(&mut json);
    serde_json::to_string_pretty(&json).map(|json| json + "\n")
}
