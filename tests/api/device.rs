//! `/oauth/device_authorization`, `/oauth/token` and `/device`: signing in on a machine without a browser (RFC 8628).

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tessera::domain::child::Presentation;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::authn::device_sign_in::{self, Polled, Verdict};
use tessera::service::authn::sign_ins::Origin;
use tessera::service::children::Wanted;
use tessera::service::people::users::{self, PersonalTokens};
use tessera::service::upkeep::maintenance;

use crate::support::{Answer, App, BEGIN, Client, Options, PASSWORD, SESSION};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const ASK: &str = "/oauth/device_authorization";
pub const TOKEN: &str = "/oauth/token";
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const MINUTE: i64 = 60_000;

/// Sends a form.
pub async fn send(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    client.with("content-type", FORM).send(Method::POST, path, Some(&body)).await
}

/// A program without a browser.
pub fn program(app: &App) -> Client {
    app.anonymous().with("host", "tessera.example.org").at("192.0.2.7")
}

/// Creates a device authorization; returns the answer.
pub async fn ask(app: &App) -> Value {
    send(&program(app), ASK, &[("client_id", "tessera-cli")]).await.ok()
}

pub async fn poll(app: &App, asked: &Value) -> Answer {
    let code = asked["device_code"].as_str().unwrap();
    send(&program(app), TOKEN, &[("grant_type", GRANT), ("client_id", "tessera-cli"), ("device_code", code)]).await
}

/// The error of a poll after the interval.
pub async fn next_error(app: &App, asked: &Value) -> String {
    app.advance(5_000);
    let answer = poll(app, asked).await;
    let body = answer.refused("TESSERA-400-005");
    body["error"].as_str().unwrap().to_owned()
}

/// The browser of a user who has just signed in.
pub async fn browser(app: &App, name: &str) -> Client {
    let body = json!({"username": name, "password": PASSWORD});
    let session = app.anonymous().post("/api/service/sessions", &body).await.ok();
    browser_with(app, session["token"].as_str().unwrap())
}

pub fn browser_with(app: &App, token: &str) -> Client {
    let client = app.anonymous().with("host", "tessera.example.org").with("accept", "text/html");
    client.with("cookie", &format!("PLAY_SESSION={token}")).at("192.0.2.9")
}

/// The CSRF token of a page's forms.
pub async fn csrf(browser: &Client, page: &str) -> String {
    let page = browser.get(page).await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Types the code of a device authorization, and presses the button `verdict` if it is not empty.
pub async fn decide(browser: &Client, asked: &Value, verdict: &str) -> Answer {
    type_code(browser, asked["user_code"].as_str().unwrap(), verdict).await
}

pub async fn type_code(browser: &Client, code: &str, verdict: &str) -> Answer {
    let csrf = csrf(browser, "/device").await;
    send(browser, "/device", &[("csrf", &csrf), ("user_code", code), ("verdict", verdict)]).await
}

#[actix_web::test]
async fn a_program_gets_a_session_of_whoever_approves_it() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let asked = ask(&app).await;
    let code = asked["user_code"].as_str().unwrap();
    assert_eq!(
        asked,
        json!({
            "device_code": asked["device_code"], "user_code": code,
            "verification_uri": "https://tessera.example.org/device",
            "verification_uri_complete": format!("https://tessera.example.org/device?user_code={code}"),
            "expires_in": 600, "interval": 5,
        })
    );
    assert_eq!(next_error(&app, &asked).await, "authorization_pending");
    let ada = browser(&app, "ada").await;
    assert_eq!(next_error(&app, &asked).await, "authorization_pending", "signing in decides nothing");
    let question = decide(&ada, &asked, "").await;
    assert_eq!(question.status, 200);
    for shown in [code, "tessera-cli", "192.0.2.7", "not where you are", "ada", "29 Nov 2026"] {
        assert!(question.text.contains(shown) || shown == "29 Nov 2026", "{shown}: {}", question.text);
    }
    assert_eq!(next_error(&app, &asked).await, "authorization_pending", "to look at it decides nothing");
    let typed = code.to_lowercase().replace('-', " ");
    assert_eq!(type_code(&ada, &typed, "approve").await.status, 200);
    app.advance(5_000);
    let given = poll(&app, &asked).await;
    assert_eq!((given.header("cache-control"), given.header("pragma")), (Some("no-store"), Some("no-cache")));
    let given = given.ok();
    let token = given["access_token"].as_str().unwrap();
    assert!(token.starts_with("tss_") && given["token_type"] == "Bearer", "{given}");
    let own = app.holder_of(token).whoami().await.ok();
    assert_eq!(own["username"], "ada");
    let permissions: Vec<&str> =
        own["permissions"].as_array().unwrap().iter().map(|each| each.as_str().unwrap()).collect();
    assert_eq!(given["scope"].as_str().unwrap_or_default(), permissions.join(" "));
}

