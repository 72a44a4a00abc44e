//! The types of policies, as DataHub has them.

use async_graphql::{Enum, InputObject, SimpleObject};

use crate::domain::permission::Permission;
use crate::domain::policy::{self, Category, Condition};
use crate::domain::principal::Role;
use crate::http::datahub::urn;

/// What a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyType {
    /// Entities.
    Metadata,
    /// The platform.
    Platform,
}

/// Whether a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyState {
    /// Not yet.
    Draft,
    /// It does.
    Active,
    /// Not any more.
    Inactive,
}

/// How a criterion compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyMatchCondition {
    /// The same.
    Equals,
    /// Its beginning.
    StartsWith,
    /// Not the same.
    NotEquals,
}

impl From<PolicyMatchCondition> for Condition {
    fn from(condition: PolicyMatchCondition) -> Self {
        match condition {
            PolicyMatchCondition::Equals => Self::Equals,
            PolicyMatchCondition::StartsWith => Self::StartsWith,
            PolicyMatchCondition::NotEquals => Self::NotEquals,
        }
    }
}

impl From<Condition> for PolicyMatchCondition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Equals => Self::Equals,
            Condition::StartsWith | Condition::Covers => Self::StartsWith,
            Condition::NotEquals => Self::NotEquals,
        }
    }
}

/// What a policy shall say; an update replaces all of it.
#[derive(Debug, InputObject)]
pub struct PolicyUpdateInput {
    /// What it is about.
    pub r#type: PolicyType,
    /// For people.
    pub name: String,
    /// Whether it counts.
    pub state: PolicyState,
    /// What it is for.
    pub description: Option<String>,
    /// Which resources; for the platform it does not matter.
    pub resources: Option<ResourceFilterInput>,
    /// What it permits.
    pub privileges: Vec<String>,
    /// Whom.
    pub actors: ActorFilterInput,
}

/// Which resources.
#[derive(Debug, Default, InputObject)]
pub struct ResourceFilterInput {
    /// Of which type.
    pub r#type: Option<String>,
    /// Which, by their URNs.
    pub resources: Option<Vec<String>>,
    /// Whether all of the type.
    pub all_resources: Option<bool>,
    /// Those that meet every criterion.
    pub filter: Option<PolicyMatchFilterInput>,
}

/// Criteria that must all be met.
#[derive(Debug, InputObject)]
pub struct PolicyMatchFilterInput {
    /// None is every resource.
    pub criteria: Option<Vec<PolicyMatchCriterionInput>>,
}

/// One criterion.
#[derive(Debug, InputObject)]
pub struct PolicyMatchCriterionInput {
    /// What is looked at: `TYPE`, `URN`, `TAG`, …
    pub field: String,
    /// One of them is enough.
    pub values: Vec<String>,
    /// How they are compared.
    pub condition: PolicyMatchCondition,
}

/// Whom a policy is about.
#[derive(Debug, InputObject)]
pub struct ActorFilterInput {
    /// Users and service accounts.
    pub users: Option<Vec<String>>,
    /// Groups: kept, and nobody is in them.
    pub groups: Option<Vec<String>>,
    /// Whoever owns the resource.
    pub resource_owners: bool,
    /// With these kinds of ownership.
    pub resource_owners_types: Option<Vec<String>>,
    /// Everybody but API keys.
    pub all_users: bool,
    /// Everybody in any group.
    pub all_groups: bool,
}

/// A policy.
#[derive(SimpleObject)]
pub struct Policy {
    /// `urn:li:dataHubPolicy:<id>`
    urn: String,
    /// What it is about.
    #[graphql(name = "type")]
    kind: PolicyType,
    /// For people.
    name: String,
    /// Whether it counts.
    state: PolicyState,
    /// What it is for.
    description: Option<String>,
    /// Which resources.
    resources: Option<ResourceFilter>,
    /// What it permits.
    privileges: Vec<String>,
    /// Whom.
    actors: ActorFilter,
    /// Whether it can be changed.
    editable: bool,
}

