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

/// An id says nothing to people.
#[actix_web::test]
async fn a_key_that_a_key_made_is_shown_with_the_name_of_its_maker() {
    let (app, browser) = administered().await;
    let maker = app.key("pipeline maker", &[Permission::ManageApiKeys]).await;
    let made = app.holder_of(&maker.token.expose()).create("made").await["id"].as_str().unwrap().to_owned();
    for path in ["/keys".to_owned(), "/".to_owned(), format!("/keys/{made}")] {
        let page = browser.get(&path).await.text;
        let link = format!(
            "by <a href=\"{}keys/{}\">pipeline maker</a>",
            if path.len() > 6 { "../" } else { "./" },
            maker.api_key.id
        );
        assert!(page.contains(&link), "{path}: {page}");
        assert!(!page.contains("by service-account-apikey-"), "{path}: {page}");
    }
}

#[actix_web::test]
async fn an_entry_links_the_page_of_what_was_changed() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let asset = admin.asset("Connection", "default/snowflake/1").await;
    let persona = admin.persona("Readers").await["id"].as_str().unwrap().to_owned();
    let policy = [
        ("name", "reads"),
        ("effect", "allow"),
        ("category", "metadata"),
        ("action-metadata", "persona-asset-read"),
        ("resources", "*"),
        ("step", "save"),
    ];
    led(&browser.post(&format!("/personas/{persona}/policies/new"), &policy).await);
    led(&browser
        .post("/policies/new", &[("name", "Auditors"), ("permission", "VIEW_AUDIT"), ("users", "admin")])
        .await);
    browser.post("/settings/tokens/new", &[("name", "laptop"), ("lifetime", "P30D")]).await;
    browser.post("/people/invitations", &[("note", "Ada"), ("role", "$guest"), ("days", "7")]).await;
    led(&browser.post("/people/service-accounts/new", &[("name", "ingestion")]).await);
    let page = browser.get("/audit").await.text;
    for told in [
        format!("created the policy <a href=\"./personas/{persona}\">reads</a>"),
        "created the policy <a href=\"./policies?q=Auditors\">Auditors</a>".to_owned(),
        format!("created the asset <a href=\"./connections/{asset}\">"),
        "created the access token <a href=\"./settings/tokens?q=laptop\">laptop</a>".to_owned(),
        "created the invitation for <a href=\"./people/invitations\">Ada</a>".to_owned(),
    ] {
        assert!(page.contains(&told), "{told}: {page}");
    }
    // A service account is shown with its name, not with its user name.
    let (_, rest) =
        page.split_once("created the service account <a href=\"./people/service-accounts/service_").unwrap();
    assert!(rest.split_once("\">").unwrap().1.starts_with("ingestion</a>"), "{page}");
}
