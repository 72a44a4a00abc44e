//! Policies: one rule each about who may do what with which resources.
//!
//! A persona's policies are Atlan's (metadata, data, glossary, domain); platform and entity policies are DataHub's. They
//! are rows of one table, and one engine evaluates them: a deny wins over every allow, and what no policy allows is
//! denied.

pub mod catalogue;
mod cedar;
pub mod engine;
mod properties;
pub mod system;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{PersonaId, PolicyId, PrincipalId};
use super::principal::{Principal, Role};

pub use self::catalogue::Category;
pub use self::properties::{Properties, property, stored_properties};

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
        let looks = |criterion: &Criterion| matches!(criterion.field, Aspect::Resource(_));
        self.subjects.owners || self.resources.iter().any(looks)
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

/// A condition on a resource, or on what else a request tells: met when any of its values meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// What is looked at.
    pub field: Aspect,
    /// How it is compared.
    pub condition: Condition,
    /// With what.
    pub values: Vec<String>,
}

impl Criterion {
    /// The resources that one of Atlan's patterns covers.
    #[must_use]
    pub fn covers(patterns: Vec<String>) -> Self {
        Self { field: Aspect::Name, condition: Condition::Covers, values: patterns }
    }
}

/// What a criterion looks at. DataHub's criteria name it by a word; see [`Aspect::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The resource's qualified name or URN.
    Name,
    /// The resource's type.
    Type,
    /// A property of the resource.
    Resource(String),
    /// A property of whoever asks.
    Subject(String),
    /// A property of the action.
    Action(String),
}

impl Aspect {
    /// Reads DataHub's field names: `URN`, `TYPE`, and any other property of the resource; `subject.` and `action.` lead to
    /// the properties of the other two.
    #[must_use]
    pub fn parse(field: &str) -> Self {
        match field.split_once('.') {
            Some(("subject", property)) => Self::Subject(property.to_owned()),
            Some(("action", property)) => Self::Action(property.to_owned()),
            Some(("resource", property)) => Self::Resource(property.to_owned()),
            _ => match field {
                "URN" => Self::Name,
                "TYPE" => Self::Type,
                property => Self::Resource(property.to_owned()),
            },
        }
    }

    /// The field name that [`Aspect::parse`] reads.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Name => "URN".to_owned(),
            Self::Type => "TYPE".to_owned(),
            Self::Resource(property) => property.clone(),
            Self::Subject(property) => format!("subject.{property}"),
            Self::Action(property) => format!("action.{property}"),
        }
    }
}

/// How a criterion compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The same text.
    Equals,
    /// It begins with it.
    StartsWith,
    /// None of the values, or not there at all.
    NotEquals,
    /// Atlan's resource pattern: `*` stands for anything, and what lies beneath the named asset is covered too: after a
    /// slash, or before `@` for what is in a glossary.
    Covers,
}

/// What Atlan's resource pattern stands for: each alternative is pieces with anything between them.
#[must_use]
pub fn covering(pattern: &str) -> Vec<Vec<String>> {
    let pieces = |text: &str| text.split('*').map(str::to_owned).collect::<Vec<_>>();
    if pattern.ends_with('*') {
        return vec![pieces(pattern)];
    }
    vec![pieces(pattern), pieces(&format!("{pattern}/*")), pieces(&format!("*@{pattern}"))]
}

impl Condition {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Equals, "EQUALS"),
        (Self::StartsWith, "STARTS_WITH"),
        (Self::NotEquals, "NOT_EQUALS"),
        (Self::Covers, "COVERS"),
    ];

    /// DataHub's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(condition, _)| *condition == self).map_or("", |(_, name)| name)
    }

    /// The condition with that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(condition, _)| *condition)
    }
}

/// Whom a policy is about. Nobody, unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subjects {
    /// User names, of users and of service accounts.
    pub users: Vec<String>,
    /// Names of groups. Tessera knows no groups: they are kept, and nobody is in them.
    pub groups: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Everybody but API keys: those have only what they were given themselves.
    pub everyone: bool,
    /// Everybody who is in any group.
    pub every_group: bool,
    /// Whoever owns the resource.
    pub owners: bool,
    /// Kinds of ownership, as the client wrote them.
    pub owner_types: Vec<String>,
}

/// A part of the policies that are no persona's: those about the same subject. Nobody needs the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// About everybody but API keys.
    Everyone,
    /// About those who have a role.
    Role(&'static str),
    /// About the one with that user name.
    User(String),
    /// About whoever owns the resource.
    Owners,
}

impl Bucket {
    /// Where the policies about a principal are.
    #[must_use]
    pub fn of(principal: &Principal) -> Vec<Self> {
        let mut buckets =
            vec![Self::Owners, Self::Role(principal.role.name()), Self::User(principal.username().to_string())];
        if principal.is_in_everyone() {
            buckets.push(Self::Everyone);
        }
        buckets
    }
}

impl Subjects {
    /// Where a policy about these belongs.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let everyone = self.everyone.then_some(Bucket::Everyone);
        let owners = self.owners.then_some(Bucket::Owners);
        let roles = self.roles.iter().filter_map(|name| Role::find(name)).map(|role| Bucket::Role(role.name()));
        let users = self.users.iter().cloned().map(Bucket::User);
        everyone.into_iter().chain(owners).chain(roles).chain(users)
    }
}

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
    /// Whether the subject is among its admins, or those of what it lies beneath.
    pub administered: bool,
    /// The same for its viewers.
    pub viewed: bool,
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
