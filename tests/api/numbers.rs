//! The OpenAPI document's ranges of numbers are those that the server accepts. Clients have a type for each documented
//! format, so one record with a larger number would make a whole page unreadable.

use actix_web::http::Method;
use serde_json::{Number, Value};

use crate::support::App;
use crate::support::document::{Document, allows, real};

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
    let document = Document::generated();
    let is_number = |schema: &Value| allows(document.resolve(schema), "integer");
    let mut seen = Vec::new();
    for (path, item) in document.0["paths"].as_object().unwrap() {
        let real = real(path);
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let found = document.places(&parameter["schema"], is_number);
                let name = parameter["name"].as_str().unwrap();
                for (_, schema) in found.iter().filter(|_| parameter["in"] == "query") {
                    let (least, most) = range(document.resolve(schema));
                    for beyond in [least - 1, most + 1] {
                        let answer = admin.get(&format!("{real}?{name}={beyond}")).await;
                        assert_eq!(answer.status, 400, "{path} {name}={beyond}: {}", answer.text);
                        assert!(answer.text.contains(name), "{path} {name}={beyond}: {}", answer.text);
                    }
                    seen.push(format!("{path}?{name}"));
                }
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let found = document.places(schema, is_number);
            for (place, number_schema) in &found {
                let (least, most) = range(document.resolve(number_schema));
                for beyond in [least - 1, most + 1] {
                    let mut body = document.value(schema);
                    document.put(&mut body, schema, place, &number(beyond).into());
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
    let mut found = 0;
    formats(&Document::generated().0["components"], &mut found);
    assert!(found > 10, "{found}");
}
