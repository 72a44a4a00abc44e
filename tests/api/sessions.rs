//! `/api/service/sessions`: signing in and out.

use serde_json::json;
use tessera::domain::principal::PrincipalState;
use tessera::domain::principal::Role;
use tessera::service::people::users::{self, PersonalTokens};

use crate::support::{App, BEGIN, Options, PASSWORD, SESSION};

const SESSIONS: &str = "/api/service/sessions";

#[actix_web::test]
async fn a_session_is_a_token_and_its_end() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let session = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": PASSWORD})).await.ok();
    let token = session["token"].as_str().unwrap();
    assert!(token.starts_with("tss_"), "{token}");
    assert_eq!(session, json!({"token": token, "expiresAt": BEGIN + SESSION}));
    let whoami = app.holder_of(token).whoami().await.ok();
    assert_eq!((&whoami["username"], &whoami["expiresAt"]), (&json!("ada"), &json!(BEGIN + SESSION)));
}

#[actix_web::test]
async fn a_session_ends_when_it_said() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Member).await;
    app.advance(SESSION - 1);
    ada.whoami().await.ok();
    app.advance(1);
    ada.whoami().await.refused("TESSERA-401-003");
}

#[actix_web::test]
async fn a_wrong_name_and_a_wrong_password_look_the_same() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let key = app.key_with(&[]).await;
    let service_account = format!("service-account-apikey-{}", key.id);
    let mut messages = Vec::new();
    for (name, password) in [
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", "correct horse battery stapl"),
        ("Ada", PASSWORD),
        ("bob", PASSWORD),
        ("", ""),
        ("operator", PASSWORD),
        (&service_account, PASSWORD),
        ("ada' OR '1'='1", PASSWORD),
        ("ada ", PASSWORD),
    ] {
        let answer = app.anonymous().post(SESSIONS, &json!({"username": name, "password": password})).await;
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="tessera""#));
        messages.push(answer.refused("TESSERA-401-005")["errorMessage"].clone());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[actix_web::test]
async fn a_name_or_password_with_a_nul_is_wrong_and_no_failure() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    for (name, password) in [("ada\u{0}", PASSWORD), ("ada", "\u{0}")] {
        let answer = app.anonymous().post(SESSIONS, &json!({"username": name, "password": password})).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.text);
    }
}

#[actix_web::test]
async fn names_and_passwords_of_any_length_are_not_hashed() {
    let app = App::start().await;
    let body = json!({"username": "a".repeat(101), "password": "a"});
    app.anonymous().post(SESSIONS, &body).await.violates("username");
    let body = json!({"username": "a", "password": "a".repeat(1025)});
    app.anonymous().post(SESSIONS, &body).await.violates("password");
    app.anonymous().post(SESSIONS, &json!({"username": "a"})).await.violates("password");
    let body = json!({"username": "a", "password": "b", "role": "$admin"});
    app.anonymous().post(SESSIONS, &body).await.violates("role");
}

#[actix_web::test]
async fn signing_out_ends_that_session_and_no_other() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Member).await;
    let elsewhere = app.session_of("ada").await;
    let answer = ada.delete(&format!("{SESSIONS}/current")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    ada.whoami().await.refused("TESSERA-401-002");
    ada.delete(&format!("{SESSIONS}/current/")).await.refused("TESSERA-401-002");
    elsewhere.whoami().await.ok();
}

#[actix_web::test]
async fn an_api_key_has_no_session_to_end() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    key.delete(&format!("{SESSIONS}/current")).await.refused("TESSERA-409-001");
    key.whoami().await.ok();
}

#[actix_web::test]
async fn a_disabled_user_can_neither_sign_in_nor_go_on() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Member).await;
    ada.whoami().await.ok();
    users::set_state(&app.service, &app.operator(), "ada".into(), PrincipalState::Disabled).await.unwrap();
    ada.whoami().await.refused("TESSERA-401-002");
    let right = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": PASSWORD})).await;
    right.refused("TESSERA-401-004");
    let wrong = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": "x"})).await;
    wrong.refused("TESSERA-401-005");
    users::set_state(&app.service, &app.operator(), "ada".into(), PrincipalState::Enabled).await.unwrap();
    ada.whoami().await.refused("TESSERA-401-002");
    app.session_of("ada").await.whoami().await.ok();
}

#[actix_web::test]
async fn a_new_password_ends_every_session_and_the_old_password() {
    let app = App::start().await;
    let (ada, again) = (app.session_with("ada", Role::Member).await, app.session_of("ada").await);
    let bob = app.session_with("bob", Role::Member).await;
    let set = users::set_password(&app.service, &app.operator(), "ada".into(), None, PersonalTokens::Keep)
        .await
        .unwrap()
        .password;
    for session in [ada, again] {
        session.whoami().await.refused("TESSERA-401-002");
    }
    bob.whoami().await.ok();
    let old = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": PASSWORD})).await;
    old.refused("TESSERA-401-005");
    app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": set})).await.ok();
}

#[actix_web::test]
async fn more_sign_ins_at_once_than_allowed_are_sent_away_for_a_second() {
    let app = App::start_with(Options { sign_ins: 0, ..Options::default() }).await;
    let answer = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": "x"})).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.refused("TESSERA-429-001");
}

#[actix_web::test]
async fn sessions_that_ended_a_day_ago_are_forgotten_and_no_others() {
    let app = App::start().await;
    let old = app.session_with("ada", Role::Member).await;
    let key = app.key_with(&[]).await;
    app.advance(SESSION + 86_400_000);
    let young = app.session_of("ada").await;
    tessera::service::upkeep::maintenance::forget_ended(&app.service).await.unwrap();
    old.whoami().await.refused("TESSERA-401-003");
    app.advance(1);
    tessera::service::upkeep::maintenance::forget_ended(&app.service).await.unwrap();
    app.service.directory.forget_all();
    old.whoami().await.refused("TESSERA-401-002");
    young.whoami().await.ok();
    key.whoami().await.ok();
}
