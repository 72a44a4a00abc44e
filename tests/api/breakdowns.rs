//! What a client sees when the server itself fails.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{HttpResponse, web};
use serde_json::json;
use tessera::http::envelope::envelope;
use tessera::http::state::State;

use crate::errors::is_atlan;
use crate::support::{Answer, App, Options, World, settings};

async fn misbehaving(path: &str, timeout: Duration) -> Answer {
    let world = World::new(&Options::default());
    let state = web::Data::new(State::new(world.service.clone(), settings(timeout)));
    let app = actix_web::App::new()
        .app_data(state)
        .route("/panic", web::get().to(|| async { Err::<HttpResponse, _>(panicking()) }))
        .route("/slow", web::get().to(std::future::pending::<HttpResponse>))
        .route(
            "/framework",
            web::get().to(|| async { Err::<HttpResponse, _>(actix_web::error::ErrorConflict("secret")) }),
        )
        .route("/bare", web::get().to(|| async { HttpResponse::build(StatusCode::BAD_REQUEST).body("secret") }))
        .wrap(from_fn(envelope));
    let service = init_service(app).await;
    Answer::read(try_call_service(&service, TestRequest::with_uri(path).to_request()).await).await
}

fn panicking() -> actix_web::Error {
    panic!("secret");
}

#[actix_web::test]
async fn a_panic_is_an_error_that_tells_nothing() {
    let answer = misbehaving("/panic", Duration::from_mins(1)).await;
    is_atlan(&answer);
    assert!(!answer.text.contains("secret"));
    answer.refused("TESSERA-500-001");
}

#[actix_web::test]
async fn an_answer_that_takes_too_long_is_a_504() {
    let answer = misbehaving("/slow", Duration::from_millis(1)).await;
    is_atlan(&answer);
    answer.refused("TESSERA-504-001");
}

#[actix_web::test]
async fn errors_of_the_framework_get_the_same_body() {
    for (path, status) in [("/framework", 409), ("/bare", 400)] {
        let answer = misbehaving(path, Duration::from_mins(1)).await;
        is_atlan(&answer);
        assert!(!answer.text.contains("secret"));
        assert_eq!((answer.status, &answer.json["errorCode"]), (status, &json!("TESSERA-400-004")));
    }
}

#[actix_web::test]
async fn a_failing_database_is_a_500_that_tells_nothing_and_never_a_503() {
    let app = App::start().await;
    let key = app.key_with(&[tessera::domain::permission::Permission::ManageApiKeys]).await;
    key.whoami().await.ok();
    app.service.database.revert().unwrap();
    for answer in
        [key.keys(&[]).await, key.try_create(&json!({"displayName": "a"})).await, key.delete_key(&key.id).await]
    {
        is_atlan(&answer);
        assert!(!answer.text.contains("api_keys") && !answer.text.contains("principals"), "{}", answer.text);
        answer.refused("TESSERA-500-002");
    }
}