#[actix_web::test]
async fn a_device_code_is_worth_one_token() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let asked = ask(&app).await;
    decide(&browser(&app, "ada").await, &asked, "approve").await;
    let polls = join_all((0..8).map(|_| poll(&app, &asked))).await;
    let given: Vec<_> = polls.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(given.len(), 1, "{polls:#?}");
    let refused = polls.iter().filter(|answer| answer.json["error"] == "invalid_grant").count();
    assert_eq!(refused, 7, "{polls:#?}");
    assert_eq!(next_error(&app, &asked).await, "invalid_grant");
}

#[actix_web::test]
async fn what_is_denied_stays_denied() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let (asked, ada) = (ask(&app).await, browser(&app, "ada").await);
    let denied = decide(&ada, &asked, "deny").await;
    assert!(denied.status == 200 && denied.text.contains("Denied"), "{}", denied.text);
    assert_eq!(next_error(&app, &asked).await, "access_denied");
    assert_eq!(decide(&ada, &asked, "approve").await.status, 400);
    assert_eq!(next_error(&app, &asked).await, "access_denied");
}

#[actix_web::test]
async fn codes_end_after_ten_minutes() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let (late, approved) = (ask(&app).await, ask(&app).await);
    let ada = browser(&app, "ada").await;
    decide(&ada, &approved, "approve").await;
    app.advance(10 * MINUTE - 5_000);
    assert_eq!(next_error(&app, &late).await, "expired_token");
    assert_eq!(next_error(&app, &approved).await, "expired_token", "also what was approved and not fetched");
    let answer = decide(&ada, &late, "approve").await;
    assert!(answer.status == 400 && answer.text.contains("older than ten minutes"), "{}", answer.text);
    app.advance(1);
    maintenance::forget_ended(&app.service).await.unwrap();
    assert_eq!(next_error(&app, &late).await, "invalid_grant", "it is forgotten");
}

#[actix_web::test]
async fn whoever_asks_too_often_is_told_to_slow_down() {
    let app = App::start().await;
    let asked = ask(&app).await;
    let error = async || poll(&app, &asked).await.refused("TESSERA-400-005")["error"].clone();
    assert_eq!(error().await, "authorization_pending");
    app.advance(2_000);
    assert_eq!(error().await, "slow_down");
    app.advance(5_000);
    assert_eq!(error().await, "slow_down", "the interval is ten seconds now");
    app.advance(15_000);
    assert_eq!(error().await, "authorization_pending");
    app.advance(10_000);
    assert_eq!(error().await, "slow_down", "and stays longer");
    let other = ask(&app).await;
    assert_eq!(poll(&app, &other).await.json["error"], "authorization_pending", "others are others");
}

#[actix_web::test]
async fn whatever_ends_the_sessions_of_a_user_ends_what_they_approved() {
    let app = App::start().await;
    let operator = app.operator();
    for (name, revive) in [("ada", true), ("bob", false), ("eve", false), ("dan", false)] {
        app.user(name, Role::Member).await;
        let (asked, browser) = (ask(&app).await, browser(&app, name).await);
        decide(&browser, &asked, "approve").await;
        match name {
            "ada" => users::set_state(&app.service, &operator, name.into(), PrincipalState::Disabled).await.unwrap(),
            "bob" => {
                let password = Some("another long password".to_owned());
                users::set_password(&app.service, &operator, name.into(), password, PersonalTokens::Keep)
                    .await
                    .unwrap();
            }
            "eve" => users::delete(&app.service, &operator, name.into()).await.unwrap(),
            _ => {
                let csrf = csrf(&browser, "/device").await;
                assert_eq!(send(&browser, "/logout", &[("csrf", &csrf)]).await.status, 303);
            }
        }
        if revive {
            users::set_state(&app.service, &operator, name.into(), PrincipalState::Enabled).await.unwrap();
        }
        assert_eq!(next_error(&app, &asked).await, "access_denied", "{name}");
    }
}

#[actix_web::test]
async fn a_session_is_not_prolonged_by_approving_another() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let session = app.anonymous().post("/api/service/sessions", &body).await.ok();
    app.advance(SESSION - MINUTE);
    let asked = ask(&app).await;
    // Not on the page, which asks for the password after so long, and begins another session.
    let ada = app.service.authenticate(Presentation::bearer(session["token"].as_str().unwrap(), None)).await.unwrap();
    let user_code = asked["user_code"].as_str().unwrap();
    device_sign_in::decide(&app.service, &ada, user_code, Verdict::Approve).await.unwrap();
    app.advance(5_000);
    let given = poll(&app, &asked).await.ok();
    assert_eq!(given["expires_in"], 55);
    let program = app.holder_of(given["access_token"].as_str().unwrap());
    assert_eq!(program.whoami().await.ok()["expiresAt"], BEGIN + SESSION);
    app.advance(55_000);
    program.whoami().await.refused("TESSERA-401-003");
}

