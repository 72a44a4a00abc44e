//! Drafts: what clients write of entities.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Attributes, EntityState};
use crate::domain::asset::PeopleList;
use crate::domain::error::{Result, Violation};
use crate::domain::policy::{Category, Criterion, Effect};
use crate::domain::text::{Description, DisplayName};

/// How a client refers to the entity it writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Handle {
    /// By its qualified name; an entity with an unknown name is new.
    #[default]
    Unnamed,
    /// By a name for this one request, which begins with `-`; otherwise like `Unnamed`.
    Temporary(String),
    /// By its id.
    Known(Uuid),
}

/// The parts of an entity that a client writes; absent parts stay as they are.
#[derive(Debug, Clone)]
pub enum Draft {
    /// A persona.
    Persona(PersonaDraft),
    /// A policy.
    Policy(PolicyDraft),
    /// An asset.
    Asset(AssetDraft),
}

/// The parts common to all drafts.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Its place in the request, for messages: `entities[0]`. Empty if it is the only entity.
    pub path: String,
    /// How the client refers to the entity.
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
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}.attributes.", self.path) };
        Violation::new(prefix + attribute, message)
    }

    /// Whether the qualified name of a persona or policy was minted by Tessera. For a new one, clients send its name as
    /// qualified name.
    #[must_use]
    pub fn is_reference(&self, qualified_name: &str) -> bool {
        qualified_name.starts_with("default/") && self.name.as_ref().is_none_or(|name| name.as_str() != qualified_name)
    }

    /// The name, required for a new entity.
    ///
    /// # Errors
    /// A violation without a name.
    pub fn required_name(&self) -> Result<&DisplayName, Violation> {
        self.name.as_ref().ok_or_else(|| self.violation("name", "is required"))
    }

    /// The previous attributes, overwritten by those of the draft.
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

/// The draft of a persona.
#[derive(Debug, Clone)]
pub struct PersonaDraft {
    /// The common parts.
    pub head: Head,
    /// For people.
    pub display_name: Option<DisplayName>,
    /// The description; may be empty.
    pub description: Option<Description>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
    /// The complete set of users linked to it.
    pub users: Option<Vec<String>>,
}

/// How a client refers to the persona of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonaReference {
    /// By its id.
    Id(Uuid),
    /// By the temporary name of another entity of the same request.
    Temporary(String),
    /// By its qualified name.
    QualifiedName(String),
}

/// The draft of a policy.
#[derive(Debug, Clone)]
pub struct PolicyDraft {
    /// The common parts.
    pub head: Head,
    /// The persona it belongs to.
    pub persona: Option<PersonaReference>,
    /// The description; may be empty.
    pub description: Option<Description>,
    /// The category of the rule.
    pub category: Option<Category>,
    /// Whether it allows or denies.
    pub effect: Option<Effect>,
    /// The complete set of its actions.
    pub actions: Option<Vec<String>>,
    /// The complete set of criteria for its resources.
    pub resources: Option<Vec<Criterion>>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
}

/// The draft of an asset.
#[derive(Debug, Clone)]
pub struct AssetDraft {
    /// The common parts.
    pub head: Head,
    /// Its type.
    pub type_name: String,
    /// The state it names. `Deleted` leaves the stored state alone; any other write revives the asset.
    pub state: EntityState,
    /// The people lists it gives, each as the complete new set.
    pub people: BTreeMap<PeopleList, Vec<String>>,
}
