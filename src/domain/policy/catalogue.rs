//! The actions, by category. New actions and categories are added only here.

/// The category of a policy. The first four are those of an Atlan persona, the others DataHub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Assets and their metadata.
    Metadata,
    /// The data itself.
    Data,
    /// Glossaries, their terms and categories.
    Glossary,
    /// Data domains and data products.
    Domain,
    /// The platform: actions are names of permissions. DataHub's `PLATFORM`.
    Platform,
    /// Entities: actions are DataHub privileges. DataHub's `METADATA`.
    Entities,
}

/// Whether an action reads or writes its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// The action reads.
    Reads,
    /// The action writes.
    Writes,
}

use AccessMode::{Reads, Writes};
use Category::{Data, Domain, Entities, Glossary, Metadata, Platform};

/// The categories, by their names in the database.
const CATEGORIES: [(Category, &str); 6] = [
    (Metadata, "metadata"),
    (Data, "data"),
    (Glossary, "glossary"),
    (Domain, "domain"),
    (Platform, "platform"),
    (Entities, "entities"),
];

/// Atlan's actions, as its SDKs name them.
const ACTIONS: [(Category, &str, AccessMode); 38] = [
    (Metadata, "persona-asset-read", Reads),
    (Metadata, "persona-asset-update", Writes),
    (Metadata, "persona-api-create", Writes),
    (Metadata, "persona-api-delete", Writes),
    (Metadata, "persona-business-update-metadata", Writes),
    (Metadata, "persona-entity-add-classification", Writes),
    (Metadata, "persona-entity-update-classification", Writes),
    (Metadata, "persona-entity-remove-classification", Writes),
    (Metadata, "persona-add-terms", Writes),
    (Metadata, "persona-remove-terms", Writes),
    (Metadata, "persona-dq-create", Writes),
    (Metadata, "persona-dq-read", Reads),
    (Metadata, "persona-dq-update", Writes),
    (Metadata, "persona-dq-delete", Writes),
    (Data, "select", Reads),
    (Glossary, "persona-glossary-read", Reads),
    (Glossary, "persona-glossary-create", Writes),
    (Glossary, "persona-glossary-update", Writes),
    (Glossary, "persona-glossary-delete", Writes),
    (Glossary, "persona-glossary-update-custom-metadata", Writes),
    (Glossary, "persona-glossary-add-classifications", Writes),
    (Glossary, "persona-glossary-update-classifications", Writes),
    (Glossary, "persona-glossary-delete-classifications", Writes),
    (Domain, "persona-domain-read", Reads),
    (Domain, "persona-domain-create", Writes),
    (Domain, "persona-domain-update", Writes),
    (Domain, "persona-domain-delete", Writes),
    (Domain, "persona-domain-sub-domain-read", Reads),
    (Domain, "persona-domain-sub-domain-create", Writes),
    (Domain, "persona-domain-sub-domain-update", Writes),
    (Domain, "persona-domain-sub-domain-delete", Writes),
    (Domain, "persona-domain-product-read", Reads),
    (Domain, "persona-domain-product-create", Writes),
    (Domain, "persona-domain-product-update", Writes),
    (Domain, "persona-domain-product-delete", Writes),
    (Domain, "persona-domain-business-update-metadata", Writes),
    (Domain, "persona-domain-sub-domain-business-update-metadata", Writes),
    (Domain, "persona-domain-product-business-update-metadata", Writes),
];

impl Category {
    /// Every category.
    pub fn all() -> impl Iterator<Item = Self> {
        CATEGORIES.iter().map(|(category, _)| *category)
    }

    /// The name in the database; for a persona's category also Atlan's `policySubCategory`.
    #[must_use]
    pub fn name(self) -> &'static str {
        CATEGORIES.iter().find(|(category, _)| *category == self).map_or("", |(_, name)| name)
    }

    /// The category of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        CATEGORIES.iter().find(|(_, known)| *known == name).map(|(category, _)| *category)
    }

    /// Whether it is a category of persona policies.
    #[must_use]
    pub fn is_personas(self) -> bool {
        !matches!(self, Platform | Entities)
    }

    /// The actions of a persona's category. DataHub's privileges are an open set.
    pub fn actions(self) -> impl Iterator<Item = &'static str> {
        ACTIONS.iter().filter(move |(category, ..)| *category == self).map(|(_, name, _)| *name)
    }
}

/// The actions of any category that read an asset or its data.
pub fn reading_actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().filter(|(.., touch)| *touch == Reads).map(|(_, name, _)| *name)
}

/// Whether an action reads its resource and changes nothing. DataHub's reading privileges begin with `VIEW_`.
#[must_use]
pub fn is_reading(action: &str) -> bool {
    action.starts_with("VIEW_") || reading_actions().any(|known| known == action)
}

/// The category of one of Atlan's actions.
#[must_use]
pub fn category_of(action: &str) -> Option<Category> {
    ACTIONS.iter().find(|(_, known, _)| *known == action).map(|(category, ..)| *category)
}
