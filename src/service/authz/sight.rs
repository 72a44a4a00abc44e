//! Which keys, tokens, users, personas, policies and assets an actor sees: the one place that decides it. (What one
//! permission opens for nodes, receipts and invitations is decided where those are read.) An unseen record is answered as
//! unknown. Visibility is part of the query that finds a record, so filters, totals and cursors do not count unseen records, and an unseen and
//! a missing record are the same empty result of the same statements.

use std::time::Instant;

use crate::domain::access_token::AccessTokenField;
use crate::domain::actor::{Actor, Standing};
use crate::domain::asset::{AssetKind, AssetOperation};
use crate::domain::error::{Error, Result};
use crate::domain::fields::{ApiKeyField, PersonaField, UserField};
use crate::domain::filter::{Filter, Test, Value};
use crate::domain::listing::Field;
use crate::domain::permission::Permission;
use crate::domain::policy::{Bucket, Category, Policy, Rule};
use crate::domain::sight::{
    OwnerRules, PrincipalCategory, SeenAssets, SeenPersonas, SeenPolicies, SeenPrincipals, Sight,
};
use crate::service::Service;
use crate::service::authn::authenticate::delay_refusal;
use crate::service::authz::narrow::narrowed;
use crate::storage::database::AnyConnection;
use crate::storage::{policies, search};

/// Returns the outcome of a request about one record. Timing side channel: delays `NotFound` and `Forbidden` to a fixed
/// minimum, which hides the time that the database needs to skip a record that exists.
pub(in crate::service) async fn delay_if_refused<T>(began: Instant, outcome: Result<T>) -> Result<T> {
    if matches!(outcome, Err(Error::NotFound { .. } | Error::Forbidden(_))) {
        delay_refusal(began).await;
    }
    outcome
}

/// Like [`delay_if_refused`], for results where missing is not an error: one record, or all that match a filter or a search.
pub(in crate::service) async fn delay_if_missing<T>(
    began: Instant,
    found: T,
    is_missing: impl Fn(&T) -> bool,
) -> Result<T> {
    if is_missing(&found) {
        delay_refusal(began).await;
    }
    Ok(found)
}

/// The API keys that an actor sees: all with `VIEW_APIKEYS`, otherwise only itself.
pub(in crate::service) fn api_keys(service: &Service, actor: &Actor) -> Filter<ApiKeyField> {
    if views(service, actor, Permission::ViewApiKeys) {
        return Filter::EVERYTHING;
    }
    only(ApiKeyField::Id, [actor.id().to_string()])
}

/// The users that an actor sees: all with `VIEW_USERS`, otherwise only itself.
pub(in crate::service) fn users(service: &Service, actor: &Actor) -> Filter<UserField> {
    if views(service, actor, Permission::ViewUsers) {
        return Filter::EVERYTHING;
    }
    only(UserField::Id, [actor.id().to_string()])
}

/// The access tokens that an actor sees: all with `MANAGE_ACCESS_TOKENS`, otherwise those it created. Matched by the
/// creator's id, so a namesake's are not included.
pub(in crate::service) fn access_tokens(actor: &Actor) -> Filter<AccessTokenField> {
    if actor.permissions().contains(Permission::ManageAccessTokens) {
        return Filter::EVERYTHING;
    }
    only(AccessTokenField::OwnerId, [actor.id().to_string()])
}

/// The personas that an actor sees, as a filter.
pub(in crate::service) fn personas(actor: &Actor) -> Filter<PersonaField> {
    match seen_personas(actor) {
        SeenPersonas::All => Filter::EVERYTHING,
        SeenPersonas::Of(personas) => only(PersonaField::Id, personas.iter().map(ToString::to_string)),
    }
}

/// The personas that an actor sees: all with a permission whose use shows personas, otherwise those it is linked to.
pub(in crate::service) fn seen_personas(actor: &Actor) -> SeenPersonas {
    let all = [Permission::ViewApiKeys, Permission::ManagePersonas, Permission::ManagePolicies];
    if holds_any(actor, &all) {
        return SeenPersonas::All;
    }
    SeenPersonas::Of(actor.personas().iter().map(|persona| persona.id).collect())
}

