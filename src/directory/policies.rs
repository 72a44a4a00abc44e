//! Compiled policies in memory.
//!
//! A change to any policy makes every record unusable, so a fresh record knows the revision of the policies in force.
//! Slices of that revision or a later one are right for it; older ones are compiled anew when somebody asks for them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use quick_cache::sync::Cache;

use crate::domain::error::Result;
use crate::domain::ids::PersonaId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::engine::{Asked, Slice};
use crate::domain::policy::{Bucket, Category, Outcome, Policy, Properties, Question, Resource, Subject};
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
}

/// The policies about one subject, compiled when somebody first asks.
#[derive(Default)]
struct Part {
    policies: Vec<Arc<Policy>>,
    entities: OnceLock<Arc<Slice>>,
    platform: OnceLock<Grants>,
}

/// What the platform policies of a part say.
#[derive(Debug, Clone, Copy)]
struct Grants {
    allowed: Permissions,
    denied: Permissions,
}

impl Shared {
    /// Sorts the policies of that revision.
    #[must_use]
    pub fn new(revision: i64, policies: Vec<Policy>) -> Self {
        let mut buckets: HashMap<Bucket, Part> = HashMap::new();
        for policy in policies.into_iter().filter(|policy| policy.enabled).map(Arc::new) {
            for bucket in policy.rule.subjects.buckets() {
                buckets.entry(bucket).or_default().policies.push(Arc::clone(&policy));
            }
        }
        Self { revision, buckets }
    }

    /// What a principal that holds `own` may do on the platform: that and what the policies allow, without what they
    /// deny.
    ///
    /// # Errors
    /// When the policies do not compile.
    pub fn permissions(&self, principal: &Principal, own: Permissions) -> Result<Permissions> {
        let mut grants = Grants { allowed: own, denied: Permissions::NONE };
        for bucket in Bucket::of(principal) {
            let Some(part) = self.buckets.get(&bucket) else { continue };
            let more = part.platform(principal)?;
            grants.allowed = grants.allowed.union(more.allowed);
            grants.denied = grants.denied.union(more.denied);
        }
        Ok(grants.allowed.without(grants.denied))
    }

    /// The policies that may concern a principal; some more than once.
    pub fn about(&self, principal: &Principal) -> impl Iterator<Item = &Policy> {
        let parts = Bucket::of(principal).into_iter().filter_map(|bucket| self.buckets.get(&bucket));
        parts.flat_map(|part| part.policies.iter().map(Arc::as_ref))
    }

    /// The policies about entities that may concern a principal.
    ///
    /// # Errors
    /// When they do not compile.
    pub fn slices(&self, principal: &Principal) -> Result<Vec<Arc<Slice>>> {
        let parts = Bucket::of(principal).into_iter().filter_map(|bucket| self.buckets.get(&bucket));
        parts.map(Part::entities).collect()
    }
}

impl Part {
    fn compile(&self, category: Category) -> Result<Slice> {
        Slice::compile(self.policies.iter().filter(|policy| policy.rule.category == category).map(Arc::as_ref))
    }

    fn entities(&self) -> Result<Arc<Slice>> {
        remembered(&self.entities, || self.compile(Category::Entities).map(Arc::new))
    }

    /// The same for everybody whom the part is about, so whoever asks first has it found out for all.
    fn platform(&self, principal: &Principal) -> Result<Grants> {
        remembered(&self.platform, || {
            let slice = self.compile(Category::Platform)?;
            let answers: Vec<(Permission, Outcome)> = Permission::ALL
                .into_iter()
                .map(|permission| Ok((permission, ask_platform(principal, permission, &slice)?)))
                .collect::<Result<_>>()?;
            let with = |outcome| answers.iter().filter(|(_, found)| *found == outcome).map(|(each, _)| *each).collect();
            Ok(Grants { allowed: with(Outcome::Allowed), denied: with(Outcome::Denied) })
        })
    }
}

fn ask_platform(principal: &Principal, permission: Permission, slice: &Slice) -> Result<Outcome> {
    let subject = Subject { principal, personas: Vec::new(), properties: Properties::new() };
    let (action_properties, resource) = (Properties::new(), Resource::platform());
    let question = Question {
        subject: &subject,
        action: permission.name(),
        action_properties: &action_properties,
        resource: &resource,
    };
    Ok(Asked::new(question)?.judge(slice).outcome)
}

fn remembered<T: Clone>(place: &OnceLock<T>, find: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(known) = place.get() {
        return Ok(known.clone());
    }
    let found = find()?;
    Ok(place.get_or_init(|| found).clone())
}
