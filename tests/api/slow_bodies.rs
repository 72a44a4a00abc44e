//! Requests whose body arrives late, too slowly or not at all.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::spawn;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::http::bodies::BodyLimits;
use tessera::service::people::users;

use crate::support::document::{document, is_public};
use crate::support::upload::{Uploader, upload};
use crate::support::{Answer, App, BODY_LIMIT, Client, Options, bodies};

const KEYS: &str = "/api/service/apikeys";

/// Method and path of every operation that takes a body from an actor, by the document.
fn operations() -> Vec<(Method, String)> {
    let document = document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("requestBody").is_some() && !is_public(operation) {
                found.push((method.to_uppercase().parse().unwrap(), path.replace(['{', '}'], "")));
            }
        }
    }
    assert!(found.len() >= 18, "{found:?}");
    found
}

/// Begins a request and waits until its body is asked for.
async fn begin(client: &Client, method: Method, path: &str) -> (Uploader, actix_web::rt::task::JoinHandle<Answer>) {
    begin_as(client, "application/json", method, path).await
}

async fn begin_as(
    client: &Client,
    media_type: &str,
    method: Method,
    path: &str,
) -> (Uploader, actix_web::rt::task::JoinHandle<Answer>) {
    let (mut uploader, body) = upload();
    let (client, path) = (client.with("content-type", media_type), path.to_owned());
    let answer = spawn(async move { client.upload(method, &path, body).await });
    uploader.asked_for().await;
    (uploader, answer)
}

async fn end(uploader: Uploader, answer: actix_web::rt::task::JoinHandle<Answer>, body: &Value) -> Answer {
    uploader.send(body.to_string());
    drop(uploader);
    answer.await.unwrap()
}

#[actix_web::test]
async fn no_operation_reads_a_body_before_it_knows_the_bearer() {
    let app = App::start().await;
    let dead = app.key_with(&[]).await;
    app.admin().await.delete_key(&dead.id).await.ok();
    for (method, path) in operations() {
        for client in [app.anonymous(), app.holder_of("nonsense"), dead.client.clone()] {
            let (uploader, body) = upload();
            let answer = client.with("content-type", "application/json").upload(method.clone(), &path, body).await;
            assert_eq!(answer.status, 401, "{path}: {}", answer.text);
            assert!(!uploader.was_asked_for(), "{path}");
        }
    }
}

#[actix_web::test]
async fn a_key_deleted_between_head_and_body_is_refused_by_every_operation() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (method, path) in operations() {
        let key = app.key_with(&Permission::ALL).await;
        let is_form = path.starts_with("/oauth/");
        let media_type = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
        let (uploader, answer) = begin_as(&key, media_type, method, &path).await;
        admin.delete_key(&key.id).await.ok();
        let answer = end(uploader, answer, &json!({})).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text);
    }
}

#[actix_web::test]
async fn a_key_that_expires_between_head_and_body_is_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    let body = json!({"displayName": "short", "validitySeconds": 60, "workspacePermissions": ["MANAGE_APIKEYS"]});
    let created = admin.try_create(&body).await.ok();
    let key = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    let (uploader, answer) = begin(&key, Method::POST, KEYS).await;
    app.advance(61_000);
    end(uploader, answer, &json!({"displayName": "late"})).await.refused("TESSERA-401-003");
}

#[actix_web::test]
async fn a_permission_taken_between_head_and_body_does_not_count() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let (uploader, answer) = begin(&key, Method::POST, KEYS).await;
    admin.try_update(&key.id, &json!({"displayName": "actor", "workspacePermissions": []})).await.ok();
    end(uploader, answer, &json!({"displayName": "late"})).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn a_user_disabled_between_head_and_body_is_refused() {
    let app = App::start().await;
    app.admin().await;
    let user = app.session_with("ada", Role::Admin).await;
    let (uploader, answer) = begin(&user, Method::POST, KEYS).await;
    let disabled = tessera::domain::principal::PrincipalState::Disabled;
    users::set_state(&app.service, &app.operator(), "ada".to_owned(), disabled).await.unwrap();
    let answer = end(uploader, answer, &json!({"displayName": "late"})).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
}

#[actix_web::test]
async fn a_request_with_a_body_is_one_use_of_a_rate_limit() {
    let app = App::start().await;
    let admin = app.admin().await;
    let limits = json!({"rateLimit": {"requests": 2, "seconds": 60}});
    let mut body = json!({"displayName": "limited"});
    body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let created = admin.try_create(&body).await.ok();
    let key = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    let ask = json!({"action": "MANAGE_APIKEYS"});
    for remaining in ["1", "0"] {
        let (uploader, answer) = begin(&key, Method::POST, "/api/service/explain").await;
        let answer = end(uploader, answer, &ask).await;
        assert_eq!(answer.header("ratelimit"), Some(format!("\"key\";r={remaining}").as_str()), "{}", answer.text);
        answer.ok();
    }
    key.post("/api/service/explain", &ask).await.refused("TESSERA-429-002");
}

#[actix_web::test]
async fn a_body_that_arrives_too_slowly_is_given_up() {
    let slow = BodyLimits { grace: Duration::from_millis(50), ..bodies() };
    let app = App::start_with(Options { bodies: slow, ..Options::default() }).await;
    let admin = app.admin().await;
    let (uploader, answer) = begin(&admin, Method::POST, KEYS).await;
    uploader.send("{");
    answer.await.unwrap().refused("TESSERA-408-001");
    let (uploader, answer) = begin(&app.anonymous(), Method::POST, "/api/service/sessions").await;
    answer.await.unwrap().refused("TESSERA-408-001");
    drop(uploader);
}

#[actix_web::test]
async fn bodies_share_a_bounded_memory_of_which_no_actor_and_no_stranger_has_all() {
    // A quarter is for unauthenticated clients, and an actor gets at most a quarter: less than two bodies here.
    let few = BodyLimits { memory: 5 * BODY_LIMIT, ..bodies() };
    let app = App::start_with(Options { bodies: few, ..Options::default() }).await;
    let admin = app.admin().await;
    let other = app.key_with(&[Permission::ManageApiKeys]).await;
    let large = json!({"displayName": "large", "description": "x".repeat(4_000), "personaQualifiedNames": []});
    let half = || vec![b' '; BODY_LIMIT / 2 + 10_000];
    let mut held = Vec::new();
    let (uploader, answer) = begin(&admin, Method::POST, KEYS).await;
    uploader.send(half());
    held.push((uploader, answer));
    let (uploader, answer) = begin(&admin, Method::POST, KEYS).await;
    uploader.send(half());
    let refused = answer.await.unwrap();
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused("TESSERA-503-002");
    drop(uploader);
    let (uploader, answer) = begin(&other, Method::POST, KEYS).await;
    uploader.send(half());
    end(uploader, answer, &large).await.ok();
    for (uploader, answer) in held {
        end(uploader, answer, &large).await.ok();
    }
    let (uploader, answer) = begin(&admin, Method::POST, KEYS).await;
    uploader.send(half());
    end(uploader, answer, &large).await.ok();
}

#[actix_web::test]
async fn a_stranger_sends_short_bodies_only() {
    let app = App::start().await;
    let long = json!({"username": "x".repeat(16_384), "password": "x", "token": "x"}).to_string();
    for path in ["/api/service/sessions", "/api/service/apikeys/revoke-leaked", "/logIn", "/signUp"] {
        let answer = app.anonymous().post_text(path, &long).await;
        assert_eq!(answer.status, 413, "{path}: {}", answer.text);
    }
}
