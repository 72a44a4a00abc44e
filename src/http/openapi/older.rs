//! Converts OpenAPI 3.1 to 3.0: rewrites the JSON Schema features that 3.0 lacks.

use serde_json::{Map, Value, json};

/// Rewrites a whole document in place.
pub(super) fn to_3_0(document: &mut Value) {
    rewrite(document);
    document["openapi"] = json!("3.0.3");
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        let identifier = license.remove("identifier");
        if let Some(Value::String(identifier)) = identifier {
            license.insert("url".to_owned(), json!(format!("https://spdx.org/licenses/{identifier}.html")));
        }
    }
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Array(members) => members.iter_mut().for_each(rewrite),
        Value::Object(object) => {
            object.values_mut().for_each(rewrite);
            nullable_type(object);
            nullable_choice(object);
            single_value(object);
            lone_reference(object);
            object.remove("propertyNames");
        }
        _ => {}
    }
}

/// `type: [string, null]` is `type: string, nullable: true`.
fn nullable_type(schema: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = schema.get("type") else { return };
    let mut types: Vec<Value> = types.clone();
    types.retain(|each| each != "null");
    if types.len() == 1 {
        schema.insert("type".to_owned(), types.remove(0));
        schema.insert("nullable".to_owned(), json!(true));
    }
}

/// `oneOf: [{type: null}, X]` is `allOf: [X], nullable: true`.
fn nullable_choice(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let others: Vec<Value> = choices.iter().filter(|choice| choice["type"] != "null").cloned().collect();
    if others.len() == 1 && choices.len() == 2 {
        schema.remove("oneOf");
        schema.insert("allOf".to_owned(), Value::Array(others));
        schema.insert("nullable".to_owned(), json!(true));
    }
}

/// Removes the siblings of a `$ref`, which 3.0 does not allow.
fn lone_reference(schema: &mut Map<String, Value>) {
    if let Some(reference) = schema.remove("$ref") {
        schema.clear();
        schema.insert("$ref".to_owned(), reference);
    }
}

/// `const: X` is `enum: [X]`, and `examples: [X, …]` is `example: X`.
fn single_value(schema: &mut Map<String, Value>) {
    if let Some(value) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([value]));
    }
    if let Some(Value::Array(examples)) = schema.get("examples")
        && let Some(first) = examples.first().cloned()
    {
        schema.remove("examples");
        schema.insert("example".to_owned(), first);
    }
}
