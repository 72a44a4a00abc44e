//! `POST /api/service/apikeys`: what is created, and what is refused.

use serde_json::{Value, json};

use crate::support::{App, BEGIN};

/// The path of the resource.
pub const KEYS: &str = "/api/service/apikeys";

#[actix_web::test]
async fn a_new_key_has_exactly_the_shape_that_all_sdks_parse() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await;
    let body = json!({
        "displayName": "etl", "description": "nightly", "validitySeconds": 60, "personas": [],
        "personaQualifiedNames": [persona["qualifiedName"]], "workspacePermissions": ["MANAGE_PERSONAS"],
    });
    let created = admin.try_create(&body).await.ok();
    let id = created["id"].as_str().unwrap();
    let token = created["attributes"]["accessToken"].as_str().unwrap();
    assert_eq!(
        created,
        json!({
            "id": id, "clientId": format!("apikey-{id}"), "displayName": "etl",
            "attributes": {
                "access.token.lifespan": "60",
                "accessToken": token,
                "clientId": format!("apikey-{id}"),
                "username": format!("service-account-apikey-{id}"),
                "displayName": "etl",
                "description": "nightly",
                "createdAt": BEGIN.to_string(),
                "createdBy": "admin",
                "updatedAt": BEGIN.to_string(),
                "expiresAt": (BEGIN + 60_000).to_string(),
                "useCount": "0",
                "status": "active",
                "personas": [],
                "personaQualifiedName": [{
                    "id": persona["id"], "persona": "readers", "personaQualifiedName": persona["qualifiedName"],
                }],
                "workspacePermissions": ["MANAGE_PERSONAS"],
                "allowedAddresses": [],
            },
        })
    );
}

/// So the two orders of keys agree, which pages rely on.
#[actix_web::test]
async fn an_id_begins_with_the_time_of_its_keys_creation() {
    let app = App::start().await;
    app.advance(1234);
    let created = app.admin().await.create("etl").await;
    let id = created["id"].as_str().unwrap().replace('-', "");
    assert_eq!(i64::from_str_radix(&id[..12], 16).unwrap().to_string(), created["attributes"]["createdAt"]);
}

#[actix_web::test]
async fn a_token_is_76_characters_that_a_double_click_selects() {
    let created = App::start().await.admin().await.create("etl").await;
    let token = created["attributes"]["accessToken"].as_str().unwrap();
    assert!(token.starts_with("tsk_") && token.len() == 76, "{token}");
    assert!(token.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()), "{token}");
}

#[actix_web::test]
async fn a_name_is_all_that_a_key_needs() {
    let created = App::start().await.admin().await.create("etl").await;
    let attributes = &created["attributes"];
    assert_eq!(attributes["description"], "");
    assert_eq!(attributes["access.token.lifespan"], "409968000");
    assert_eq!(attributes.get("expiresAt"), None);
    assert_eq!(attributes["personaQualifiedName"], json!([]));
    assert_eq!(attributes["workspacePermissions"], json!([]));
}

#[actix_web::test]
async fn the_token_authenticates_the_key_and_nobody_else() {
    let app = App::start().await;
    let created = app.admin().await.create("etl").await;
    let holder = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    let whoami = holder.whoami().await.ok();
    assert_eq!(whoami["id"], created["id"]);
    assert_eq!(whoami["username"], created["attributes"]["username"]);
}

#[actix_web::test]
async fn the_token_is_nowhere_but_in_the_answer_to_the_create_request() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created = admin.create("etl").await;
    let id = created["id"].as_str().unwrap();
    let updated = admin.try_update(id, &json!({"displayName": "etl"})).await;
    for answer in [updated, admin.key(id).await, admin.keys(&[]).await] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("tsk_") && !answer.text.contains("accessToken"), "{}", answer.text);
    }
}

#[actix_web::test]
async fn white_space_around_a_name_is_removed() {
    let created = App::start().await.admin().await.create(" \t e t l\u{a0}\n").await;
    assert_eq!(created["displayName"], "e t l");
}

#[actix_web::test]
async fn names_and_descriptions_come_back_as_they_were_written() {
    let app = App::start().await;
    let admin = app.admin().await;
    let description = "line\r\nbreak\ttab \"quote\" back\\slash ' OR 1=1 -- %_ 日本語 🦀";
    let created = admin.try_create(&json!({"displayName": "na\"me 🦀 é", "description": description})).await.ok();
    let read = admin.key(created["id"].as_str().unwrap()).await.ok();
    assert_eq!(read["displayName"], "na\"me 🦀 é");
    assert_eq!(read["attributes"]["displayName"], "na\"me 🦀 é");
    assert_eq!(read["attributes"]["description"], description);
}

