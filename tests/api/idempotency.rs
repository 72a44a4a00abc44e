//! A create request that is sent again with the same idempotency key.

use serde_json::{Value, json};
use tessera::clock::DAY;
use tessera::domain::permission::Permission;
use tessera::service::upkeep::maintenance;

use crate::support::{App, Client};

const HEADERS: [&str; 2] = ["x-atlan-request-id", "idempotency-key"];
const REQUEST: &str = "5a4f6f3d-1c01-4d0b-9a55-0a4f6f3d1c01";

fn token(created: &Value) -> String {
    created["attributes"]["accessToken"].as_str().unwrap().to_owned()
}

async fn manager() -> (App, Client) {
    let app = App::start().await;
    let manager = app.key_with(&[Permission::ManageApiKeys]).await.client;
    (app, manager)
}

#[actix_web::test]
async fn a_repeated_create_makes_no_second_key_and_a_new_token_replaces_the_old() {
    for header in HEADERS {
        let (app, manager) = manager().await;
        let client = manager.with(header, REQUEST);
        let first = client.create("a").await;
        app.holder_of(&token(&first)).whoami().await.ok();
        app.advance(1000);
        let second = client.create("a").await;
        assert_eq!(second["id"], first["id"]);
        assert_eq!(manager.found(&json!({"displayName": "a"})).await.len(), 1);
        app.holder_of(&token(&first)).whoami().await.refused("TESSERA-401-002");
        assert_eq!(app.holder_of(&token(&second)).whoami().await.ok()["id"], first["id"]);
    }
}

