//! The headers of every response, such as `X-Request-Id`.

use serde_json::json;
use tessera::domain::entropy::Entropy;
use tessera::domain::token::{ParsedToken, TokenKind};

use crate::errors::is_atlan;
use crate::support::{App, log};

#[actix_web::test]
async fn request_ids_are_taken_and_repeated() {
    let app = App::start().await;
    let request = "5a4f6f3d-1c01-4d0b-9a55-0a4f6f3d1c01";
    let answer = app.anonymous().with("x-request-id", request).whoami().await;
    assert_eq!((answer.header("x-request-id"), answer.header("x-atlan-request-id")), (Some(request), None));
    assert_eq!(answer.json["requestId"], request);
    let answer = app.anonymous().with("x-atlan-request-id", request).whoami().await;
    assert_eq!((answer.header("x-request-id"), answer.header("x-atlan-request-id")), (Some(request), Some(request)));
    assert_eq!(answer.json["requestId"], request);
    let answer = app.anonymous().with("x-request-id", "a").with("x-atlan-request-id", "b").whoami().await;
    assert_eq!((answer.header("x-request-id"), answer.header("x-atlan-request-id")), (Some("a"), Some("b")));
}

#[actix_web::test]
async fn a_success_has_a_request_id_too() {
    let app = App::start().await;
    let admin = app.admin().await;
    assert_eq!(admin.with("x-request-id", "mine").keys(&[]).await.header("x-request-id"), Some("mine"));
    let (one, other) = (admin.keys(&[]).await, admin.keys(&[]).await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_eq!(one.header("x-request-id").unwrap().len(), 36);
}

#[actix_web::test]
async fn request_ids_that_are_none_are_replaced() {
    let app = App::start().await;
    let long = "x".repeat(129);
    for wrong in [&b""[..], b"\xff\xfe", long.as_bytes()] {
        for header in ["x-request-id", "x-atlan-request-id"] {
            let answer = app.anonymous().with_bytes(header, wrong).whoami().await;
            assert_eq!(answer.header("x-request-id").unwrap().len(), 36);
            is_atlan(&answer);
        }
    }
    let longest = &long[1..];
    assert_eq!(app.anonymous().with("x-request-id", longest).whoami().await.header("x-request-id"), Some(longest));
}

#[actix_web::test]
async fn answers_are_neither_kept_nor_guessed_at() {
    let app = App::start().await;
    for answer in [app.anonymous().whoami().await, app.admin().await.keys(&[]).await] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[actix_web::test]
async fn a_request_id_with_a_token_in_it_is_replaced_before_it_is_logged_kept_or_repeated() {
    let app = App::start().await;
    let admin = app.admin().await;
    let own = app.key_with(&[]).await.token;
    let foreign = ParsedToken::mint(TokenKind::Personal, Entropy::SYSTEM).unwrap();
    let foreign = foreign.plaintext(&"acm,acp,acs".parse().unwrap()).unwrap().expose();
    for token in [own, foreign] {
        for header in ["x-request-id", "x-atlan-request-id"] {
            for id in [token.clone(), format!("a:{token}/b")] {
                let answer = admin.with(header, &id).try_create(&json!({"displayName": "a"})).await;
                assert!(!format!("{:?}{}", answer.headers, answer.text).contains(&token));
                answer.ok();
                let refused = app.anonymous().with(header, &id).whoami().await;
                assert_eq!(refused.header("x-request-id").unwrap().len(), 36);
                assert!(!format!("{:?}{}", refused.headers, refused.text).contains(&token));
            }
        }
        let key = admin.with("idempotency-key", &token);
        key.try_create(&json!({"displayName": "a"})).await.violates("idempotency-key");
        let audit = admin.get("/api/service/audit?limit=1000").await;
        assert!(!audit.text.contains(&token) && !log::text().contains(&token));
    }
}

#[actix_web::test]
async fn refusals_of_a_kind_and_what_strangers_do_are_logged_ten_times_a_minute() {
    let app = App::start().await;
    let actor = app.key_with(&[]).await;
    let lines = |id: &str| log::text().lines().filter(|line| line.contains(id) && line.contains("answered")).count();
    for number in 0..100 {
        app.anonymous().with("x-request-id", &format!("flood-{number}")).whoami().await.refused("TESSERA-401-001");
        app.anonymous().with("x-request-id", &format!("alive-{number}")).get("/livez").await.ok();
        actor.with("x-request-id", &format!("known-{number}")).whoami().await.ok();
    }
    assert_eq!([lines("flood-"), lines("alive-"), lines("known-")], [10, 10, 100]);
    app.anonymous().with("x-request-id", "flood-other").get("/nowhere").await.refused("TESSERA-404-002");
    assert_eq!(lines("flood-"), 11, "another reason has lines of its own");
}
