//! CSRF protection of forms.

use tessera::domain::principal::Role;

use super::{administered, enter, led, post};

/// Every path that takes a form of a signed-in user.
const FORMS: [&str; 24] = [
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
        let client = browser.client.with("sec-fetch-site", "cross-site");
        assert_eq!(post(&client, path, &[("csrf", &browser.csrf)]).await.status, 403, "{path}");
    }
}

#[actix_web::test]
async fn a_form_of_a_stranger_leads_to_the_sign_in() {
    let (app, _browser) = administered().await;
    for path in FORMS {
        let answer = post(&app.anonymous(), path, &[("csrf", "x")]).await;
        assert!(led(&answer).ends_with("/login"), "{path} {}", led(&answer));
    }
}

#[actix_web::test]
async fn a_form_is_sent_as_forms_are() {
    let (_app, browser) = administered().await;
    let answer = browser.client.post_text("/keys/new", "{}").await;
    assert_eq!(answer.status, 400);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("persona", "x"), 2_001).collect();
    assert_eq!(browser.post("/keys/new", &many).await.status, 400);
}