#[actix_web::test]
async fn a_repeated_create_shows_the_key_as_it_is_now() {
    let (app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    let first = client.try_create(&json!({"displayName": "a", "validitySeconds": 60})).await.ok();
    app.advance(1000);
    let id = first["id"].as_str().unwrap();
    manager.try_update(id, &json!({"displayName": "b", "description": "later"})).await.ok();
    let second = client.try_create(&json!({"displayName": "a", "validitySeconds": 60})).await.ok();
    assert_eq!((&second["displayName"], &second["attributes"]["description"]), (&json!("b"), &json!("later")));
    assert_eq!(second["attributes"]["expiresAt"], first["attributes"]["expiresAt"]);
    assert_eq!(second["attributes"]["createdAt"], first["attributes"]["createdAt"]);
}

#[actix_web::test]
async fn spelling_does_not_make_another_request() {
    let (_app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    let first = client.try_create(&json!({"displayName": "a"})).await.ok();
    for same in [
        json!({"displayName": " a "}),
        json!({"displayName": "a", "description": "", "personas": null, "personaQualifiedNames": []}),
        json!({"displayName": "a", "validitySeconds": null, "workspacePermissions": []}),
    ] {
        assert_eq!(client.try_create(&same).await.ok()["id"], first["id"]);
    }
}

#[actix_web::test]
async fn another_body_under_the_same_name_is_a_conflict() {
    let (app, manager) = manager().await;
    let client = manager.with("x-atlan-request-id", REQUEST);
    let first = client.create("a").await;
    for other in [
        json!({"displayName": "b"}),
        json!({"displayName": "a", "description": "x"}),
        json!({"displayName": "a", "validitySeconds": 60}),
        json!({"displayName": "a", "workspacePermissions": ["MANAGE_APIKEYS"]}),
    ] {
        client.try_create(&other).await.refused("TESSERA-409-001");
    }
    app.holder_of(&token(&first)).whoami().await.ok();
    assert_eq!(manager.keys(&[]).await.totals()[0], 2);
}

#[actix_web::test]
async fn the_same_name_from_another_caller_is_another_request() {
    let (app, manager) = manager().await;
    let other = app.key_with(&[Permission::ManageApiKeys]).await;
    let first = manager.with("idempotency-key", "k").create("a").await;
    let second = other.with("idempotency-key", "k").create("a").await;
    assert_ne!(first["id"], second["id"]);
    app.holder_of(&token(&first)).whoami().await.ok();
}

#[actix_web::test]
async fn the_two_headers_name_different_requests_and_the_standard_one_counts() {
    let (_app, manager) = manager().await;
    let by_atlan = manager.with("x-atlan-request-id", "k").create("a").await;
    let by_key = manager.with("idempotency-key", "k").create("a").await;
    assert_ne!(by_atlan["id"], by_key["id"]);
    let both = manager.with("x-atlan-request-id", "another").with("idempotency-key", "k");
    assert_eq!(both.create("a").await["id"], by_key["id"]);
}

#[actix_web::test]
async fn x_request_id_names_no_request_that_could_be_repeated() {
    let (_app, manager) = manager().await;
    let client = manager.with("x-request-id", "k");
    assert_ne!(client.create("a").await["id"], client.create("a").await["id"]);
}

#[actix_web::test]
async fn a_request_is_remembered_for_a_day() {
    let (app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    let first = client.create("a").await;
    app.advance(DAY);
    maintenance::forget_ended(&app.service).await.unwrap();
    assert_eq!(client.create("a").await["id"], first["id"]);
    app.advance(1);
    let second = client.create("a").await;
    assert_ne!(second["id"], first["id"]);
    app.advance(DAY + 1);
    maintenance::forget_ended(&app.service).await.unwrap();
    assert_ne!(client.create("a").await["id"], second["id"]);
}

#[actix_web::test]
async fn a_deleted_key_is_not_made_again_by_a_repeated_request() {
    let (_app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    let first = client.create("a").await;
    manager.delete_key(first["id"].as_str().unwrap()).await.ok();
    client.try_create(&json!({"displayName": "a"})).await.refused("TESSERA-409-001");
    assert_eq!(manager.keys(&[]).await.totals()[0], 1);
}

#[actix_web::test]
async fn a_request_that_failed_can_be_sent_again() {
    let (app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    let body = json!({"displayName": "a", "personaQualifiedNames": [persona]});
    client.try_create(&body).await.refused("TESSERA-403-001");
    let manager_id = manager.whoami().await.ok()["id"].as_str().unwrap().to_owned();
    admin.try_update(&manager_id, &json!({"displayName": "m", "personaQualifiedNames": [persona]})).await.ok();
    client.try_create(&body).await.ok();
}

#[actix_web::test]
async fn a_repeated_request_needs_the_rights_it_needed_at_first() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].clone();
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let mine = json!({"displayName": "m", "personaQualifiedNames": [persona]});
    admin.try_update(&key.id, &mine).await.ok();
    let client = key.with("idempotency-key", "k");
    let body = json!({"displayName": "a", "personaQualifiedNames": [persona]});
    let first = client.try_create(&body).await.ok();
    admin.try_update(&key.id, &json!({"displayName": "m"})).await.ok();
    client.try_create(&body).await.refused("TESSERA-403-001");
    app.holder_of(&token(&first)).whoami().await.ok();
}

#[actix_web::test]
async fn a_repeated_request_gives_no_token_of_a_key_that_has_outgrown_its_creator() {
    let app = App::start().await;
    let admin = app.admin().await;
    let client = app.key_with(&[Permission::ManageApiKeys]).await.with("idempotency-key", "k");
    let created = client.create("a").await;
    let raised = json!({"displayName": "a", "workspacePermissions": ["MANAGE_PERSONAS"]});
    admin.try_update(created["id"].as_str().unwrap(), &raised).await.ok();
    client.try_create(&json!({"displayName": "a"})).await.refused("TESSERA-403-001");
    app.holder_of(&token(&created)).whoami().await.ok();
}

#[actix_web::test]
async fn a_name_that_is_no_name_is_refused() {
    let (_app, manager) = manager().await;
    let long = "x".repeat(256);
    for header in HEADERS {
        for wrong in ["", long.as_str()] {
            manager.with(header, wrong).try_create(&json!({"displayName": "a"})).await.violates(header);
        }
        let bytes = manager.with_bytes(header, b"\xff");
        bytes.try_create(&json!({"displayName": "a"})).await.violates(header);
        manager.with(header, &long[1..]).create("a").await;
    }
}

#[actix_web::test]
async fn each_replaced_token_leaves_a_change() {
    let (app, manager) = manager().await;
    let client = manager.with("idempotency-key", "k");
    for _ in 0..3 {
        client.create("a").await;
    }
    let changes = crate::storage::actions(&app.service);
    let count = |action: &str| changes.iter().filter(|known| *known == action).count();
    assert_eq!((count("apikey.created"), count("apikey.token_replaced")), (2, 2));
}
