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
    let key = admin.with("x-request-id", "second").create("etl").await;
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
            "requestId": "second",
        })
    );
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
