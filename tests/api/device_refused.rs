//! What device authorizations do not do: errors, limits, guesses, forged forms.

use actix_web::http::Method;
use diesel::prelude::*;
use serde_json::{Value, json};
use tessera::domain::device::{DeviceAuthorization, DeviceCode, DeviceDecision, UserCode};
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::storage::device_authorizations;

use crate::device::{
    ASK, FORM, TOKEN, ask, browser, browser_with, csrf, decide, next_error, poll, program, send, type_code,
};
use crate::support::{App, Options};

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
const CLIENT: (&str, &str) = ("client_id", "tessera-cli");

/// Checks for this error code (RFC 6749, section 5.2).
#[track_caller]
fn is(answer: crate::support::Answer, error: &str) -> Value {
    let body = answer.refused("TESSERA-400-005");
    assert_eq!(body["error"], error, "{body}");
    assert!(!body["error_description"].as_str().unwrap().is_empty());
    body
}

#[actix_web::test]
async fn every_wrong_request_is_told_what_is_wrong() {
    let app = App::start().await;
    let program = program(&app);
    let asked = ask(&app).await;
    let code = ("device_code", asked["device_code"].as_str().unwrap());
    is(send(&program, ASK, &[]).await, "invalid_request");
    is(send(&program, ASK, &[("client_id", "")]).await, "invalid_request");
    is(send(&program, ASK, &[CLIENT, CLIENT]).await, "invalid_request");
    is(send(&program, ASK, &[("client_id", "another")]).await, "invalid_client");
    is(send(&program, ASK, &[CLIENT, ("client_secret", "s")]).await, "invalid_client");
    let basic = program.with("authorization", "Basic dGVzc2VyYS1jbGk6");
    for (path, more) in [(ASK, vec![]), (TOKEN, vec![GRANT, code]), (TOKEN, vec![("grant_type", "refresh_token")])] {
        let answer = send(&basic, path, &[&[CLIENT], &more[..]].concat()).await;
        assert_eq!((answer.status, &answer.json["error"]), (401, &json!("invalid_client")), "{}", answer.text);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "RFC 6749, section 5.2");
    }
    is(program.post(ASK, &json!({"client_id": "tessera-cli"})).await, "invalid_request");
    send(&program, ASK, &[CLIENT, ("scope", "openid"), ("unknown", "x")]).await.ok();
    let large = send(&program, ASK, &[CLIENT, ("scope", &"x".repeat(20_000))]).await;
    assert_eq!((large.status, &large.json["error"]), (413, &json!("invalid_request")));
    is(send(&program, TOKEN, &[CLIENT, code]).await, "invalid_request");
    let other = is(send(&program, TOKEN, &[("grant_type", "password"), CLIENT, code]).await, "unsupported_grant_type");
    assert!(other["error_description"].as_str().unwrap().contains("device_code"), "{other}");
    is(send(&program, TOKEN, &[GRANT, code]).await, "invalid_request");
    is(send(&program, TOKEN, &[GRANT, CLIENT]).await, "invalid_request");
    is(send(&program, TOKEN, &[GRANT, CLIENT, code, code]).await, "invalid_request");
    is(send(&program, TOKEN, &[GRANT, ("client_id", "another"), code]).await, "invalid_client");
    let drawn = DeviceCode::generate(app.service.entropy).unwrap().expose();
    for unknown in ["x", "tss_", &drawn, &drawn.to_lowercase(), &format!("{}0", code.1), "ä\0"] {
        is(send(&program, TOKEN, &[GRANT, CLIENT, ("device_code", unknown)]).await, "invalid_grant");
    }
    let path = format!("{TOKEN}?access_token=x");
    program.with("content-type", FORM).send(Method::POST, &path, Some("")).await.refused("TESSERA-400-003");
    assert_eq!(poll(&app, &asked).await.json["error"], "authorization_pending", "nothing of it has counted");
}

