//! Refresh tokens of programs that users have approved (RFC 6749, section 6; RFC 9700, section 4.14).

mod lifetimes;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users::{self, PersonalTokens};

use crate::device::{ASK, GRANT, TOKEN, browser, csrf, decide, program, send};
use crate::dpop::proof_of;
use crate::storage::actions;
use crate::support::{Answer, App, Client, Options, SESSION};

const CLIENT: (&str, &str) = ("client_id", "tessera-cli");
const MINUTE: i64 = 60_000;
/// How long a refresh token can be used.
const IDLE: i64 = SESSION / 3;

/// The answer to a program that asked for that scope, and was approved by that user.
async fn approved_with(app: &App, user: &Client, scope: &str, proof: Option<String>) -> (Value, Answer) {
    let asked = send(&program(app), ASK, &[CLIENT, ("scope", scope)]).await.ok();
    decide(user, &asked, "approve").await;
    let answer = redeem(app, &asked, proof).await;
    (asked, answer)
}

async fn redeem(app: &App, asked: &Value, proof: Option<String>) -> Answer {
    app.advance(5_000);
    let code = ("device_code", asked["device_code"].as_str().unwrap());
    let client = program(app);
    let client = proof.map_or_else(|| client.clone(), |proof| client.with("dpop", &proof));
    send(&client, TOKEN, &[("grant_type", GRANT), CLIENT, code]).await
}

/// The access token and the refresh token of a program that a new user `ada` has approved.
async fn approved(app: &App) -> [String; 2] {
    approved_by(app, "ada").await
}

pub async fn approved_by(app: &App, name: &str) -> [String; 2] {
    app.user(name, Role::Member).await;
    granted(approved_with(app, &browser(app, name).await, "openid offline_access", None).await.1)
}

#[track_caller]
fn granted(answer: Answer) -> [String; 2] {
    let told = answer.ok();
    assert!(told["expires_in"].as_i64().unwrap() <= 600, "{told}");
    ["access_token", "refresh_token"].map(|name| told[name].as_str().unwrap().to_owned())
}

async fn refresh_with(client: &Client, token: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "refresh_token"), CLIENT, ("refresh_token", token)];
    send(client, TOKEN, &[&form[..], more].concat()).await
}

async fn refresh(app: &App, token: &str) -> Answer {
    refresh_with(&program(app), token, &[]).await
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!((answer.status, answer.json["error"].as_str()), (400, Some(error)), "{}", answer.text);
}

async fn works(app: &App, token: &str) -> bool {
    app.holder_of(token).whoami().await.status == 200
}

fn count(app: &App, action: &str) -> usize {
    actions(&app.service).iter().filter(|known| *known == action).count()
}

#[actix_web::test]
async fn each_refresh_token_is_used_once_for_a_child_and_the_next_one() {
    let app = App::start().await;
    let [mut access, mut refresh_token] = approved(&app).await;
    let mut seen = vec![refresh_token.clone()];
    for _ in 0..3 {
        assert!(refresh_token.starts_with("tsr_") && works(&app, &access).await);
        let told = app.holder_of(&access).whoami().await.ok();
        assert_eq!(told["username"], "ada");
        app.advance(11 * MINUTE);
        assert!(!works(&app, &access).await, "it is a child of minutes");
        let answer = refresh(&app, &refresh_token).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        [access, refresh_token] = granted(answer);
        assert!(!seen.contains(&refresh_token));
        seen.push(refresh_token.clone());
    }
    assert_eq!(count(&app, "session.refreshed"), 3);
    // A program that did not ask has a session and no refresh token.
    let (_, plain) = approved_with(&app, &browser(&app, "ada").await, "openid", None).await;
    let plain = plain.ok();
    assert!(plain.get("refresh_token").is_none() && plain["access_token"].as_str().unwrap().starts_with("tss_"));
}

