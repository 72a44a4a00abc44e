//! Exports of the keys that are chosen on a page.

use serde_json::Value;
use tessera::domain::principal::Role;

use super::{administered, enter};
use crate::support::App;

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
    assert_eq!(browser.post("/keys/bulk", &[("operation", "csv")]).await.status, 400);
}

#[actix_web::test]
async fn what_somebody_may_not_see_is_not_exported() {
    let app = App::start().await;
    let id = app.key("secret-name", &[]).await.api_key.id.to_string();
    app.user("guest", Role::Guest).await;
    let guest = enter(&app, "guest").await;
    let answer = guest.post("/keys/bulk", &[("key", &id), ("operation", "csv")]).await;
    assert!(answer.status == 403 && !answer.text.contains("secret-name"), "{}", answer.text);
}
