//! `/api/meta/search/indexsearch`: the entity search of Atlan's clients.

mod dsl;

#[cfg(feature = "fuzzing")]
pub use self::dsl::parse;

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::entities::EntityView;
use crate::http::authenticated::AuthenticatedBody;
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::catalogue::search as service;

/// Search for entities
///
/// A subset of Elasticsearch's query language: `bool` with `filter`, `must`, `must_not` and `should` over `term`,
/// `terms`, `prefix`, `exists` and `match_all`. Case is ignored. Any other clause is refused, with its name. Only
/// entities that the caller may see are found and counted.
#[utoipa::path(
    tag = "Entities",
    operation_id = "search_entities",
    request_body = SearchRequest,
    responses((status = 200, description = "One page of entities", body = SearchPage), AnyError, Fails<413>),
)]
#[post("/api/meta/search/indexsearch")]
pub async fn search(
    state: web::Data<State>,
    AuthenticatedBody { actor, body, .. }: AuthenticatedBody<SearchRequest>,
) -> Result<HttpResponse, Failure> {
    let request = body.strict()?;
    let found = service::search(&state.service, &actor, dsl::parse(&request.dsl)?).await?;
    let wanted = request.attributes.unwrap_or_default();
    let view = |entity| EntityView::from(entity).with_only(&wanted);
    Ok(HttpResponse::Ok()
        .json(SearchPage { approximate_count: found.total, entities: found.entities.into_iter().map(view).collect() }))
}

/// A search, in the format of Atlan's SDKs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::search_request)]
pub struct SearchRequest {
    /// `query`, `sort` (by `__guid`), `from` and `size` (at most 1000; 10 by default).
    #[schema(value_type = Object)]
    dsl: Map<String, Value>,
    /// The attributes to return, besides `name` and `qualifiedName`.
    attributes: Option<Vec<String>>,
    /// Accepted and ignored, like all members that follow.
    #[serde(rename = "relationAttributes")]
    _relation_attributes: Option<Vec<String>>,
    /// Ignored.
    #[serde(rename = "includeRelationshipAttributes")]
    _include_relationship_attributes: Option<bool>,
    /// Ignored.
    #[serde(rename = "requestMetadata")]
    #[schema(value_type = Option<Object>)]
    _request_metadata: Option<Map<String, Value>>,
    /// Ignored.
    #[serde(rename = "excludeClassifications")]
    _exclude_classifications: Option<bool>,
    /// Ignored.
    #[serde(rename = "includeClassificationNames")]
    _include_classification_names: Option<bool>,
    /// Ignored.
    #[serde(rename = "excludeMeanings")]
    _exclude_meanings: Option<bool>,
    /// Ignored.
    #[serde(rename = "enableFullRestriction")]
    _enable_full_restriction: Option<bool>,
    /// Ignored.
    #[serde(rename = "showSearchScore")]
    _show_search_score: Option<bool>,
    /// Ignored.
    #[serde(rename = "suppressLogs")]
    _suppress_logs: Option<bool>,
    /// Ignored.
    #[serde(rename = "allowDeletedRelations")]
    _allow_deleted_relations: Option<bool>,
    /// Ignored.
    #[serde(rename = "showSearchMetadata")]
    _show_search_metadata: Option<bool>,
}

/// One page of results.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The number of entities in all pages; exact, despite its name.
    #[schema(minimum = 0)]
    approximate_count: i64,
    /// The entities in this page; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    entities: Vec<EntityView>,
}