#[actix_web::test]
async fn text_escaped_as_ascii_is_the_same_text() {
    let admin = App::start().await.admin().await;
    let body = r#"{"displayName":"\u00e9\ud83e\udd80","description":""}"#;
    assert_eq!(admin.post_text(KEYS, body).await.ok()["displayName"], "é🦀");
}

#[actix_web::test]
async fn names_have_1_to_255_characters_and_none_that_controls() {
    let admin = App::start().await.admin().await;
    let longest = "é".repeat(255);
    assert_eq!(admin.create(&longest).await["displayName"], longest);
    for wrong in ["", " \n ", "a\nb", "a\u{0}b", "a\u{7f}b", "a\u{85}b", &"é".repeat(256)] {
        admin.try_create(&json!({"displayName": wrong})).await.violates("displayName");
    }
}

#[actix_web::test]
async fn descriptions_have_at_most_4096_characters_and_few_that_control() {
    let admin = App::start().await.admin().await;
    admin.try_create(&json!({"displayName": "a", "description": "é".repeat(4096)})).await.ok();
    for wrong in ["a\u{0}b", "a\u{1b}b", &"é".repeat(4097)] {
        admin.try_create(&json!({"displayName": "a", "description": wrong})).await.violates("description");
    }
}

#[actix_web::test]
async fn two_keys_can_have_one_name_and_the_newest_is_found_first() {
    let app = App::start().await;
    let admin = app.admin().await;
    let first = admin.create("etl").await;
    app.advance(1);
    let second = admin.create("etl").await;
    let found = admin.keys(&[("filter", r#"{"displayName":"etl"}"#), ("limit", "5")]).await.column("id");
    assert_eq!(found, [second["id"].as_str().unwrap(), first["id"].as_str().unwrap()]);
}

#[actix_web::test]
async fn bodies_are_taken_as_each_sdk_writes_them() {
    let admin = App::start().await.admin().await;
    for body in [
        r#"{"displayName":"t1","description":"","personaQualifiedNames":[],"validitySeconds":157680000}"#,
        r#"{"displayName":"a1","description":"","personas":[],"personaQualifiedNames":[],"validitySeconds":60}"#,
        r#"{"displayName":"a1","description":"nd","personas":[],"personaQualifiedNames":[],"validitySeconds":null}"#,
        r#"{"displayName":"g","description":" ","validitySeconds":157680000}"#,
    ] {
        admin.post_text(KEYS, body).await.ok();
        admin.post_text(&format!("{KEYS}/"), body).await.ok();
    }
}

#[actix_web::test]
async fn the_member_personas_is_accepted_and_ignored() {
    let admin = App::start().await.admin().await;
    for ignored in [json!(["x"]), json!([{"a": [1, null]}]), json!("x"), Value::Null] {
        let created = admin.try_create(&json!({"displayName": "etl", "personas": ignored})).await.ok();
        assert_eq!(created["attributes"]["personas"], json!([]));
        assert_eq!(created["attributes"]["personaQualifiedName"], json!([]));
    }
}

#[actix_web::test]
async fn permissions_are_nothing_unless_they_are_listed() {
    let app = App::start().await;
    let admin = app.admin().await;
    for nothing in [json!({}), json!({"workspacePermissions": []}), json!({"workspacePermissions": null})] {
        let mut body = nothing;
        body["displayName"] = json!("etl");
        let created = admin.try_create(&body).await.ok();
        assert_eq!(created["attributes"]["workspacePermissions"], json!([]));
        let holder = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
        assert_eq!(holder.whoami().await.ok()["permissions"], json!([]));
    }
}

#[actix_web::test]
async fn unknown_permissions_are_refused_by_name() {
    let admin = App::start().await.admin().await;
    for wrong in ["*", "", "manage_apikeys", "ADMIN"] {
        let body = json!({"displayName": "etl", "workspacePermissions": ["MANAGE_APIKEYS", wrong]});
        let message = admin.try_create(&body).await.violates("workspacePermissions");
        assert!(message.contains(&format!("`{wrong}`")), "{message}");
    }
}
