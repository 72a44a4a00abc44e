//! Exports of keys: those that match the filters, and those that are chosen on a page.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{administered, enter};
use crate::support::App;

#[actix_web::test]
async fn keys_are_exported_as_they_are_filtered_and_without_a_secret() {
    let (app, browser) = administered().await;
    app.key("=SUM(1)", &[Permission::VerifyTokens]).await;
    app.key("other", &[]).await;
    let csv = browser.get("/keys/export/csv?q=SUM").await;
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"keys.csv\""));
    assert!(
        csv.text.contains("\"'=SUM(1)\"") && csv.text.contains("\"VERIFY_TOKENS\"") && !csv.text.contains("other"),
        "{}",
        csv.text
    );
    let json = browser.get("/keys/export/json").await;
    assert!(!json.text.contains("tsk_") && json.text.contains("\"=SUM(1)\""), "{}", json.text);
    assert_eq!(json.ok().as_array().unwrap().len(), 2);
    let limited = json!({
        "displayName": "limited", "allowedAddresses": ["10.0.0.0/8", "2001:db8::/32"],
        "rateLimit": {"requests": 10, "seconds": 60},
    });
    app.admin().await.try_create(&limited).await.ok();
    let json = browser.get("/keys/export/json?q=limited").await.ok();
    assert_eq!(
        (&json[0]["allowedAddresses"], &json[0]["rateLimit"]),
        (&json!("10.0.0.0/8 2001:db8::/32"), &json!("10/60"))
    );
    assert_eq!(browser.get("/keys/export/pdf").await.status, 404);
}

#[actix_web::test]
async fn chosen_keys_are_exported_and_no_others() {
    let (app, browser) = administered().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(app.key(name, &[]).await.api_key.id.to_string());
    }
    let chosen = [("key", ids[0].as_str()), ("key", ids[2].as_str())];
    let json = browser.post("/keys/bulk", &[&chosen[..], &[("operation", "json")]].concat()).await;
    assert_eq!(json.header("content-disposition"), Some("attachment; filename=\"keys.json\""));
    let names: Vec<Value> = json.json.as_array().unwrap().iter().map(|key| key["displayName"].clone()).collect();
    assert_eq!(names, ["one", "three"]);
    let csv = browser.post("/keys/bulk", &[&chosen[..], &[("operation", "csv")]].concat()).await;
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"keys.csv\""));
    assert!(csv.text.starts_with("\"id\",\"clientId\"") && csv.text.lines().count() == 3, "{}", csv.text);
    for text in [&json.text, &csv.text] {
        assert!(!text.contains("two") && !text.contains("tsk_"), "{text}");
    }
    // Exporting changes nothing, and takes neither a preview nor a recent sign-in.
    assert_eq!(app.admin().await.keys(&[]).await.column("id").len(), 3);
    let none = browser.post("/keys/bulk", &[("operation", "csv")]).await;
    assert_eq!(super::led(&none), "../keys?done=none-chosen");
}

#[actix_web::test]
async fn who_sees_keys_exports_them_and_who_does_not_gets_none() {
    let app = App::start().await;
    let id = app.key("secret-name", &[]).await.api_key.id.to_string();
    app.user("member", Role::Member).await;
    app.user("guest", Role::Guest).await;
    let (member, guest) = (enter(&app, "member").await, enter(&app, "guest").await);
    for operation in ["csv", "json"] {
        let chosen = [("key", id.as_str()), ("operation", operation)];
        let seen = member.post("/keys/bulk", &chosen).await;
        assert!(seen.status == 200 && seen.text.contains("secret-name"), "{}", seen.text);
        let unseen = guest.post("/keys/bulk", &chosen).await;
        assert!(unseen.status == 200 && !unseen.text.contains(&id), "{}", unseen.text);
    }
    for operation in ["delete", "link", ""] {
        let refused = member.post("/keys/bulk", &[("key", &id), ("operation", operation)]).await;
        assert!(refused.status == 403 && !refused.text.contains("secret-name"), "{operation} {}", refused.text);
    }
}