#[actix_web::test]
async fn a_refresh_token_that_is_used_again_ends_everything_that_came_from_the_approval() {
    let app = App::start().await;
    let [first_access, first] = approved(&app).await;
    let [access, latest] = granted(refresh(&app, &first).await);
    let made = app.holder_of(&access);
    assert!(works(&app, &first_access).await && works(&app, &access).await);
    // Another approval of the same user is another family.
    let (_, other) = approved_with(&app, &browser(&app, "ada").await, "offline_access", None).await;
    let [other_access, other] = granted(other);
    refused(&refresh(&app, &first).await, "invalid_grant");
    made.whoami().await.refused("TESSERA-401-002");
    assert!(!works(&app, &first_access).await);
    refused(&refresh(&app, &latest).await, "invalid_grant");
    assert_eq!(count(&app, "session.refresh_token_reused"), 1);
    assert!(works(&app, &other_access).await);
    granted(refresh(&app, &other).await);
}

#[actix_web::test]
async fn two_requests_at_once_with_one_refresh_token_end_its_family() {
    let app = App::start().await;
    let [_, token] = approved(&app).await;
    let answers = join_all((0..4).map(|_| refresh(&app, &token))).await;
    let (right, wrong): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(right.len() <= 1 && !wrong.is_empty());
    for answer in &wrong {
        refused(answer, "invalid_grant");
    }
    for answer in right {
        let [access, next] = granted(answer);
        assert!(!works(&app, &access).await);
        refused(&refresh(&app, &next).await, "invalid_grant");
    }
}

