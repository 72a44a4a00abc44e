//! CSRF protection of forms.

use actix_web::http::Method;
use tessera::domain::principal::Role;

use super::{administered, enter, led, post};

/// Every path that takes a form of a signed-in user.
const FORMS: [&str; 28] = [
    "/logout",
    "/keys/bulk",
    "/people/role",
    "/people/state",
    "/people/remove",
    "/people/invitations",
    "/people/invitations/revoke",
    "/people/service-accounts/new",
    "/people/service-accounts/service_x/delete",
    "/keys/new",
    "/keys/00000000-0000-7000-8000-000000000000/edit",
    "/keys/00000000-0000-7000-8000-000000000000/delete",
    "/keys/00000000-0000-7000-8000-000000000000/personas",
    "/personas/new",
    "/personas/00000000-0000-7000-8000-000000000000/edit",
    "/personas/00000000-0000-7000-8000-000000000000/delete",
    "/personas/00000000-0000-7000-8000-000000000000/members",
    "/personas/00000000-0000-7000-8000-000000000000/policies/new",
    "/personas/00000000-0000-7000-8000-000000000000/policies/00000000-0000-7000-8000-000000000000",
    "/personas/00000000-0000-7000-8000-000000000000/policies/00000000-0000-7000-8000-000000000000/delete",
    "/policies/new",
    "/policies/00000000-0000-7000-8000-000000000000",
    "/policies/00000000-0000-7000-8000-000000000000/state",
    "/policies/00000000-0000-7000-8000-000000000000/delete",
    "/connections/00000000-0000-7000-8000-000000000000",
    "/settings/tokens/new",
    "/settings/tokens/revoke",
    "/settings/sessions",
];

#[actix_web::test]
async fn a_form_without_the_mark_of_its_session_does_nothing() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Admin).await;
    let other = enter(&app, "ada").await;
    for path in FORMS {
        for mark in ["", "x", &other.csrf] {
            let answer = post(&browser.client, path, &[("csrf", mark), ("name", "x")]).await;
            assert_eq!(answer.status, 403, "{path} {mark}");
            assert!(
                answer.text.contains("this form belongs to another session")
                    || answer.text.contains("This form belongs")
            );
        }
    }
    assert_eq!(browser.get("/keys").await.status, 200);
}

/// Failure F55.
#[actix_web::test]
async fn a_form_of_another_site_does_nothing() {
    let (_app, browser) = administered().await;
    for path in FORMS {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://tessera.example.com"),
            ("origin", "null"),
            // A browser that says nothing about where the form comes from.
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ] {
            let client = browser.client.with(header, value);
            let answer = post(&client, path, &[("csrf", &browser.csrf)]).await;
            assert_eq!(answer.status, 403, "{path} {header}: {value}");
        }
        let plain = browser.client.with("content-type", "text/plain");
        let answer = plain.send(Method::POST, path, Some(&format!("csrf={}", browser.csrf))).await;
        assert_eq!(answer.status, 400, "{path}");
    }
    assert_eq!(browser.get("/keys").await.status, 200, "nothing has signed the user out");
}

#[actix_web::test]
async fn a_form_of_a_stranger_leads_to_the_sign_in() {
    let (app, browser) = administered().await;
    for path in FORMS {
        let answer = post(&app.anonymous(), path, &[("csrf", "x")]).await;
        let (_, target) = led(&answer).rsplit_once("/login").unwrap();
        // After signing in, the page of the form follows: each has one, except the one to sign out.
        let next = form_urlencoded::parse(target.trim_start_matches('?').as_bytes()).find(|(name, _)| name == "next");
        assert_eq!(next.is_none(), path == "/logout", "{path} {target}");
        if let Some((_, next)) = next {
            let page = browser.get(&format!("/{next}")).await;
            assert!(page.status == 200 || page.text.contains("<h1>Not found</h1>"), "{path} {}", page.text);
        }
    }
}

#[actix_web::test]
async fn a_form_of_a_session_that_has_ended_leads_back_to_its_page() {
    let (app, browser) = administered().await;
    let other = enter(&app, "admin").await;
    other.post("/settings/sessions", &[("others", "true")]).await;
    let sent = [("name", "etl"), ("lifetime", "30")];
    assert_eq!(led(&browser.post("/keys/new", &sent).await), "../login?because=ended&next=keys%2Fnew");
    let chosen = browser.post("/keys/bulk", &[("operation", "delete")]).await;
    assert_eq!(led(&chosen), "../login?because=ended&next=keys");
    // Signed in again in another tab: the form still belongs to the session that has ended.
    let refused = post(&other.client, "/keys/new", &[("csrf", &browser.csrf), ("name", "etl")]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("href=\"../keys/new\">Load the page again"), "{}", refused.text);
    assert!(app.admin().await.keys(&[]).await.column("id").is_empty());
}

#[actix_web::test]
async fn a_form_is_sent_as_forms_are() {
    let (_app, browser) = administered().await;
    let answer = browser.client.post_text("/keys/new", "{}").await;
    assert_eq!(answer.status, 400);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("persona", "x"), 2_001).collect();
    assert_eq!(browser.post("/keys/new", &many).await.status, 400);
}
