//! `POST /api/service/apikeys`: refused lifetimes, personas and bodies.

use serde_json::{Value, json};

use crate::create::KEYS;
use crate::support::{App, BEGIN};

#[actix_web::test]
async fn a_lifetime_ends_when_it_says_and_is_echoed_as_text() {
    let app = App::start().await;
    let admin = app.admin().await;
    for seconds in [1, 60, 157_680_000, 157_680_001, 409_967_999] {
        let created = admin.try_create(&json!({"displayName": "etl", "validitySeconds": seconds})).await.ok();
        assert_eq!(created["attributes"]["access.token.lifespan"], seconds.to_string());
        assert_eq!(created["attributes"]["expiresAt"], (BEGIN + seconds * 1000).to_string());
    }
}

#[actix_web::test]
async fn from_409968000_seconds_on_a_key_never_expires() {
    let app = App::start().await;
    let admin = app.admin().await;
    let lifetimes = [409_968_000, (1 << 31) - 1, 1 << 31, 1 << 53, i64::MAX];
    for seconds in lifetimes {
        let created = admin.try_create(&json!({"displayName": "etl", "validitySeconds": seconds})).await.ok();
        assert_eq!(created["attributes"]["access.token.lifespan"], seconds.to_string());
        assert_eq!(created["attributes"].get("expiresAt"), None);
    }
    app.advance(8_000 * 365 * 86_400_000);
    let active = admin_after(&app).await.keys(&[("filter", r#"{"status":"active"}"#)]).await;
    assert_eq!(active.totals()[1], i64::try_from(lifetimes.len()).unwrap());
}

async fn admin_after(app: &App) -> crate::support::Client {
    app.session_of("admin").await
}

#[actix_web::test]
async fn a_lifetime_of_null_is_for_ever() {
    let admin = App::start().await.admin().await;
    let created = admin.try_create(&json!({"displayName": "etl", "validitySeconds": null})).await.ok();
    assert_eq!(created["attributes"]["access.token.lifespan"], "409968000");
}

#[actix_web::test]
async fn no_lifetime_is_zero_or_negative() {
    let admin = App::start().await.admin().await;
    for seconds in [0, -1, -5, i64::MIN] {
        admin.try_create(&json!({"displayName": "etl", "validitySeconds": seconds})).await.violates("validitySeconds");
    }
}

#[actix_web::test]
async fn a_lifetime_that_is_no_whole_number_is_refused() {
    let admin = App::start().await.admin().await;
    for seconds in ["9223372036854775808", "18446744073709551616", "1e308", "60.5", "\"60\"", "\"1y\"", "true", "[]"] {
        let body = format!(r#"{{"displayName":"etl","validitySeconds":{seconds}}}"#);
        admin.post_text(KEYS, &body).await.violates("validitySeconds");
    }
    admin.post_text(KEYS, r#"{"displayName":"etl","validitySeconds":1e400}"#).await.refused("TESSERA-400-002");
    assert_eq!(admin.keys(&[]).await.totals()[0], 0);
}

#[actix_web::test]
async fn unknown_members_are_refused_each_by_its_name() {
    let admin = App::start().await.admin().await;
    let names = [
        "createdBy",
        "guid",
        "id",
        "userId",
        "qualifiedName",
        "createdAt",
        "hash",
        "attributes",
        "lifespan",
        "status",
        "tenant",
        "__proto__",
        "display_name",
        "DisplayName",
    ];
    let mut body = json!({"displayName": "etl"});
    for name in names {
        body[name] = json!({"a": ["b"]});
    }
    let refused = admin.try_create(&body).await.refused("TESSERA-400-001");
    let mut named: Vec<&str> =
        refused["causes"].as_array().unwrap().iter().map(|cause| cause["location"].as_str().unwrap()).collect();
    named.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(named, names);
}

#[actix_web::test]
async fn unknown_personas_are_refused_each_by_its_name_and_no_key_is_made() {
    let admin = App::start().await.admin().await;
    let known = admin.persona("readers").await["qualifiedName"].clone();
    let body = json!({"displayName": "etl", "personaQualifiedNames": ["default/a", known, "readers"]});
    let message = admin.try_create(&body).await.violates("personaQualifiedNames");
    assert!(message.contains("`default/a`") && message.contains("`readers`"), "{message}");
    assert!(!message.contains(known.as_str().unwrap()), "{message}");
    assert_eq!(admin.keys(&[]).await.totals()[0], 0);
}

#[actix_web::test]
async fn a_persona_named_twice_is_linked_once() {
    let admin = App::start().await.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    let body = json!({"displayName": "etl", "personaQualifiedNames": [persona, persona]});
    let created = admin.try_create(&body).await.ok();
    assert_eq!(created["attributes"]["personaQualifiedName"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_key_has_at_most_500_personas() {
    let admin = App::start().await.admin().await;
    let names: Vec<String> = (0..501).map(|index| format!("default/{index}")).collect();
    let message = admin
        .try_create(&json!({"displayName": "etl", "personaQualifiedNames": names}))
        .await
        .violates("personaQualifiedNames");
    assert!(message.contains("501"), "{message}");
}

#[actix_web::test]
async fn a_persona_name_with_a_nul_is_as_unknown_as_any_other() {
    let admin = App::start().await.admin().await;
    let body = json!({"displayName": "etl", "personaQualifiedNames": ["default/\u{0}"]});
    admin.try_create(&body).await.violates("personaQualifiedNames");
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_with_a_name_is_refused() {
    let admin = App::start().await.admin().await;
    for body in [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"displayName\"",
        "[]",
        "{",
        "{\"displayName\":\"a\"",
        "{\"displayName\":\"a\"}{}",
        "displayName=a",
        "{\"displayName\":\"\\ud800\"}",
        "{\"displayName\":\"a\",\"displayName\":\"b\"}",
        "{'displayName':'a'}",
        "\u{feff}\u{feff}{\"displayName\":\"a\"}",
        "{\"displayName\":\"a\",}",
    ] {
        admin.post_text(KEYS, body).await.refused("TESSERA-400-002");
    }
    admin.post_text(KEYS, "{}").await.violates("displayName");
    assert_eq!(admin.keys(&[]).await.totals()[0], 0);
}

#[actix_web::test]
async fn a_member_of_the_wrong_type_is_refused_by_name() {
    let admin = App::start().await.admin().await;
    for (member, wrong) in [
        ("displayName", json!(1)),
        ("displayName", json!(null)),
        ("description", json!(["a"])),
        ("personaQualifiedNames", json!({})),
        ("personaQualifiedNames", json!("default/a")),
        ("workspacePermissions", json!("MANAGE_APIKEYS")),
    ] {
        let mut body = json!({"displayName": "etl"});
        body[member] = wrong;
        admin.try_create(&body).await.violates(member);
    }
    let body = json!({"displayName": "etl", "personaQualifiedNames": ["default/a", null]});
    admin.try_create(&body).await.violates("personaQualifiedNames[1]");
}

#[actix_web::test]
async fn a_list_of_a_requests_members_is_no_request() {
    let admin = App::start().await.admin().await;
    admin.post_text(KEYS, r#"["etl", "", [], [], 60, []]"#).await.refused("TESSERA-400-002");
}

#[actix_web::test]
async fn json_nested_beyond_measure_is_refused() {
    let admin = App::start().await.admin().await;
    for member in ["personaQualifiedNames", "unknown", "description"] {
        let body = format!(r#"{{"displayName":"a","{member}":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        let answer = admin.post_text(KEYS, &body).await;
        assert_eq!(answer.status, 400, "{member}: {}", answer.text);
    }
}

#[actix_web::test]
async fn only_json_is_taken() {
    let admin = App::start().await.admin().await;
    let body = json!({"displayName": "a"}).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "application/xml"] {
        let client = admin.with("content-type", kind);
        client.send(actix_web::http::Method::POST, KEYS, Some(&body)).await.refused("TESSERA-400-002");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        admin.with("content-type", kind).send(actix_web::http::Method::POST, KEYS, Some(&body)).await.ok();
    }
}

#[actix_web::test]
async fn several_broken_rules_are_told_at_once() {
    let admin = App::start().await.admin().await;
    let body = json!({"displayName": " ", "description": "\u{1}", "validitySeconds": 0});
    let refused = admin.try_create(&body).await.refused("TESSERA-400-001");
    let fields: Vec<&Value> = refused["causes"].as_array().unwrap().iter().map(|cause| &cause["location"]).collect();
    assert_eq!(fields, ["description", "displayName", "validitySeconds"]);
}
