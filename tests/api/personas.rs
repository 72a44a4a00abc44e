//! `/api/service/personas`.

use serde_json::json;
use tessera::domain::permission::Permission;

use crate::support::{App, BEGIN};

const PERSONAS: &str = "/api/service/personas";

#[actix_web::test]
async fn a_new_persona_has_exactly_the_documented_shape() {
    let app = App::start().await;
    let body = json!({"name": " readers ", "displayName": "The readers", "description": "d", "enabled": false});
    let persona = app.admin().await.post(PERSONAS, &body).await.ok();
    assert_eq!(
        persona,
        json!({
            "id": persona["id"], "qualifiedName": persona["qualifiedName"], "name": "readers",
            "displayName": "The readers", "description": "d", "enabled": false,
            "createdBy": "admin", "createdAt": BEGIN, "updatedAt": BEGIN,
        })
    );
    let (space, minted) = persona["qualifiedName"].as_str().unwrap().split_once('/').unwrap();
    assert_eq!((space, minted.len()), ("default", 22));
    assert!(minted.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}

#[actix_web::test]
async fn a_name_is_all_that_a_persona_needs() {
    let app = App::start().await;
    let persona = app.admin().await.persona("readers").await;
    assert_eq!(persona["displayName"], "readers");
    assert_eq!((&persona["description"], &persona["enabled"]), (&json!(""), &json!(true)));
}

#[actix_web::test]
async fn a_persona_is_read_listed_found_and_sorted() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut personas = Vec::new();
    for name in ["b", "C", "a"] {
        personas.push(admin.persona(name).await);
        app.advance(1);
    }
    let first = &personas[0];
    assert_eq!(&admin.get(&format!("{PERSONAS}/{}", first["id"].as_str().unwrap())).await.ok(), first);
    assert_eq!(admin.list(PERSONAS, &[]).await.column("name"), ["a", "C", "b"]);
    assert_eq!(admin.list(PERSONAS, &[("sort", "name")]).await.column("name"), ["C", "a", "b"]);
    assert_eq!(admin.list(PERSONAS, &[("sort", "-createdAt"), ("offset", "2")]).await.column("name"), ["b"]);
    for filter in [
        json!({"id": first["id"]}),
        json!({"qualifiedName": first["qualifiedName"]}),
        json!({"name": "b"}),
        json!({"displayName": {"$ilike": "B"}}),
        json!({"createdAt": BEGIN}),
    ] {
        let found = admin.list(PERSONAS, &[("filter", &filter.to_string())]).await;
        assert_eq!((found.column("name"), found.totals()), (vec!["b".to_owned()], [3, 1]), "{filter}");
    }
}

#[actix_web::test]
async fn persona_names_are_found_in_either_case() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.persona("École").await;
    for field in ["name", "displayName"] {
        for pattern in ["École", "école", "ÉCOLE", "é%"] {
            let filter = json!({field: {"$ilike": pattern}}).to_string();
            assert_eq!(admin.list(PERSONAS, &[("filter", &filter)]).await.totals(), [1, 1], "{field} {pattern}");
        }
    }
}

#[actix_web::test]
async fn cursors_visit_every_persona_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["b", "C", "a", "é"] {
        admin.persona(name).await;
    }
    for sort in ["name", "-name", "createdAt", "-createdAt,name"] {
        let whole = admin.list(PERSONAS, &[("sort", sort)]).await.column("id");
        let first = admin.list(PERSONAS, &[("sort", sort), ("limit", "3")]).await;
        let second = admin.get(&first.next().unwrap()).await;
        assert_eq!([first.column("id"), second.column("id")].concat(), whole, "{sort}");
        assert_eq!(second.next(), None);
    }
}

#[actix_web::test]
async fn an_update_replaces_everything_but_the_qualified_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    let before = admin
        .post(PERSONAS, &json!({"name": "a", "displayName": "A", "description": "d", "enabled": false}))
        .await
        .ok();
    app.advance(7);
    let path = format!("{PERSONAS}/{}", before["id"].as_str().unwrap());
    let after = admin.post(&path, &json!({"name": "b"})).await.ok();
    let mut expected = before.clone();
    for (member, value) in [
        ("name", json!("b")),
        ("displayName", json!("b")),
        ("description", json!("")),
        ("enabled", json!(true)),
        ("updatedAt", json!(BEGIN + 7)),
    ] {
        expected[member] = value;
    }
    assert_eq!(after, expected);
    assert_eq!(admin.get(&path).await.ok(), expected);
}

