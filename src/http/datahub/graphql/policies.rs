//! Policies about the platform and about entities.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::{Map, Value as Json};

use super::filters::{FacetFilterInput, FilterOperator};
use super::policy_types::{ActorFilterInput, Policy, PolicyState, PolicyType, PolicyUpdateInput, ResourceFilterInput};
use super::problem::FieldError;
use super::{PageRequest, RequestContext, total};
use crate::domain::edition::Expected;
use crate::domain::error::{Result as DomainResult, Violation};
use crate::domain::policy::{self, Category, Criterion, Effect, Facet, Rule, Subjects};
use crate::domain::text::{Description, DisplayName, at, is_hidden};
use crate::http::datahub::urn;
use crate::service::catalogue::policies::{self, Member, PolicyInput, PolicySearch};

/// Queries about policies.
#[derive(Default)]
pub struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// List policies, the oldest first.
    async fn list_policies(
        &self,
        context: &Context<'_>,
        input: ListPoliciesInput,
    ) -> Option<Result<ListPoliciesResult, FieldError>> {
        Some(list(context, input).await)
    }
}

async fn list(context: &Context<'_>, input: ListPoliciesInput) -> Result<ListPoliciesResult, FieldError> {
    let asking = RequestContext::of(context)?;
    let window = PageRequest::new(input.start, input.count, 20)?;
    let size = |number: i32| usize::try_from(number).unwrap_or_default();
    let search = PolicySearch {
        text: input.query.unwrap_or_default().trim().trim_matches('*').to_owned(),
        members: members(input.or_filters.unwrap_or_default())?,
        start: size(window.start),
        count: size(window.count),
    };
    let page = policies::list(&asking.state.service, &asking.actor, search).await?;
    let total = total(page.counts);
    let policies = page.records.into_iter().map(Policy::from).collect();
    Ok(ListPoliciesResult { start: window.start, count: window.count, total, policies })
}

/// The conditions of the only alternative: clients send one at most.
fn members(alternatives: Vec<AndFilterInput>) -> Result<BTreeMap<Member, Vec<String>>, Violation> {
    let wrong = |message: &str| Violation::new("orFilters", message);
    if alternatives.len() > 1 {
        return Err(wrong("must have at most one member"));
    }
    let mut members = BTreeMap::new();
    for filter in alternatives.into_iter().flat_map(|alternative| alternative.and.unwrap_or_default()) {
        let member = match filter.field.as_str() {
            "state" => Member::State,
            "editable" => Member::Editable,
            "type" => Member::Type,
            _ => return Err(wrong("has an unknown field; the fields are `state`, `editable` and `type`")),
        };
        let plain = matches!(filter.condition, None | Some(FilterOperator::Equal | FilterOperator::In));
        if !plain || filter.negated == Some(true) || members.contains_key(&member) {
            return Err(wrong("can only ask once for each field, and only with `EQUAL`"));
        }
        members.insert(member, filter.values.unwrap_or_else(|| filter.value.into_iter().collect()));
    }
    Ok(members)
}

/// Mutations of policies.
#[derive(Default)]
pub struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// Create a policy and return its URN. It takes effect at once.
    async fn create_policy(
        &self,
        context: &Context<'_>,
        input: PolicyUpdateInput,
    ) -> Option<Result<String, FieldError>> {
        Some(create(context, input).await)
    }

    /// Replace a policy and return its URN. It takes effect at once.
    async fn update_policy(
        &self,
        context: &Context<'_>,
        urn: String,
        input: PolicyUpdateInput,
    ) -> Option<Result<String, FieldError>> {
        Some(update(context, urn, input).await)
    }

    /// Delete a policy and return its URN.
    async fn delete_policy(&self, context: &Context<'_>, urn: String) -> Option<Result<String, FieldError>> {
        Some(delete(context, urn).await)
    }
}

async fn create(context: &Context<'_>, input: PolicyUpdateInput) -> Result<String, FieldError> {
    let asking = RequestContext::of(context)?;
    let created = policies::create(&asking.state.service, &asking.actor, input.parse()?).await?;
    Ok(created.qualified_name)
}

async fn update(context: &Context<'_>, urn: String, input: PolicyUpdateInput) -> Result<String, FieldError> {
    let asking = RequestContext::of(context)?;
    let (service, actor) = (&asking.state.service, &asking.actor);
    let updated = policies::update(service, actor, known(urn)?, input.parse()?, Expected::Any).await?;
    Ok(updated.qualified_name)
}

async fn delete(context: &Context<'_>, urn: String) -> Result<String, FieldError> {
    let asking = RequestContext::of(context)?;
    policies::delete(&asking.state.service, &asking.actor, known(urn.clone())?).await?;
    Ok(urn)
}

