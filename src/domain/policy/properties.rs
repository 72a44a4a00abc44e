//! Properties: what criteria look at beyond names and types, as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Properties that criteria look at, by name.
pub type Properties = BTreeMap<String, String>;

/// A property as criteria see it: text as it is, anything else as JSON writes it.
#[must_use]
pub fn property(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The properties that are stored as attributes; one that is `null` is not there.
#[must_use]
pub fn stored_properties(attributes: &Map<String, Value>) -> Properties {
    let there = attributes.iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.clone(), property(value))).collect()
}
