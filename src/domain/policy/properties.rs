//! Properties: what criteria compare besides names and types, as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Properties that criteria look at, by name.
pub type Properties = BTreeMap<String, String>;

/// A property as text: strings unchanged, anything else as JSON.
#[must_use]
pub fn property(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The properties stored as attributes, without those that are `null`.
#[must_use]
pub fn stored_properties(attributes: &Map<String, Value>) -> Properties {
    let there = attributes.iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.clone(), property(value))).collect()
}
