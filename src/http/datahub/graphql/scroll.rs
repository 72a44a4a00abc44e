//! `scrollAcrossEntities`: all users and service accounts, part by part, as `get_urns_by_filter` asks for them.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use super::corp_user::CorpUser;
use super::entity::Entity;
use super::policies::AndFilterInput;
use super::problem::Problem;
use super::scalars::EntityType;
use super::service_accounts::containing;
use super::{Asking, Window, filters};
use crate::domain::error::Violation;
use crate::domain::filter::Filter;
use crate::domain::ids::PrincipalId;
use crate::domain::listing::clip;
use crate::domain::profile::ProfileField;
use crate::service::people::profiles;

/// What can be searched.
#[derive(Default)]
pub struct ScrollQuery;

#[Object]
impl ScrollQuery {
    /// Search users and service accounts, the oldest first. There is nothing else of DataHub's to be found.
    async fn scroll_across_entities(
        &self,
        context: &Context<'_>,
        input: ScrollAcrossEntitiesInput,
    ) -> Option<Result<ScrollResults, Problem>> {
        Some(scroll(context, input).await)
    }
}

async fn scroll(context: &Context<'_>, input: ScrollAcrossEntitiesInput) -> Result<ScrollResults, Problem> {
    let asking = Asking::of(context)?;
    let Window { count, .. } = Window::new(None, input.count, 10)?;
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

/// What is searched for.
#[derive(Debug, InputObject)]
pub struct ScrollAcrossEntitiesInput {
    /// What kinds of things; all if left out.
    types: Option<Vec<EntityType>>,
    /// Part of a user name; `*` for every one.
    query: String,
    /// At most so many; 10 if left out.
    count: Option<i32>,
    /// Where the part before ended.
    scroll_id: Option<String>,
    /// How long the search may be gone on with: it always may.
    keep_alive: Option<String>,
    /// Conditions on `urn`, `username`, `removed` and `typeNames`: one of these must be met.
    or_filters: Option<Vec<AndFilterInput>>,
    /// How to search: there is one way only.
    search_flags: Option<SearchFlags>,
    /// There is one order only, so this is refused.
    sort_input: Option<SearchSortInput>,
}

/// In which order.
#[derive(Debug, InputObject)]
pub struct SearchSortInput {
    /// The fields.
    sort_criteria: Option<Vec<SortCriterion>>,
    /// One field.
    sort_criterion: Option<SortCriterion>,
}

/// One field of an order.
#[derive(Debug, InputObject)]
pub struct SortCriterion {
    /// Its name.
    field: String,
    /// Up or down.
    sort_order: SortOrder,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SortOrder {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// How to search. Taken, and looked at by nothing.
#[derive(Debug, InputObject)]
pub struct SearchFlags {
    /// Taken and ignored.
    skip_cache: Option<bool>,
    /// Taken and ignored.
    skip_highlighting: Option<bool>,
    /// Taken and ignored.
    skip_aggregates: Option<bool>,
    /// Taken and ignored.
    max_agg_values: Option<i32>,
    /// Taken and ignored.
    fulltext: Option<bool>,
    /// Taken and ignored.
    get_suggestions: Option<bool>,
    /// Taken and ignored.
    include_soft_deleted: Option<bool>,
    /// Taken and ignored.
    include_restricted: Option<bool>,
    /// Taken and ignored.
    fetch_extra_fields: Option<Vec<String>>,
}

/// One part of what was found.
#[derive(SimpleObject)]
pub struct ScrollResults {
    /// What leads on to the next part, if there is one.
    next_scroll_id: Option<String>,
    /// How many were asked for.
    count: i32,
    /// How many there are.
    total: i32,
    /// What was found.
    search_results: Vec<SearchResult>,
}

/// One thing that was found.
#[derive(SimpleObject)]
pub struct SearchResult {
    /// The thing.
    entity: Entity,
    /// What else there is of it: nothing.
    extra_properties: Option<Vec<ExtraProperty>>,
}

/// Something else of what was found.
#[derive(SimpleObject)]
pub struct ExtraProperty {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}