#[actix_web::test]
async fn a_code_is_worth_nothing_to_another_program() {
    let device_clients = vec!["another".to_owned()];
    let app = App::start_with(Options { device_clients, ..Options::default() }).await;
    app.user("ada", Role::Member).await;
    let asked = ask(&app).await;
    let code = ("device_code", asked["device_code"].as_str().unwrap());
    decide(&browser(&app, "ada").await, &asked, "approve").await;
    is(send(&program(&app), TOKEN, &[GRANT, ("client_id", "another"), code]).await, "invalid_grant");
    poll(&app, &asked).await.ok();
    let other = send(&program(&app), ASK, &[("client_id", "another")]).await.ok();
    let question = decide(&browser(&app, "ada").await, &other, "").await;
    assert!(question.text.contains("another") && !question.text.contains("command line"), "{}", question.text);
}

#[actix_web::test]
async fn wrong_codes_are_slowed_as_wrong_passwords_are() {
    let app = App::start().await;
    for name in ["eve", "bob"] {
        app.user(name, Role::Member).await;
    }
    let asked = ask(&app).await;
    let eve = browser(&app, "eve").await;
    for wrong in 0..11 {
        // Malformed codes and decisions about wrong codes count as guesses, too.
        let (code, verdict) = [("BBBB-BBBB", ""), ("nonsense", ""), ("BBBB-BBBC", "approve"), ("", "deny")][wrong % 4];
        assert_eq!(type_code(&eve, code, verdict).await.status, 400, "{code}");
        if wrong == 5 {
            let own = ask(&app).await;
            assert_eq!(decide(&eve, &own, "deny").await.status, 200);
        }
    }
    let slowed = decide(&eve, &asked, "approve").await;
    assert!(slowed.status == 429 && slowed.text.contains("Too many wrong codes"), "{}", slowed.text);
    let elsewhere = browser(&app, "eve").await.at("198.51.100.1");
    app.advance(1_000);
    assert_eq!(type_code(&eve, "BBBB-BBBB", "").await.status, 400, "after a second");
    app.advance(1_000);
    assert_eq!(type_code(&eve, "BBBB-BBBB", "").await.status, 429, "which doubles");
    assert_eq!(decide(&elsewhere, &ask(&app).await, "").await.status, 200, "once, from a network that has not guessed");
    assert_eq!(decide(&browser(&app, "bob").await, &asked, "approve").await.status, 200, "others are not slowed");
    poll(&app, &asked).await.ok();
}

#[actix_web::test]
async fn the_code_in_an_address_looks_nothing_up() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let (asked, ada) = (ask(&app).await, browser(&app, "ada").await);
    for _ in 0..20 {
        let page = ada.get("/device?user_code=BBBB-BBBB").await;
        assert!(page.status == 200 && page.text.contains("value=\"BBBB-BBBB\""), "{}", page.text);
    }
    let complete = asked["verification_uri_complete"].as_str().unwrap();
    let page = ada.get(complete.strip_prefix("https://tessera.example.org").unwrap()).await;
    assert!(!page.text.contains("192.0.2.7") && !page.text.contains("Approve"), "{}", page.text);
    let markup = ada.get("/device?user_code=%22%3E%3Cscript%3E").await;
    assert!(!markup.text.contains("<script>"), "{}", markup.text);
    assert_eq!(decide(&ada, &asked, "approve").await.status, 200, "and none of it has counted as a guess");
}

#[actix_web::test]
async fn only_forms_of_the_page_decide() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    app.user("eve", Role::Member).await;
    let asked = ask(&app).await;
    let code = asked["user_code"].as_str().unwrap();
    let (ada, eve) = (browser(&app, "ada").await, browser(&app, "eve").await);
    let (own, other) = (csrf(&ada, "/device").await, csrf(&eve, "/device").await);
    let approve = [("user_code", code), ("verdict", "approve")];
    for csrf in ["", "x", &other] {
        let answer = send(&ada, "/device", &[&approve[..], &[("csrf", csrf)]].concat()).await;
        assert_eq!(answer.status, 403, "{csrf}");
    }
    let own = [&approve[..], &[("csrf", own.as_str())]].concat();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example.org")] {
        assert_eq!(send(&ada.with(name, value), "/device", &own).await.status, 403, "{name}");
    }
    let wrong = [("user_code", code), ("verdict", "perhaps"), own[2]];
    assert_eq!(send(&ada, "/device", &wrong).await.status, 400);
    assert_eq!(next_error(&app, &asked).await, "authorization_pending");
    assert_eq!(send(&ada, "/device", &own).await.status, 200);
}