/// The principals that an actor sees.
pub(in crate::service) fn principals(actor: &Actor) -> SeenPrincipals {
    let categories = [
        (PrincipalCategory::User, [Permission::ViewUsers].as_slice()),
        (PrincipalCategory::ApiKey, &[Permission::ViewApiKeys]),
        (PrincipalCategory::ServiceAccount, &[Permission::ViewUsers, Permission::ManageServiceAccounts]),
    ];
    let seen = categories.into_iter().filter(|(_, permissions)| holds_any(actor, permissions));
    SeenPrincipals {
        own: actor.id(),
        username: actor.username().to_string(),
        categories: seen.map(|(category, _)| category).collect(),
    }
}

/// The entities that an actor sees.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn entities(connection: &mut AnyConnection, actor: &Actor) -> Result<Sight> {
    let principal = actor.principal();
    let (named, role_id) = actor.granted_as();
    let policies = if holds_any(actor, &[Permission::ManagePersonas, Permission::ManagePolicies]) {
        SeenPolicies::All
    } else {
        SeenPolicies::Of {
            personas: actor.personas().iter().map(|persona| persona.id).collect(),
            username: named.clone(),
            role_id,
        }
    };
    let assets =
        if principal.is_administrator() { SeenAssets::All } else { SeenAssets::Of { username: named, role_id } };
    let (rules, of_owners) = rules(connection, actor.standing())?;
    Ok(Sight {
        assets,
        policies,
        personas: seen_personas(actor),
        principals: principals(actor),
        rules,
        owned: OwnerRules { username: actor.username().to_string(), rules: of_owners },
    })
}

/// The policies among these that an answer may name: all if they are about the actor itself, otherwise those that it may
/// read.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn readable(
    connection: &mut AnyConnection,
    actor: &Actor,
    about_self: bool,
    mut policies: Vec<Policy>,
) -> Result<Vec<Policy>> {
    if about_self || reads_all_policies(actor) {
        return Ok(policies);
    }
    let sight = entities(connection, actor)?;
    let mut seen = Vec::new();
    for policy in &policies {
        if search::is_seen(connection, &policy.id.to_string(), &sight)? {
            seen.push(policy.id);
        }
    }
    policies.retain(|policy| seen.contains(&policy.id));
    Ok(policies)
}

/// Whether an actor may read every policy.
pub(in crate::service) fn reads_all_policies(actor: &Actor) -> bool {
    actor.principal().is_administrator() || holds_any(actor, &[Permission::ManagePersonas, Permission::ManagePolicies])
}

/// The rules about reading entities that apply to a principal: first those about the principal itself, then those about
/// it only where it is an owner.
fn rules(connection: &mut AnyConnection, standing: &Standing) -> Result<(Vec<Rule>, Vec<Rule>)> {
    let mut about = Vec::new();
    let whole = standing.whole();
    for persona in whole.enabled_personas() {
        about.extend(policies::of_persona(connection, persona.id)?);
    }
    let buckets = Bucket::of(&whole.principal);
    let concerns = |bucket: Bucket| buckets.contains(&bucket);
    let mut shared = policies::shared(connection)?;
    shared.retain(|policy| policy.rule.category == Category::Entities);
    let (direct, others): (Vec<_>, Vec<_>) =
        shared.into_iter().partition(|policy| policy.rule.subjects.buckets().any(concerns));
    about.extend(direct);
    let reading = |rule: &Rule| {
        AssetKind::ALL.iter().any(|kind| rule.actions.iter().any(|it| it == kind.action(AssetOperation::Read)))
    };
    let of_owners = others.into_iter().filter(|policy| policy.rule.is_about_owners()).collect();
    let enabled = |policies: Vec<Policy>| {
        let applying = policies.into_iter().filter(|policy| policy.enabled);
        let rules = applying.filter_map(|policy| narrowed(standing, policy)).map(|policy| policy.rule);
        rules.filter(reading).collect()
    };
    Ok((enabled(about), enabled(of_owners)))
}

/// Whether an actor holds a permission to view. Notes the permissions that API keys use.
fn views(service: &Service, actor: &Actor, permission: Permission) -> bool {
    let views = actor.permissions().contains(permission);
    if views {
        service.record_permission_use(actor, permission.name());
    }
    views
}

fn holds_any(actor: &Actor, permissions: &[Permission]) -> bool {
    permissions.iter().any(|permission| actor.permissions().contains(*permission))
}

/// A filter for records with one of these values in a field.
fn only<F: Field>(field: F, values: impl IntoIterator<Item = String>) -> Filter<F> {
    Filter::Test(field, Test::OneOf(values.into_iter().map(Value::Text).collect()))
}
