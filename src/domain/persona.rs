//! Personas: named sets of policies.

use super::entropy::Entropy;
use super::error::Result;
use super::filter::Value;
use super::ids::PersonaId;
use super::listing::{Direction, Field, Kind};
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
    /// The user name of whoever created it.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// What a link tells of its persona.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What personas can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonaField {
    /// The GUID.
    Id,
    /// `default/<22 characters>`.
    QualifiedName,
    /// The unique name.
    Name,
    /// The name for people.
    DisplayName,
    /// When it was created.
    CreatedAt,
}

impl Field for PersonaField {
    const ALL: &'static [Self] = &[Self::Id, Self::QualifiedName, Self::Name, Self::DisplayName, Self::CreatedAt];
    const DEFAULT_SORT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::QualifiedName => "qualifiedName",
            Self::Name => "name",
            Self::DisplayName => "displayName",
            Self::CreatedAt => "createdAt",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Id | Self::QualifiedName => Kind::Exact,
            Self::Name | Self::DisplayName => Kind::Text,
            Self::CreatedAt => Kind::Instant,
        }
    }

    fn sortable(self) -> bool {
        matches!(self, Self::Name | Self::CreatedAt)
    }
}

impl Persona {
    /// What a cursor remembers of a field one can sort by.
    #[must_use]
    pub fn sort_value(&self, field: PersonaField) -> Value {
        match field {
            PersonaField::CreatedAt => Value::Instant(self.created_at),
            PersonaField::Name => Value::Text(self.name.clone()),
            PersonaField::Id | PersonaField::QualifiedName | PersonaField::DisplayName => {
                Value::Text(self.id.to_string())
            }
        }
    }
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
