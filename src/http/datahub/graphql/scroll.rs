//! `scrollAcrossEntities`: keyset pagination over users and service accounts, used by `get_urns_by_filter`.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use super::corp_user::CorpUser;
use super::entity::Entity;
use super::policies::AndFilterInput;
use super::problem::FieldError;
use super::scalars::EntityType;
use super::service_accounts::containing;
use super::{PageRequest, RequestContext, filters};
use crate::domain::error::Violation;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::listing::clip;
use crate::domain::profile::ProfileField;
use crate::service::people::profiles;

/// Queries that search.
#[derive(Default)]
pub struct ScrollQuery;

#[Object]
impl ScrollQuery {
    /// Search users and service accounts, the oldest first. Tessera has no other entities of DataHub.
    async fn scroll_across_entities(
        &self,
        context: &Context<'_>,
        input: ScrollAcrossEntitiesInput,
    ) -> Option<Result<ScrollResults, FieldError>> {
        Some(scroll(context, input).await)
    }
}

async fn scroll(context: &Context<'_>, input: ScrollAcrossEntitiesInput) -> Result<ScrollResults, FieldError> {
    let asking = RequestContext::of(context)?;
    let PageRequest { count, .. } = PageRequest::new(None, input.count, 10)?;
    let sorted = input.sort_input.map(|sort| (sort.sort_criteria.unwrap_or_default(), sort.sort_criterion));
    if let Some(wanted) = sorted.and_then(|(criteria, criterion)| criteria.into_iter().next().or(criterion)) {
        let message = format!("cannot be by `{}`: the order is always the oldest first", clip(&wanted.field));
        return Err(Violation::new("sortInput", message).into());
    }
    let types = input.types.unwrap_or_default();
    if !types.is_empty() && !types.contains(&EntityType::CorpUser) {
        return Ok(ScrollResults { next_scroll_id: None, count, total: 0, search_results: Vec::new() });
    }
    let alternatives = input.or_filters.unwrap_or_default();
    let mut any = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        any.push(filters::all(alternative.and.unwrap_or_default())?);
    }
    let wanted = if any.is_empty() { Filter::EVERYTHING } else { Filter::Any(any) };
    let filter = containing(Some(&input.query), &[ProfileField::Username]).and(wanted);
    let after = input.scroll_id.map(|id| read_scroll_id(&id)).transpose()?;
    let found = profiles::search(&asking.state.service, &asking.actor, filter, after, count.into()).await?;
    let result = |profile| SearchResult { entity: CorpUser::from(profile).into(), extra_properties: None };
    Ok(ScrollResults {
        next_scroll_id: found.end.map(|end| end.to_string()),
        count,
        total: i32::try_from(found.total).unwrap_or(i32::MAX),
        search_results: found.profiles.iter().map(result).collect(),
    })
}

fn read_scroll_id(text: &str) -> Result<PrincipalId, Violation> {
    let id: Option<uuid::Uuid> = text.parse().ok();
    id.map(PrincipalId::from).ok_or_else(|| Violation::new("scrollId", "must be a `nextScrollId` of the same search"))
}

/// A search.
#[derive(Debug, InputObject)]
pub struct ScrollAcrossEntitiesInput {
    /// The types of entities; all by default.
    types: Option<Vec<EntityType>>,
    /// A part of the user name; `*` for all.
    query: String,
    /// The most results; 10 by default.
    count: Option<i32>,
    /// The `nextScrollId` of the page before.
    scroll_id: Option<String>,
    /// How long `nextScrollId` is valid. Ignored: it is always valid.
    keep_alive: Option<String>,
    /// Alternatives of conditions on `urn`, `username`, `removed` and `typeNames`, of which one must be met.
    or_filters: Option<Vec<AndFilterInput>>,
    /// Options of the search. Ignored.
    search_flags: Option<SearchFlags>,
    /// Refused if it names a field, because the order is fixed.
    sort_input: Option<SearchSortInput>,
}

/// The order of the results.
#[derive(Debug, InputObject)]
pub struct SearchSortInput {
    /// The fields.
    sort_criteria: Option<Vec<SortCriterion>>,
    /// One field.
    sort_criterion: Option<SortCriterion>,
}

/// One field to sort by.
#[derive(Debug, InputObject)]
pub struct SortCriterion {
    /// The name of the field.
    field: String,
    /// The direction of the field.
    sort_order: SortOrder,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SortOrder {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// Options of a search. All are ignored.
#[derive(Debug, InputObject)]
pub struct SearchFlags {
    /// Ignored.
    skip_cache: Option<bool>,
    /// Ignored.
    skip_highlighting: Option<bool>,
    /// Ignored.
    skip_aggregates: Option<bool>,
    /// Ignored.
    max_agg_values: Option<i32>,
    /// Ignored.
    fulltext: Option<bool>,
    /// Ignored.
    get_suggestions: Option<bool>,
    /// Ignored.
    include_soft_deleted: Option<bool>,
    /// Ignored.
    include_restricted: Option<bool>,
    /// Ignored.
    fetch_extra_fields: Option<Vec<String>>,
}

/// One page of results.
#[derive(SimpleObject)]
pub struct ScrollResults {
    /// The `scrollId` of the next page; null on the last.
    next_scroll_id: Option<String>,
    /// The requested length of the page.
    count: i32,
    /// The number of results in all pages.
    total: i32,
    /// The results.
    search_results: Vec<SearchResult>,
}

/// One result.
#[derive(SimpleObject)]
pub struct SearchResult {
    /// The entity.
    entity: Entity,
    /// Always null.
    extra_properties: Option<Vec<ExtraProperty>>,
}

/// An additional property of a result.
#[derive(SimpleObject)]
pub struct ExtraProperty {
    /// The name of the property.
    name: String,
    /// The value of the property.
    value: String,
}
