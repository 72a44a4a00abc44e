//! What is taken although it is written in an unusual way, and what is refused with everything that is wrong with it.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::create::KEYS;
use crate::support::App;

/// The members that an error complains of, with what it says of each.
#[track_caller]
fn complaints(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    body["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| (text(&cause["location"]), text(&cause["errorMessage"])))
        .collect()
}

#[actix_web::test]
async fn every_wrong_member_of_a_body_is_named_at_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let missing = "is missing";
    let unknown = "is not a member of this body that a client may set";
    for (path, body, expected) in [
        (KEYS, json!({"displayname": "a"}), vec![("displayName", missing), ("displayname", unknown)]),
        (KEYS, json!({}), vec![("displayName", missing)]),
        (
            KEYS,
            json!({"displayName": 1, "validitySeconds": "x", "personaQualifiedNames": [1, 2], "rateLimit": {"requests": 1.5}, "odd": 1}),
            vec![
                ("displayName", "must be a string"),
                ("personaQualifiedNames[0]", "must be a string"),
                ("rateLimit.requests", "must be a whole number, not negative"),
                ("validitySeconds", "must be a whole number"),
                ("odd", unknown),
            ],
        ),
        (KEYS, json!({"displayName": "a", "rateLimit": {"requests": 5}}), vec![("rateLimit.seconds", missing)]),
        (
            "/api/service/explain",
            json!({"resource": {"identifier": "x"}, "actor": 5}),
            vec![
                ("actor", "must be a string"),
                ("resource.id", missing),
                ("action", missing),
                ("resource.identifier", unknown),
            ],
        ),
    ] {
        let mut told = complaints(&admin.post(path, &body).await.refused("TESSERA-400-001"));
        told.sort();
        let mut expected: Vec<_> =
            expected.into_iter().map(|(field, message)| (field.to_owned(), message.to_owned())).collect();
        expected.sort();
        assert_eq!(told, expected, "{body}");
    }
    // Others are ignored where the protocol wants that, also beside what is wrong.
    let evaluation = json!({"subject": {"type": 1, "id": "admin"}, "odd": true});
    let told = complaints(&admin.post("/access/v1/evaluation", &evaluation).await.refused("TESSERA-400-001"));
    assert_eq!(told, [("subject.type".to_owned(), "must be a string".to_owned())]);
}

#[actix_web::test]
async fn what_is_wrong_with_a_body_does_not_repeat_it() {
    let app = App::start().await;
    let body = json!({"username": "ada", "password": {"hush": "hush"}, "hidden": 1});
    let refused = app.anonymous().post("/api/service/sessions", &body).await.refused("TESSERA-400-001");
    assert!(!refused.to_string().contains("hush"), "{refused}");
}

