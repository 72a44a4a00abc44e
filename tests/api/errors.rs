//! The error body: one shape for Atlan's SDKs for every error, and RFC 9457 on request.

use std::collections::BTreeSet;

use actix_web::http::Method;
use serde_json::json;

use crate::create::KEYS;
use crate::support::{Answer, App, BODY_LIMIT, Client, repository};

/// The members that the error classes of all SDKs know; the Java SDK fails on any other.
const KNOWN: [&str; 7] = ["errorCode", "errorMessage", "message", "code", "status", "requestId", "causes"];

/// Checks every rule for error bodies of docs/contracts/atlan.md, section 5.1.
#[track_caller]
pub fn is_atlan(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text);
    let body = answer.json.as_object().unwrap();
    let members: BTreeSet<&str> = body.keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(KNOWN), "{}", answer.text);
    assert!(body["errorCode"].as_str().unwrap().starts_with("TESSERA-"));
    assert!(!body["errorMessage"].as_str().unwrap().is_empty());
    assert_eq!(body["message"], body["errorMessage"]);
    assert_eq!(body["code"], answer.status);
    assert_eq!(body["status"], answer.status.to_string());
    assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"));
    for cause in body["causes"].as_array().unwrap() {
        let members: BTreeSet<&str> = cause.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["errorMessage", "errorType", "location"]), "{cause}");
    }
}

/// One answer for every error that a single request can cause.
async fn failures(client: &Client, admin: &Client) -> Vec<Answer> {
    vec![
        admin.try_create(&json!({"displayName": ""})).await,
        admin.post_text(KEYS, "{").await,
        admin.with("x-api-key", "x").whoami().await,
        client.whoami().await,
        client.with("authorization", "Bearer x").whoami().await,
        admin.key("x").await,
        admin.get("/nowhere").await,
        admin.get("/api").await,
        admin.send(Method::PUT, KEYS, None).await,
        admin.post_text(KEYS, &" ".repeat(BODY_LIMIT + 1)).await,
    ]
}

#[actix_web::test]
async fn every_error_has_the_body_that_all_sdks_parse() {
    let app = App::start().await;
    let answers = failures(&app.anonymous(), &app.admin().await).await;
    for answer in &answers {
        is_atlan(answer);
    }
    let codes: BTreeSet<&str> = answers.iter().map(|answer| answer.json["errorCode"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 9, "{codes:?}");
}

#[actix_web::test]
async fn problem_json_is_sent_to_who_asks_for_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    for accept in ["application/problem+json", "application/problem+json;q=0.9, application/json"] {
        let answer = admin.with("accept", accept).try_create(&json!({"displayName": ""})).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(
            answer.json,
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400, "code": "TESSERA-400-001",
                "detail": "`displayName` must not be blank", "requestId": answer.header("x-request-id"),
                "errors": [{"field": "displayName", "message": "must not be blank"}],
            })
        );
    }
}

#[actix_web::test]
async fn problem_json_is_sent_to_nobody_else() {
    let app = App::start().await;
    for accept in ["", "*/*", "application/*", "application/json", "application/json, application/problem+json"] {
        is_atlan(&app.anonymous().with("accept", accept).whoami().await);
    }
    let two_lines = app.anonymous().with("accept", "*/*").with("accept", "application/json");
    is_atlan(&two_lines.whoami().await);
}

#[actix_web::test]
async fn a_known_path_answers_other_methods_with_those_it_has() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (path, allowed) in [
        (KEYS.to_owned(), "GET, HEAD, POST"),
        (format!("{KEYS}/"), "GET, HEAD, POST"),
        (format!("{KEYS}/x"), "GET, HEAD, POST, DELETE"),
        ("/api/service/whoami".to_owned(), "GET, HEAD"),
        ("/api/service/sessions/current".to_owned(), "DELETE"),
    ] {
        for method in ["PUT", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let answer = admin.send(method.parse().unwrap(), &path, None).await;
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            answer.refused("TESSERA-405-001");
        }
    }
}

#[actix_web::test]
async fn a_path_that_is_none_is_not_found() {
    let app = App::start().await;
    let admin = app.admin().await;
    for path in [
        "/api",
        "/api/service",
        "/api/service/apikey",
        "/API/service/apikeys",
        "/api/service/apikeys/a/b",
        "/%00",
        "/%ff",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            admin.send(method, path, None).await.refused("TESSERA-404-002");
        }
    }
}

#[actix_web::test]
async fn dots_and_slashes_reach_no_other_resource() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = admin.create("a").await["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/api/service/users/../apikeys/{id}"),
        format!("/api/service/users/%2e%2e/apikeys/{id}"),
        format!("{KEYS}/./{id}"),
        format!("{KEYS}/x/../{id}"),
        format!("{KEYS}/%2e%2e%2fapikeys%2f{id}"),
        format!("{KEYS}%2f{id}"),
    ] {
        assert_eq!(admin.delete(&path).await.status, 404, "{path}");
    }
    admin.get(&format!("//api//service///apikeys/{id}")).await.ok();
}

#[actix_web::test]
async fn a_body_larger_than_the_limit_is_refused_with_and_without_its_length() {
    let app = App::start().await;
    let admin = app.admin().await;
    let body = format!("{{\"displayName\":\"a\",\"description\":\"\"{}}}", " ".repeat(BODY_LIMIT));
    let answer = admin.post_text(KEYS, &body).await;
    is_atlan(&answer);
    let message = answer.refused("TESSERA-413-001")["errorMessage"].clone();
    assert!(message.as_str().unwrap().contains(&BODY_LIMIT.to_string()));
    admin.with("content-length", &body.len().to_string()).post_text(KEYS, &body).await.refused("TESSERA-413-001");
}

/// Misbehaving handlers, behind the same envelope as in production.
#[test]
fn every_error_code_has_a_test_that_trips_it() {
    let tests: String = repository::files("tests/api", &["rs"]).iter().map(|path| repository::read(path)).collect();
    let source = repository::read("src/http/problem.rs");
    let codes: BTreeSet<&str> =
        source.split('"').filter(|text| text.len() == 15 && text.starts_with("TESSERA-")).collect();
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        assert!(tests.contains(code), "no test trips {code}");
    }
}
