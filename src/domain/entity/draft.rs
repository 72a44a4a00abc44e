//! What clients write of entities.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Attributes, EntityState};
use crate::domain::asset::PeopleList;
use crate::domain::error::{Result, Violation};
use crate::domain::policy::{Category, Criterion, Effect};
use crate::domain::text::{Description, DisplayName};

/// How a client refers to the entity it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handle {
    /// Not at all: it is known by its qualified name, or new.
    Unnamed,
    /// By a name for this one request, which begins with `-`; otherwise as above.
    Temporary(String),
    /// By its id.
    Known(Uuid),
}

/// What a client writes of an entity: what is absent stays as it is.
#[derive(Debug, Clone)]
pub enum Draft {
    /// Of a persona.
    Persona(PersonaDraft),
    /// Of a policy.
    Policy(PolicyDraft),
    /// Of an asset.
    Asset(AssetDraft),
}

/// What all drafts have.
#[derive(Debug, Clone)]
pub struct Head {
    /// Where it stands in the request, for messages: `entities[0]`.
    pub path: String,
    /// Which entity it is about.
    pub handle: Handle,
    /// The qualified name it gives.
    pub qualified_name: Option<String>,
    /// The name it gives.
    pub name: Option<DisplayName>,
    /// Attributes without columns of their own; `null` clears one.
    pub attributes: Attributes,
}

impl Head {
    /// A violation of one of the draft's attributes.
    #[must_use]
    pub fn violation(&self, attribute: &str, message: impl Into<String>) -> Violation {
        Violation::new(format!("{}.attributes.{attribute}", self.path), message)
    }

    /// Whether a qualified name of a persona or a policy was minted here. Clients give new ones their names for it.
    #[must_use]
    pub fn is_reference(&self, qualified_name: &str) -> bool {
        qualified_name.starts_with("default/") && self.name.as_ref().is_none_or(|name| name.as_str() != qualified_name)
    }

    /// The name, which a new entity must have.
    ///
    /// # Errors
    /// A violation when there is none.
    pub fn required_name(&self) -> Result<&DisplayName, Violation> {
        self.name.as_ref().ok_or_else(|| self.violation("name", "is required"))
    }

    /// Writes the attributes over those there were.
    #[must_use]
    pub fn merged(&self, mut before: Attributes) -> Attributes {
        for (name, value) in &self.attributes {
            if value.is_null() {
                before.remove(name);
            } else {
                before.insert(name.clone(), value.clone());
            }
        }
        before
    }
}

/// What a client writes of a persona.
#[derive(Debug, Clone)]
pub struct PersonaDraft {
    /// What all drafts have.
    pub head: Head,
    /// For people.
    pub display_name: Option<DisplayName>,
    /// May be empty.
    pub description: Option<Description>,
    /// Whether it grants anything.
    pub enabled: Option<bool>,
    /// The complete set of users that are linked to it.
    pub users: Option<Vec<String>>,
}

/// How a client refers to the persona of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonaReference {
    /// By its id.
    Id(Uuid),
    /// By the name that another entity of the same request has for this request.
    Temporary(String),
    /// By its qualified name.
    QualifiedName(String),
}

/// What a client writes of a policy.
#[derive(Debug, Clone)]
pub struct PolicyDraft {
    /// What all drafts have.
    pub head: Head,
    /// The persona whose policy it is.
    pub persona: Option<PersonaReference>,
    /// May be empty.
    pub description: Option<Description>,
    /// What kind of rule it is.
    pub category: Option<Category>,
    /// Whether it allows or denies.
    pub effect: Option<Effect>,
    /// The complete set of its actions.
    pub actions: Option<Vec<String>>,
    /// The complete set of what its resources must meet.
    pub resources: Option<Vec<Criterion>>,
    /// Whether it says anything.
    pub enabled: Option<bool>,
}

/// What a client writes of an asset.
#[derive(Debug, Clone)]
pub struct AssetDraft {
    /// What all drafts have.
    pub head: Head,
    /// Of which type it is.
    pub type_name: String,
    /// Whether it says that the asset is deleted, which leaves the state alone; any other write revives.
    pub state: EntityState,
    /// Each list it gives, as the complete new set.
    pub people: BTreeMap<PeopleList, Vec<String>>,
}
