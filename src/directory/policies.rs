//! Compiled policies in memory.
//!
//! A change to any policy makes every record unusable, so a fresh record knows the revision of the policies in force.
//! Slices of that revision or a later one are right for it; older ones are compiled anew when somebody asks for them.
//!
//! What is shared here is compiled policies, and what they say of whole buckets. An answer that depends on the subject of a
//! question is not kept: no function that fills a shared place is given a principal.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use quick_cache::sync::Cache;

use crate::domain::error::Result;
use crate::domain::ids::PersonaId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::engine::Slice;
use crate::domain::policy::{Bucket, Category, Effect, Policy, Rule};
use crate::domain::principal::Principal;

/// So many personas' policies are kept compiled.
const PERSONAS: usize = 10_000;

/// The policies in use.
pub struct Policies {
    personas: Cache<PersonaId, (i64, Arc<Slice>)>,
    shared: RwLock<Arc<Shared>>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { personas: Cache::new(PERSONAS), shared: RwLock::default() }
    }
}

impl Policies {
    /// A persona's policies, as of that revision or later.
    #[must_use]
    pub fn of_persona(&self, persona: PersonaId, revision: i64) -> Option<Arc<Slice>> {
        let (known, slice) = self.personas.get(&persona)?;
        (known >= revision).then_some(slice)
    }

    /// Keeps a persona's policies. They were read together with the revision, in one snapshot of what is committed.
    pub fn keep(&self, persona: PersonaId, revision: i64, slice: Arc<Slice>) {
        self.personas.insert(persona, (revision, slice));
    }

    /// The policies that are no persona's, as of that revision or later.
    #[must_use]
    pub fn shared(&self, revision: i64) -> Option<Arc<Shared>> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        (shared.revision >= revision).then(|| Arc::clone(&shared))
    }

    /// Keeps the policies that are no persona's. They were read as those of [`Policies::keep`].
    pub fn keep_shared(&self, shared: Arc<Shared>) {
        let mut known = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if known.revision < shared.revision {
            *known = shared;
        }
    }
}

/// The policies that are no persona's, by whom they are about.
#[derive(Default)]
pub struct Shared {
    revision: i64,
    buckets: HashMap<Bucket, Part>,
    /// About the owners of entities, whoever those are.
    owners: Entities,
}

/// The policies of one bucket.
#[derive(Default)]
struct Part {
    platform: Grants,
    entities: Entities,
}

/// Policies about entities, compiled when somebody first asks. Only what is compiled is remembered: each question is
/// answered for its own subject.
#[derive(Default)]
struct Entities {
    policies: Vec<Arc<Policy>>,
    slice: OnceLock<Arc<Slice>>,
}

/// What policies of the platform permit and deny. They are read for a whole bucket, and no principal is at hand where
/// that is done: so nothing of it can depend on who asks.
#[derive(Debug, Clone, Copy, Default)]
struct Grants {
    allowed: Permissions,
    denied: Permissions,
}

impl Shared {
    /// Sorts the policies of that revision.
    #[must_use]
    pub fn new(revision: i64, policies: Vec<Policy>) -> Self {
        let mut shared = Self { revision, ..Self::default() };
        for policy in policies.into_iter().filter(|policy| policy.enabled).map(Arc::new) {
            for bucket in policy.rule.subjects.buckets() {
                let part = shared.buckets.entry(bucket).or_default();
                match policy.rule.category {
                    Category::Platform => part.platform.add(&policy.rule),
                    Category::Entities => part.entities.policies.push(Arc::clone(&policy)),
                    // Those are personas' only.
                    Category::Metadata | Category::Data | Category::Glossary | Category::Domain => {}
                }
            }
            if policy.rule.is_about_owners() {
                shared.owners.policies.push(policy);
            }
        }
        shared
    }

    /// What a principal that holds `own` may do on the platform: that and what the policies allow, without what they
    /// deny.
    #[must_use]
    pub fn permissions(&self, principal: &Principal, own: Permissions) -> Permissions {
        let mut grants = Grants { allowed: own, denied: Permissions::NONE };
        for part in self.parts(principal) {
            grants.allowed = grants.allowed.union(part.platform.allowed);
            grants.denied = grants.denied.union(part.platform.denied);
        }
        grants.allowed.denied(grants.denied)
    }

    /// The policies about entities that may concern a principal; some more than once.
    pub fn about(&self, principal: &Principal) -> impl Iterator<Item = &Policy> {
        self.entities(principal).flat_map(|entities| entities.policies.iter().map(Arc::as_ref))
    }

    /// The same, compiled.
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
    /// Adds what a rule of the platform says: its actions are names of permissions, and it is about no resource.
    fn add(&mut self, rule: &Rule) {
        let named: Permissions = rule.actions.iter().filter_map(|action| Permission::find(action)).collect();
        match rule.effect {
            Effect::Allow => self.allowed = self.allowed.union(named),
            Effect::Deny => self.denied = self.denied.union(named),
        }
    }
}
