//! The headers that every answer has.

use crate::errors::is_atlan;
use crate::support::App;

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