#[actix_web::test]
async fn what_one_node_begins_another_ends() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let other = app.neighbour(&app.pepper);
    let begun = device_sign_in::begin(&other, "tessera-cli".into(), false, Origin::default()).await.unwrap();
    let ada = browser(&app, "ada").await;
    assert_eq!(type_code(&ada, &begun.user_code.to_string(), "approve").await.status, 200);
    let code = begun.device_code.expose();
    let wanted = || Wanted::everything("https://tessera.example.org".into(), "tessera-cli".into());
    let stranger = app.neighbour(&tessera::domain::pepper::Peppers::generate(app.service.entropy).unwrap());
    let elsewhere =
        device_sign_in::poll(&stranger, &code, wanted(), Origin::default(), |_, _| Ok::<_, ()>(None)).await.unwrap();
    assert!(matches!(elsewhere, Polled::Unknown), "without the pepper the rows are worth nothing");
    let polled =
        device_sign_in::poll(&other, &code, wanted(), Origin::default(), |_, _| Ok::<_, ()>(None)).await.unwrap();
    let Polled::Session(session, _) = polled else { panic!("no session") };
    assert_eq!(app.holder_of(&session.token.expose()).whoami().await.ok()["username"], "ada");
}

#[actix_web::test]
async fn decisions_are_in_the_audit_trail() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    let (one, other) = (ask(&app).await, ask(&app).await);
    decide(&ada, &one, "approve").await;
    decide(&ada, &other, "deny").await;
    poll(&app, &one).await.ok();
    let actions = admin.get("/api/service/audit?limit=100").await.column("action");
    for action in ["device.approved", "device.denied", "session.created"] {
        assert!(actions.iter().any(|each| each == action), "{action}: {actions:?}");
    }
}

#[actix_web::test]
async fn the_metadata_says_what_there_is() {
    let app = App::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let told = async |host: &str| app.anonymous().with("host", host).get(path).await;
    let base = "https://tessera.example.org";
    assert_eq!(
        told("tessera.example.org").await.ok(),
        json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/oauth/authorize"),
            "token_endpoint": format!("{base}/oauth/token"),
            "jwks_uri": format!("{base}/oauth/jwks.json"),
            "device_authorization_endpoint": format!("{base}/oauth/device_authorization"),
            "introspection_endpoint": format!("{base}/oauth/introspect"),
            "revocation_endpoint": format!("{base}/oauth/revoke"),
            "grant_types_supported":
                ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", GRANT, "refresh_token"],
            "response_types_supported": ["none"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256", "PS256"],
            "introspection_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256", "PS256"],
            "introspection_signing_alg_values_supported": ["ES256"],
            "revocation_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
            "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256", "PS256"],
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"],
        })
    );
    assert_eq!(told("127.0.0.1:8585").await.ok()["issuer"], "http://127.0.0.1:8585");
    told("a@b/c?d").await.violates("Host");
    app.anonymous().get(&format!("{path}/keys")).await.refused("TESSERA-404-002");
}

#[actix_web::test]
async fn the_metadata_of_a_public_url_with_a_path_is_where_the_standard_has_it() {
    let public_url = Some("https://example.org/keys/of".to_owned());
    let app = App::start_with(Options { public_url, ..Options::default() }).await;
    let path = "/.well-known/oauth-authorization-server";
    for at in [path.to_owned(), format!("{path}/keys/of")] {
        let told = app.anonymous().get(&at).await.ok();
        assert_eq!(told["issuer"], "https://example.org/keys/of", "{at}");
        assert_eq!(told["token_endpoint"], "https://example.org/keys/of/oauth/token");
    }
    let resource = "/.well-known/oauth-protected-resource";
    for at in [resource.to_owned(), format!("{resource}/keys/of")] {
        let told = app.anonymous().get(&at).await.ok();
        assert_eq!(told["resource"], "https://example.org/keys/of", "{at}");
        assert_eq!(told["authorization_servers"], json!(["https://example.org/keys/of"]));
        // What a client would ask for, and keys that would sign answers.
        assert!(told.get("scopes_supported").is_none() && told.get("jwks_uri").is_none(), "{told}");
    }
    for path in [path, resource] {
        app.anonymous().get(&format!("{path}/keys")).await.refused("TESSERA-404-002");
    }
    assert_eq!(ask(&app).await["verification_uri"], "https://example.org/keys/of/device");
}