#[actix_web::test]
async fn whatever_ends_the_sessions_of_a_user_ends_refresh_tokens_and_their_children() {
    for how in ["disabled", "password", "deleted", "signed out everywhere", "each ended"] {
        let app = App::start().await;
        let [access, token] = approved(&app).await;
        let (operator, name) = (app.operator(), "ada".to_owned());
        match how {
            "disabled" => users::set_state(&app.service, &operator, name, PrincipalState::Disabled).await.unwrap(),
            "password" => {
                let password = Some("another long password".to_owned());
                users::set_password(&app.service, &operator, name, password, PersonalTokens::Keep).await.unwrap();
            }
            "deleted" => users::delete(&app.service, &operator, name).await.unwrap(),
            _ => {
                let browser = browser(&app, "ada").await;
                let page = browser.get("/settings/sessions").await;
                let ids = page.text.split(r#"name="id" value=""#).skip(1).map(|text| text.split('"').next().unwrap());
                let csrf = csrf(&browser, "/settings/sessions").await;
                let chosen: Vec<_> =
                    if how == "each ended" { ids.map(|id| ("id", id)).collect() } else { vec![("others", "true")] };
                assert!(!chosen.is_empty());
                for one in chosen {
                    let ended = send(&browser, "/settings/sessions", &[("csrf", &csrf), one]).await;
                    assert_eq!(ended.status, 303, "{}", ended.text);
                }
            }
        }
        assert!(!works(&app, &access).await, "{how}");
        refused(&refresh(&app, &token).await, "invalid_grant");
    }
}

#[actix_web::test]
async fn a_refresh_token_is_of_its_client_and_may_be_narrowed_but_not_widened() {
    let device_clients = vec!["another".to_owned()];
    let app = App::start_with(Options { device_clients, ..Options::default() }).await;
    let [_, token] = approved(&app).await;
    let form = [("grant_type", "refresh_token"), ("client_id", "another"), ("refresh_token", token.as_str())];
    refused(&send(&program(&app), TOKEN, &form).await, "invalid_grant");
    refused(&send(&program(&app), TOKEN, &[form[0], CLIENT]).await, "invalid_request");
    refused(&send(&program(&app), TOKEN, &[form[0], form[2]]).await, "invalid_request");
    refused(&refresh_with(&program(&app), &token, &[("client_secret", "x")]).await, "invalid_client");
    // None of these has used it up, and neither has a request for more than its user may.
    for (more, error) in [
        (("scope", "MANAGE_USERS_AND_GROUPS"), "invalid_scope"),
        (("resource", "https://other.example.org"), "invalid_target"),
        (("lifetime", "1"), "invalid_request"),
    ] {
        refused(&refresh_with(&program(&app), &token, &[more]).await, error);
    }
    let narrow = refresh_with(&program(&app), &token, &[("scope", "VIEW_ANALYTICS"), ("token_format", "opaque")]).await;
    assert_eq!(narrow.json["scope"], "VIEW_ANALYTICS", "{}", narrow.text);
    let [access, token] = granted(narrow);
    assert!(access.starts_with("tsc_"));
    let whole = refresh_with(&program(&app), &token, &[("scope", "offline_access")]).await;
    assert!(whole.json["scope"].as_str().unwrap().contains("GENERATE_PERSONAL_ACCESS_TOKENS"), "{}", whole.text);
}

#[actix_web::test]
async fn a_refresh_token_is_bound_to_the_key_that_was_proved_with_the_device_code() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    let proof = |key: u8, id: &str| {
        let url = "https://tessera.example.org/oauth/token";
        Some(proof_of(key, &Method::POST, url, &json!({"iat": app.now() / 1000, "jti": id})))
    };
    let with = |proof: Option<String>| program(&app).with("dpop", &proof.unwrap());
    // A session cannot be bound; to be told so uses up nothing.
    let (asked, answer) = approved_with(&app, &ada, "openid", proof(7, "1")).await;
    refused(&answer, "invalid_request");
    assert!(answer.json["error_description"].as_str().unwrap().contains("offline_access"));
    redeem(&app, &asked, None).await.ok();
    // Neither does a proof that is wrong.
    let (asked, answer) = approved_with(&app, &ada, "offline_access", Some("x".to_owned())).await;
    refused(&answer, "invalid_dpop_proof");
    let answer = redeem(&app, &asked, proof(7, "2")).await;
    assert_eq!(answer.json["token_type"], "DPoP", "{}", answer.text);
    let [access, token] = granted(answer);
    app.holder_of(&access).whoami().await.refused("TESSERA-401-009");
    refused(&refresh(&app, &token).await, "invalid_grant");
    refused(&refresh_with(&with(proof(8, "3")), &token, &[]).await, "invalid_grant");
    let answer = refresh_with(&with(proof(7, "4")), &token, &[]).await;
    assert_eq!(answer.json["token_type"], "DPoP", "{}", answer.text);
    let [_, next] = granted(answer);
    // Whoever stole it has no key; still, it was used twice.
    refused(&refresh(&app, &token).await, "invalid_grant");
    refused(&refresh_with(&with(proof(7, "5")), &next, &[]).await, "invalid_grant");
}

#[actix_web::test]
async fn a_refresh_token_is_revoked_and_introspected_and_is_no_bearer_token() {
    let device_clients = vec!["another".to_owned()];
    let app = App::start_with(Options { device_clients, ..Options::default() }).await;
    let [access, token] = approved(&app).await;
    let reader = app.key_with(&[Permission::VerifyTokens]).await;
    let other = app.key_with(&[]).await;
    let told = async |client: &Client, token: &str| {
        send(client, "/oauth/introspect", &[("token", token), ("token_type_hint", "refresh_token")]).await
    };
    let known = told(&reader, &token).await.ok();
    assert_eq!((&known["active"], &known["username"]), (&json!(true), &json!("ada")), "{known}");
    assert_eq!((&known["client_id"], known.get("token_type")), (&json!("tessera-cli"), None), "{known}");
    for hint in [("token_type_hint", "access_token"), ("ignored", "")] {
        let as_bearer = send(&reader, "/oauth/introspect", &[("token", &token), hint]).await.ok();
        assert_eq!(as_bearer, json!({"active": false}), "a resource server would let it in");
    }
    assert_eq!(told(&app.holder_of(&access), &token).await.ok()["active"], true, "of its own user");
    assert_eq!(told(&other, &token).await.status, 403);
    app.holder_of(&token).whoami().await.refused("TESSERA-401-002");
    let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");
    let exchange = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    refused(&send(&program(&app), TOKEN, &[exchange, ("subject_token", &token), kind]).await, "invalid_request");
    let revoke = async |client: &str, token: &str| {
        send(&program(&app), "/oauth/revoke", &[("client_id", client), ("token", token)]).await
    };
    assert_eq!(revoke("nobody", &token).await.json["error"], "invalid_client");
    revoke("another", &token).await;
    assert!(works(&app, &access).await, "another client's");
    revoke("tessera-cli", &token).await;
    revoke("tessera-cli", &token).await;
    assert!(!works(&app, &access).await);
    assert_eq!(told(&reader, &token).await.ok(), json!({"active": false}));
    refused(&refresh(&app, &token).await, "invalid_grant");
    // A leaked one ends what came from it.
    let (_, answer) = approved_with(&app, &browser(&app, "ada").await, "offline_access", None).await;
    let [access, leaked] = granted(answer);
    app.anonymous().post("/api/service/apikeys/revoke-leaked", &json!({"token": leaked})).await.ok();
    assert!(!works(&app, &access).await);
    refused(&refresh(&app, &leaked).await, "invalid_grant");
}

