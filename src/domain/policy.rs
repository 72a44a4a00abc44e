//! Policies: each is one rule about who may do what with which resources.
//!
//! A persona's policies are Atlan's (metadata, data, glossary, domain); platform and entity policies are DataHub's.
//! They are rows of one table, evaluated by one engine: a deny wins over every allow, and what no policy allows is
//! denied.

pub mod catalogue;
mod cedar;
mod criterion;
mod decision;
pub mod engine;
mod names;
mod properties;
mod scope;
mod subjects;
pub mod system;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::asset::{AssetKind, AssetOperation};
use super::ids::{PersonaId, PolicyId};

pub use self::catalogue::Category;
pub use self::criterion::{Condition, Criterion, Facet, Pattern, covering};
pub use self::decision::{Decision, Ground, Outcome, Question, Resource, Subject};
pub use self::names::Patterns;
pub use self::properties::{Properties, property, stored_properties};
pub use self::scope::{Extent, Extents, Scope};
pub use self::subjects::{Bucket, Subjects};

/// A policy: one rule with its name and metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its id; `guid` on Atlan's wire.
    pub id: PolicyId,
    /// A persona's policy: the persona's qualified name, a slash, and the id. DataHub's: its URN.
    pub qualified_name: String,
    /// The persona whose linked principals the policy applies to; `None` if the policy names its subjects.
    pub persona: Option<PersonaId>,
    /// For people; not unique.
    pub name: String,
    /// The description; may be empty.
    pub description: String,
    /// The rule.
    pub rule: Rule,
    /// A disabled policy has no effect.
    pub enabled: bool,
    /// Whether the policy can be changed; the built-in policies of the system cannot.
    pub editable: bool,
    /// Attributes that a client wrote and that decide nothing, stored unchanged.
    pub attributes: Map<String, Value>,
    /// The user name of its creator.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// The rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The category of the rule.
    pub category: Category,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The actions it applies to: names of the [`catalogue`], or DataHub privileges. Empty means no action.
    pub actions: Vec<String>,
    /// The resources it applies to: those that meet every criterion. Empty means every resource.
    pub resources: Vec<Criterion>,
    /// The subjects it applies to, unless it belongs to a persona.
    pub subjects: Subjects,
}

impl Rule {
    /// Whether it depends on more of a resource than its name and type.
    #[must_use]
    pub fn looks_at_resource(&self) -> bool {
        let looks = |criterion: &Criterion| matches!(criterion.field, Facet::Resource(_));
        self.is_about_owners() || self.resources.iter().any(looks)
    }

    /// Reduces the rule to a resource's name, type and these known properties. Where it depends on more, an allow rule
    /// matches nothing and a deny rule matches everything. Returns whether the rule can still match for the user of
    /// that name.
    #[must_use]
    pub fn reduce_to(&mut self, known: &Properties, username: &str) -> bool {
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

    /// The rules that this one is applied as. A search decides about all assets at once, by their names, types and owners. So for
    /// the actions that read an asset, a criterion on anything else is met by no asset if the rule allows, and by every asset if
    /// it denies: reading one asset gives the same as searching for it.
    #[must_use]
    pub fn applied(&self) -> Vec<Cow<'_, Self>> {
        let reads = |action: &&String| AssetKind::ALL.iter().any(|kind| kind.action(AssetOperation::Read) == **action);
        let is_known = |criterion: &&Criterion| matches!(criterion.field, Facet::Name | Facet::Type);
        if self.resources.iter().all(|each| is_known(&each)) || !self.actions.iter().any(|each| reads(&each)) {
            return vec![Cow::Borrowed(self)];
        }
        let (reading, others): (Vec<String>, Vec<String>) = self.actions.iter().cloned().partition(|each| reads(&each));
        let others = Self { actions: others, ..self.clone() };
        let known = self.resources.iter().filter(is_known).cloned().collect();
        let reading =
            (self.effect == Effect::Deny).then(|| Self { actions: reading, resources: known, ..self.clone() });
        [others].into_iter().chain(reading).map(Cow::Owned).collect()
    }

    /// How many actions and resource values it names; a criterion without values counts as 1.
    #[must_use]
    pub fn names(&self) -> usize {
        self.actions.len() + self.resources.iter().map(|criterion| criterion.values.len().max(1)).sum::<usize>()
    }

    /// Whether it applies to the owners of the resource. Only entity policies can: the platform has no owners, and a
    /// persona's policy applies to the persona's principals.
    #[must_use]
    pub fn is_about_owners(&self) -> bool {
        self.subjects.owners && self.category == Category::Entities
    }
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows, unless another policy denies.
    Allow,
    /// Denies; wins over every allow.
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
