//! Cache of compiled policies.
//!
//! A change to any policy invalidates every record, so a fresh record knows the revision of the policies in force.
//! Slices of that revision or a later one are right for it; older ones are compiled again on demand.
//!
//! Only compiled policies and the grants of whole buckets are shared. Answers that depend on the subject are never
//! cached: no function that fills a shared place is given a principal.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use quick_cache::sync::Cache;

use crate::domain::actor::Restriction;
use crate::domain::error::Result;
use crate::domain::ids::PersonaId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::engine::Slice;
use crate::domain::policy::{Bucket, Category, Effect, Policy, Rule};
use crate::domain::principal::Principal;

/// How many personas' compiled policies are kept.
const PERSONAS: usize = 10_000;

/// Maximum number of restricted children whose compiled policies are kept: each has a set of its own.
const RESTRICTED: usize = 1_000;

/// The compiled policies.
pub struct Policies {
    personas: Cache<PersonaId, (i64, Arc<Slice>)>,
    /// The compiled policies of restricted children, by the address of their restriction: no other restriction has that
    /// address as long as this one is kept.
    restricted: Cache<usize, (Arc<Restriction>, Arc<Slice>)>,
    shared: RwLock<Arc<Shared>>,
}

impl Default for Policies {
    fn default() -> Self {
        let (personas, restricted) = (Cache::new(PERSONAS), Cache::new(RESTRICTED));
        Self { personas, restricted, shared: RwLock::default() }
    }
}

impl Policies {
    /// A persona's compiled policies, if known for that revision or a later one.
    #[must_use]
    pub fn of_persona(&self, persona: PersonaId, revision: i64) -> Option<Arc<Slice>> {
        let (known, slice) = self.personas.get(&persona)?;
        (known >= revision).then_some(slice)
    }

    /// Stores a persona's compiled policies. They must have been read in one snapshot with the revision.
    pub fn keep(&self, persona: PersonaId, revision: i64, slice: Arc<Slice>) {
        self.personas.insert(persona, (revision, slice));
    }

    /// The compiled policies about a restricted child, at the policy revision of its standing.
    #[must_use]
    pub fn of_restricted(&self, restriction: &Arc<Restriction>) -> Option<Arc<Slice>> {
        self.restricted.get(&Arc::as_ptr(restriction).addr()).map(|(_, slice)| slice)
    }

    /// Stores the compiled policies about a restricted child, at the policy revision of its standing.
    pub fn keep_restricted(&self, restriction: &Arc<Restriction>, slice: Arc<Slice>) {
        self.restricted.insert(Arc::as_ptr(restriction).addr(), (Arc::clone(restriction), slice));
    }

    /// The policies that belong to no persona, if known for that revision or a later one.
    #[must_use]
    pub fn shared(&self, revision: i64) -> Option<Arc<Shared>> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        (shared.revision >= revision).then(|| Arc::clone(&shared))
    }

    /// Stores the policies that belong to no persona, read as those of [`Policies::keep`].
    pub fn keep_shared(&self, shared: Arc<Shared>) {
        let mut known = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if known.revision < shared.revision {
            *known = shared;
        }
    }
}

/// The policies that belong to no persona, by bucket of subjects.
#[derive(Default)]
pub struct Shared {
    revision: i64,
    buckets: HashMap<Bucket, Part>,
    /// Policies about the owners of entities.
    owners: Entities,
}

/// The policies of one bucket.
#[derive(Default)]
struct Part {
    platform: Grants,
    entities: Entities,
}

/// Policies about entities, compiled on first use. Only the compiled form is cached: each question is evaluated for its
/// own subject.
#[derive(Default)]
struct Entities {
    policies: Vec<Arc<Policy>>,
    slice: OnceLock<Arc<Slice>>,
}

/// Permissions that platform policies allow and deny. Computed once for a whole bucket, without a principal, so nothing
/// of it can depend on the subject.
#[derive(Debug, Clone, Copy, Default)]
struct Grants {
    allowed: Permissions,
    denied: Permissions,
}

impl Shared {
    /// Sorts the enabled policies of that revision into buckets.
    #[must_use]
    pub fn new(revision: i64, policies: Vec<Policy>) -> Self {
        let mut shared = Self { revision, ..Self::default() };
        for policy in policies.into_iter().filter(|policy| policy.enabled).map(Arc::new) {
            for bucket in policy.rule.subjects.buckets() {
                let part = shared.buckets.entry(bucket).or_default();
                match policy.rule.category {
                    Category::Platform => part.platform.add(&policy.rule),
                    Category::Entities => part.entities.policies.push(Arc::clone(&policy)),
                    // These categories belong to personas only.
                    Category::Metadata | Category::Data | Category::Glossary | Category::Domain => {}
                }
            }
            if policy.rule.is_about_owners() {
                shared.owners.policies.push(policy);
            }
        }
        shared
    }

    /// The platform permissions of a principal: `own` and what policies allow, without what they deny.
    #[must_use]
    pub fn permissions(&self, principal: &Principal, own: Permissions) -> Permissions {
        let mut grants = Grants { allowed: own, denied: Permissions::NONE };
        for part in self.parts(principal) {
            grants.allowed = grants.allowed.union(part.platform.allowed);
            grants.denied = grants.denied.union(part.platform.denied);
        }
        grants.allowed.denied(grants.denied)
    }

    /// The policies about entities that may concern a principal; some are returned more than once.
    pub fn about(&self, principal: &Principal) -> impl Iterator<Item = &Policy> {
        self.entities(principal).flat_map(|entities| entities.policies.iter().map(Arc::as_ref))
    }

    /// The policies of [`Shared::about`], compiled.
    ///
    /// # Errors
    /// When they do not compile.
    pub fn slices(&self, principal: &Principal) -> Result<Vec<Arc<Slice>>> {
        self.entities(principal).map(Entities::compiled).collect()
    }

    fn parts(&self, principal: &Principal) -> impl Iterator<Item = &Part> {
        Bucket::of(principal).into_iter().filter_map(|bucket| self.buckets.get(&bucket))
    }

    fn entities(&self, principal: &Principal) -> impl Iterator<Item = &Entities> {
        let parts = self.parts(principal).map(|part| &part.entities);
        parts.chain([&self.owners]).filter(|entities| !entities.policies.is_empty())
    }
}

impl Entities {
    fn compiled(&self) -> Result<Arc<Slice>> {
        if let Some(known) = self.slice.get() {
            return Ok(Arc::clone(known));
        }
        let slice = Arc::new(Slice::compile(self.policies.iter().map(Arc::as_ref))?);
        Ok(Arc::clone(self.slice.get_or_init(|| slice)))
    }
}

impl Grants {
    /// Adds a platform rule: its actions are names of permissions, and it has no resource.
    fn add(&mut self, rule: &Rule) {
        let named: Permissions = rule.actions.iter().filter_map(|action| Permission::find(action)).collect();
        match rule.effect {
            Effect::Allow => self.allowed = self.allowed.union(named),
            Effect::Deny => self.denied = self.denied.union(named),
        }
    }
}
