//! Terms: the index entries of entities.

use serde_json::Value;

use super::{Attributes, EntityState, PERSONA, POLICY};
use crate::domain::asset::Asset;
use crate::domain::persona::Persona;
use crate::domain::policy::Policy;
use crate::domain::text::fold;

/// The longest value that is indexed and can be searched for, in bytes.
pub const TERM_LENGTH: usize = 512;

/// The index entries of an entity: pairs of a field and one of its case-folded values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Terms(std::collections::BTreeSet<(String, String)>);

impl Terms {
    /// Adds a value, unless it cannot be indexed.
    pub fn add(&mut self, field: &str, value: &str) {
        if let Some(value) = term(value) {
            self.0.insert((field.to_owned(), value));
        }
    }

    /// Adds every scalar attribute, and every scalar member of an array.
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

/// A value as it is indexed; `None` when it is too long, or contains NUL, which no database can store.
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
    /// The terms it is found by.
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
    /// The terms it is found by. None for DataHub's policies, which are no entities to Atlan's clients.
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
}

impl Asset {
    /// The terms it is found by.
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
