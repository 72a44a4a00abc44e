//! Forms and pages that are refused: they keep the navigation, and what was entered.

use tessera::domain::principal::Role;

use super::{administered, enter, fields};

const NAVIGATION: &str = "<nav aria-label=\"Main\">";

#[actix_web::test]
async fn linking_a_persona_without_choosing_one_asks_which_and_keeps_the_keys() {
    let (app, browser) = administered().await;
    app.admin().await.persona("Readers").await;
    let (one, two) =
        (app.key("one", &[]).await.api_key.id.to_string(), app.key("two", &[]).await.api_key.id.to_string());
    for operation in ["link", "unlink"] {
        let form = [("key", one.as_str()), ("key", two.as_str()), ("operation", operation), ("with", "")];
        let asked = browser.post("/keys/bulk", &form).await;
        assert!(asked.status == 400 && asked.text.contains(NAVIGATION), "{}", asked.text);
        assert!(asked.text.contains("id=\"with-error\">Choose a persona.") && asked.text.contains(">Readers</option>"));
        assert_eq!(fields(&asked, "key"), [one.as_str(), &two]);
        assert_eq!(fields(&asked, "operation"), [operation]);
    }
}

/// Every form with nothing in it, and with nonsense.
#[actix_web::test]
async fn a_form_that_is_wrong_is_answered_with_a_page_that_has_the_navigation() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("Readers").await["id"].as_str().unwrap().to_owned();
    let connection = admin.asset("Connection", "default/snowflake/1").await;
    let key = app.key("one", &[]).await.api_key.id;
    let forms = [
        "/keys/new".to_owned(),
        format!("/keys/{key}/edit"),
        format!("/keys/{key}/delete"),
        "/people/role".to_owned(),
        "/people/state".to_owned(),
        "/people/remove".to_owned(),
        "/people/invitations".to_owned(),
        "/people/invitations/revoke".to_owned(),
        "/people/service-accounts/new".to_owned(),
        "/personas/new".to_owned(),
        format!("/personas/{persona}/members"),
        format!("/personas/{persona}/policies/new"),
        "/policies/new".to_owned(),
        "/settings/tokens/new".to_owned(),
        "/token".to_owned(),
        format!("/connections/{connection}"),
    ];
    for path in &forms {
        for (name, value) in
            [("nothing", ""), ("member", "\u{0}"), ("username", " "), ("operation", "other"), ("role", "x")]
        {
            let answer = browser.post(path, &[(name, value)]).await;
            assert!((400..500).contains(&answer.status), "{path} {name}: {}", answer.text);
            assert!(answer.text.contains(NAVIGATION), "{path} {name}: {}", answer.text);
            assert!(
                ["role=\"alert\"", "class=\"error\""].iter().any(|told| answer.text.contains(told))
                    || path.ends_with("/revoke"),
                "{path} {name}: {}",
                answer.text
            );
        }
    }
}

#[actix_web::test]
async fn what_is_refused_or_missing_has_the_navigation_and_no_link_to_what_is_refused() {
    let (app, browser) = administered().await;
    app.user("guest", Role::Guest).await;
    let guest = enter(&app, "guest").await;
    for (path, status) in [
        ("/audit", 403),
        ("/policies", 403),
        ("/keys/new", 403),
        ("/keys/00000000-0000-7000-8000-000000000000", 404),
        ("/keys?status=x", 400),
    ] {
        let page = guest.get(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains(NAVIGATION) && page.text.contains(">guest</a>"), "{path}: {}", page.text);
        assert!(!page.text.contains(">Audit</a>"), "{path}: {}", page.text);
    }
    assert!(browser.get("/keys?status=x").await.text.contains(">Audit</a>"));
    let mut seen = 0;
    for path in ["/", "/keys", "/personas", "/people", "/connections", "/settings/tokens"] {
        let page = guest.get(path).await.text;
        let root = if path.matches('/').count() > 1 { ".." } else { "." };
        let start = format!("href=\"{root}/");
        for link in page.split(&start).skip(1).map(|rest| rest.split(['"', '#']).next().unwrap()) {
            if link.starts_with("files/") || link.starts_with("swagger-ui") {
                continue;
            }
            let target = guest.get(&format!("/{link}")).await;
            assert_eq!(target.status, 200, "{path} leads to {link}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[actix_web::test]
async fn who_may_not_see_keys_is_not_told_that_there_are_none() {
    let (app, browser) = administered().await;
    assert!(browser.get("/keys").await.text.contains("No keys yet"));
    app.user("guest", Role::Guest).await;
    let guest = enter(&app, "guest").await;
    for path in ["/", "/keys"] {
        let page = guest.get(path).await.text;
        assert!(page.contains("You cannot see keys") && !page.contains("No keys yet"), "{path}: {page}");
    }
    let start = guest.get("/").await.text;
    assert!(!start.contains("class=\"tiles\"") && !start.contains("No key was refused"), "{start}");
}
