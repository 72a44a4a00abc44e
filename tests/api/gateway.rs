//! The gateway endpoints, in process; `tests/clients/gateways` runs real gateways.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{App, PASSWORD, SESSION};

const VERIFY: &str = "/gateway/verify";
const VERIFY_TOKENS: &str = "/api/service/apikeys/verify";

#[actix_web::test]
async fn a_gateway_is_told_who_it_is_and_every_field_is_there() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ViewAudit]).await;
    let answer = key.get(VERIFY).await;
    assert_eq!(answer.header("x-tessera-client-id"), Some(format!("apikey-{}", key.id).as_str()));
    assert_eq!(answer.header("x-tessera-permissions"), Some("VIEW_AUDIT"));
    assert_eq!((answer.header("x-tessera-personas"), answer.header("x-tessera-expires-in")), (Some(""), Some("")));
    key.get(&format!("{VERIFY}?permission=VIEW_AUDIT")).await;
    key.get(&format!("{VERIFY}?permission=MANAGE_APIKEYS")).await.refused("TESSERA-403-001");
    key.get(&format!("{VERIFY}?persona=default/x")).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn two_credentials_are_unauthenticated_to_a_gateway() {
    let app = App::start().await;
    let (one, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    one.with("x-api-key", &other.token).get(VERIFY).await.refused("TESSERA-401-006");
}

#[actix_web::test]
async fn a_key_bound_to_addresses_is_refused_from_elsewhere_with_and_without_expiry() {
    let app = App::start().await;
    for validity in [Value::Null, json!(60)] {
        let body = json!({"displayName": "bound", "allowedAddresses": ["10.0.0.0/8"], "validitySeconds": validity});
        let created = app.admin().await.try_create(&body).await.ok();
        let token = created["attributes"]["accessToken"].as_str().unwrap();
        app.holder_of(token).whoami().await.refused("TESSERA-403-002");
        let ask = |address: &str| json!({"tokens": [token], "address": address});
        let verifier = app.key_with(&[Permission::VerifyTokens]).await;
        assert_eq!(verifier.post(VERIFY_TOKENS, &ask("10.1.2.3")).await.ok()["results"][0]["active"], true);
        assert_eq!(verifier.post(VERIFY_TOKENS, &ask("11.1.2.3")).await.ok()["results"][0]["active"], false);
    }
}

#[actix_web::test]
async fn a_rate_limit_is_used_up_and_comes_back_with_time() {
    let app = App::start().await;
    let body = json!({"displayName": "limited", "rateLimit": {"requests": 2, "seconds": 60}});
    let created = app.admin().await.try_create(&body).await.ok();
    let limited = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    assert_eq!(limited.get(VERIFY).await.header("ratelimit"), Some("\"key\";r=1"));
    assert_eq!(limited.get(VERIFY).await.header("ratelimit-policy"), Some("\"key\";q=2;w=60"));
    let answer = limited.get(VERIFY).await;
    assert_eq!(answer.header("retry-after"), Some("30"));
    answer.refused("TESSERA-429-002");
    app.service.clock.advance(30_000);
    limited.get(VERIFY).await;
    limited.get(VERIFY).await.refused("TESSERA-429-002");
}

#[actix_web::test]
async fn a_key_cannot_loosen_its_own_limits() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let body = json!({"displayName": "mine", "rateLimit": {"requests": 9, "seconds": 1}});
    let refused = key.post(&format!("/api/service/apikeys/{}", key.id), &body).await.refused("TESSERA-403-001");
    assert!(refused["errorMessage"].as_str().unwrap().contains("its own limits"), "{refused}");
}

#[actix_web::test]
async fn limits_that_make_no_sense_are_refused_by_name() {
    let admin = App::start().await.admin().await;
    for (member, value) in [
        ("allowedAddresses", json!(["10.0.0.0/33"])),
        ("allowedAddresses", json!(["localhost"])),
        ("rateLimit", json!({"requests": 1, "seconds": 0})),
        ("rateLimit", json!({"requests": 1, "seconds": 86_401})),
    ] {
        let mut body = json!({"displayName": "a"});
        body[member] = value;
        admin.try_create(&body).await.violates(member);
    }
}

#[actix_web::test]
async fn asking_about_others_takes_a_permission_and_about_oneself_none() {
    let app = App::start().await;
    let (one, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    let about = |token: &str| json!({"tokens": [token]});
    assert_eq!(one.post(VERIFY_TOKENS, &about(&one.token)).await.ok()["results"][0]["active"], true);
    for token in [other.token.as_str(), "no token"] {
        one.post(VERIFY_TOKENS, &about(token)).await.refused("TESSERA-403-001");
    }
}

#[actix_web::test]
async fn whoever_holds_a_token_that_is_dead_is_told_why_and_nobody_else_is() {
    let app = App::start().await;
    let session = |name| app.session_of(name);
    app.user("ada", Role::Member).await;
    app.user("bob", Role::Member).await;
    let old =
        app.anonymous().post("/api/service/sessions", &json!({"username": "ada", "password": PASSWORD})).await.ok();
    let about = json!({"tokens": [old["token"]]});
    app.advance(SESSION + 1);
    let told = session("ada").await.post(VERIFY_TOKENS, &about).await.ok();
    assert_eq!(told["results"][0]["reason"], "the bearer token has expired", "{told}");
    session("bob").await.post(VERIFY_TOKENS, &about).await.refused("TESSERA-403-001");
    let told = app.key_with(&[Permission::VerifyTokens]).await.post(VERIFY_TOKENS, &about).await.ok();
    assert_eq!(told["results"][0]["reason"], "the bearer token has expired", "{told}");
}

#[actix_web::test]
async fn asking_by_introspection_uses_no_rate_limit_up() {
    let app = App::start().await;
    let body = json!({"displayName": "limited", "rateLimit": {"requests": 1, "seconds": 60}});
    let created = app.admin().await.try_create(&body).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap();
    let verifier = app.key_with(&[Permission::VerifyTokens]).await;
    let form = format!("token={token}");
    for _ in 0..3 {
        let verifier = verifier.with("content-type", "application/x-www-form-urlencoded");
        let answer = verifier.send(Method::POST, "/oauth/introspect", Some(&form)).await;
        assert_eq!(answer.header("ratelimit"), None);
        assert_eq!(answer.ok()["active"], true);
    }
    app.holder_of(token).get(VERIFY).await;
    app.holder_of(token).get(VERIFY).await.refused("TESSERA-429-002");
    let key = app.admin().await.key(created["id"].as_str().unwrap()).await.ok();
    assert_eq!(key["attributes"]["useCount"], "4", "each time somebody showed it: {key}");
}

#[actix_web::test]
async fn whoever_shows_a_live_token_kills_it_and_is_told_nothing() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for token in [key.token.as_str(), key.token.as_str(), "no token"] {
        let answer = app.anonymous().post("/api/service/apikeys/revoke-leaked", &json!({"token": token})).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    }
    key.whoami().await.refused("TESSERA-401-002");
    let filter = r#"{"action":"token.leaked_revoked"}"#;
    let trail = app.admin().await.list("/api/service/audit", &[("filter", filter)]).await;
    assert_eq!(trail.column("subjectId"), [key.id.as_str()]);
}

#[actix_web::test]
async fn a_gateway_is_told_when_the_storage_does_not_answer() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    app.service.database.revert().unwrap();
    key.get(VERIFY).await.refused("TESSERA-503-001");
}
