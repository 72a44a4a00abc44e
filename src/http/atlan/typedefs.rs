//! `/api/meta/types/typedefs`: the type definitions that Atlan's SDKs read.
//!
//! After pyatlan has replaced an expired token, it reads structures until there is one, which tells it that the new token works
//! (docs/contracts/atlan.md, section 6.5).

use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::http::openapi::AnyError;
use crate::http::problem::Failure;
use crate::http::valid::Params;

/// The categories of types.
const CATEGORIES: [&str; 6] = ["ENUM", "STRUCT", "CLASSIFICATION", "ENTITY", "RELATIONSHIP", "BUSINESS_METADATA"];

/// List type definitions
///
/// One structure: the rate limit of an API key. Tessera has no enumerations, classifications or custom metadata, and does not
/// define types of entities.
#[utoipa::path(
    tag = "Entities",
    operation_id = "list_type_definitions",
    params(("type" = Option<Vec<String>>, Query, description = "Only these categories, such as `STRUCT`")),
    responses((status = 200, description = "The type definitions by category", body = TypeDefinitions), AnyError),
)]
#[get("/api/meta/types/typedefs")]
pub async fn list(_actor: Actor, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    params.only(&["type"])?;
    let is = |category: &str, name: &str| category.eq_ignore_ascii_case(name);
    if !params.all("type").all(|category| CATEGORIES.iter().any(|name| is(category, name))) {
        return Err(Violation::new("type", format!("must be one of {}", CATEGORIES.join(", "))).into());
    }
    let wants = !params.has("type") || params.all("type").any(|category| is(category, "STRUCT"));
    Ok(HttpResponse::Ok().json(TypeDefinitions {
        struct_defs: if wants { vec![rate_limit()] } else { Vec::new() },
        ..TypeDefinitions::default()
    }))
}

fn rate_limit() -> StructureDefinition {
    let attribute = |name, description| AttributeDefinition { name, description, type_name: "int", is_optional: false };
    StructureDefinition {
        category: "STRUCT",
        name: "RateLimit",
        description: "How often an API key may be used",
        attribute_defs: vec![
            attribute("requests", "Requests in a period"),
            attribute("seconds", "The period in seconds"),
        ],
    }
}

/// Type definitions, by category.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub struct TypeDefinitions {
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    enum_defs: [(); 0],
    /// Structures.
    struct_defs: Vec<StructureDefinition>,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    classification_defs: [(); 0],
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    entity_defs: [(); 0],
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    relationship_defs: [(); 0],
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    business_metadata_defs: [(); 0],
}

/// A structure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StructureDefinition {
    /// Always `STRUCT`.
    category: &'static str,
    /// The name.
    name: &'static str,
    /// The description of the type.
    description: &'static str,
    /// The attributes of the type.
    attribute_defs: Vec<AttributeDefinition>,
}

/// An attribute of a structure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributeDefinition {
    /// The name.
    name: &'static str,
    /// The description of the attribute.
    description: &'static str,
    /// The type of its values.
    type_name: &'static str,
    /// Whether the attribute may be absent.
    is_optional: bool,
}
