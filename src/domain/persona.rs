//! Personas: named sets of policies.

use super::attributes::Attributes;
use super::entropy::Entropy;
use super::error::Result;
use super::ids::PersonaId;
use super::text::{Description, DisplayName};

/// A named set of policies, known by its qualified name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// Its id; `guid` in paths.
    pub id: PersonaId,
    /// `default/<22 characters>`, minted by Tessera, immutable.
    pub qualified_name: String,
    /// Unique.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// The description; may be empty.
    pub description: String,
    /// A disabled persona stays linked and grants nothing.
    pub enabled: bool,
    /// Other attributes that Atlan's clients store.
    pub attributes: Attributes,
    /// The user name of its creator.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// The parts of a persona that its links carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonaRef {
    /// The persona.
    pub id: PersonaId,
    /// Its name.
    pub name: String,
    /// Its qualified name.
    pub qualified_name: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// The writable parts of a persona, the same for creating and updating.
#[derive(Debug, Clone)]
pub struct PersonaInput {
    /// Unique among personas.
    pub name: DisplayName,
    /// For people; defaults to the name.
    pub display_name: DisplayName,
    /// The description; may be empty.
    pub description: Description,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// A new qualified name: `default/` and 22 random base62 characters.
///
/// # Errors
/// When there is no randomness.
pub fn mint_qualified_name(entropy: Entropy) -> Result<String> {
    let mut random = super::token::KeyId([0; 16]);
    entropy.fill(&mut random.0)?;
    Ok(format!("default/{random}"))
}
