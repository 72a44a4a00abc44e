//! Authorization questions and decisions.

use super::properties::Properties;
use crate::domain::asset::Relation;
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::principal::Principal;

/// The answer to a [`Question`], with its grounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// The policies or built-in rules that decided: every allow, or every deny. Empty when nothing matched.
    pub grounds: Vec<Ground>,
}

/// The outcome of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A policy or a rule allows the action, and none denies it.
    Allowed,
    /// A policy or a rule denies the action.
    Denied,
    /// No policy and no rule allows the action.
    Unmatched,
}

/// One policy or rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// A policy.
    Policy(PolicyId),
    /// A built-in rule, by its name.
    BuiltIn(&'static str),
}

impl Decision {
    /// The decision when no policy and no rule matched.
    pub const UNMATCHED: Self = Self { outcome: Outcome::Unmatched, grounds: Vec::new() };

    /// Whether the action is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// Combines two decisions: a deny wins over an allow, and an allow over no match.
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

/// A question: may this subject perform this action on this resource?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The subject.
    pub subject: &'a Subject<'a>,
    /// The action.
    pub action: &'a str,
    /// Properties of the action.
    pub action_properties: &'a Properties,
    /// The resource.
    pub resource: &'a Resource,
}

/// The subject of a question.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// Its enabled personas.
    pub personas: Vec<PersonaId>,
    /// Properties of the subject from the question.
    pub properties: Properties,
}

/// The resource of a question.
#[derive(Debug, Clone, Default)]
pub struct Resource {
    /// Its qualified name or URN; empty for the platform itself.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// Its stored properties and those from the question.
    pub properties: Properties,
    /// User names of its owners.
    pub owners: Vec<String>,
    /// The subject's relation (admin or viewer) to it or to one of its ancestors.
    pub relation: Option<Relation>,
}

impl Resource {
    /// The platform itself, which platform policies apply to.
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
    /// The principal's id.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        self.principal.id
    }
}