#[actix_web::test]
async fn what_a_program_asks_for_at_the_device_grant_is_given_or_refused_by_name() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    let elsewhere = ("resource", "https://other.example.org");
    let named = |answer: &Answer, error: &str, name: &str| {
        refused(answer, error);
        assert!(answer.json["error_description"].as_str().unwrap().contains(name), "{}", answer.text);
    };
    for (scope, more, error, name) in [
        ("", elsewhere, "invalid_target", "session"),
        ("", ("audience", "https://tessera.example.org"), "invalid_target", "session"),
        ("openid offline_access", elsewhere, "invalid_target", "audiences"),
        ("VIEW_ANALYTICS", CLIENT, "invalid_scope", "offline_access"),
        ("offline_access VIEW_ANALYTICS", CLIENT, "invalid_scope", "scope"),
        ("offline_access", ("lifetime", "60"), "invalid_request", "lifetime"),
        ("openid", ("token_format", "jwt"), "invalid_request", "token_format"),
        ("offline_access", ("sub", "admin"), "invalid_request", "sub"),
    ] {
        let mut form = vec![CLIENT, ("scope", scope)];
        form.extend((more != CLIENT).then_some(more));
        named(&send(&program(&app), ASK, &form).await, error, name);
    }
    let poll = async |asked: &Value, more: &[(&str, &str)]| {
        app.advance(5_000);
        let code = ("device_code", asked["device_code"].as_str().unwrap());
        send(&program(&app), TOKEN, &[&[("grant_type", GRANT), CLIENT, code][..], more].concat()).await
    };
    // A session is what it is.
    let asked = send(&program(&app), ASK, &[CLIENT, ("scope", "openid")]).await.ok();
    decide(&ada, &asked, "approve").await;
    for (more, error, name) in [
        (("resource", "https://tessera.example.org"), "invalid_target", "session"),
        (("scope", "VIEW_ANALYTICS"), "invalid_scope", "session"),
        (("lifetime", "60"), "invalid_request", "lifetime"),
        (("token_format", "jwt"), "invalid_request", "token_format"),
        (("exp", "9999999999"), "invalid_request", "exp"),
    ] {
        named(&poll(&asked, &[more]).await, error, name);
    }
    // To be refused uses up nothing.
    let session = poll(&asked, &[("scope", "openid profile")]).await.ok();
    assert!(session["access_token"].as_str().unwrap().starts_with("tss_"), "{session}");
    // A child is made as it is asked for.
    let offline = ("scope", "openid offline_access");
    let asked = send(&program(&app), ASK, &[CLIENT, offline, ("resource", "https://tessera.example.org")]).await.ok();
    decide(&ada, &asked, "approve").await;
    named(&poll(&asked, &[elsewhere]).await, "invalid_target", "other.example.org");
    named(&poll(&asked, &[("lifetime", "59")]).await, "invalid_request", "lifetime");
    let narrow = [("scope", "VIEW_ANALYTICS"), ("lifetime", "60"), ("token_format", "opaque")];
    let child = poll(&asked, &narrow).await.ok();
    assert_eq!((&child["scope"], &child["expires_in"]), (&json!("VIEW_ANALYTICS"), &json!(60)), "{child}");
    assert!(child["access_token"].as_str().unwrap().starts_with("tsc_"), "{child}");
    // What was approved is repeated.
    let asked = send(&program(&app), ASK, &[CLIENT, offline]).await.ok();
    decide(&ada, &asked, "approve").await;
    let whole = poll(&asked, &[offline]).await.ok();
    assert!(whole["scope"].as_str().unwrap().contains("GENERATE_PERSONAL_ACCESS_TOKENS"), "{whole}");
}

