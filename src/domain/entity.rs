//! Entities: what Atlan's clients call personas, policies and assets alike.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::asset::{Asset, PeopleList};
use super::error::{Result, Violation};
use super::listing::clip;
use super::persona::Persona;
use super::policy::Condition::Covers;
use super::policy::{Category, Criterion, Effect, Facet, Policy};
use super::text::{Description, DisplayName, fold};

/// What clients keep with an entity, by attribute name.
pub type Attributes = Map<String, Value>;

/// The type name of personas.
pub const PERSONA: &str = "Persona";
/// The type name of policies.
pub const POLICY: &str = "AuthPolicy";

/// The longest value that is indexed and can be searched for, in bytes.
pub const TERM_LENGTH: usize = 512;
/// The longest qualified name, in bytes.
pub const QUALIFIED_NAME_LENGTH: usize = 1024;

/// Whether an entity is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityState {
    /// It is.
    Active,
    /// It was deleted softly, and can come back.
    Deleted,
}

impl EntityState {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Deleted => "DELETED",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        [Self::Active, Self::Deleted].into_iter().find(|state| state.name() == name)
    }
}

/// Any entity, with all that is told of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// A persona, the names of the users linked to it, and the ids of its policies.
    Persona(LinkedPersona),
    /// A policy.
    Policy(Policy),
    /// A connection, a collection or anything else.
    Asset(Asset),
}

/// A persona with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedPersona {
    /// The persona.
    pub persona: Persona,
    /// The user names of the users linked to it, in order. API keys are not among them.
    pub users: Vec<String>,
    /// The ids of those of its policies that are told, in order.
    pub policies: Vec<String>,
}

impl Entity {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Persona(linked) => linked.persona.id.uuid(),
            Self::Policy(policy) => policy.id.uuid(),
            Self::Asset(asset) => asset.id.uuid(),
        }
    }
}

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

/// What became of a bulk of writes.
#[derive(Debug, Default)]
pub struct Mutation {
    /// New entities.
    pub created: Vec<Entity>,
    /// Those that were there, and those that changed because something beneath them did.
    pub updated: Vec<Entity>,
    /// Those that are gone, or deleted softly.
    pub deleted: Vec<Entity>,
    /// The ids that temporary names came to stand for.
    pub assigned: BTreeMap<String, Uuid>,
}

/// What an entity can be found by: pairs of a field and one of its folded values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Terms(std::collections::BTreeSet<(String, String)>);

impl Terms {
    /// Adds a value, unless it is too long to be searched for.
    pub fn add(&mut self, field: &str, value: &str) {
        if let Some(value) = term(value) {
            self.0.insert((field.to_owned(), value));
        }
    }

    /// Adds every scalar, and every scalar member of an array.
    pub fn add_attributes(&mut self, attributes: &Attributes) {
        for (name, value) in attributes {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for text in values.iter().filter_map(scalar) {
                self.add(name, &text);
            }
        }
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }
}

/// A value as it is indexed; `None` when it is too long, or no database could hold it.
#[must_use]
pub fn term(value: &str) -> Option<String> {
    let folded = fold(value);
    (folded.len() <= TERM_LENGTH && !folded.contains('\0')).then_some(folded)
}

/// A scalar as text: numbers and booleans as JSON writes them.
#[must_use]
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Persona {
    /// What it can be found by.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        terms.add_attributes(&self.attributes);
        for (field, value) in [
            ("__typeName", PERSONA),
            ("__state", EntityState::Active.name()),
            ("__createdBy", self.created_by.as_str()),
            ("name", self.name.as_str()),
            ("displayName", self.display_name.as_str()),
            ("description", self.description.as_str()),
            ("qualifiedName", self.qualified_name.as_str()),
            ("isAccessControlEnabled", if self.enabled { "true" } else { "false" }),
        ] {
            terms.add(field, value);
        }
        terms
    }
}

impl Policy {
    /// What it can be found by. DataHub's policies are no entities to Atlan's clients, and found by nothing.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        if self.persona.is_none() {
            return terms;
        }
        terms.add_attributes(&self.attributes);
        for (field, value) in [
            ("__typeName", POLICY),
            ("__state", EntityState::Active.name()),
            ("__createdBy", self.created_by.as_str()),
            ("name", self.name.as_str()),
            ("description", self.description.as_str()),
            ("qualifiedName", self.qualified_name.as_str()),
            ("policyType", self.rule.effect.name()),
            ("policyCategory", "persona"),
            ("policySubCategory", self.rule.category.name()),
            ("isPolicyEnabled", if self.enabled { "true" } else { "false" }),
        ] {
            terms.add(field, value);
        }
        for action in &self.rule.actions {
            terms.add("policyActions", action);
        }
        for resource in self.wire_resources() {
            terms.add("policyResources", &resource);
        }
        terms
    }

    /// Atlan's `policyResources`: `entity:<pattern>` and `entity-type:<pattern>`.
    #[must_use]
    pub fn wire_resources(&self) -> Vec<String> {
        let prefixed = |criterion: &Criterion| {
            let prefix = RESOURCES.iter().find(|(_, aspect)| *aspect == criterion.field).map(|(prefix, _)| *prefix);
            let values = criterion.values.clone();
            prefix.into_iter().flat_map(move |prefix| values.clone().into_iter().map(move |it| format!("{prefix}{it}")))
        };
        self.rule.resources.iter().flat_map(prefixed).collect()
    }
}

/// How Atlan's resource patterns begin, and what they look at.
const RESOURCES: [(&str, Facet); 2] = [("entity:", Facet::Name), ("entity-type:", Facet::Type)];

/// Reads Atlan's `policyResources`. What names no entity covers none, whatever types it names.
///
/// # Errors
/// A message that names what is not understood.
pub fn parse_resources(patterns: &[String]) -> Result<Vec<Criterion>, String> {
    let mut criteria = RESOURCES.map(|(_, field)| Criterion { field, condition: Covers, values: Vec::new() });
    for pattern in patterns {
        let place = RESOURCES.iter().position(|(prefix, _)| pattern.starts_with(prefix));
        let Some(place) = place.filter(|place| pattern.len() > RESOURCES[*place].0.len()) else {
            return Err(format!("must begin with `entity:` or `entity-type:`, not `{}`", clip(pattern)));
        };
        criteria[place].values.push(pattern[RESOURCES[place].0.len()..].to_owned());
    }
    let [names, types] = criteria;
    let types = Some(types).filter(|types| !types.values.is_empty());
    Ok([names].into_iter().chain(types).collect())
}

impl Asset {
    /// What it can be found by.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        terms.add_attributes(&self.attributes);
        for (field, value) in [
            ("__typeName", self.type_name.as_str()),
            ("__state", self.state.name()),
            ("__createdBy", self.created_by.as_str()),
            ("name", self.name.as_str()),
            ("qualifiedName", self.qualified_name.as_str()),
        ] {
            terms.add(field, value);
        }
        terms
    }
}

/// Checks a qualified name that a client chose.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_qualified_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > QUALIFIED_NAME_LENGTH {
        return Err(format!("must have 1 to {QUALIFIED_NAME_LENGTH} bytes"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err("must not contain control characters, nor white space around it".to_owned());
    }
    Ok(())
}
