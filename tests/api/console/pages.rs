//! The parts that all pages share, and errors as pages.

use tessera::domain::principal::Role;

use super::{administered, enter};
use crate::support::App;

/// Every page that needs no other record.
const PAGES: [&str; 19] = [
    "/",
    "/keys",
    "/keys/new",
    "/people",
    "/people/roles",
    "/people/invitations",
    "/people/service-accounts",
    "/people/service-accounts/new",
    "/personas",
    "/personas/new",
    "/connections",
    "/policies",
    "/audit",
    "/settings/tokens",
    "/settings/tokens/new",
    "/settings/sessions",
    "/token",
    "/device",
    "/nowhere",
];

#[actix_web::test]
async fn every_page_forbids_what_it_does_not_need() {
    let (app, browser) = administered().await;
    let mut pages = vec![app.anonymous().get("/login").await];
    for path in PAGES {
        pages.push(browser.client.with("accept", "text/html").get(path).await);
    }
    for page in pages {
        let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("{}", page.target));
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{}: {policy}", page.target);
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{}", page.target);
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert!(!page.text.contains(" style=") && !page.text.contains("<script>") && !page.text.contains(" onclick"));
        assert!(page.text.contains("<html lang=\"en\">") && page.text.contains("<title>"), "{}", page.target);
    }
}

#[actix_web::test]
async fn files_are_kept_for_ever_under_a_name_that_changes_with_them() {
    let (app, browser) = administered().await;
    let page = browser.get("/settings/tokens").await;
    for start in ["../files/console.", "../files/mark."] {
        let at = page.text.find(start).unwrap();
        let name = page.text[at..].split('"').next().unwrap().trim_start_matches("..");
        let file = app.anonymous().get(name).await;
        assert_eq!(file.status, 200, "{name}");
        assert!(file.header("cache-control").unwrap().contains("immutable"), "{name}");
        assert_eq!((file.header("content-encoding"), file.header("vary")), (None, Some("Accept-Encoding")), "{name}");
        let zipping = app.anonymous().with("accept-encoding", "br, gzip;q=0.8");
        let zipped = zipping.get(name).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{name}");
        for refusing in ["gzip;q=0", "identity", "br"] {
            let plain = app.anonymous().with("accept-encoding", refusing).get(name).await;
            assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{name} {refusing}");
        }
    }
    // What holds a secret is never compressed beside what a client sends (BREACH).
    let zipping = browser.client.with("accept-encoding", "gzip");
    assert_eq!(zipping.get("/keys?q=x").await.header("content-encoding"), None);
    assert_eq!(app.anonymous().get("/files/console.css").await.status, 404);
    assert_eq!(app.anonymous().get("/files/..%2Fmod.rs").await.status, 404);
}

#[actix_web::test]
async fn errors_are_pages_for_browsers_and_json_for_programs() {
    let (app, browser) = administered().await;
    let missing = browser.get("/keys/00000000-0000-7000-8000-000000000000").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text.contains("<h1>Not found</h1>"), "{}", missing.text);
    let request = missing.header("x-request-id").unwrap().to_owned();
    assert!(missing.text.contains(&request), "the page names the request");
    let browsing = app.anonymous().with("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    assert!(browsing.get("/nowhere").await.text.contains("There is no such page"));
    app.anonymous().get("/nowhere").await.refused("TESSERA-404-002");
    browsing.get("/api/service/apikeys").await.refused("TESSERA-401-001");
    assert_eq!(browser.get("/keys?statu=active").await.status, 400);
    assert_eq!(browser.get("/keys?cursor=x").await.status, 400);
    assert_eq!(browser.get("/keys?status=x").await.status, 400);
}

#[actix_web::test]
async fn what_somebody_may_not_see_is_not_on_their_pages() {
    let app = App::start().await;
    let key = app.key("secret-name", &[]).await;
    app.user("guest", Role::Guest).await;
    let guest = enter(&app, "guest").await;
    for path in ["/", "/keys", "/personas", "/settings/tokens"] {
        let page = guest.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("secret-name"), "{path}");
    }
    assert_eq!(guest.get(&format!("/keys/{}", key.api_key.id)).await.status, 404);
    for path in ["/audit", "/audit/export/csv", "/keys/new"] {
        let page = guest.get(path).await;
        assert!(page.status == 403 && page.text.contains("Not allowed"), "{path} {}", page.status);
    }
}

/// Failure F53.
#[actix_web::test]
async fn what_people_write_is_shown_and_not_run() {
    let (app, browser) = administered().await;
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let key = app.key(evil, &[]).await.api_key.id;
    for path in
        ["/".to_owned(), "/keys".to_owned(), format!("/keys/{key}"), format!("/keys/{key}/delete"), "/audit".to_owned()]
    {
        let page = browser.get(&path).await;
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img"), "{path}");
        assert!(page.text.contains("alert(1)"), "{path}");
    }
    // A text is no link, whatever it begins with, and none reorders what is around it.
    let link = app.key("javascript:alert(2)", &[]).await.api_key.id;
    for path in ["/".to_owned(), "/keys".to_owned(), format!("/keys/{link}"), "/audit".to_owned()] {
        let page = browser.get(&path).await;
        assert!(page.text.contains("javascript:alert(2)") && !page.text.contains("href=\"javascript"), "{path}");
    }
    let reordering = [("name", "invoice\u{202e}fdp.exe"), ("lifetime", "30")];
    let refused = browser.post("/keys/new", &reordering).await;
    assert!(refused.status == 400 && refused.text.contains("id=\"name-error\""), "{}", refused.text);
    assert_eq!(browser.get("/keys?q=invoice").await.text.matches("class=\"name\"").count(), 0);
    let long = "{{7*7}}".repeat(150_000);
    let refused = browser.post("/keys/new", &[("name", &long), ("lifetime", "30")]).await;
    assert!(
        refused.status == 413 && refused.text.contains("<h1>The request was not understood</h1>"),
        "{}",
        refused.text
    );
    assert!(!refused.text.contains("7*7"));
    let page = browser.get("/keys/new?name=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
}
