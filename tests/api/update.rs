//! `POST /api/service/apikeys/{guid}`.

use serde_json::{Value, json};

use crate::support::{App, BEGIN, Client};

/// An app, its admin, two personas and a key with the first of them.
async fn linked() -> (App, Client, [Value; 2], String) {
    let app = App::start().await;
    let admin = app.admin().await;
    let personas = [
        admin.persona("readers").await["qualifiedName"].clone(),
        admin.persona("writers").await["qualifiedName"].clone(),
    ];
    let body = json!({
        "displayName": "etl", "description": "old", "validitySeconds": 60,
        "personaQualifiedNames": [personas[0]], "workspacePermissions": ["MANAGE_APIKEYS"],
    });
    let id = admin.try_create(&body).await.ok()["id"].as_str().unwrap().to_owned();
    app.advance(1000);
    (app, admin, personas, id)
}

fn personas_of(key: &Value) -> Vec<Value> {
    let links = key["attributes"]["personaQualifiedName"].as_array().unwrap();
    links.iter().map(|link| link["personaQualifiedName"].clone()).collect()
}

#[actix_web::test]
async fn update_replaces_name_and_description() {
    let (_app, admin, [readers, _], id) = linked().await;
    let body = json!({"displayName": " new ", "description": "desc", "personaQualifiedNames": [readers]});
    let updated = admin.try_update(&id, &body).await.ok();
    assert_eq!(updated["displayName"], "new");
    assert_eq!(updated["attributes"]["displayName"], "new");
    assert_eq!(updated["attributes"]["description"], "desc");
    assert_eq!(admin.key(&id).await.ok(), updated);
}

#[actix_web::test]
async fn update_unlinks_personas_left_out() {
    let (_app, admin, [_, writers], id) = linked().await;
    let updated = admin.try_update(&id, &json!({"displayName": "etl", "personaQualifiedNames": [writers]})).await.ok();
    assert_eq!(personas_of(&updated), [writers]);
    assert_eq!(personas_of(&admin.key(&id).await.ok()), personas_of(&updated));
}

#[actix_web::test]
async fn update_without_personas_unlinks_all() {
    for left_out in [json!({}), json!({"personaQualifiedNames": []}), json!({"personaQualifiedNames": null})] {
        let (_app, admin, _, id) = linked().await;
        let mut body = left_out;
        body["displayName"] = json!("etl");
        assert_eq!(personas_of(&admin.try_update(&id, &body).await.ok()), [Value::Null; 0]);
    }
}

#[actix_web::test]
async fn update_keeps_what_it_does_not_mention_of_lifetime_and_permissions() {
    let (app, admin, _, id) = linked().await;
    for body in [json!({"displayName": "etl"}), json!({"displayName": "etl", "validitySeconds": null})] {
        let attributes = admin.try_update(&id, &body).await.ok()["attributes"].clone();
        assert_eq!(attributes["access.token.lifespan"], "60");
        assert_eq!(attributes["expiresAt"], (BEGIN + 60_000).to_string());
        assert_eq!(attributes["workspacePermissions"], json!(["MANAGE_APIKEYS"]));
        assert_eq!(attributes["createdAt"], BEGIN.to_string());
        assert_eq!(attributes["createdBy"], "admin");
        assert_eq!(attributes["updatedAt"], app.now().to_string());
    }
}

#[actix_web::test]
async fn update_without_a_description_empties_it() {
    let (_app, admin, _, id) = linked().await;
    assert_eq!(admin.try_update(&id, &json!({"displayName": "etl"})).await.ok()["attributes"]["description"], "");
}

#[actix_web::test]
async fn a_new_lifetime_counts_from_the_update() {
    let (app, admin, _, id) = linked().await;
    let updated = admin.try_update(&id, &json!({"displayName": "etl", "validitySeconds": 90})).await.ok();
    assert_eq!(updated["attributes"]["expiresAt"], (app.now() + 90_000).to_string());
    assert_eq!(updated["attributes"]["access.token.lifespan"], "90");
    let endless = admin.try_update(&id, &json!({"displayName": "etl", "validitySeconds": 409_968_000})).await.ok();
    assert_eq!(endless["attributes"].get("expiresAt"), None);
}