#[actix_web::test]
async fn only_the_session_of_a_user_decides() {
    let app = App::start().await;
    let asked = ask(&app).await;
    let key = app.key_with(&Permission::ALL).await;
    let stranger = app.anonymous().with("accept", "text/html");
    let as_key = browser_with(&app, &key.token);
    for client in [&stranger, &as_key, &stranger.with("authorization", &format!("Bearer {}", key.token))] {
        let page = client.get("/device?user_code=BBBB-BBBB").await;
        assert_eq!(page.status, 303);
        let location = page.header("location").unwrap();
        assert!(location.contains("login?") && location.contains("next=device%3Fuser_code%3DBBBB-BBBB"), "{location}");
        let code = asked["user_code"].as_str().unwrap();
        assert_eq!(send(client, "/device", &[("user_code", code), ("verdict", "approve")]).await.status, 303);
    }
    assert_eq!(next_error(&app, &asked).await, "authorization_pending");
}

#[actix_web::test]
async fn only_so_many_wait_for_a_decision() {
    let app = App::start().await;
    let from = |address: &str| app.anonymous().with("host", "tessera.example.org").at(address);
    let asks = async |address: &str| send(&from(address), ASK, &[CLIENT]).await;
    for _ in 0..16 {
        asks("203.0.113.1").await.ok();
    }
    let refused = asks("203.0.113.1").await;
    assert_eq!((refused.status, &refused.json["error"]), (429, &json!("temporarily_unavailable")));
    asks("203.0.113.2").await.ok();
    app.advance(600_000);
    asks("203.0.113.1").await.ok();
    for network in 0..16 {
        for _ in 0..16 {
            asks(&format!("198.51.{network}.1")).await.ok();
        }
    }
    assert_eq!(asks("198.51.100.1").await.status, 429, "a group of networks has a share, too");
    asks("198.52.100.1").await.ok();
}

#[actix_web::test]
async fn neither_code_is_kept_and_none_is_kept_twice() {
    let app = App::start().await;
    let codes =
        || (DeviceCode::generate(app.service.entropy).unwrap(), UserCode::generate(app.service.entropy).unwrap());
    let ((device, user), (other_device, other_user)) = (codes(), codes());
    let asked = DeviceAuthorization {
        client: "tessera-cli".to_owned(),
        offline: false,
        address: None,
        created_at: 1,
        expires_at: i64::MAX,
        decision: DeviceDecision::Pending,
    };
    let insert = |device: &DeviceCode, user: UserCode| {
        let digests = [device.digest(&app.service.peppers), user.digest(&app.service.peppers)];
        let asked = asked.clone();
        let insert = |connection: &mut _| device_authorizations::insert(connection, digests.each_ref(), &asked);
        app.service.database.write(insert)
    };
    insert(&device, user).unwrap();
    assert!(matches!(insert(&other_device, user), Err(Error::Busy)));
    assert!(matches!(insert(&device, other_user), Err(Error::Busy)));
    insert(&other_device, other_user).unwrap();
    let texts = app.service.database.read(|connection| {
        use tessera::storage::schema::device_authorizations as table;
        Ok(table::table.select((table::device_digest, table::user_digest)).load::<(String, String)>(connection)?)
    });
    for code in [device.clone().expose(), user.to_string(), user.to_string().replace('-', "")] {
        assert!(!format!("{texts:?}").contains(&code), "{code}");
    }
}
