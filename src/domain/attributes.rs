//! The parts common to all entities: attributes and a state.

use serde_json::{Map, Value};

/// Attributes that clients store with an entity, by name.
pub type Attributes = Map<String, Value>;

/// Whether an entity is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityState {
    /// In use.
    Active,
    /// Softly deleted; it can be revived.
    Deleted,
}

impl EntityState {
    /// Every state.
    pub const ALL: [Self; 2] = [Self::Active, Self::Deleted];

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
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
