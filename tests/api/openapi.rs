//! The OpenAPI document.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tessera::http::openapi;

use crate::support::document::{document, is_public};
use crate::support::{App, repository};

/// Every operation, with what names it.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let committed = repository::read("openapi/openapi.json");
    let generated = openapi::json(&tessera::http::document()).unwrap();
    assert!(committed == generated, "openapi/openapi.json is out of date: cargo run -- openapi > openapi/openapi.json");
}

#[actix_web::test]
async fn the_served_document_is_the_generated_one() {
    let app = App::start().await;
    let answer = app.anonymous().get("/api-docs/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // The file has no address that its server could be relative to.
    let mut served = answer.ok();
    assert_eq!(served["servers"].take(), json!([{"url": ".."}]));
    served["servers"] = json!([{"url": "/"}]);
    assert_eq!(served, document());
}

#[actix_web::test]
async fn an_older_rendering_has_the_same_operations_and_no_null_types() {
    let app = App::start().await;
    let older = app.anonymous().get("/api-docs/openapi-3.0.json").await.ok();
    assert!(older["openapi"].as_str().unwrap().starts_with("3.0."), "{}", older["openapi"]);
    let document = document();
    let names = |document: &Value| operations(document).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&older), names(&document));
    let text = older.to_string();
    for newer in ["\"type\":[", "\"examples\":[", "\"const\":", "\"exclusiveMinimum\":1", "\"identifier\":"] {
        assert!(!text.contains(newer), "{newer}");
    }
}

#[test]
fn every_operation_says_what_it_does_under_a_tag_and_a_name_of_its_own() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(id.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
        assert!(ids.insert(id), "{id} is there twice");
    }
    assert!(ids.len() > 20, "{ids:?}");
}

#[test]
fn every_operation_of_the_service_documents_its_errors() {
    let document = document();
    let mut seen = 0;
    let is_of_service = |name: &str| name.contains("/api/service/") && !name.ends_with("/oauth-clients/token");
    for (name, operation) in operations(&document).iter().filter(|(name, _)| is_of_service(name)) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("200"), "{name}");
        let errors: Vec<_> = responses.iter().filter(|(status, _)| !status.starts_with('2')).collect();
        assert!(!errors.is_empty(), "{name} documents no errors");
        for (status, response) in errors {
            let place = response["$ref"].as_str().map(|place| place.trim_start_matches('#'));
            let response = place.map_or(response, |place| document.pointer(place).unwrap());
            for kind in ["application/json", "application/problem+json"] {
                let schema = response["content"][kind]["schema"]["$ref"].as_str();
                let schema = schema.unwrap_or_else(|| panic!("{name} {status} has no {kind}"));
                assert!(document.pointer(schema.trim_start_matches('#')).is_some(), "{schema}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 18, "{seen}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(members) => members.iter().for_each(|member| references(member, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// All descriptions in a value.
fn descriptions<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("description").and_then(Value::as_str));
            members.values().for_each(|member| descriptions(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| descriptions(item, found)),
        _ => {}
    }
}

#[test]
fn every_property_is_described_and_no_description_begins_with_a_pronoun() {
    let vague = ["Its ", "Their ", "They ", "It ", "What it ", "What they ", "Whether it ", "Whether they ", "Those "];
    let begins_vaguely = |text: &str| vague.iter().any(|opening| text.trim_start().starts_with(opening));
    let document = document();
    let mut found = Vec::new();
    descriptions(&document, &mut found);
    let schema = repository::read("openapi/schema.graphql");
    let in_schema = schema.split("\"\"\"").skip(1).step_by(2);
    assert!(found.len() > 500 && in_schema.clone().count() > 100);
    let vague: Vec<&str> = found.into_iter().chain(in_schema).filter(|text| begins_vaguely(text)).collect();
    assert!(vague.is_empty(), "name the subject: {vague:#?}");

    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (property, about) in schema["properties"].as_object().into_iter().flatten() {
            let refers = ["$ref", "oneOf", "allOf"].iter().any(|member| about.get(member).is_some());
            assert!(refers || about["description"].is_string(), "{name}.{property} has no description");
        }
    }
}

#[test]
fn what_takes_a_body_says_which_and_every_parameter_of_a_path_is_described() {
    let document = document();
    for (name, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let needed: BTreeSet<&str> = name.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect();
        assert_eq!(described, needed, "{name}");
        let takes_a_body = name.starts_with("post ") || name.starts_with("put ");
        assert_eq!(operation.get("requestBody").is_some(), takes_a_body, "{name}");
    }
}

#[test]
fn everything_but_signing_in_and_operations_needs_a_bearer_token() {
    let document = document();
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["security"], json!([{"bearer": []}, {"apiKey": []}]));
    assert_eq!(document["components"]["securitySchemes"]["apiKey"]["name"], "X-API-Key");
    let introspection = &document["paths"]["/oauth/introspect"]["post"]["security"];
    assert_eq!(*introspection, json!([{"bearer": []}, {"apiKey": []}, {"basic": []}]));
    for (name, operation) in operations(&document) {
        let public = is_public(operation);
        let path = name.split(' ').nth(1).unwrap();
        let expected = name == "post /api/service/sessions"
            || name == "post /oauth/backchannel-logout/{provider}"
            || ["openid-connect/token", "oauth-clients/token"].iter().any(|of_atlan| path.ends_with(of_atlan))
            || name == "get /.well-known/authzen-configuration"
            || name == "get /.well-known/oauth-authorization-server"
            || name == "get /.well-known/oauth-protected-resource"
            || name == "get /oauth/jwks.json"
            || (path.starts_with("/audit/log/") && !path.contains("/entries/"))
            || ["/oauth/device_authorization", "/oauth/token", "/oauth/revoke"].contains(&path)
            || ["/config", "/health", "/admin", "/logIn", "/logOut", "/signUp", "/authenticate"].contains(&path)
            || operation["tags"] == json!(["Operations"])
            || operation["tags"] == json!(["Leaks"]);
        assert_eq!(public, expected, "{name}");
    }
}

/// Whether a value fits what a schema says of its members: no unknown ones, none missing.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = schema["$ref"].as_str().map_or(schema, |at| document.pointer(at.trim_start_matches('#')).unwrap());
    match value {
        Value::Object(members) => {
            let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{place}: {schema}"));
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(members.contains_key(required.as_str().unwrap()), "{place} lacks {required}");
            }
            for (name, member) in members {
                let property = properties.get(name).unwrap_or_else(|| panic!("{place}.{name} is not documented"));
                fits(document, property, member, &format!("{place}.{name}"));
            }
        }
        Value::Array(members) => {
            for member in members {
                fits(document, &schema["items"], member, place);
            }
        }
        _ => {
            let kind = match value {
                Value::String(_) => "string",
                Value::Bool(_) => "boolean",
                _ => "integer",
            };
            let types = &schema["type"];
            assert!(
                types == kind || types.as_array().is_some_and(|types| types.contains(&json!(kind))),
                "{place}: {types}"
            );
        }
    }
}

