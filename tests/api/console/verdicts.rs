//! Why a key is refused, and what it may do, in words.

use serde_json::json;
use tessera::domain::permission::Permission;

use super::{administered, led};
use crate::support::{Answer, App};

const READ: &str = "persona-asset-read";
const TABLE: &str = "default/snowflake/1/t";

/// The section of a key's page that answers the question.
fn why(page: &Answer) -> String {
    let (_, why) = page.text.split_once("id=\"why\"").unwrap();
    why.split_once("</section>").unwrap().0.to_owned()
}

/// A key with these limits, as (id, token).
async fn limited(app: &App, limits: serde_json::Value) -> (String, String) {
    let mut new = json!({"displayName": "limited", "workspacePermissions": ["VERIFY_TOKENS"]});
    new.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let made = app.admin().await.try_create(&new).await.ok();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&made["id"]), text(&made["attributes"]["accessToken"]))
}

#[actix_web::test]
async fn a_verdict_says_what_the_limits_of_the_key_refuse() {
    let (app, browser) = administered().await;
    let rate = json!({"requests": 60, "seconds": 60});
    let (id, token) = limited(&app, json!({"allowedAddresses": ["10.9.0.0/16"], "rateLimit": rate})).await;
    let path = format!("/keys/{id}?action=VERIFY_TOKENS");
    let told = why(&browser.get(&path).await);
    assert!(told.contains("<strong>Yes, within its limits.</strong>"), "{told}");
    let limits = "It is let in from 10.9.0.0/16 only, and at most 60 requests per minute, at each node.";
    assert!(told.contains(limits) && !told.contains("refused so far"), "{told}");
    for _ in 0..2 {
        assert!(app.holder_of(&token).at("203.0.113.9").whoami().await.status >= 400);
    }
    let told = why(&browser.get(&path).await);
    assert!(told.contains("2 refused so far: not from an allowed address, but from 203.0.113.9."), "{told}");
    let unasked = why(&browser.get(&format!("/keys/{id}")).await);
    assert!(unasked.contains(limits) && unasked.contains("2 refused so far"), "{unasked}");
    let free = app.key("free", &[Permission::VerifyTokens]).await.api_key.id;
    let told = why(&browser.get(&format!("/keys/{free}?action=VERIFY_TOKENS")).await);
    assert!(told.contains("<strong>Yes.</strong>") && !told.contains("Its limits"), "{told}");
}

#[actix_web::test]
async fn a_question_that_has_no_answer_is_wrong_beside_its_field() {
    let (app, browser) = administered().await;
    let id = app.key("etl", &[]).await.api_key.id;
    for (query, beside, says) in [
        ("action=frobnicate&resource=x", "action-error", "This is no action"),
        ("action=persona-asset-read", "resource-error", "Name what it is about"),
        ("action=MANAGE_APIKEYS&resource=x", "resource-error", "Leave this empty"),
    ] {
        let told = why(&browser.get(&format!("/keys/{id}?{query}")).await);
        assert!(told.contains(&format!("id=\"{beside}\">{says}")), "{query}: {told}");
        assert!(!told.contains("<strong>No.") && !told.contains("Asking about other keys"), "{query}: {told}");
        assert_eq!(told.contains("see assets and their metadata"), beside == "action-error", "{query}: {told}");
    }
    let privilege = why(&browser.get(&format!("/keys/{id}?action=VIEW_ENTITY_PAGE&resource=x")).await);
    assert!(privilege.contains("<strong>No.</strong>"), "{privilege}");
}

#[actix_web::test]
async fn a_refusal_names_the_personas_that_would_allow_it() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    admin.asset("Connection", "default/snowflake/1").await;
    let mut ids = Vec::new();
    for (name, effect) in [("Readers", "allow"), ("Forbidden", "deny"), ("Empty", "")] {
        let persona = admin.persona(name).await["id"].as_str().unwrap().to_owned();
        let fields = [
            ("name", "reads sales"),
            ("effect", effect),
            ("category", "metadata"),
            ("action-metadata", READ),
            ("resources", "default/snowflake/1"),
            ("step", "save"),
        ];
        if !effect.is_empty() {
            led(&browser.post(&format!("/personas/{persona}/policies/new"), &fields).await);
        }
        ids.push(persona);
    }
    let id = app.key("etl", &[]).await.api_key.id;
    let path = format!("/keys/{id}?action={READ}&resource={TABLE}&type=Table");
    let told = why(&browser.get(&path).await);
    assert!(told.contains("Link the persona Readers</a>"), "{told}");
    assert!(!told.contains("persona Forbidden") && !told.contains("persona Empty"), "{told}");
    let (_, link) = told.split_once("href=\"..").unwrap();
    let trial = browser.get(&link.split('"').next().unwrap().replace("&#38;", "&")).await;
    assert!(trial.status == 200 && trial.text.contains("Gains"), "{}", trial.text);
    // What it may do names the persona beside the policy, and the action in words.
    let persona = admin.get(&format!("/api/service/personas/{}", ids[0])).await.json["qualifiedName"].clone();
    admin.try_update(&id.to_string(), &json!({"displayName": "etl", "personaQualifiedNames": [persona]})).await.ok();
    let page = browser.get(&path).await;
    assert!(page.text.contains("policy reads sales of the persona Readers</a>"), "{}", page.text);
    assert!(page.text.contains("see assets and their metadata <span class=\"soft small mono\">"), "{}", page.text);
    assert!(why(&page).contains("<strong>Yes.</strong>"), "{}", page.text);
}