#[actix_web::test]
async fn names_are_unique_and_free_again_after_a_delete() {
    let app = App::start().await;
    let admin = app.admin().await;
    let first = admin.persona("readers").await;
    let second = admin.persona("writers").await;
    let path = |persona: &serde_json::Value| format!("{PERSONAS}/{}", persona["id"].as_str().unwrap());
    admin.post(PERSONAS, &json!({"name": "readers"})).await.refused("TESSERA-409-001");
    admin.post(&path(&second), &json!({"name": " readers"})).await.refused("TESSERA-409-001");
    admin.post(&path(&first), &json!({"name": "readers"})).await.ok();
    admin.delete(&path(&first)).await.ok();
    admin.post(&path(&second), &json!({"name": "readers"})).await.ok();
}

#[actix_web::test]
async fn deleting_a_persona_unlinks_it_everywhere_at_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (gone, stays) = (admin.persona("gone").await, admin.persona("stays").await);
    let names = json!([gone["qualifiedName"], stays["qualifiedName"]]);
    let key = admin.try_create(&json!({"displayName": "a", "personaQualifiedNames": names})).await.ok();
    let holder = app.holder_of(key["attributes"]["accessToken"].as_str().unwrap());
    assert_eq!(holder.whoami().await.ok()["personas"].as_array().unwrap().len(), 2);
    let path = format!("{PERSONAS}/{}", gone["id"].as_str().unwrap());
    let answer = admin.delete(&path).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(holder.whoami().await.ok()["personas"], json!([stays["qualifiedName"]]));
    let links = admin.key(key["id"].as_str().unwrap()).await.ok()["attributes"]["personaQualifiedName"].clone();
    assert_eq!(links.as_array().unwrap().len(), 1);
    for answer in [admin.delete(&path).await, admin.get(&path).await, admin.post(&path, &json!({"name": "a"})).await] {
        answer.refused("TESSERA-404-001");
    }
}

#[actix_web::test]
async fn a_renamed_persona_is_renamed_where_it_is_linked() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("old").await;
    let names = json!([persona["qualifiedName"]]);
    let key = admin.try_create(&json!({"displayName": "a", "personaQualifiedNames": names})).await.ok();
    admin.post(&format!("{PERSONAS}/{}", persona["id"].as_str().unwrap()), &json!({"name": "new"})).await.ok();
    let links = admin.key(key["id"].as_str().unwrap()).await.ok()["attributes"]["personaQualifiedName"].clone();
    assert_eq!(
        links,
        json!([{"id": persona["id"], "persona": "new", "personaQualifiedName": persona["qualifiedName"]}])
    );
}

#[actix_web::test]
async fn personas_that_break_a_rule_are_refused_by_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    let long = "x".repeat(256);
    for (field, body) in [
        ("name", json!({"name": " "})),
        ("name", json!({"name": long})),
        ("displayName", json!({"name": "a", "displayName": "\u{7}"})),
        ("description", json!({"name": "a", "description": "\u{0}"})),
        ("qualifiedName", json!({"name": "a", "qualifiedName": "default/mine"})),
        ("createdBy", json!({"name": "a", "createdBy": "me"})),
    ] {
        admin.post(PERSONAS, &body).await.violates(field);
    }
    admin.post(PERSONAS, &json!({"displayName": "a"})).await.violates("name");
    admin.list(PERSONAS, &[("filter", r#"{"description":"a"}"#)]).await.violates("filter");
    admin.list(PERSONAS, &[("sort", "displayName")]).await.violates("sort");
}

#[actix_web::test]
async fn a_key_that_sees_keys_sees_personas() {
    let app = App::start().await;
    let persona = app.admin().await.persona("readers").await;
    let key = app.key_with(&[Permission::ViewApiKeys]).await;
    assert_eq!(key.list(PERSONAS, &[]).await.ok()["records"][0], persona);
    assert_eq!(key.get(&format!("{PERSONAS}/{}/", persona["id"].as_str().unwrap())).await.ok(), persona);
}

#[actix_web::test]
async fn a_key_neither_switches_its_own_persona_nor_deletes_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("limits").await;
    let path = format!("{PERSONAS}/{}", persona["id"].as_str().unwrap());
    let permissions = ["MANAGE_PERSONAS"];
    let body = json!({
        "displayName": "k", "workspacePermissions": permissions, "personaQualifiedNames": [persona["qualifiedName"]],
    });
    let created = admin.try_create(&body).await.ok();
    let key = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    key.post(&path, &json!({"name": "limits", "enabled": false})).await.refused("TESSERA-403-001");
    key.delete(&path).await.refused("TESSERA-403-001");
    key.post(&path, &json!({"name": "limits", "description": "what it may not"})).await.ok();
}
