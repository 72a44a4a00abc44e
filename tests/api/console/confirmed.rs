//! What happens after the password was confirmed: the answer sets the cookies of the new session, whatever it is.

use tessera::clock::MINUTE;

use super::{administered, cookies, csrf, enter, field, led, with};
use crate::support::PASSWORD;

const UNKNOWN: &str = "0195f7a0-0000-7000-8000-000000000000";

/// Without the new cookies the browser would be signed out, and a session be left that nobody knows.
#[actix_web::test]
async fn a_failure_after_the_password_keeps_the_user_signed_in() {
    let (app, _browser) = administered().await;
    for (path, fields, status) in [
        (format!("/keys/{UNKNOWN}/edit"), vec![("name", "x"), ("lifetime", "keep")], 404),
        (format!("/keys/{UNKNOWN}/delete"), vec![("name", "x")], 404),
        (format!("/personas/{UNKNOWN}/edit"), vec![("name", "x")], 404),
        (format!("/personas/{UNKNOWN}/delete"), vec![("name", "x")], 404),
        (format!("/personas/{UNKNOWN}/members"), vec![("member", "x")], 404),
        (format!("/personas/{UNKNOWN}/policies/new"), vec![("step", "save")], 404),
        (format!("/policies/{UNKNOWN}"), vec![("name", "x")], 404),
        (format!("/policies/{UNKNOWN}/state"), vec![("state", "enabled")], 404),
        (format!("/policies/{UNKNOWN}/delete"), vec![("name", "x")], 404),
        (format!("/connections/{UNKNOWN}"), vec![("member", "x")], 404),
        ("/people/service-accounts/service_x/delete".to_owned(), vec![("name", "x")], 404),
        ("/keys/bulk".to_owned(), vec![("step", "go"), ("operation", "nothing"), ("key", UNKNOWN)], 400),
    ] {
        let browser = enter(&app, "admin").await;
        app.advance(16 * MINUTE);
        let asked = browser.post(&path, &fields).await;
        assert!(asked.text.contains("Confirm that it is you"), "{path}: {}", asked.text);
        let failed = browser.post(&path, &[&fields[..], &[("confirm_password", PASSWORD)]].concat()).await;
        assert_eq!(failed.status, status, "{path}: {}", failed.text);
        assert_eq!(led(&browser.get("/keys").await), "./login?because=ended&next=keys", "{path}");
        let fresh = with(&app, &cookies(&failed)).await;
        assert_eq!(fresh.get("/keys").await.status, 200, "{path}");
        // Its form for signing out is the new session's.
        assert_eq!(csrf(&failed), field(&fresh.get("/keys").await, "csrf"), "{path}");
        assert_ne!(csrf(&failed), browser.csrf);
        fresh.post("/settings/sessions", &[("others", "true")]).await;
    }
}
