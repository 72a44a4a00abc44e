//! What all entities have: attributes and a state.

use serde_json::{Map, Value};

/// What clients keep with an entity, by attribute name.
pub type Attributes = Map<String, Value>;

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
