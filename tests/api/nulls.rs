//! A member of a body is null only where the OpenAPI document says so: clients with generated types send no other.

use actix_web::http::Method;
use serde_json::Value;

use crate::support::App;
use crate::support::document::{Document, allows, real};

#[actix_web::test]
async fn null_is_refused_where_the_document_does_not_allow_it() {
    let app = App::start().await;
    let admin = app.admin().await.with("content-type", "application/json");
    let document = Document::generated();
    let forbids_null = |schema: &Value| {
        let resolved = document.resolve(schema);
        let is_choice = schema["oneOf"].is_array() || schema["anyOf"].is_array();
        !is_choice && !resolved["type"].is_null() && !allows(resolved, "null")
    };
    let mut seen = Vec::new();
    for (path, item) in document.0["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            for (place, _) in document.places(schema, forbids_null).iter().filter(|(place, _)| !place.is_empty()) {
                let mut body = document.value(schema);
                document.put(&mut body, schema, place, &Value::Null);
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let answer = admin.send(method, &real(path), Some(&body.to_string())).await;
                assert_eq!(answer.status, 400, "{path} {place:?}: {}", answer.text);
                seen.push(format!("{path} {}", place.join(".")));
            }
        }
    }
    for expected in ["/access/v1/evaluations subject.id", "/api/service/apikeys rateLimit"] {
        assert!(seen.iter().any(|place| place == expected), "{expected} is not among {seen:?}");
    }
}
