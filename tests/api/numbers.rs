//! The OpenAPI document's ranges of numbers are those that the server accepts. Clients have a type for each documented
//! format, so one record with a larger number would make a whole page unreadable.

use actix_web::http::Method;
use serde_json::{Map, Number, Value, json};
use tessera::http::{document, openapi};

use crate::support::App;

/// A place of a number in a body or a query, with its schema.
type Place = (Vec<String>, Value);

struct Document(Value);

impl Document {
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap());
        }
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        choices.and_then(|all| all.iter().find(|one| one["type"] != "null")).map_or(schema, |one| self.resolve(one))
    }

    /// A value of a schema: its example, or what it requires.
    fn value(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        let example = [&schema["example"], &schema["examples"][0]].into_iter().find(|example| !example.is_null());
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

    fn numbers(&self, schema: &Value, path: &[String], found: &mut Vec<Place>) {
        let schema = self.resolve(schema);
        let is = |name: &str| {
            schema["type"] == name || schema["type"].as_array().is_some_and(|all| all.contains(&name.into()))
        };
        if is("integer") {
            found.push((path.to_vec(), schema.clone()));
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if path.len() < 4 {
                self.numbers(member, &[path, std::slice::from_ref(name)].concat(), found);
            }
        }
    }

    fn put(&self, body: &mut Value, schema: &Value, path: &[String], number: &Number) {
        let Some((first, rest)) = path.split_first() else {
            *body = Value::Number(number.clone());
            return;
        };
        let schema = &self.resolve(schema)["properties"][first];
        if body[first].is_null() {
            body[first] = self.value(schema);
        }
        self.put(&mut body[first], schema, rest, number);
    }
}

/// The range of a number as clients know it.
fn range(schema: &Value) -> (i128, i128) {
    let whole = match schema["format"].as_str() {
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Some("int64") => (i128::from(i64::MIN), i128::from(i64::MAX)),
        other => panic!("{other:?}: {schema}"),
    };
    let bound = |name: &str, format: i128| schema[name].as_i64().map_or(format, i128::from);
    let (least, most) = (bound("minimum", whole.0), bound("maximum", whole.1));
    assert!(whole.0 <= least && least <= most && most <= whole.1, "{schema}");
    (least, most)
}

fn number(value: i128) -> Number {
    value.to_string().parse().unwrap()
}

#[actix_web::test]
async fn what_lies_beyond_the_documented_range_of_a_number_is_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    let document = Document(serde_json::from_str(&openapi::json(&document()).unwrap()).unwrap());
    let mut seen = Vec::new();
    for (path, item) in document.0["paths"].as_object().unwrap() {
        let real =
            path.replace("{guid}", "01a205f3-fb6b-777b-b71f-c9b5970ce30f").replace("{urn}", "urn:li:corpuser:admin");
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let mut found = Vec::new();
                document.numbers(&parameter["schema"], &[], &mut found);
                let name = parameter["name"].as_str().unwrap();
                for (_, schema) in found.iter().filter(|_| parameter["in"] == "query") {
                    let (least, most) = range(schema);
                    for beyond in [least - 1, most + 1] {
                        let answer = admin.get(&format!("{real}?{name}={beyond}")).await;
                        assert_eq!(answer.status, 400, "{path} {name}={beyond}: {}", answer.text);
                        assert!(answer.text.contains(name), "{path} {name}={beyond}: {}", answer.text);
                    }
                    seen.push(format!("{path}?{name}"));
                }
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut found = Vec::new();
            document.numbers(schema, &[], &mut found);
            for (place, number_schema) in &found {
                let (least, most) = range(number_schema);
                for beyond in [least - 1, most + 1] {
                    let mut body = document.value(schema);
                    document.put(&mut body, schema, place, &number(beyond));
                    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                    let client = admin.with("content-type", "application/json");
                    let answer = client.send(method, &real, Some(&body.to_string())).await;
                    assert_eq!(answer.status, 400, "{path} {place:?}={beyond}: {}", answer.text);
                    assert!(answer.text.contains(&place[0]), "{path} {place:?}={beyond}: {}", answer.text);
                }
                seen.push(format!("{method} {path} {}", place.join(".")));
            }
        }
    }
    for expected in ["post /api/service/apikeys rateLimit.requests", "post /api/service/apikeys validitySeconds"] {
        assert!(seen.iter().any(|place| place == expected), "{expected} is not among {seen:?}");
    }
}

#[actix_web::test]
async fn every_number_of_an_answer_has_a_format() {
    fn formats(value: &Value, found: &mut usize) {
        if value["type"] == "integer" {
            range(value);
            *found += 1;
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| formats(member, found)),
            Value::Array(members) => members.iter().for_each(|member| formats(member, found)),
            _ => {}
        }
    }
    let document = serde_json::from_str::<Value>(&openapi::json(&document()).unwrap()).unwrap();
    let mut found = 0;
    formats(&document["components"], &mut found);
    assert!(found > 10, "{found}");
}
