//! Compares what principals may do before and after a change of policies or personas, without making the change.
//!
//! The same engine as for decisions is asked about sample resources: one for each resource that a changed policy names,
//! and one for each resource beneath it that another policy about the principal names. Stored properties of resources
//! are not considered.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::domain::actor::{Actor, Standing};
use crate::domain::asset::{AssetGrant, is_within};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::domain::policy::engine::Slice;
use crate::domain::policy::{Criterion, Decision, Facet, Ground, Policy, Rule, Scope};
use crate::domain::principal::Principal;
use crate::service::Service;
use crate::service::authz::decide::answer;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::sight;
use crate::storage::database::AnyConnection;
use crate::storage::task::DatabaseTask;
use crate::storage::{personas, principals, standings};

/// The most principals that are compared.
const PRINCIPALS: u8 = 100;
/// The most questions that are put to the engine for one principal: samples times actions.
const QUESTIONS: usize = 600;

/// The differences that a change would make.
#[derive(Debug, Default)]
pub struct AccessComparison {
    /// The principals, those with the same differences together.
    pub groups: Vec<Group>,
    /// Whether more principals or resources are concerned than were compared.
    pub is_partial: bool,
    /// Whether the actor may ask about other principals; if not, only the actor itself is compared.
    pub is_about_others: bool,
}

/// Principals to which a change makes the same differences.
#[derive(Debug)]
pub struct Group {
    /// The principals.
    pub members: Vec<Principal>,
    /// The differences; empty if nothing changes.
    pub differences: Vec<Difference>,
    basis: Basis,
}

/// What the differences of a principal follow from: for the same basis the engine decides alike.
#[derive(Debug, PartialEq, Eq)]
struct Basis {
    before: Vec<PolicyId>,
    after: Vec<PolicyId>,
    assets: Arc<[AssetGrant]>,
    is_administrator: bool,
}

impl Basis {
    fn of(before: &Side, after: &Side) -> Self {
        let ids = |side: &Side| side.policies.iter().map(|policy| policy.id).collect();
        let standing = &before.standing;
        Self {
            before: ids(before),
            after: ids(after),
            assets: Arc::clone(&standing.assets),
            is_administrator: standing.principal.is_administrator(),
        }
    }
}

/// What a change does to one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The action.
    pub action: String,
    /// The resources, as a pattern.
    pub pattern: String,
    /// The type of the resources; empty for any.
    pub type_name: String,
    /// The difference.
    pub kind: DifferenceKind,
    /// What keeps the decision as it is: policies, by name, and built-in rules, as far as the actor may be told.
    pub because: Vec<String>,
}

/// How a decision changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// It was refused and would be allowed.
    Gained,
    /// It was allowed and would be refused.
    Lost,
    /// It stays allowed, although a changed policy is about it.
    StillAllowed,
    /// It stays refused, although a changed policy is about it.
    StillRefused,
}

/// A principal with the policies about it, before or after the change.
#[derive(Debug)]
struct Side {
    standing: Standing,
    policies: Vec<Policy>,
}

impl Side {
    /// The enabled policies that the other side lacks.
    fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Policy> {
        let has = |policy: &Policy| {
            other.policies.iter().any(|known| known.enabled && known.id == policy.id && known.rule == policy.rule)
        };
        self.policies.iter().filter(move |policy| policy.enabled && !has(policy))
    }

    fn slices(&self) -> Result<[Arc<Slice>; 1]> {
        Ok([Arc::new(Slice::compile(&self.policies)?)])
    }
}

