//! Effective permissions: everything a principal may or may not do, and why.

use super::asset::Relation;
use super::permission::Permissions;
use super::policy::catalogue::{Category, reading_actions};
use super::policy::{Bucket, Criterion, Effect, Policy};
use super::principal::Principal;

/// One thing that a principal may or may not do.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectivePermission {
    /// A permission of the platform, an action, or `*` for every action.
    pub action: String,
    /// Allow or deny.
    pub effect: Effect,
    /// The category of the action.
    pub category: Category,
    /// Resources that meet all of these criteria. Empty means every resource of the category.
    pub resources: Vec<Criterion>,
    /// The role, grant, policy or asset that grants or denies the permission.
    pub source: Source,
    /// The last use in epoch milliseconds; `None` if it was not used since uses are recorded.
    pub last_used_at: Option<i64>,
}

/// The source of a permission.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The principal's role.
    Role,
    /// A grant to the principal itself.
    Grant,
    /// A policy.
    Policy(Box<Policy>),
    /// An asset names the principal.
    Asset(String, Relation),
}

/// The effective permissions of a role or of grants.
pub fn of_permissions(permissions: Permissions, source: &Source) -> impl Iterator<Item = EffectivePermission> {
    permissions.iter().map(|permission| EffectivePermission {
        action: permission.name().to_owned(),
        effect: Effect::Allow,
        category: Category::Platform,
        resources: Vec::new(),
        source: source.clone(),
        last_used_at: None,
    })
}

/// The effective permissions of a policy.
pub fn of_policy(policy: &Policy) -> impl Iterator<Item = EffectivePermission> {
    let actions = if policy.enabled { policy.rule.actions.as_slice() } else { &[] };
    actions.iter().map(|action| EffectivePermission {
        action: action.clone(),
        effect: policy.rule.effect,
        category: policy.rule.category,
        resources: policy.rule.resources.clone(),
        source: Source::Policy(Box::new(policy.clone())),
        last_used_at: None,
    })
}

/// The effective permissions of an asset grant.
#[must_use]
pub fn of_asset(qualified_name: &str, relation: Relation) -> Vec<EffectivePermission> {
    let actions: Vec<&str> = match relation {
        Relation::Admin => vec!["*"],
        Relation::Viewer => reading_actions().collect(),
    };
    let covers = Criterion::covers(vec![qualified_name.to_owned()]);
    let permission = |action: &str| EffectivePermission {
        action: action.to_owned(),
        effect: Effect::Allow,
        category: Category::Metadata,
        resources: vec![covers.clone()],
        source: Source::Asset(qualified_name.to_owned(), relation),
        last_used_at: None,
    };
    actions.into_iter().map(permission).collect()
}

/// Whether a policy that belongs to no persona applies to a principal, or may apply because the principal may be an
/// owner.
#[must_use]
pub fn concerns(policy: &Policy, principal: &Principal) -> bool {
    let buckets = Bucket::of(principal);
    policy.rule.is_about_owners() || policy.rule.subjects.buckets().any(|bucket| buckets.contains(&bucket))
}