fn known(urn: String) -> Result<String, Violation> {
    let right = urn.starts_with(policy::system::URN_PREFIX) && !urn.chars().any(is_hidden);
    if right { Ok(urn) } else { Err(Violation::new("urn", "must be the URN of a policy")) }
}

impl PolicyUpdateInput {
    fn parse(self) -> DomainResult<PolicyInput> {
        let resources = self.resources.unwrap_or_default();
        let mut attributes = Map::new();
        // The criteria decide; the older members are stored for clients that read them.
        attributes.insert("resourceType".to_owned(), resources.r#type.clone().map_or(Json::Null, Json::from));
        attributes.insert("resources".to_owned(), resources.resources.clone().map_or(Json::Null, Json::from));
        attributes.insert("allResources".to_owned(), resources.all_resources.map_or(Json::Null, Json::from));
        let category = match self.r#type {
            PolicyType::Platform => Category::Platform,
            PolicyType::Metadata => Category::Entities,
        };
        Ok(PolicyInput {
            name: at("name", DisplayName::parse(&self.name))?,
            description: at("description", Description::parse(&self.description.unwrap_or_default()))?,
            rule: Rule {
                category,
                effect: Effect::Allow,
                actions: readable(self.privileges)?,
                resources: if category == Category::Platform { Vec::new() } else { resources.criteria()? },
                subjects: self.actors.subjects(),
            },
            enabled: self.state == PolicyState::Active,
            attributes,
        })
    }
}

/// The privileges, if every name is free of control and invisible characters.
fn readable(privileges: Vec<String>) -> Result<Vec<String>, Violation> {
    let wrong = privileges.iter().position(|name| name.is_empty() || name.chars().any(is_hidden));
    match wrong {
        None => Ok(privileges),
        Some(index) => Err(Violation::new(
            format!("privileges[{index}]"),
            "must be a name without control or invisible characters",
        )),
    }
}

impl ResourceFilterInput {
    /// The criteria, from `filter` and from the older members. An empty list of resources without `allResources` means
    /// every resource, as in DataHub.
    ///
    /// # Errors
    /// A violation for a criterion without values, which no resource could meet.
    fn criteria(self) -> Result<Vec<Criterion>, Violation> {
        let equals = |field, values| Criterion { field, condition: policy::Condition::Equals, values };
        let mut criteria = Vec::new();
        if let Some(kind) = self.r#type {
            criteria.push(equals(Facet::Type, vec![kind]));
        }
        if let Some(urns) = self.resources.filter(|urns| !urns.is_empty() && self.all_resources != Some(true)) {
            criteria.push(equals(Facet::Name, urns));
        }
        let further = self.filter.map(|filter| filter.criteria.unwrap_or_default()).unwrap_or_default();
        for (index, criterion) in further.into_iter().enumerate() {
            if criterion.values.is_empty() {
                let place = format!("resources.filter.criteria[{index}].values");
                return Err(Violation::new(place, "must not be empty: no resource would meet it"));
            }
            let criterion = Criterion {
                field: Facet::parse(&criterion.field),
                condition: criterion.condition.into(),
                values: criterion.values,
            };
            // A client that writes back a policy repeats in `filter` what it wrote in the older members.
            if !criteria.contains(&criterion) {
                criteria.push(criterion);
            }
        }
        Ok(criteria)
    }
}

impl ActorFilterInput {
    fn subjects(self) -> Subjects {
        let bare = |urn: String| urn::username(&urn).map_or_else(|| urn.clone(), str::to_owned);
        Subjects {
            users: self.users.unwrap_or_default().into_iter().map(bare).collect(),
            groups: self.groups.unwrap_or_default(),
            roles: Vec::new(),
            everyone: self.all_users,
            every_group: self.all_groups,
            owners: self.resource_owners,
            owner_types: self.resource_owners_types.unwrap_or_default(),
        }
    }
}

/// The page and the filter of policies.
#[derive(Debug, InputObject)]
pub struct ListPoliciesInput {
    /// The offset of the page.
    start: Option<i32>,
    /// The most policies; 20 by default.
    count: Option<i32>,
    /// A part of the name.
    query: Option<String>,
    /// Conditions on `state`, `editable` and `type`; at most one alternative.
    or_filters: Option<Vec<AndFilterInput>>,
}

/// Conditions that must all be met.
#[derive(Debug, InputObject)]
pub struct AndFilterInput {
    /// The conditions.
    pub and: Option<Vec<FacetFilterInput>>,
}

/// One page of policies.
#[derive(SimpleObject)]
pub struct ListPoliciesResult {
    /// The offset of the page.
    start: i32,
    /// The requested length of the page.
    count: i32,
    /// The number of policies in all pages.
    total: i32,
    /// The policies.
    policies: Vec<Policy>,
}
