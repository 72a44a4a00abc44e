//! Entries of the audit trail in the console: what changed, by whom, how and from where.

use serde_json::json;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{administered, led, post};
use crate::support::PASSWORD;

#[actix_web::test]
async fn an_entry_says_what_changed_how_and_from_where() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("Lineage").await["qualifiedName"].as_str().unwrap().to_owned();
    let id = app.key("etl", &[]).await.api_key.id.to_string();
    let robot = app.key("robot", &[Permission::ManageApiKeys]).await;
    let body = json!({
        "displayName": "etl",
        "personaQualifiedNames": [persona],
        "allowedAddresses": ["10.0.0.0/8"],
    });
    admin.at("192.0.2.7").try_update(&id, &body).await.ok();
    let holder = app.holder_of(&robot.token.expose());
    holder.try_update(&id, &json!({"displayName": "renamed"})).await.ok();
    for path in [format!("/audit?about={id}"), format!("/keys/{id}")] {
        let page = browser.get(&path).await.text;
        assert!(!page.contains("none → enabled"), "what is created was not changed: {path}: {page}");
        assert!(page.contains("personas +Lineage"), "{path}: {page}");
        assert!(page.contains("addresses +10.0.0.0/8"), "{path}: {page}");
        assert!(page.contains("from 192.0.2.7"), "{path}: {page}");
        assert!(page.contains("name: etl → renamed"), "{path}: {page}");
        // The actor that is a key is shown by its name, with a link.
        let link = format!("keys/{}\"><strong>robot</strong></a> changed the API key", robot.api_key.id);
        assert!(page.contains(&link), "{path}: {page}");
        assert!(page.contains("with its key"), "{path}: {page}");
        assert!(!page.contains(&format!("<strong>service-account-apikey-{}", robot.api_key.id)), "{path}: {page}");
    }
}

#[actix_web::test]
async fn a_sign_in_is_told_with_its_address() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Member).await;
    led(&post(&app.anonymous().at("192.0.2.9"), "/login", &[("username", "ada"), ("password", PASSWORD)]).await);
    let page = browser.get("/audit?action=session.&actor=ada").await.text;
    assert!(page.contains("<strong>ada</strong> signed in"), "{page}");
    assert!(page.contains("<span class=\"under\">from 192.0.2.9</span>"), "{page}");
}
