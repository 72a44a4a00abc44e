//! CSRF protection of forms.

use actix_web::http::Method;
use tessera::clock::MINUTE;
use tessera::domain::principal::Role;

use super::{administered, cookies, enter, field, led, post, with};
use crate::support::PASSWORD;

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

/// Nothing that was typed is lost when the session ends: signing in again, in another tab, is enough.
#[actix_web::test]
async fn a_form_of_a_session_that_has_ended_is_sent_again_after_signing_in() {
    let (app, browser) = administered().await;
    let other = enter(&app, "admin").await;
    other.post("/settings/sessions", &[("others", "true")]).await;
    let sent = [("name", "etl"), ("lifetime", "30"), ("description", "\"loads\""), ("confirm_password", PASSWORD)];
    let ended = browser.post("/keys/new", &sent).await;
    assert_eq!((ended.status, ended.header("set-cookie")), (403, None), "{}", ended.text);
    assert!(ended.text.contains("Your session has ended") && !ended.text.contains(PASSWORD), "{}", ended.text);
    assert!(ended.text.contains("href=\"../login?because=ended&#38;next=keys%2Fnew\""), "{}", ended.text);
    assert_eq!((field(&ended, "name").as_str(), field(&ended, "lifetime").as_str()), ("etl", "30"));
    // Without signing in, it is the same page again.
    let form =
        ["csrf", "name", "lifetime", "description"].map(|name| (name, field(&ended, name).replace("&#34;", "\"")));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(post(&browser.client, "/keys/new", &form).await.text.contains("Your session has ended"));
    // A browser drops the cookie of a session that has expired.
    let dropped = post(&app.anonymous().with("host", "tessera.example.org"), "/keys/new", &form).await;
    assert!(dropped.text.contains("href=\"../login?next=keys%2Fnew\""), "{}", dropped.text);

    let back = post(&other.client, "/keys/new", &form).await;
    assert_eq!(back.status, 403);
    assert!(back.text.contains("Send it again?") && back.text.contains("<dd class=\"wrap\">etl</dd>"), "{}", back.text);
    assert!(app.admin().await.keys(&[]).await.column("id").is_empty());
    assert_eq!(field(&back, "csrf"), other.csrf);
    let again = [&[("csrf", other.csrf.as_str())], &form[1..]].concat();
    assert!(post(&other.client, "/keys/new", &again).await.text.contains("tsk_"));
    assert_eq!(app.admin().await.keys(&[]).await.json["records"][0]["attributes"]["description"], "\"loads\"");
}

/// Confirming the password in one tab replaces the session of all: what was typed in another is not lost.
#[actix_web::test]
async fn a_form_of_another_tab_is_sent_again_after_the_password_was_confirmed_in_the_first() {
    let (app, browser) = administered().await;
    app.advance(16 * MINUTE);
    let first = [("name", "first"), ("lifetime", "30"), ("confirm_password", PASSWORD)];
    let confirmed = browser.post("/keys/new", &first).await;
    let fresh = with(&app, &cookies(&confirmed)).await;
    let typed = [("csrf", browser.csrf.as_str()), ("name", "second"), ("lifetime", "30")];
    let kept = post(&fresh.client, "/keys/new", &typed).await;
    assert!(kept.status == 403 && kept.text.contains("Send it again?"), "{}", kept.text);
    assert_eq!((field(&kept, "csrf"), field(&kept, "name")), (fresh.csrf.clone(), "second".to_owned()));
    assert!(fresh.post("/keys/new", &typed[1..]).await.text.contains("tsk_"));
}

/// The page to send a form again has a right CSRF token: it is not for forms of other users or sites.
#[actix_web::test]
async fn a_form_of_somebody_else_is_not_offered_to_be_sent_again() {
    let (app, browser) = administered().await;
    app.user("eve", Role::Admin).await;
    let eve = enter(&app, "eve").await;
    let (own, of_user) = browser.csrf.split_once('.').unwrap();
    for csrf in [eve.csrf.as_str(), "", own, &format!(".{own}"), &format!("{of_user}.{own}"), "x.y"] {
        let form = [("csrf", csrf), ("name", "hers"), ("lifetime", "30")];
        let refused = post(&browser.client, "/keys/new", &form).await;
        assert_eq!(refused.status, 403, "{csrf}");
        assert!(refused.text.contains("href=\"../keys/new\">Load the page again"), "{}", refused.text);
        assert!(!refused.text.contains("hers"), "{}", refused.text);
    }
    let form = [("csrf", browser.csrf.as_str()), ("name", "theirs")];
    for client in [&browser.client, &app.anonymous().with("host", "tessera.example.org")] {
        let strange = client.with("sec-fetch-site", "cross-site");
        let refused = post(&strange, "/keys/new", &form).await;
        assert!(refused.status == 403 || refused.status == 303, "{}", refused.text);
        assert!(!refused.text.contains("theirs"), "{}", refused.text);
    }
    let gone = post(&app.anonymous(), "/logout", &form).await;
    assert!(led(&gone).starts_with("./login"));
}

#[actix_web::test]
async fn a_form_is_sent_as_forms_are() {
    let (_app, browser) = administered().await;
    let answer = browser.client.post_text("/keys/new", "{}").await;
    assert_eq!(answer.status, 400);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("persona", "x"), 2_001).collect();
    assert_eq!(browser.post("/keys/new", &many).await.status, 400);
}
