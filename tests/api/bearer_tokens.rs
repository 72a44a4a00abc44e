//! `/token`: a bearer token of one's own in the browser.

use tessera::domain::principal::Role;

use crate::device::{ask, browser, browser_with, csrf, decide, poll, send};
use crate::support::{Answer, App, BEGIN, Client, PASSWORD, SESSION};

const MINUTE: i64 = 60_000;

/// Requests a token with this lifetime in seconds.
async fn make(browser: &Client, seconds: &str) -> Answer {
    let csrf = csrf(browser, "/token").await;
    send(browser, "/token", &[("csrf", &csrf), ("validitySeconds", seconds)]).await
}

/// The only token on a page.
fn token(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.text);
    let shown: Vec<&str> = page.text.match_indices("tss_").map(|(at, _)| &page.text[at..at + 76]).collect();
    assert!(!shown.is_empty() && shown.iter().all(|each| *each == shown[0]), "{shown:?}");
    shown[0].to_owned()
}

#[actix_web::test]
async fn a_new_token_is_shown_once_with_lines_that_use_it() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let body = serde_json::json!({"username": "ada", "password": PASSWORD});
    let begun = app.anonymous().post("/api/service/sessions", &body).await.ok();
    let own = begun["token"].as_str().unwrap().to_owned();
    let ada = browser_with(&app, &own);
    let form = ada.get("/token").await;
    assert!(form.status == 200 && !form.text.contains("tss_"), "{}", form.text);
    assert!(form.text.contains("value=\"3600\" checked"), "one hour if nothing else is chosen: {}", form.text);
    let page = make(&ada, "900").await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let made = token(&page);
    assert_ne!(made, own, "the token of the cookie is in no page");
    for line in [
        format!("export TESSERA_TOKEN={made}"),
        "https://tessera.example.org/api/service/whoami".to_owned(),
        "datahub init --host https://tessera.example.org".to_owned(),
        "add_as_admin(".to_owned(),
        "data-copy=".to_owned(),
    ] {
        assert!(page.text.contains(&line), "{line}: {}", page.text);
    }
    let whoami = app.holder_of(&made).whoami().await.ok();
    assert_eq!((&whoami["username"], &whoami["expiresAt"]), (&"ada".into(), &(BEGIN + 15 * MINUTE).into()));
    assert!(!ada.get("/token").await.text.contains("tss_"));
}

#[actix_web::test]
async fn a_token_lives_no_longer_than_the_session_it_was_made_in() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    app.advance(10 * MINUTE);
    let whole = token(&make(&ada, &(SESSION / 1000).to_string()).await);
    assert_eq!(app.holder_of(&whole).whoami().await.ok()["expiresAt"], BEGIN + SESSION);
    for seconds in ["0", "59", "-1", &(SESSION / 1000 + 1).to_string(), "9223372036854775807", "x", ""] {
        let refused = make(&ada, seconds).await;
        assert!(refused.status == 400 && !refused.text.contains("tss_"), "{seconds}: {}", refused.text);
    }
    let form = ada.get("/token").await;
    assert!(!form.text.contains("value=\"3600\""), "what is longer is not offered: {}", form.text);
}

#[actix_web::test]
async fn a_sign_in_that_is_not_recent_is_confirmed_and_no_token_makes_it_recent() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    app.advance(14 * MINUTE);
    let made = token(&make(&ada, "3600").await);
    let asked = ask(&app).await;
    decide(&ada, &asked, "approve").await;
    let fetched = poll(&app, &asked).await.ok()["access_token"].as_str().unwrap().to_owned();
    app.advance(2 * MINUTE);
    for client in [&ada, &browser_with(&app, &made), &browser_with(&app, &fetched)] {
        let page = make(client, "3600").await;
        assert!(page.text.contains("Confirm that it is you") && !page.text.contains("tss_"), "{}", page.text);
    }
    let csrf = csrf(&ada, "/token").await;
    let fields = |password| [("csrf", csrf.as_str()), ("validitySeconds", "3600"), ("confirm_password", password)];
    let wrong = send(&ada, "/token", &fields("wrong")).await;
    assert!(wrong.status == 400 && !wrong.text.contains("tss_"), "{}", wrong.text);
    token(&send(&ada, "/token", &fields(PASSWORD)).await);
}

#[actix_web::test]
async fn signing_out_in_the_browser_leaves_the_token() {
    let app = App::start().await;
    app.user("ada", Role::Member).await;
    let ada = browser(&app, "ada").await;
    let made = app.holder_of(&token(&make(&ada, "3600").await));
    let csrf = csrf(&ada, "/token").await;
    assert_eq!(send(&ada, "/logout", &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(ada.get("/token").await.status, 303);
    made.whoami().await.ok();
    made.delete("/api/service/sessions/current").await.ok();
    made.whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn only_the_sessions_of_users_make_tokens() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let page = browser_with(&app, &key.token).get("/token").await;
    assert!(page.status == 303 && page.header("location").unwrap().contains("next=token"), "{page:?}");
    let form = [("csrf", ""), ("validitySeconds", "3600")];
    assert_eq!(send(&browser_with(&app, &key.token), "/token", &form).await.status, 303);
    app.user("ada", Role::Member).await;
    assert_eq!(send(&browser(&app, "ada").await, "/token", &form).await.status, 403);
}
