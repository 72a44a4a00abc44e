//! Policies: one rule each about who may do what with which resources.
//!
//! A persona's policies are Atlan's (metadata, data, glossary, domain); platform and entity policies are DataHub's. They
//! are rows of one table, and one engine evaluates them: a deny wins over every allow, and what no policy allows is
//! denied.

pub mod catalogue;
mod cedar;
mod criterion;
mod decision;
pub mod engine;
mod properties;
mod scope;
mod subjects;
pub mod system;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::ids::{PersonaId, PolicyId};

pub use self::catalogue::Category;
pub use self::criterion::{Condition, Criterion, Facet, Pattern, covering};
pub use self::decision::{Decision, Ground, Outcome, Question, Resource, Subject};
pub use self::properties::{Properties, property, stored_properties};
pub use self::scope::Scope;
pub use self::subjects::{Bucket, Subjects};

/// One rule, with its name and who keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its id; `guid` on Atlan's wire.
    pub id: PolicyId,
    /// A persona's policy: the persona's qualified name, a slash, and the id. DataHub's: its URN.
    pub qualified_name: String,
    /// The persona whose holders it is about; `None` when its subjects say whom.
    pub persona: Option<PersonaId>,
    /// For people; not unique.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// What it says.
    pub rule: Rule,
    /// A disabled policy says nothing.
    pub enabled: bool,
    /// A policy of the system's own cannot be changed.
    pub editable: bool,
    /// What a client wrote of it that decides nothing, as it wrote it.
    pub attributes: Map<String, Value>,
    /// The user name of whoever created it.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What kind of rule it is.
    pub category: Category,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The actions it is about: names of the [`catalogue`], or DataHub privileges. None means none.
    pub actions: Vec<String>,
    /// The resources it is about: those that meet every criterion. None means every resource.
    pub resources: Vec<Criterion>,
    /// Whom it is about, unless it is a persona's.
    pub subjects: Subjects,
}

impl Rule {
    /// Whether it looks at more of a resource than its name and its type.
    #[must_use]
    pub fn looks_at_resource(&self) -> bool {
        let looks = |criterion: &Criterion| matches!(criterion.field, Facet::Resource(_));
        self.is_about_owners() || self.resources.iter().any(looks)
    }

    /// Makes it a rule that looks at no more of a resource than its name, its type and these properties: where it would look
    /// at more, it denies all and allows nothing. Tells whether anything is left of it for the principal of that name.
    #[must_use]
    pub fn look_away(&mut self, known: &Properties, username: &str) -> bool {
        let is_unknown =
            |each: &Criterion| matches!(&each.field, Facet::Resource(property) if !known.contains_key(property));
        match self.effect {
            Effect::Allow => {
                self.subjects.owners = false;
                !self.resources.iter().any(is_unknown)
            }
            Effect::Deny => {
                self.resources.retain(|each| !is_unknown(each));
                if self.is_about_owners() {
                    self.subjects.users.push(username.to_owned());
                }
                true
            }
        }
    }

    /// How many actions and resources it names, at least one.
    #[must_use]
    pub fn names(&self) -> usize {
        self.actions.len() + self.resources.iter().map(|criterion| criterion.values.len().max(1)).sum::<usize>()
    }

    /// Whether it is about the owners of the resource. Only a policy about entities can be: the platform has no owners, and
    /// a persona's policy is about the persona.
    #[must_use]
    pub fn is_about_owners(&self) -> bool {
        self.subjects.owners && self.category == Category::Entities
    }
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What it is about may be done, unless another policy denies it.
    Allow,
    /// What it is about may not be done, whatever allows it.
    Deny,
}

impl Effect {
    /// The name in the database and on Atlan's wire (`policyType`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// The effect of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        [Self::Allow, Self::Deny].into_iter().find(|effect| effect.name() == name)
    }
}
