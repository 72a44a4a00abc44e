//! Questions, and what they are answered.

use super::properties::Properties;
use crate::domain::asset::Relation;
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::principal::Principal;

/// Whether somebody may do something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it comes to.
    pub outcome: Outcome,
    /// What decided it: every allow, or every deny. Nothing when nothing matched.
    pub grounds: Vec<Ground>,
}

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something allows it, and nothing denies it.
    Allowed,
    /// Something denies it.
    Denied,
    /// Nothing allows it.
    Unmatched,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// A policy.
    Policy(PolicyId),
    /// A rule that is built in, by its name.
    BuiltIn(&'static str),
}

impl Decision {
    /// Nothing matched.
    pub const UNMATCHED: Self = Self { outcome: Outcome::Unmatched, grounds: Vec::new() };

    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// Both together: a deny wins over an allow, and an allow over nothing.
    #[must_use]
    pub fn and(mut self, mut other: Self) -> Self {
        let rank = |outcome| match outcome {
            Outcome::Denied => 2,
            Outcome::Allowed => 1,
            Outcome::Unmatched => 0,
        };
        match rank(self.outcome).cmp(&rank(other.outcome)) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal => {
                self.grounds.append(&mut other.grounds);
                self
            }
        }
    }
}

/// A question: may they do this with that?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who would do it.
    pub subject: &'a Subject<'a>,
    /// What they would do.
    pub action: &'a str,
    /// Properties of the action.
    pub action_properties: &'a Properties,
    /// What they would do it with.
    pub resource: &'a Resource,
}

/// Who would do something.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// Their enabled personas.
    pub personas: Vec<PersonaId>,
    /// Properties that the question gave them.
    pub properties: Properties,
}

/// What something would be done with.
#[derive(Debug, Clone, Default)]
pub struct Resource {
    /// Its qualified name or URN; empty for the platform itself.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// Its own properties and those that the question gave it.
    pub properties: Properties,
    /// User names of its owners.
    pub owners: Vec<String>,
    /// As what it, or what it lies beneath, names the subject.
    pub relation: Option<Relation>,
}

impl Resource {
    /// The platform itself: what platform policies are about.
    #[must_use]
    pub fn platform() -> Self {
        Self::default()
    }

    /// Whether it is the platform.
    #[must_use]
    pub fn is_platform(&self) -> bool {
        self.name.is_empty()
    }
}

impl Subject<'_> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        self.principal.id
    }
}