#[actix_web::test]
async fn numbers_with_a_fraction_of_nothing_are_whole() {
    let app = App::start().await;
    let admin = app.admin().await;
    let body = r#"{"displayName":"a","validitySeconds":3600.0,"rateLimit":{"requests":5.0,"seconds":6e1}}"#;
    let made = admin.post_text(KEYS, body).await.ok();
    assert_eq!(made["attributes"]["access.token.lifespan"], "3600");
    assert_eq!(made["attributes"]["rateLimit"], json!({"requests": 5, "seconds": 60}));
    assert_eq!(admin.found(&json!({"createdAt": {"$gte": 1.0}})).await, ["a"]);
    let filter = json!({"createdAt": {"$gte": 1.5}});
    admin.keys(&[("filter", &filter.to_string())]).await.violates("filter");
    let search = r#"{"dsl": {"size": 5.0, "from": 0.0, "query": {"match_all": {}}}}"#;
    admin.post_text("/api/meta/search/indexsearch", search).await.ok();
    let page = r#"{"subject": {"type": "user", "id": "admin"}, "resource": {"type": "platform", "id": "x"}, "page": {"limit": 5.0}}"#;
    admin.post_text("/access/v1/search/action", page).await.ok();
    for wrong in ["3600.5", "\"3600\"", "true"] {
        let refused = admin.post_text(KEYS, &format!(r#"{{"displayName":"a","validitySeconds":{wrong}}}"#)).await;
        assert_eq!(refused.violates("validitySeconds"), "must be a whole number", "{wrong}");
    }
    for beyond in ["9223372036854775808", "1e300"] {
        let refused = admin.post_text(KEYS, &format!(r#"{{"displayName":"a","validitySeconds":{beyond}}}"#)).await;
        assert!(refused.violates("validitySeconds").contains("9223372036854775807"), "{beyond}");
    }
}

#[actix_web::test]
async fn a_byte_order_mark_before_a_body_is_taken_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (path, body) in [
        (KEYS, r#"{"displayName":"a"}"#),
        (
            "/access/v1/evaluation",
            r#"{"subject":{"type":"user","id":"admin"},"action":{"name":"x"},"resource":{"type":"T","id":"y"}}"#,
        ),
        ("/api/graphql", r#"{"query":"{ me { corpUser { urn } } }"}"#),
        ("/entities?action=deleteReferences", r#"{"urn":"urn:li:corpuser:x"}"#),
    ] {
        admin.post_text(path, &format!("\u{feff}{body}")).await.ok();
        // One, and before everything else.
        for wrong in [format!("\u{feff}\u{feff}{body}"), format!(" \u{feff}{body}")] {
            assert_eq!(admin.post_text(path, &wrong).await.status, 400, "{path}");
        }
    }
    let wrong = app.anonymous().post_text("/logIn", "\u{feff}{\"username\":\"a\",\"password\":\"b\"}").await;
    assert_eq!(wrong.json["message"], "Invalid Credentials");
}

#[actix_web::test]
async fn a_compressed_body_is_refused_by_name_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (path, kind) in [
        (KEYS, "application/json"),
        ("/access/v1/evaluation", "application/json"),
        ("/api/graphql", "application/json"),
        ("/aspects?action=ingestProposal", "application/json"),
        ("/oauth/introspect", "application/x-www-form-urlencoded"),
    ] {
        for coding in ["gzip", "br", "gzip, identity", "identity, gzip"] {
            let client = admin.with("content-type", kind).with("content-encoding", coding);
            let answer = client.send(Method::POST, path, Some("x")).await;
            assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("identity")), "{path}");
        }
    }
    let gzip = admin.with("content-type", "application/json").with("content-encoding", "gzip");
    gzip.send(Method::POST, KEYS, Some("x")).await.refused("TESSERA-415-001");
    let plain = admin.with("content-type", "application/json").with("content-encoding", "Identity");
    plain.send(Method::POST, KEYS, Some(r#"{"displayName":"a"}"#)).await.ok();
    let stranger = app.anonymous().with("content-encoding", "gzip");
    stranger.post_text("/api/service/sessions", "x").await.refused("TESSERA-415-001");
}

#[actix_web::test]
async fn several_spaces_before_a_token_are_one() {
    let app = App::start().await;
    app.admin().await;
    let key = app.key_with(&[]).await;
    for authorization in [format!("Bearer  {}", key.token), format!("bearer     {}", key.token)] {
        app.anonymous().with("authorization", &authorization).whoami().await.ok();
    }
    for authorization in [format!("Bearer {0} {0}", key.token), format!("Bearer \t{}", key.token)] {
        let refused = app.anonymous().with("authorization", &authorization).whoami().await;
        assert_eq!(refused.status, 401, "{authorization:?}");
    }
}

#[actix_web::test]
async fn an_empty_number_is_no_number() {
    let app = App::start().await;
    let admin = app.admin().await;
    for path in [KEYS, "/api/service/users", "/api/service/roles", "/api/service/audit"] {
        for parameter in ["limit", "offset", "count"] {
            admin.get(&format!("{path}?{parameter}=")).await.violates(parameter);
        }
        admin.get(&format!("{path}?filter=&sort=&cursor=")).await.ok();
    }
}

#[actix_web::test]
async fn a_value_that_nothing_can_have_is_refused_with_those_there_are() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (path, filter, allowed) in [
        (KEYS, json!({"status": "expried"}), "`active`, `expired`"),
        (KEYS, json!({"status": {"$ne": "Active"}}), "`active`, `expired`"),
        (KEYS, json!({"status": {"$in": ["active", ""]}}), "`active`, `expired`"),
        ("/api/service/audit", json!({"subjectKind": "users"}), "`principal`, `persona`"),
        ("/api/service/audit", json!({"action": {"$nin": ["apikey.made"]}}), "`apikey.created`"),
    ] {
        let message = admin.list(path, &[("filter", &filter.to_string())]).await.violates("filter");
        assert!(message.contains(allowed), "{filter}: {message}");
    }
    for filter in
        [json!({"action": {"$like": "apikey.%"}}), json!({"action": "apikey.created"}), json!({"subjectKind": "role"})]
    {
        admin.list("/api/service/audit", &[("filter", &filter.to_string())]).await.ok();
    }
}

#[actix_web::test]
async fn what_is_stored_without_spaces_is_found_with_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.create(" lead ").await;
    assert_eq!(admin.found(&json!({"displayName": " lead"})).await, ["lead"]);
    assert_eq!(admin.found(&json!({"displayName": {"$in": ["lead  "]}})).await, ["lead"]);
    assert_eq!(admin.found(&json!({"displayName": {"$ne": "lead "}})).await, [""; 0]);
    let persona = admin.persona(" lead").await;
    for field in ["name", "displayName"] {
        let filter = json!({field: " lead "}).to_string();
        let page = admin.list("/api/service/personas", &[("filter", &filter)]).await;
        assert_eq!(page.column("id"), [persona["id"].as_str().unwrap()], "{field}");
        let term = json!({"bool": {"filter": [{"term": {"__typeName": "Persona"}}, {"term": {field: " lead "}}]}});
        assert_eq!(admin.search(&term).await.found().len(), 1, "{field}");
    }
}

#[actix_web::test]
async fn an_api_key_learns_its_client_id() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let told = key.whoami().await.ok();
    assert_eq!(told["clientId"], format!("apikey-{}", key.id));
    assert!(admin.whoami().await.ok().get("clientId").is_none());
}
