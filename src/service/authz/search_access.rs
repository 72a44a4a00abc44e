//! Searches of the decision point: which subjects may do something, with which resources, and which actions. Each
//! checks a bounded number of candidates in a fixed order and returns where it stopped (keyset pagination).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::actor::{Actor, Standing};
use crate::domain::child::{CALL_TOOL, MOST_SCOPES, TOOL};
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::policy::engine::Slice;
use crate::domain::policy::{Category, Condition, Criterion, Effect, Facet, Policy};
use crate::domain::principal::PrincipalKind;
use crate::service::Service;
use crate::service::authz::decide::answer;
use crate::service::authz::evaluation::{About, Resolved, find, may_ask};
use crate::service::authz::inquiry::{Inquiry, PLATFORM};
use crate::service::authz::sight;
use crate::storage::database::AnyConnection;
use crate::storage::{candidates, policies, search};

/// How many candidates are checked per page at most.
pub const CANDIDATES: usize = 1000;

/// The requested page.
#[derive(Debug, Clone)]
pub struct Window {
    /// Where the previous page ended; empty for the first page.
    pub after: String,
    /// The largest number of results.
    pub limit: usize,
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Ids or names.
    pub names: Vec<String>,
    /// Where the search stopped, if there are more candidates.
    pub end: Option<String>,
}

impl Results {
    const NONE: Self = Self { names: Vec::new(), end: None };
}

/// A candidate: its name in the results, and its position in their order.
struct Candidate<T> {
    name: String,
    place: String,
    what: T,
}

/// Checks candidates one after the other. Callers pass one more than [`CANDIDATES`] to show that there are more.
/// Candidates are built lazily, so that only one copy of the inquiry exists at a time.
fn scan<T>(
    candidates: impl IntoIterator<Item = Candidate<T>>,
    window: &Window,
    mut may: impl FnMut(&T) -> Result<bool>,
) -> Result<Results> {
    let mut names = Vec::new();
    let mut end = window.after.clone();
    for (checked, candidate) in candidates.into_iter().enumerate() {
        if checked == CANDIDATES || names.len() == window.limit {
            return Ok(Results { names, end: Some(end) });
        }
        if may(&candidate.what)? {
            names.push(candidate.name);
        }
        end = candidate.place;
    }
    Ok(Results { names, end: None })
}

/// One more than [`CANDIDATES`].
fn surplus() -> i64 {
    i64::try_from(CANDIDATES + 1).unwrap_or(i64::MAX)
}

/// Which principals of these kinds may do something, oldest first. The inquiry's subject properties apply to each of
/// them.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) without `VERIFY_TOKENS`.
pub async fn subjects(
    service: &Service,
    asking: &Actor,
    kinds: &'static [PrincipalKind],
    inquiry: Inquiry,
    window: Window,
) -> Result<Results> {
    service.require(asking, Permission::VerifyTokens)?;
    if kinds.is_empty() {
        return Ok(Results::NONE);
    }
    let (service, reading) = (service.clone(), service.clone());
    reading
        .list(asking, move |connection| {
            let revision = policies::revision(connection)?;
            let inquiry = inquiry.completed(connection)?;
            let principals = candidates::principals_after(connection, kinds, &window.after, surplus())?;
            let inactive = candidates::inactive(connection, &principals, service.clock.now())?;
            let standings = candidates::standings(connection, principals, &inquiry.resource.name)?;
            let candidates = standings.into_iter().map(|standing| {
                let principal = &standing.principal;
                let client = principal.client_id().map(|id| id.to_string());
                let name = client.unwrap_or_else(|| principal.username().to_string());
                Candidate { name, place: principal.id.to_string(), what: standing }
            });
            scan(candidates, &window, |standing: &Standing| {
                if inactive.contains(&standing.principal.id.to_string()) {
                    return Ok(false);
                }
                let standing = service.with_policies(connection, standing.clone())?;
                let slices = service.slices(connection, &standing, revision)?;
                Ok(answer(&standing, &inquiry, &slices)?.is_allowed())
            })
        })
        .await
}

/// The names of the tools that the actor's policies spell out and let it call.
///
/// # Errors
/// When the storage fails.
pub async fn tools(service: &Service, actor: &Actor) -> Result<Vec<String>> {
    let (parts, standing) = (service.clone(), actor.standing().clone());
    service
        .read_of(actor.id(), move |connection, _| {
            let about = policies_about(&parts, connection, &standing)?;
            let mut names: Vec<String> = about
                .iter()
                .filter(|policy| policy.rule.actions.iter().any(|action| action == CALL_TOOL))
                .flat_map(|policy| names_of_type(policy, TOOL))
                .collect();
            names.sort_unstable();
            names.dedup();
            names.truncate(MOST_SCOPES);
            let mut allowed = Vec::new();
            for name in names {
                if parts.decide_in(connection, &standing, &Inquiry::new(CALL_TOOL, &name, TOOL))?.is_allowed() {
                    allowed.push(name);
                }
            }
            Ok(allowed)
        })
        .await
}

