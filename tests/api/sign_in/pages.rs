//! The pages of a sign-in with a provider, of which none can be reached.

use actix_web::http::Method;
use serde_json::json;

use super::one_provider;
use crate::support::{App, Options};

/// An application with an unreachable provider.
async fn with_provider(base: &str) -> App {
    App::start_with(Options { sign_in: one_provider(base), ..Options::default() }).await
}

#[actix_web::test]
async fn a_provider_that_cannot_be_reached_is_said_on_the_page() {
    let app = with_provider("https://tessera.example.org").await;
    let answer = app.anonymous().get("/login/company?next=keys").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("../login?because=unavailable")));
    let page = app.anonymous().get("/login?because=unavailable").await;
    assert!(page.text.contains("does not answer") && page.text.contains("Continue with Company"), "{}", page.text);
    for path in ["/login/nowhere", "/login/nowhere/callback?code=a&state=b", "/login/nowhere/logout"] {
        assert_eq!(app.anonymous().get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn an_answer_that_nobody_asked_for_is_refused_before_the_provider_is_asked() {
    let app = with_provider("https://tessera.example.org").await;
    let junk = "eyJwcm92aWRlciI6ImNvbXBhbnkifQ";
    for cookie in ["", junk, "%%%", "__Host-"] {
        let state = "abcdefghijklmnop";
        let name = format!("__Host-tessera_sign_in_company.{}", &state[..12]);
        let client =
            app.anonymous().with("cookie", &format!("{name}={cookie}; __Host-tessera_sign_in_company.={cookie}"));
        for query in [
            "",
            "?code=a",
            "?code=a&state=b",
            "?code=a&state=abcdefghijklmnop",
            "?error=access_denied&state=",
            "?code=a&state=abcdefghijklmnop&iss=x",
        ] {
            let answer = client.get(&format!("/login/company/callback{query}")).await;
            assert_eq!(answer.header("location"), Some("../../login?because=stale"), "{cookie} {query}");
        }
    }
    let answer = app.anonymous().get("/login/company/callback?state=a&state=b").await;
    assert_eq!(answer.status, 400, "twice is not once");
}

#[actix_web::test]
async fn a_logout_token_that_cannot_be_checked_ends_nothing() {
    let app = with_provider("https://tessera.example.org").await;
    let send = |path: &'static str, kind: &'static str, body: &'static str| {
        let client = app.anonymous().with("content-type", kind);
        async move { client.send(Method::POST, path, Some(body)).await }
    };
    let form = "application/x-www-form-urlencoded";
    let path = "/oauth/backchannel-logout/company";
    let answer = send(path, form, "logout_token=a.b.c").await;
    assert_eq!((answer.status, &answer.json["error"]), (503, &json!("temporarily_unavailable")), "{}", answer.text);
    assert_eq!(send(path, "application/json", "{}").await.status, 400);
    assert_eq!(send(path, form, "logout_token=a&logout_token=b").await.status, 400);
    assert_eq!(send("/oauth/backchannel-logout/nowhere", form, "logout_token=a").await.status, 404);
}

#[actix_web::test]
async fn a_question_for_the_head_of_the_callback_uses_up_no_sign_in() {
    let app = with_provider("https://tessera.example.org").await;
    let answer = app.anonymous().send(Method::HEAD, "/login/company/callback?state=x&code=y", None).await;
    assert_eq!((answer.status, answer.header("allow"), answer.header("set-cookie")), (405, Some("GET"), None));
    assert_eq!(app.anonymous().get("/login/company/callback?state=x&code=y").await.status, 303);
}

#[actix_web::test]
async fn a_page_of_another_site_begins_no_sign_in() {
    let app = with_provider("https://tessera.example.org").await;
    let elsewhere = app.anonymous().with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "navigate");
    let answer = elsewhere.get("/login/company?next=keys").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("../login")));
    assert_eq!(answer.header("set-cookie"), None);
}
