//! `GET /api/service/audit`: who changed what.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;

use crate::support::{App, BEGIN, Client};

const AUDIT: &str = "/api/service/audit";

/// A persona and a key created by `admin`, a second apart, and a reader of the audit trail.
async fn trail() -> (App, Client, Value, Value) {
    let app = App::start().await;
    let admin = app.admin().await;
    app.advance(1000);
    let persona = admin.with("x-request-id", "first").persona("readers").await;
    app.advance(1000);
    let key = admin.with("x-request-id", "second").at("198.51.100.9").create("etl").await;
    (app, admin, persona, key)
}

#[actix_web::test]
async fn a_change_has_exactly_the_documented_shape() {
    let (_app, admin, _, key) = trail().await;
    let actor = admin.whoami().await.ok();
    let change = admin.list(AUDIT, &[("limit", "1")]).await.ok()["records"][0].clone();
    assert_eq!(
        change,
        json!({
            "id": change["id"], "changedAt": BEGIN + 2000, "actorId": actor["id"], "actedBy": "", "actor": "admin",
            "action": "apikey.created", "subjectKind": "principal", "subjectId": key["id"], "subject": "etl",
            "requestId": "second", "authenticatedBy": change["authenticatedBy"], "address": "198.51.100.9",
        })
    );
    assert!(change["authenticatedBy"].as_str().unwrap().starts_with("session:"), "{change}");
}

#[actix_web::test]
async fn a_change_keeps_the_states_before_and_after_it_without_secrets() {
    let (app, admin, persona, key) = trail().await;
    let id = key["id"].as_str().unwrap();
    let update = json!({"displayName": "etl", "personaQualifiedNames": [persona["qualifiedName"]], "allowedAddresses": ["10.0.0.0/8"]});
    app.advance(1000);
    admin.post(&format!("/api/service/apikeys/{id}"), &update).await.ok();
    app.advance(1000);
    admin.delete_key(id).await.ok();
    let mut states = Vec::new();
    for change in admin.list(AUDIT, &[("filter", &json!({"subjectId": id}).to_string())]).await.column("id") {
        let answer = admin.get(&format!("{AUDIT}/{change}")).await;
        assert!(!answer.text.contains(key["attributes"]["accessToken"].as_str().unwrap()), "{}", answer.text);
        let detail = answer.ok();
        states.push((detail["action"].clone(), detail["before"].clone(), detail["after"].clone()));
    }
    let [deleted, updated, created] = states.try_into().unwrap();
    assert_eq!((&created.0, &created.1), (&json!("apikey.created"), &Value::Null));
    assert_eq!((&created.2["personas"], &created.2["kind"]), (&json!([]), &json!("apiKey")));
    assert_eq!((&updated.0, &updated.1), (&json!("apikey.updated"), &created.2));
    assert_eq!(updated.2["personas"], json!([persona["qualifiedName"]]));
    assert_eq!(updated.2["allowedAddresses"], json!(["10.0.0.0/8"]));
    assert_eq!((deleted.1, deleted.2), (updated.2, Value::Null));
    app.key_with(&[]).await.get(&format!("{AUDIT}/{id}")).await.refused("TESSERA-403-001");
    admin.get(&format!("{AUDIT}/{id}")).await.refused("TESSERA-404-001");
    admin.get(&format!("{AUDIT}/x")).await.refused("TESSERA-404-001");
}