/// With which resources of a type a subject may do something, in the order of their names. Candidates are the stored
/// assets of the type (without `VERIFY_TOKENS`: those that the actor sees), and the names that the subject's policies
/// spell out.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) for another subject than the actor without
/// `VERIFY_TOKENS`.
pub async fn resources(
    service: &Service,
    asking: &Actor,
    about: About,
    inquiry: Inquiry,
    window: Window,
) -> Result<Results> {
    may_ask(service, asking, &about)?;
    let (service, reading, asker) = (service.clone(), service.clone(), asking.clone());
    reading
        .list(asking, move |connection| {
            let type_name = inquiry.resource.type_name.clone();
            let Some((standing, slices)) = resolve_subject(&service, connection, &asker, &about)? else {
                return Ok(Results::NONE);
            };
            if type_name == PLATFORM {
                return Ok(Results::NONE);
            }
            let about = policies_about(&service, connection, &standing)?;
            let spelt_out = about.iter().flat_map(|policy| names_of_type(policy, &type_name));
            let mut found: BTreeMap<String, Option<_>> =
                spelt_out.filter(|name| *name > window.after).map(|name| (name, None)).collect();
            // Neither a result nor the end of a page may reveal an asset that the actor does not see.
            let stored = if asker.permissions().contains(Permission::VerifyTokens) {
                candidates::assets_after(connection, &type_name, &window.after, surplus())?
            } else {
                let sight = sight::entities(connection, &asker)?;
                let seen = search::names_after(connection, &type_name, &window.after, surplus(), &sight)?;
                found.extend(seen.iter().cloned().map(|name| (name, None)));
                candidates::assets_named(connection, &type_name, &seen)?
            };
            for asset in stored {
                found.insert(asset.qualified_name.clone(), Some(asset));
            }
            let is_limited = !asker.permissions().contains(Permission::VerifyTokens);
            let limited = if is_limited {
                service.without_stored_properties(connection, &standing, &inquiry.resource.properties)?
            } else {
                slices.clone()
            };
            let candidates = found.into_iter().take(CANDIDATES + 1).map(|(name, asset)| {
                let mut inquiry = inquiry.clone();
                inquiry.resource.name.clone_from(&name);
                let slices = if asset.is_some() { &slices } else { &limited };
                let inquiry = asset.map_or(inquiry.clone(), |asset| inquiry.with_stored(&asset));
                Candidate { place: name.clone(), name, what: (inquiry, slices) }
            });
            scan(candidates, &window, |(inquiry, slices)| Ok(answer(&standing, inquiry, slices)?.is_allowed()))
        })
        .await
}

/// What a subject may do with a resource, in the order of the action names. Candidates are the actions of the catalogue
/// and those that the subject's policies name; for the platform, all permissions.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) for another subject than the actor without
/// `VERIFY_TOKENS`.
pub async fn actions(
    service: &Service,
    asking: &Actor,
    about: About,
    inquiry: Inquiry,
    window: Window,
) -> Result<Results> {
    may_ask(service, asking, &about)?;
    let (service, reading, asker) = (service.clone(), service.clone(), asking.clone());
    reading
        .list(asking, move |connection| {
            let Some((standing, slices)) = resolve_subject(&service, connection, &asker, &about)? else {
                return Ok(Results::NONE);
            };
            let (inquiry, slices) = service.limit_to_asker(connection, &asker, &standing, inquiry.clone(), slices)?;
            let names: BTreeSet<String> = if inquiry.resource.type_name == PLATFORM {
                Permission::ALL.map(|permission| permission.name().to_owned()).into()
            } else {
                let policies = policies_about(&service, connection, &standing)?;
                let named = policies.into_iter().flat_map(|policy| policy.rule.actions);
                Category::all().flat_map(Category::actions).map(str::to_owned).chain(named).collect()
            };
            let after = names.into_iter().filter(|name| *name > window.after).take(CANDIDATES + 1);
            let candidates = after.map(|name| Candidate { place: name.clone(), name: name.clone(), what: name });
            scan(candidates, &window, |action| {
                let inquiry = Inquiry { action: action.clone(), ..inquiry.clone() };
                Ok(answer(&standing, &inquiry, &slices)?.is_allowed())
            })
        })
        .await
}

/// A subject and the policies that decide about it.
type ResolvedSubject = (Standing, Vec<Arc<Slice>>);

/// What is needed to decide about a subject; `None` for an unknown, disabled or expired one.
fn resolve_subject(
    service: &Service,
    connection: &mut AnyConnection,
    asker: &Actor,
    about: &About,
) -> Result<Option<ResolvedSubject>> {
    let Resolved::Active(standing) = find(service, connection, asker, about)? else { return Ok(None) };
    let revision = policies::revision(connection)?;
    let slices = service.slices(connection, &standing, revision)?;
    Ok(Some((standing, slices)))
}

/// The enabled policies that may allow a subject something other than permissions.
fn policies_about(service: &Service, connection: &mut AnyConnection, standing: &Standing) -> Result<Vec<Policy>> {
    let mut about = service.policies_about(connection, standing)?;
    about.retain(|policy| {
        policy.enabled && policy.rule.effect == Effect::Allow && policy.rule.category != Category::Platform
    });
    Ok(about)
}

/// The exact names that a policy spells out, except those that are certainly of another type.
fn names_of_type(policy: &Policy, type_name: &str) -> Vec<String> {
    let criteria = &policy.rule.resources;
    let excludes = |criterion: &Criterion| match (&criterion.field, criterion.condition) {
        (Facet::Type, Condition::Equals) => !criterion.values.iter().any(|value| value == type_name),
        (Facet::Type, Condition::StartsWith) => !criterion.values.iter().any(|value| type_name.starts_with(value)),
        (Facet::Type, Condition::NotEquals) => criterion.values.iter().any(|value| value == type_name),
        _ => false,
    };
    if criteria.iter().any(excludes) {
        return Vec::new();
    }
    let spells = |criterion: &&Criterion| {
        criterion.field == Facet::Name && matches!(criterion.condition, Condition::Equals | Condition::Covers)
    };
    let named = criteria.iter().filter(spells).flat_map(|criterion| &criterion.values);
    let exact = named.filter(|name| !name.contains('*') && urn_type(name).is_none_or(|known| known == type_name));
    exact.cloned().collect()
}

/// The type of entity in a DataHub URN, `urn:li:<type>:…`.
fn urn_type(name: &str) -> Option<&str> {
    name.strip_prefix("urn:li:")?.split(':').next()
}