#[actix_web::test]
async fn a_program_revokes_its_own_tokens_without_a_credential() {
    let device_clients = vec!["another".to_owned()];
    let app = App::start_with(Options { device_clients, ..Options::default() }).await;
    let [access, token] = approved(&app).await;
    let revoke = async |form: &[(&str, &str)]| send(&program(&app), "/oauth/revoke", form).await;
    let another = ("client_id", "another");
    revoke(&[another, ("token", &access)]).await.ok();
    assert!(works(&app, &access).await, "it was issued to another program");
    for wrong in [("client_id", "nobody"), ("client_id", "")] {
        assert_eq!(revoke(&[wrong, ("token", &access)]).await.status, 401);
    }
    let pretender = revoke(&[CLIENT, ("client_secret", "x"), ("token", &access)]).await;
    assert_eq!((pretender.status, &pretender.json["error"]), (401, &json!("invalid_client")));
    refused(&revoke(&[CLIENT]).await, "invalid_request");
    assert!(works(&app, &access).await);
    for _ in 0..2 {
        assert_eq!(revoke(&[CLIENT, ("token", &access), ("token_type_hint", "access_token")]).await.status, 200);
        assert!(!works(&app, &access).await);
    }
    assert_eq!(count(&app, "child.revoked"), 1);
    granted(refresh(&app, &token).await);
    // A session that the device grant gave.
    let (_, answer) = approved_with(&app, &browser(&app, "ada").await, "openid", None).await;
    let session = answer.ok()["access_token"].as_str().unwrap().to_owned();
    assert!(works(&app, &session).await);
    assert_eq!(revoke(&[CLIENT, ("token", &session)]).await.status, 200);
    assert!(!works(&app, &session).await);
    // Nothing else is a program's: not a key's token, nor a child of a key.
    let key = app.key_with(&[]).await;
    assert_eq!(revoke(&[CLIENT, ("token", &key.token)]).await.status, 200);
    assert!(works(&app, &key.token).await);
}

/// The child of a user who has lost the role for a while is refused meanwhile.
#[actix_web::test]
async fn a_program_revokes_a_child_that_is_refused_for_a_reason_that_goes_away() {
    let app = App::start().await;
    app.user("ada", Role::Admin).await;
    app.user("bob", Role::Admin).await;
    let [_, token] = granted(approved_with(&app, &browser(&app, "ada").await, "offline_access", None).await.1);
    let scope = [("scope", "MANAGE_USERS_AND_GROUPS")];
    let [access, token] = granted(refresh_with(&program(&app), &token, &scope).await);
    let [kept, _] = granted(refresh_with(&program(&app), &token, &scope).await);
    app.set_role("ada", Role::Member).await;
    assert!(!works(&app, &access).await && !works(&app, &kept).await);
    send(&program(&app), "/oauth/revoke", &[CLIENT, ("token", &access)]).await.ok();
    app.set_role("ada", Role::Admin).await;
    assert!(works(&app, &kept).await && !works(&app, &access).await);
}