#[actix_web::test]
async fn answers_have_the_members_that_the_document_says() {
    let app = App::start().await;
    let admin = app.admin().await;
    let document = document();
    let persona = admin.persona("readers").await;
    let body = json!({"displayName": "a", "validitySeconds": 60, "personaQualifiedNames": [persona["qualifiedName"]]});
    let created = admin.try_create(&body).await.ok();
    let key = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    key.whoami().await.ok();
    let schema = |path: &str, method: &str| {
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"].clone()
    };
    fits(&document, &schema("/api/service/apikeys", "post"), &created, "create");
    for path in [
        "/api/service/apikeys",
        "/api/service/personas",
        "/api/service/users",
        "/api/service/users/current",
        "/api/service/whoami",
        "/api/service/roles",
        "/api/service/v2/groups",
        "/api/service/audit",
    ] {
        fits(&document, &schema(path, "get"), &admin.get(path).await.ok(), path);
    }
    let refused = admin.try_create(&json!({"displayName": ""})).await;
    fits(&document, &json!({"$ref": "#/components/schemas/AtlanError"}), &refused.json, "error");
    let problem = admin.with("accept", "application/problem+json").try_create(&json!({"displayName": ""})).await;
    fits(&document, &json!({"$ref": "#/components/schemas/Problem"}), &problem.json, "problem");
}

/// A response of an operation, wherever it is written.
fn resolved<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    response["$ref"].as_str().map_or(response, |place| document.pointer(place.trim_start_matches('#')).unwrap())
}

#[test]
fn whatever_takes_a_credential_or_a_body_documents_how_those_are_refused() {
    let document = document();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let mut statuses: Vec<&str> = Vec::new();
        if !is_public(operation) {
            // With limits, a key can be refused for its address or its rate everywhere.
            statuses.extend(["400", "401", "403", "429", "500", "503", "504"]);
        }
        if operation.get("requestBody").is_some() {
            statuses.extend(["400", "408", "413", "415"]);
        }
        for status in statuses {
            let response = responses.get(status).unwrap_or_else(|| panic!("{name} lacks {status}"));
            let content = resolved(&document, response)["content"].as_object().unwrap();
            assert!(content.values().all(|content| content["schema"]["$ref"].is_string()), "{name} {status}");
        }
    }
}

#[test]
fn examples_of_errors_are_those_of_the_operation() {
    let document = document();
    let example = |place: &str, status: &str| {
        let (method, path) = place.split_once(' ').unwrap();
        let response = resolved(&document, &document["paths"][path][method]["responses"][status]);
        response["content"]["application/json"]["example"]["message"].as_str().unwrap_or_default().to_owned()
    };
    for (place, status, part) in [
        ("get /api/service/personas/{guid}", "404", "no persona"),
        ("get /api/service/apikeys/{guid}", "404", "no API key"),
        ("get /api/meta/entity/guid/{guid}", "404", "Given instance guid"),
        ("post /api/service/personas", "403", "MANAGE_PERSONAS"),
        ("get /api/service/audit", "403", "VIEW_AUDIT"),
        ("get /api/service/whoami", "403", "address"),
        ("post /api/service/sessions", "400", "`username` is missing"),
        ("get /api/service/users", "400", "`limit`"),
        ("delete /api/service/sessions/current", "409", "session"),
    ] {
        let text = example(place, status);
        assert!(text.contains(part), "{place} {status}: {text}");
    }
}

#[test]
fn a_parameter_that_may_be_left_out_is_never_null() {
    let document = document();
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["schema"].to_string().contains("null"), "{name}: {parameter}");
        }
    }
}

#[test]
fn an_evaluation_of_a_batch_requires_nothing_that_it_can_inherit() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let several = &schemas["AccessEvaluations"];
    assert_eq!(several["minProperties"], 1);
    assert!(several["properties"].to_string().contains("AccessEvaluationPart"), "{several}");
    for part in ["AccessEvaluationPart", "AccessEntityPart", "AccessActionPart"] {
        assert!(schemas[part].is_object() && schemas[part].get("required").is_none(), "{part}: {}", schemas[part]);
    }
    assert_eq!(schemas["AccessEvaluation"]["required"], json!(["subject", "action", "resource"]));
}