/// Who is refused is told; reading is no attempt to manage.
#[actix_web::test]
async fn refused_attempts_to_change_something_are_entries_and_bounded() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    key.get(AUDIT).await.refused("TESSERA-403-001");
    for _ in 0..10 {
        key.post("/api/service/personas", &json!({"name": "mine"})).await.refused("TESSERA-403-001");
    }
    let filter = json!({"action": "request.refused"}).to_string();
    let mut entries = Vec::new();
    for _ in 0..200 {
        entries = admin.list(AUDIT, &[("filter", &filter)]).await.ok()["records"].as_array().unwrap().clone();
        if entries.len() == 6 {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(entries.len(), 6, "{entries:?}");
    let whoami = key.whoami().await.ok();
    for entry in entries {
        assert_eq!((&entry["actorId"], &entry["subjectId"]), (&whoami["id"], &whoami["id"]), "{entry}");
        assert_eq!(entry["subject"], "POST /api/service/personas", "{entry}");
        assert!(entry["authenticatedBy"].as_str().unwrap().starts_with("api_key:"), "{entry}");
    }
}

#[actix_web::test]
async fn changes_are_found_by_every_field_and_listed_newest_first() {
    let (_app, admin, persona, _) = trail().await;
    assert_eq!(
        admin.list(AUDIT, &[]).await.column("action")[..2],
        ["apikey.created".to_owned(), "persona.created".to_owned()]
    );
    let change = admin.list(AUDIT, &[("filter", r#"{"requestId":"first"}"#)]).await.ok()["records"][0].clone();
    for filter in [
        json!({"id": change["id"]}),
        json!({"changedAt": {"$gt": BEGIN, "$lt": BEGIN + 2000}}),
        json!({"actorId": change["actorId"], "actor": "admin", "action": "persona.created"}),
        json!({"action": {"$like": "persona.%"}}),
        json!({"subjectKind": "persona"}),
        json!({"subjectId": persona["id"]}),
        json!({"subject": {"$ilike": "READERS"}}),
    ] {
        let page = admin.list(AUDIT, &[("filter", &filter.to_string())]).await;
        assert_eq!(page.column("id"), [change["id"].as_str().unwrap()], "{filter}");
    }
    admin.list(AUDIT, &[("sort", "actor")]).await.violates("sort");
    admin.list(AUDIT, &[("filter", r#"{"digest":"a"}"#)]).await.violates("filter");
}

#[actix_web::test]
async fn cursors_visit_every_change_once() {
    let (_app, admin, ..) = trail().await;
    for sort in ["changedAt", "-changedAt"] {
        let whole = admin.list(AUDIT, &[("sort", sort)]).await.column("id");
        let mut page = admin.list(AUDIT, &[("sort", sort), ("limit", "3")]).await;
        let mut visited = page.column("id");
        while let Some(next) = page.next() {
            page = admin.get(&next).await;
            visited.extend(page.column("id"));
        }
        assert_eq!(visited, whole, "{sort}");
    }
}

#[actix_web::test]
async fn the_trail_is_read_only_with_the_permission() {
    let app = App::start().await;
    for client in [
        app.key_with(&[Permission::ManageApiKeys, Permission::ManagePersonas]).await.client,
        app.session_with("member", tessera::domain::principal::Role::Member).await,
    ] {
        let body = client.list(AUDIT, &[]).await.refused("TESSERA-403-001");
        assert!(body["errorMessage"].as_str().unwrap().contains("`VIEW_AUDIT`"), "{body}");
    }
    app.key_with(&[Permission::ViewAudit]).await.list(AUDIT, &[]).await.ok();
}

#[actix_web::test]
async fn a_sign_in_is_in_the_trail_with_its_request() {
    let app = App::start().await;
    app.user("ada", tessera::domain::principal::Role::Admin).await;
    let body = json!({"username": "ada", "password": crate::support::PASSWORD});
    let session = app.anonymous().with("x-request-id", "signing-in").post("/api/service/sessions", &body).await.ok();
    let ada = app.holder_of(session["token"].as_str().unwrap());
    let found = ada.list(AUDIT, &[("filter", r#"{"requestId":"signing-in"}"#)]).await;
    assert_eq!(found.column("action"), ["session.created"]);
}

#[actix_web::test]
async fn the_trail_outlives_what_it_tells_of() {
    let (_app, admin, _, key) = trail().await;
    admin.delete_key(key["id"].as_str().unwrap()).await.ok();
    let filter = json!({"subjectId": key["id"]}).to_string();
    let found = admin.list(AUDIT, &[("filter", &filter), ("sort", "changedAt")]).await;
    assert_eq!(found.column("action").len(), 2);
}