#[actix_web::test]
async fn a_shorter_lifetime_ends_a_token_that_is_in_use() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    key.whoami().await.ok();
    admin.try_update(&key.id, &json!({"displayName": "etl", "validitySeconds": 1})).await.ok();
    app.advance(999);
    key.whoami().await.ok();
    app.advance(1);
    key.whoami().await.refused("TESSERA-401-003");
}

#[actix_web::test]
async fn an_expired_key_cannot_be_revived() {
    let (app, admin, _, id) = linked().await;
    app.advance(60_000);
    for seconds in [1, 409_968_000] {
        let body = json!({"displayName": "new", "validitySeconds": seconds});
        admin.try_update(&id, &body).await.refused("TESSERA-409-001");
    }
    let renamed = admin.try_update(&id, &json!({"displayName": "new"})).await.ok();
    assert_eq!(renamed["attributes"]["status"], "expired");
}

#[actix_web::test]
async fn permissions_are_replaced_where_they_are_given() {
    let (_app, admin, _, id) = linked().await;
    for permissions in [json!(["MANAGE_PERSONAS"]), json!([])] {
        let body = json!({"displayName": "etl", "workspacePermissions": permissions});
        assert_eq!(admin.try_update(&id, &body).await.ok()["attributes"]["workspacePermissions"], permissions);
    }
}

#[actix_web::test]
async fn what_an_update_takes_or_gives_counts_for_the_next_request_of_the_key() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    for (permissions, personas) in [(json!(["MANAGE_PERSONAS"]), json!([persona])), (json!([]), json!([]))] {
        let whoami = key.whoami().await.ok();
        assert_ne!((&whoami["permissions"], &whoami["personas"]), (&permissions, &personas));
        let body = json!({"displayName": "a", "workspacePermissions": permissions, "personaQualifiedNames": personas});
        admin.try_update(&key.id, &body).await.ok();
        let whoami = key.whoami().await.ok();
        assert_eq!((&whoami["permissions"], &whoami["personas"]), (&permissions, &personas));
    }
}

#[actix_web::test]
async fn a_refused_update_changes_nothing() {
    let (_app, admin, _, id) = linked().await;
    let before = admin.key(&id).await.ok();
    let body = json!({"displayName": "new", "validitySeconds": 5, "personaQualifiedNames": ["default/x"]});
    admin.try_update(&id, &body).await.violates("personaQualifiedNames");
    admin.try_update(&id, &json!({"displayName": "new", "createdBy": "me"})).await.violates("createdBy");
    admin.try_update(&id, &json!({"displayName": "new", "validitySeconds": 0})).await.violates("validitySeconds");
    admin.try_update(&id, &json!({"description": "new"})).await.violates("displayName");
    assert_eq!(admin.key(&id).await.ok(), before);
}

#[actix_web::test]
async fn an_unknown_id_is_not_found() {
    let app = App::start().await;
    let admin = app.admin().await;
    let user = admin.whoami().await.ok()["id"].as_str().unwrap().to_owned();
    for id in ["x", "01890000-0000-7000-8000-000000000000", user.as_str()] {
        admin.try_update(id, &json!({"displayName": "a"})).await.refused("TESSERA-404-001");
    }
}

#[actix_web::test]
async fn bodies_are_taken_as_each_sdk_writes_them() {
    let (_app, admin, _, id) = linked().await;
    for body in [
        r#"{"displayName":"t1-new","description":"desc","personaQualifiedNames":[]}"#,
        r#"{"displayName":"a1","description":"nd","personas":[],"personaQualifiedNames":[],"validitySeconds":null}"#,
        r#"{"displayName":"g","description":"d"}"#,
    ] {
        admin.post_text(&format!("/api/service/apikeys/{id}"), body).await.ok();
    }
}
