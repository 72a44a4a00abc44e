//! Personas through the entity API behave like those of `/api/service/personas`.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{App, Client};

const PERSONAS: &str = "/api/service/personas";

/// What pyatlan sends to create one.
async fn create(client: &Client, name: &str) -> Value {
    let attributes = json!({"qualifiedName": name, "name": name, "displayName": name, "description": "",
                            "isAccessControlEnabled": true});
    client.save("Persona", &attributes).await.ok()["mutatedEntities"]["CREATE"][0].clone()
}

#[actix_web::test]
async fn a_persona_is_the_same_at_both_doors() {
    let app = App::start().await;
    let admin = app.admin().await;
    let entity = create(&admin, "readers").await;
    let id = entity["guid"].as_str().unwrap();
    let name = entity["attributes"]["qualifiedName"].clone();
    assert!(name.as_str().unwrap().starts_with("default/") && name.as_str().unwrap().len() == 30, "{name}");
    assert_eq!(
        entity["attributes"],
        json!({"name": "readers", "qualifiedName": name, "displayName": "readers", "description": "",
               "isAccessControlEnabled": true, "personaUsers": [], "policies": []})
    );
    let persona = admin.get(&format!("{PERSONAS}/{id}")).await.ok();
    assert_eq!((&persona["name"], &persona["qualifiedName"]), (&json!("readers"), &name));
    let body = json!({"name": "writers", "enabled": false});
    admin.post(&format!("{PERSONAS}/{id}"), &body).await.ok();
    let entity = admin.entity(id).await.ok()["entity"].clone();
    assert_eq!(entity["attributes"]["isAccessControlEnabled"], false);
    assert_eq!(entity["relationshipAttributes"], json!({"policies": []}));
    let find = |name: &str| json!({"bool": {"filter": [{"term": {"__typeName.keyword": "PERSONA"}}, {"term": {"name.keyword": name}}]}});
    assert_eq!(admin.search(&find("WRITERS")).await.found().len(), 1);
    assert_eq!(admin.search(&find("readers")).await.found().len(), 0);
    admin.delete(&format!("{PERSONAS}/{id}")).await.ok();
    admin.entity(id).await.refused("ATLAS-404-00-005");
    assert_eq!(admin.search(&find("writers")).await.found().len(), 0);
}

#[actix_web::test]
async fn an_update_writes_what_it_gives_and_keeps_what_decides_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created = create(&admin, "P1").await;
    let name = created["attributes"]["qualifiedName"].clone();
    let update = json!({"qualifiedName": name, "name": "P1", "description": "new", "isAccessControlEnabled": true,
                        "personaGroups": ["admins"], "denyAssetTabs": ["LINEAGE"]});
    let answer = admin.save("Persona", &update).await.ok();
    let entity = &answer["mutatedEntities"]["UPDATE"][0];
    assert_eq!(entity["guid"], created["guid"]);
    assert_eq!(
        (&entity["attributes"]["personaGroups"], &entity["attributes"]["displayName"]),
        (&json!(["admins"]), &json!("P1"))
    );
    let off = json!({"typeName": "Persona", "guid": created["guid"], "attributes": {"isAccessControlEnabled": false, "denyAssetTabs": null}});
    let answer = admin.bulk(&[off]).await.ok();
    let attributes = &answer["mutatedEntities"]["UPDATE"][0]["attributes"];
    assert_eq!((&attributes["description"], &attributes["denyAssetTabs"]), (&json!("new"), &json!(null)));
    assert_eq!(attributes["isAccessControlEnabled"], false);
}

#[actix_web::test]
async fn the_policies_that_were_read_are_not_written_back() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut entity = create(&admin, "P1").await;
    entity["attributes"]["policies"] = json!([{"typeName": "AuthPolicy", "guid": entity["guid"]}]);
    entity["isIncomplete"] = json!(false);
    let answer = admin.bulk(&[entity]).await.ok();
    assert_eq!(answer["mutatedEntities"]["UPDATE"][0]["attributes"]["policies"], json!([]));
}

