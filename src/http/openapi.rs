//! The OpenAPI document, generated from the handlers.

mod case;
mod collections;
mod complete;
mod errors;
pub(super) mod examples;
mod older;
mod revocations;
pub(super) mod sets;

pub use self::collections::ListParams;
pub use self::errors::{AnyError, Fails};

use actix_web::App;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{InfoBuilder, ObjectBuilder, OpenApi, RefOr, Schema, SecurityRequirement, ServerBuilder, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use super::problem::{AtlanError, DataHubError, OauthError, Problem};

/// The `Idempotency-Key` header as a parameter in the document.
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .description(Some("Identifies the request, so that it can be repeated safely: visible ASCII characters."))
            .schema(Some(Schema::Object(key.build())));
        vec![parameter.build()]
    }
}

/// The header that names the edition that a client has seen.
pub struct IfMatch;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .description(Some("The `ETag` of the state that is to be changed."))
            .schema(Some(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build())));
        vec![parameter.build()]
    }
}

/// Builds the OpenAPI document of `routes`.
pub(super) fn document(routes: impl FnOnce(&mut ServiceConfig<'_>)) -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().openapi(base()).configure(routes).split_for_parts();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of an API key (`tsk_…`) or of a session (`tss_…`)."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let header = ApiKeyValue::with_description("X-API-Key", "The same token, where `Authorization` is taken.");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("An OAuth client: `apikey-<id>` and the token of that API key (RFC 6749, section 2.3.1)."));
    components.add_security_scheme("basic", SecurityScheme::Http(basic.build()));
    let mut schemas = vec![
        (AtlanError::name().into_owned(), AtlanError::schema()),
        (Problem::name().into_owned(), Problem::schema()),
        (DataHubError::name().into_owned(), DataHubError::schema()),
        (OauthError::name().into_owned(), OauthError::schema()),
    ];
    AtlanError::schemas(&mut schemas);
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.iter_mut().filter(|(name, _)| is_closed(name)).for_each(|(_, schema)| close(schema));
    document.paths.paths.values_mut().filter_map(|path| path.get.as_mut()).for_each(collections::link_pages);
    complete::complete(&mut document);
    document
}

/// Whether the server refuses unknown members in objects of a schema. It ignores them in OAuth's forms (RFC 6749, section
/// 3.1) and in the bodies of `AuthZEN`, of which a requested page is a part.
fn is_closed(name: &str) -> bool {
    let parts = ["ExplainResource", "RateLimitBody"];
    parts.contains(&name) || name.ends_with("Request") && !["IntrospectionRequest", "PageRequest"].contains(&name)
}

/// Sets `additionalProperties: false` on a request body, which `http::valid` enforces.
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
                 Send a token as `Authorization: Bearer <token>`: of an API key, or of a session.\n\n\
                 Every answer has an `X-Request-Id`: the one that the client sent, or a new one. Errors have the \
                 body `AtlanError`, or `Problem` (RFC 9457) where `Accept` asks for `application/problem+json`.",
            ))
            .license(Some(
                utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
            ))
            .build(),
        utoipa::openapi::Paths::new(),
    );
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    document.security =
        Some(["bearer", "apiKey"].map(|name| SecurityRequirement::new(name, Vec::<String>::new())).into());
    document.tags = Some(TAGS.map(|(name, description)| tag(name, description)).into());
    document
}

const TAGS: [(&str, &str); 11] = [
    ("API keys", "Service accounts with one credential each, in the wire format of Atlan's API tokens."),
    ("Personas", "Named sets of policies that API keys are linked to."),
    (
        "Entities",
        "Personas, policies, connections, collections and other assets, in the wire format of Atlan's catalogue.",
    ),
    ("Sessions", "Signing in and out with a password."),
    ("Users", "Users, groups and roles, and the caller's own identity and permissions."),
    ("Gateways", "Verifying tokens on every request: forward authentication, introspection, JSON."),
    ("Decisions", "Whether an actor may perform an action, by the OpenID AuthZEN Authorization API 1.0."),
    ("Leaks", "Revoking leaked tokens: a client that presents a live token may revoke it."),
    ("Audit", "What was changed, when and by whom."),
    ("DataHub", "The API of DataHub's SDK, command line and web pages: GraphQL, cookies, entities."),
    ("Operations", "Health, metrics and documentation for operators; no token is needed."),
];

fn tag(name: &str, description: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(description)).build()
}

/// The document as JSON, as it is served and committed.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(document: &OpenApi) -> serde_json::Result<String> {
    document.to_pretty_json().map(|json| json + "\n")
}

/// The document as OpenAPI 3.0 JSON, for tools that cannot read 3.1.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json_3_0(document: &OpenApi) -> serde_json::Result<String> {
    let mut json = serde_json::to_value(document)?;
    older::to_3_0(&mut json);
    serde_json::to_string_pretty(&json).map(|json| json + "\n")
}
