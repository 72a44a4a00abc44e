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
    /// `default/<22 characters>`, minted here, for ever.
    pub qualified_name: String,
    /// Unique.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// May be empty.
    pub description: String,
    /// A disabled persona stays linked and grants nothing.
    pub enabled: bool,
    /// What Atlan's clients keep with it.
    pub attributes: Attributes,
    /// The user name of whoever created it.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// What a link tells of its persona.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonaRef {
    /// The persona.
    pub id: PersonaId,
    /// Its name.
    pub name: String,
    /// Its qualified name.
    pub qualified_name: String,
    /// Whether it grants anything.
    pub enabled: bool,
}

/// Everything a client may write of a persona; creating and updating take the same.
#[derive(Debug, Clone)]
pub struct PersonaInput {
    /// Unique among personas.
    pub name: DisplayName,
    /// For people; the name unless given.
    pub display_name: DisplayName,
    /// May be empty.
    pub description: Description,
    /// Whether it grants anything.
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