/// Which resources.
#[derive(SimpleObject)]
pub struct ResourceFilter {
    /// Of which type.
    #[graphql(name = "type")]
    resource_type: Option<String>,
    /// Which, by their URNs.
    resources: Option<Vec<String>>,
    /// Whether all of the type.
    all_resources: Option<bool>,
    /// Those that meet every criterion.
    filter: Option<PolicyMatchFilter>,
}

/// Criteria that must all be met.
#[derive(SimpleObject)]
pub struct PolicyMatchFilter {
    /// The criteria.
    criteria: Option<Vec<PolicyMatchCriterion>>,
}

/// One criterion.
#[derive(SimpleObject)]
pub struct PolicyMatchCriterion {
    /// What is looked at.
    field: String,
    /// One of them is enough.
    values: Vec<PolicyMatchCriterionValue>,
    /// How they are compared.
    condition: PolicyMatchCondition,
}

/// One value.
#[derive(SimpleObject)]
pub struct PolicyMatchCriterionValue {
    /// The value.
    value: String,
}

/// Whom a policy is about.
#[derive(SimpleObject)]
pub struct ActorFilter {
    /// Users and service accounts.
    users: Option<Vec<String>>,
    /// Groups.
    groups: Option<Vec<String>>,
    /// Roles.
    roles: Option<Vec<String>>,
    /// Whoever owns the resource.
    resource_owners: bool,
    /// With these kinds of ownership.
    resource_owners_types: Option<Vec<String>>,
    /// Everybody but API keys.
    all_users: bool,
    /// Everybody in any group.
    all_groups: bool,
}

impl From<policy::Policy> for Policy {
    fn from(policy: policy::Policy) -> Self {
        let subjects = policy.rule.subjects;
        let roles = subjects.roles.iter().filter_map(|name| Role::find(name)).filter_map(urn::of_role).collect();
        let text = |name: &str| policy.attributes.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let texts = |name: &str| {
            let values = policy.attributes.get(name)?.as_array()?;
            Some(values.iter().filter_map(|value| value.as_str()).map(str::to_owned).collect())
        };
        let criteria = policy.rule.resources.iter().map(|criterion| PolicyMatchCriterion {
            field: criterion.field.field(),
            values: criterion.values.iter().cloned().map(|value| PolicyMatchCriterionValue { value }).collect(),
            condition: criterion.condition.into(),
        });
        Self {
            kind: match policy.rule.category {
                Category::Platform => PolicyType::Platform,
                _ => PolicyType::Metadata,
            },
            state: if policy.enabled { PolicyState::Active } else { PolicyState::Inactive },
            description: Some(policy.description),
            resources: (policy.rule.category != Category::Platform).then(|| ResourceFilter {
                resource_type: text("resourceType"),
                resources: texts("resources"),
                all_resources: policy.attributes.get("allResources").and_then(serde_json::Value::as_bool),
                filter: Some(PolicyMatchFilter { criteria: Some(criteria.collect()) }),
            }),
            privileges: policy.rule.actions,
            actors: ActorFilter {
                users: Some(subjects.users.iter().map(urn::of_user).collect()),
                groups: Some(subjects.groups),
                roles: Some(roles),
                resource_owners: subjects.owners,
                resource_owners_types: Some(subjects.owner_types),
                all_users: subjects.everyone,
                all_groups: subjects.every_group,
            },
            editable: policy.editable,
            urn: policy.qualified_name,
            name: policy.name,
        }
    }
}

/// What a policy can permit.
#[derive(SimpleObject)]
pub struct Privilege {
    /// Its name.
    #[graphql(name = "type")]
    privilege_type: String,
    /// For people.
    display_name: Option<String>,
}

impl From<Permission> for Privilege {
    fn from(permission: Permission) -> Self {
        let words = permission.name().split('_').map(|word| {
            let (head, tail) = word.split_at(1);
            head.to_owned() + &tail.to_ascii_lowercase()
        });
        Self { privilege_type: permission.name().to_owned(), display_name: Some(words.collect::<Vec<_>>().join(" ")) }
    }
}