#[actix_web::test]
async fn persona_users_are_linked_at_once_and_keys_stay_linked() {
    let app = App::start().await;
    let admin = app.admin().await;
    let alice = app.session_with("alice", Role::Member).await;
    let created = create(&admin, "P1").await;
    let name = created["attributes"]["qualifiedName"].clone();
    let key = admin.try_create(&json!({"displayName": "k", "personaQualifiedNames": [name]})).await.ok();
    let key = app.holder_of(key["attributes"]["accessToken"].as_str().unwrap());
    assert_eq!(alice.whoami().await.ok()["personas"], json!([]));
    let link = |users: Value| json!({"qualifiedName": name, "name": "P1", "personaUsers": users});
    admin.save("Persona", &link(json!(["alice", "admin"]))).await.ok();
    assert_eq!(alice.whoami().await.ok()["personas"], json!([name]));
    let entity = admin.entity(created["guid"].as_str().unwrap()).await.ok();
    assert_eq!(entity["entity"]["attributes"]["personaUsers"], json!(["admin", "alice"]));
    admin.save("Persona", &link(json!([]))).await.ok();
    assert_eq!(alice.whoami().await.ok()["personas"], json!([]));
    assert_eq!(key.whoami().await.ok()["personas"], json!([name]));
    let username = key.whoami().await.ok()["username"].clone();
    let message = admin
        .save("Persona", &link(json!(["alice", "nobody", username])))
        .await
        .violates("entities[0].attributes.personaUsers");
    assert!(
        message.contains("`nobody`") && message.contains("`service-account-") && !message.contains("alice"),
        "{message}"
    );
}

#[actix_web::test]
async fn personas_take_the_permission_to_manage_them() {
    let app = App::start().await;
    let manager = app.key_with(&[Permission::ManagePersonas]).await;
    let plain = app.key_with(&[]).await;
    let created = create(&manager, "P1").await;
    let id = created["guid"].as_str().unwrap();
    plain.save("Persona", &json!({"name": "P2", "qualifiedName": "P2"})).await.refused("TESSERA-403-001");
    plain.remove("PURGE", &[id]).await.deletes_nothing();
    plain.entity(id).await.refused("ATLAS-404-00-005");
    let viewer = app.key_with(&[Permission::ViewApiKeys]).await;
    viewer.remove("PURGE", &[id]).await.refused("TESSERA-403-001");
    viewer.entity(id).await.ok();
    manager.remove("SOFT", &[id]).await.violates("deleteType");
    let gone = manager.remove("PURGE", &[id]).await.ok();
    let entity = &gone["mutatedEntities"]["DELETE"][0];
    assert_eq!(
        (&entity["typeName"], &entity["status"], &entity["deleteHandler"]),
        (&json!("Persona"), &json!("DELETED"), &json!("PURGE"))
    );
}

#[actix_web::test]
async fn names_are_unique_and_minted_names_are_references() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created = create(&admin, "P1").await;
    admin.save("Persona", &json!({"qualifiedName": "P1", "name": "P1"})).await.refused("TESSERA-409-001");
    admin.save("Persona", &json!({"qualifiedName": "default/x", "name": "P2"})).await.refused("TESSERA-404-001");
    admin.save("Persona", &json!({"qualifiedName": "P2"})).await.violates("entities[0].attributes.name");
    let moved = json!({"typeName": "Persona", "guid": created["guid"], "attributes": {"qualifiedName": "default/x", "name": "P1"}});
    admin.bulk(&[moved]).await.violates("entities[0].attributes.qualifiedName");
    let unknown =
        json!({"typeName": "Persona", "guid": "01a205f3-fb6b-777b-b71f-c9b5970ce30f", "attributes": {"name": "P3"}});
    admin.bulk(&[unknown]).await.refused("ATLAS-404-00-005");
}
