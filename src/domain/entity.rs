//! Entities: what Atlan's clients call personas, policies and assets alike.

mod draft;
mod resources;
mod terms;

use std::collections::BTreeMap;

use uuid::Uuid;

use super::asset::Asset;
use super::persona::Persona;
use super::policy::Policy;
use super::text::is_hidden;

pub use self::draft::{AssetDraft, Draft, Handle, Head, PersonaDraft, PersonaReference, PolicyDraft};
pub use self::resources::parse_resources;
pub use self::terms::{TERM_LENGTH, Terms, scalar, term};
pub use super::attributes::{Attributes, EntityState};

/// The type name of personas.
pub const PERSONA: &str = "Persona";
/// The type name of policies.
pub const POLICY: &str = "AuthPolicy";

/// The longest qualified name, in bytes.
pub const QUALIFIED_NAME_LENGTH: usize = 1024;

/// The message for a list of texts with a member that is not allowed.
pub const LISTED: &str = "must hold texts of 1 to 1024 bytes only, without hidden characters";

/// Whether a text can be a member of a list of texts: of actions, resources or people.
#[must_use]
pub fn is_listed(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && !text.chars().any(is_hidden)
}

/// Any entity, as returned to clients.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// A persona, the names of the users linked to it, and the ids of its policies.
    Persona(LinkedPersona),
    /// A policy.
    Policy(Policy),
    /// A connection, a collection or anything else.
    Asset(Asset),
    /// An entity that is reduced to its identity, because the client that wrote it may not see it.
    Identity(EntityIdentity),
}

/// The identity of an entity, for a client that wrote it but may not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityIdentity {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    pub type_name: String,
    /// Its qualified name.
    pub qualified_name: String,
}

/// A persona with its users and policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedPersona {
    /// The persona.
    pub persona: Persona,
    /// The user names of the users linked to it, in order. API keys are not among them.
    pub users: Vec<String>,
    /// The ids of those of its policies that the actor sees, in order.
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
            Self::Identity(unseen) => unseen.id,
        }
    }

    /// This entity, reduced to its identity.
    #[must_use]
    pub fn unseen(self) -> Self {
        let id = self.id();
        let (type_name, qualified_name) = match self {
            Self::Persona(linked) => (PERSONA.to_owned(), linked.persona.qualified_name),
            Self::Policy(policy) => (POLICY.to_owned(), policy.qualified_name),
            Self::Asset(asset) => (asset.type_name, asset.qualified_name),
            Self::Identity(unseen) => (unseen.type_name, unseen.qualified_name),
        };
        Self::Identity(EntityIdentity { id, type_name, qualified_name })
    }
}

/// The result of a bulk write.
#[derive(Debug, Default)]
pub struct Mutation {
    /// New entities.
    pub created: Vec<Entity>,
    /// Existing entities that were written, and those that changed because something beneath them did.
    pub updated: Vec<Entity>,
    /// Entities deleted for good or softly.
    pub deleted: Vec<Entity>,
    /// The ids assigned to temporary names.
    pub assigned: BTreeMap<String, Uuid>,
}

/// Checks a qualified name that a client chose.
///
/// # Errors
/// A message that says what is allowed.
pub fn check_qualified_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > QUALIFIED_NAME_LENGTH {
        return Err(format!("must have 1 to {QUALIFIED_NAME_LENGTH} bytes"));
    }
    if name.trim() != name || name.chars().any(is_hidden) {
        return Err("must not contain hidden characters, nor white space around it".to_owned());
    }
    Ok(())
}
