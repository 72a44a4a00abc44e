//! The OpenAPI document as tests read it: references, values of schemas, and members of bodies.

use serde_json::{Map, Value, json};
use tessera::http::openapi;

/// A place of a member in a body or a query, with its schema.
pub type Place = (Vec<String>, Value);

/// The generated document.
pub fn document() -> Value {
    serde_json::from_str(&openapi::json(&tessera::http::document()).unwrap()).unwrap()
}

pub struct Document(pub Value);

impl Document {
    pub fn generated() -> Self {
        Self(document())
    }

    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap());
        }
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        choices.and_then(|all| all.iter().find(|one| one["type"] != "null")).map_or(schema, |one| self.resolve(one))
    }

    /// A value of a schema: its example, or what it requires.
    pub fn value(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        let example = [&schema["example"], &schema["examples"][0], &schema["enum"][0]]
            .into_iter()
            .find(|example| !example.is_null());
        if let Some(example) = example {
            return example.clone();
        }
        let members = schema["properties"].as_object();
        if let Some(members) = members {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let all = members.iter().filter(|(name, _)| required.contains(&Value::from(name.as_str())));
            return all.map(|(name, schema)| (name.clone(), self.value(schema))).collect::<Map<_, _>>().into();
        }
        match schema["type"].as_str().or(schema["type"][0].as_str()) {
            Some("integer") => schema["minimum"].as_i64().unwrap_or(1).into(),
            Some("array") => json!([]),
            Some("object") => json!({}),
            Some("boolean") => json!(true),
            _ => json!("x"),
        }
    }

    /// The places in values of a schema whose schemas meet a condition, outside arrays.
    pub fn places(&self, schema: &Value, meets: impl Fn(&Value) -> bool + Copy) -> Vec<Place> {
        let mut found = Vec::new();
        self.collect(schema, &[], meets, &mut found);
        found
    }

    fn collect(&self, schema: &Value, path: &[String], meets: impl Fn(&Value) -> bool + Copy, found: &mut Vec<Place>) {
        if meets(schema) {
            found.push((path.to_vec(), schema.clone()));
        }
        for (name, member) in self.resolve(schema)["properties"].as_object().into_iter().flatten() {
            if path.len() < 4 {
                self.collect(member, &[path, std::slice::from_ref(name)].concat(), meets, found);
            }
        }
    }

    /// Sets a member of a value, with the objects that lead to it.
    pub fn put(&self, body: &mut Value, schema: &Value, path: &[String], value: &Value) {
        let Some((first, rest)) = path.split_first() else {
            body.clone_from(value);
            return;
        };
        let schema = &self.resolve(schema)["properties"][first];
        if body[first].is_null() {
            body[first] = self.value(schema);
        }
        self.put(&mut body[first], schema, rest, value);
    }
}

/// Whether values of a schema may be of a type.
pub fn allows(schema: &Value, name: &str) -> bool {
    let types = &schema["type"];
    *types == name || types.as_array().is_some_and(|all| all.contains(&name.into()))
}

/// A path of the document with values for its parameters.
pub fn real(path: &str) -> String {
    path.replace("{guid}", "01a205f3-fb6b-777b-b71f-c9b5970ce30f").replace("{urn}", "urn:li:corpuser:admin")
}

/// Whether an operation needs no credential in the head of its request.
pub fn is_public(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|ways| ways.contains(&json!({})))
}
