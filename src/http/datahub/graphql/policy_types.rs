//! DataHub's types of policies.

use async_graphql::{Enum, InputObject, SimpleObject};

use crate::domain::permission::Permission;
use crate::domain::policy::{self, Category, Condition};
use crate::domain::principal::Role;
use crate::http::datahub::urn;

/// What a policy covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyType {
    /// Entities (metadata).
    Metadata,
    /// The platform.
    Platform,
}

/// Whether a policy is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyState {
    /// Not in effect.
    Draft,
    /// In effect.
    Active,
    /// Not in effect.
    Inactive,
}

/// How a criterion compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PolicyMatchCondition {
    /// Equal to a value.
    Equals,
    /// Starts with a value.
    StartsWith,
    /// Equal to none of the values.
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

/// A policy to create, or the replacement of one.
#[derive(Debug, InputObject)]
pub struct PolicyUpdateInput {
    /// Whether the policy covers the platform or metadata.
    pub r#type: PolicyType,
    /// The display name.
    pub name: String,
    /// Whether the policy is in effect.
    pub state: PolicyState,
    /// The description: what the policy is for.
    pub description: Option<String>,
    /// The resources; ignored for a platform policy.
    pub resources: Option<ResourceFilterInput>,
    /// The privileges that it grants.
    pub privileges: Vec<String>,
    /// The principals that it applies to.
    pub actors: ActorFilterInput,
}

/// The resources of a policy.
#[derive(Debug, Default, InputObject)]
pub struct ResourceFilterInput {
    /// The type of the resources.
    pub r#type: Option<String>,
    /// The URNs of the resources.
    pub resources: Option<Vec<String>>,
    /// Whether all resources of the type are meant.
    pub all_resources: Option<bool>,
    /// Criteria that a resource must meet.
    pub filter: Option<PolicyMatchFilterInput>,
}

/// Criteria that must all be met.
#[derive(Debug, InputObject)]
pub struct PolicyMatchFilterInput {
    /// The criteria; without any, every resource.
    pub criteria: Option<Vec<PolicyMatchCriterionInput>>,
}

/// One criterion.
#[derive(Debug, InputObject)]
pub struct PolicyMatchCriterionInput {
    /// The field of the resource: `TYPE`, `URN`, `TAG`, …
    pub field: String,
    /// The values, of which one must match.
    pub values: Vec<String>,
    /// How they are compared.
    pub condition: PolicyMatchCondition,
}

/// The principals that a policy applies to.
#[derive(Debug, InputObject)]
pub struct ActorFilterInput {
    /// Users and service accounts.
    pub users: Option<Vec<String>>,
    /// Groups: stored, but without members.
    pub groups: Option<Vec<String>>,
    /// Whether the policy applies to the owners of the resource.
    pub resource_owners: bool,
    /// The types of ownership that count.
    pub resource_owners_types: Option<Vec<String>>,
    /// Whether the policy applies to all principals except API keys.
    pub all_users: bool,
    /// Whether the policy applies to all members of groups.
    pub all_groups: bool,
}

/// A policy.
#[derive(SimpleObject)]
pub struct Policy {
    /// `urn:li:dataHubPolicy:<id>`
    urn: String,
    /// Whether the policy covers the platform or metadata.
    #[graphql(name = "type")]
    kind: PolicyType,
    /// The display name.
    name: String,
    /// Whether the policy is in effect.
    state: PolicyState,
    /// The description: what the policy is for.
    description: Option<String>,
    /// The resources; null for a platform policy.
    resources: Option<ResourceFilter>,
    /// The privileges that it grants.
    privileges: Vec<String>,
    /// The principals that it applies to.
    actors: ActorFilter,
    /// Whether the policy can be changed.
    editable: bool,
}

/// The resources of a policy.
#[derive(SimpleObject)]
pub struct ResourceFilter {
    /// The type of the resources.
    #[graphql(name = "type")]
    resource_type: Option<String>,
    /// The URNs of the resources.
    resources: Option<Vec<String>>,
    /// Whether all resources of the type are meant.
    all_resources: Option<bool>,
    /// Criteria that a resource must meet.
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
    /// The field of the resource.
    field: String,
    /// The values, of which one must match.
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

/// The principals that a policy applies to.
#[derive(SimpleObject)]
pub struct ActorFilter {
    /// Users and service accounts.
    users: Option<Vec<String>>,
    /// Groups.
    groups: Option<Vec<String>>,
    /// Roles.
    roles: Option<Vec<String>>,
    /// Whether the policy applies to the owners of the resource.
    resource_owners: bool,
    /// The types of ownership that count.
    resource_owners_types: Option<Vec<String>>,
    /// Whether the policy applies to all principals except API keys.
    all_users: bool,
    /// Whether the policy applies to all members of groups.
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

/// A privilege that a policy can grant.
#[derive(SimpleObject)]
pub struct Privilege {
    /// The name of the privilege.
    #[graphql(name = "type")]
    privilege_type: String,
    /// The display name.
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