/// Compares what an API key may do with what it could do with other personas, given by their qualified names.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] without `MANAGE_APIKEYS`, or if the actor may not read what the personas
/// allow; a violation that names unknown personas.
pub async fn of_personas(
    service: &Service,
    actor: &Actor,
    id: PrincipalId,
    names: Vec<String>,
) -> Result<AccessComparison> {
    if actor.id() != id {
        service.require(actor, Permission::ManageApiKeys)?;
    }
    let (began, parts, asking) = (Instant::now(), service.clone(), actor.clone());
    let outcome = service
        .read_of(actor.id(), move |connection, task| {
            let sight = sight::principals(&asking);
            let standing = standings::find(connection, id)?;
            let standing = standing.filter(|it| it.principal.client_id().is_some() && sight.sees(&it.principal));
            let before = standing.ok_or_else(|| Error::NotFound { kind: "API key", id: id.to_string() })?;
            let wanted = personas::find_by_qualified_names(connection, &names)?;
            let seen = sight::seen_personas(&asking);
            let is_known = |name: &&String| {
                wanted.iter().any(|persona| persona.qualified_name == **name && seen.contains(persona.id))
            };
            let unknown: Vec<&str> = names.iter().filter(|name| !is_known(name)).map(String::as_str).collect();
            if !unknown.is_empty() {
                return Err(personas::unknown(unknown).into());
            }
            may_read(&asking, before.personas.iter().filter(|persona| !wanted.contains(persona)))?;
            may_read(&asking, wanted.iter().filter(|persona| !before.personas.contains(persona)))?;
            let after = Standing { personas: wanted.into(), ..before.clone() };
            let side = |connection: &mut AnyConnection, standing: Standing| -> Result<Side> {
                Ok(Side { policies: parts.policies_about(connection, &standing)?, standing })
            };
            let (before, after) = (side(connection, before)?, side(connection, after)?);
            let mut comparison = AccessComparison { is_about_others: true, ..AccessComparison::default() };
            comparison.add(&asking, &before, &after, task)?;
            Ok(comparison)
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// Checks that the actor may read the policies of these personas.
fn may_read<'a>(asking: &Actor, mut personas: impl Iterator<Item = &'a PersonaRef>) -> Result<()> {
    if sight::reads_all_policies(asking) || personas.all(|persona| asking.has_persona(persona.id)) {
        return Ok(());
    }
    Err(asking.lacks(Permission::ManagePersonas))
}

/// Compares what the principals linked to a persona may do now with what they could do if its policies were these:
/// every principal that the actor sees, or, without `MANAGE_APIKEYS`, the actor itself.
///
/// # Errors
/// When the storage or the engine fails.
pub(in crate::service) fn of_members(
    service: &Service,
    connection: &mut AnyConnection,
    task: &DatabaseTask,
    asking: &Actor,
    persona: PersonaId,
    policies: &[Policy],
) -> Result<AccessComparison> {
    let is_about_others = asking.permissions().contains(Permission::ManageApiKeys);
    let mut linked = if is_about_others {
        principals::linked_to(connection, persona, &sight::principals(asking), i64::from(PRINCIPALS) + 1)?
    } else {
        Some(asking.principal().clone()).filter(|_| asking.has_persona(persona)).into_iter().collect()
    };
    let is_partial = linked.len() > usize::from(PRINCIPALS);
    linked.truncate(PRINCIPALS.into());
    let mut comparison = AccessComparison { groups: Vec::new(), is_partial, is_about_others };
    for principal in linked {
        task.go_on()?;
        let standing = standings::of(connection, principal)?;
        let before = service.policies_about(connection, &standing)?;
        let mut after: Vec<Policy> = before.iter().filter(|policy| policy.persona != Some(persona)).cloned().collect();
        if standing.enabled_personas().any(|linked| linked.id == persona) {
            after.extend_from_slice(policies);
        }
        after.sort_unstable_by_key(|policy| policy.id);
        let before = Side { standing: standing.clone(), policies: before };
        comparison.add(asking, &before, &Side { standing, policies: after }, task)?;
    }
    Ok(comparison)
}

impl AccessComparison {
    /// Adds a principal, to the group with the same basis if there is one.
    fn add(&mut self, asking: &Actor, before: &Side, after: &Side, task: &DatabaseTask) -> Result<()> {
        let (principal, basis) = (before.standing.principal.clone(), Basis::of(before, after));
        if let Some(group) = self.groups.iter_mut().find(|group| group.basis == basis) {
            group.members.push(principal);
            return Ok(());
        }
        let about_self = principal.id == asking.id();
        let mut differences = self.differences(before, after, about_self || sight::reads_all_policies(asking), task)?;
        differences.sort_by_key(|difference| difference.kind);
        self.groups.push(Group { members: vec![principal], differences, basis });
        Ok(())
    }

    fn differences(
        &mut self,
        before: &Side,
        after: &Side,
        tells_policies: bool,
        task: &DatabaseTask,
    ) -> Result<Vec<Difference>> {
        let (ended, begun): (Vec<_>, Vec<_>) = (before.beyond(after).collect(), after.beyond(before).collect());
        let changed: Vec<&Policy> = ended.iter().chain(&begun).copied().collect();
        let actions: BTreeSet<&str> =
            changed.iter().flat_map(|policy| &policy.rule.actions).map(String::as_str).collect();
        let is_told = |policy: &&Policy| tells_policies || changed.iter().any(|other| other.id == policy.id);
        let unchanged: Vec<&Policy> =
            before.policies.iter().chain(&after.policies).filter(|policy| policy.enabled).filter(is_told).collect();
        let most = QUESTIONS / actions.len().max(1);
        let (samples, is_partial) = Sample::of(&changed, &unchanged, &actions, most, task)?;
        self.is_partial |= is_partial;
        let is_changed = |policy: &&Policy| changed.iter().any(|other| other.id == policy.id);
        let others: Vec<&Policy> =
            after.policies.iter().filter(|policy| tells_policies && !is_changed(policy)).collect();
        let (was, will) = (before.slices()?, after.slices()?);
        let ended = [Arc::new(Slice::compile(ended.iter().copied())?)];
        let begun = [Arc::new(Slice::compile(begun.iter().copied())?)];
        let mut found: Vec<(usize, Difference)> = Vec::new();
        for (place, sample) in samples.iter().enumerate() {
            for action in &actions {
                task.go_on()?;
                let inquiry = Inquiry::new(action, &sample.name, &sample.type_name);
                if !is_by_policy(&answer(&before.standing, &inquiry, &ended)?)
                    && !is_by_policy(&answer(&after.standing, &inquiry, &begun)?)
                {
                    continue;
                }
                let old = answer(&before.standing, &inquiry, &was)?;
                let new = answer(&after.standing, &inquiry, &will)?;
                let kind = match (old.is_allowed(), new.is_allowed()) {
                    (false, true) => DifferenceKind::Gained,
                    (true, false) => DifferenceKind::Lost,
                    (true, true) => DifferenceKind::StillAllowed,
                    (false, false) => DifferenceKind::StillRefused,
                };
                let is_told = |(other, told): &(usize, Difference)| {
                    sample.within == Some(*other) && told.action == *action && told.kind == kind
                };
                if found.iter().any(is_told) {
                    continue;
                }
                let because = match kind {
                    DifferenceKind::Gained | DifferenceKind::Lost => Vec::new(),
                    _ => because(&new, &others),
                };
                let (pattern, type_name) = (sample.pattern.clone(), sample.type_name.clone());
                found.push((place, Difference { action: (*action).to_owned(), pattern, type_name, kind, because }));
            }
        }
        Ok(found.into_iter().map(|(_, difference)| difference).collect())
    }
}

fn is_by_policy(decision: &Decision) -> bool {
    decision.grounds.iter().any(|ground| matches!(ground, Ground::Policy(_)))
}

/// The grounds of a decision, by name, as far as they are built-in rules or among these policies.
fn because(decision: &Decision, policies: &[&Policy]) -> Vec<String> {
    let name = |ground: &Ground| match ground {
        Ground::BuiltIn(name) => Some(format!("the built-in rule {name}")),
        Ground::Policy(id) => policies.iter().find(|policy| policy.id == *id).map(|policy| policy.name.clone()),
    };
    decision.grounds.iter().filter_map(name).collect()
}

/// A resource to ask about.
struct Sample {
    /// What stands for it in a policy.
    pattern: String,
    name: String,
    type_name: String,
    /// The sample of a changed policy that it lies within, if it is another policy's.
    within: Option<usize>,
}

impl Sample {
    /// At most `most` resources: those that the changed policies name, then those within them that `told` policies name.
    /// Returns also whether there are more. The policies are written by clients, so the work is bounded, too.
    fn of(
        changed: &[&Policy],
        told: &[&Policy],
        actions: &BTreeSet<&str>,
        most: usize,
        task: &DatabaseTask,
    ) -> Result<(Vec<Self>, bool)> {
        let (mut samples, mut known): (Vec<Self>, HashSet<(&str, &str)>) = (Vec::new(), HashSet::new());
        for place in changed.iter().flat_map(|policy| places(&policy.rule)) {
            if samples.len() == most {
                return Ok((samples, true));
            }
            if known.insert(place) {
                let (pattern, type_name) = (place.0.to_owned(), place.1.to_owned());
                samples.push(Self { name: sample_name(&pattern), pattern, type_name, within: None });
            }
        }
        let own: Vec<Scope> =
            samples.iter().map(|sample| Scope::of(&[Criterion::covers(vec![sample.pattern.clone()])])).collect();
        let types: Vec<String> = samples.iter().map(|sample| sample.type_name.clone()).collect();
        let shares = |policy: &&&Policy| policy.rule.actions.iter().any(|action| actions.contains(action.as_str()));
        let mut visited = 0;
        for (pattern, it) in told.iter().filter(shares).flat_map(|policy| places(&policy.rule)) {
            task.go_on()?;
            visited += 1;
            if samples.len() == most || visited > PLACES {
                return Ok((samples, true));
            }
            let name = sample_name(pattern);
            let covers = |(scope, type_name): (&Scope, &String)| {
                (type_name == it || type_name.is_empty() || it.is_empty()) && holds(scope, &name)
            };
            let Some(within) = own.iter().zip(&types).position(covers) else { continue };
            let type_name = if it.is_empty() { types[within].clone() } else { it.to_owned() };
            let is_new = samples.iter().all(|known| known.pattern != pattern || known.type_name != type_name);
            if is_new {
                samples.push(Self { name, pattern: pattern.to_owned(), type_name, within: Some(within) });
            }
        }
        Ok((samples, false))
    }
}

/// The most patterns of told policies that are looked at, for each group of principals.
const PLACES: usize = 5_000;

/// The patterns of names of a rule, each with the types that it is restricted to.
fn places(rule: &Rule) -> impl Iterator<Item = (&str, &str)> {
    let values = |field: &Facet| rule.resources.iter().find(|each| each.field == *field).map(|each| &*each.values);
    let (names, types) = (values(&Facet::Name), values(&Facet::Type));
    let count = |values: Option<&[String]>| values.map_or(1, <[String]>::len);
    let (names_of, types_of) = (count(names), count(types));
    (0..names_of)
        .flat_map(move |name| (0..types_of).map(move |it| (name, it)))
        .map(move |(name, it)| (pick(names, name, "*"), pick(types, it, "")))
}

/// The value at that place, or the other text if there are no values.
fn pick<'a>(values: Option<&'a [String]>, place: usize, otherwise: &'a str) -> &'a str {
    values.and_then(|values| values.get(place)).map_or(otherwise, String::as_str)
}

/// A name that a pattern matches.
fn sample_name(pattern: &str) -> String {
    pattern.replace('*', "-")
}

fn holds(scope: &Scope, name: &str) -> bool {
    match scope {
        Scope::Unbounded => true,
        Scope::Within(names) => names.iter().any(|object| is_within(name, object)),
    }
}
