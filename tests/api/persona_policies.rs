//! The policies of personas, through the entity API.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{App, Client};

const CONNECTION: &str = "default/snowflake/1";

/// What pyatlan sends for a metadata policy.
fn policy(persona: &Value, name: &str, effect: &str, actions: &Value) -> Value {
    json!({"typeName": "AuthPolicy", "businessAttributes": null, "attributes": {
        "qualifiedName": name, "name": name, "displayName": "", "connectionQualifiedName": CONNECTION,
        "policyType": effect, "policyServiceName": "atlas", "policyCategory": "persona",
        "policySubCategory": "metadata", "policyActions": actions, "policyResourceCategory": "CUSTOM",
        "policyResources": [format!("entity:{CONNECTION}")],
        "accessControl": {"typeName": "Persona", "attributes": {}, "guid": persona["id"]},
    }})
}

async fn linked_key(app: &App, admin: &Client, persona: &Value) -> Client {
    let body = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]]});
    let key = admin.try_create(&body).await.ok();
    app.holder_of(key["attributes"]["accessToken"].as_str().unwrap())
}

#[actix_web::test]
async fn a_new_policy_comes_back_with_its_persona() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let answer = admin.bulk(&[policy(&persona, "pol", "allow", &json!(["persona-asset-read"]))]).await.ok();
    let created = &answer["mutatedEntities"]["CREATE"][0];
    let prefix = format!("{}/", persona["qualifiedName"].as_str().unwrap());
    assert!(created["attributes"]["qualifiedName"].as_str().unwrap().starts_with(&prefix), "{created}");
    assert_eq!(
        created["attributes"],
        json!({
            "qualifiedName": created["attributes"]["qualifiedName"], "name": "pol", "displayName": "", "description": "",
            "connectionQualifiedName": CONNECTION, "policyType": "allow", "policyServiceName": "atlas",
            "policyCategory": "persona", "policySubCategory": "metadata", "policyActions": ["persona-asset-read"],
            "policyResourceCategory": "CUSTOM", "policyResources": [format!("entity:{CONNECTION}")],
            "isPolicyEnabled": true, "accessControl": {"typeName": "Persona", "guid": persona["id"]},
        })
    );
    let updated = &answer["mutatedEntities"]["UPDATE"][0];
    assert_eq!((&updated["typeName"], &updated["guid"]), (&json!("Persona"), &persona["id"]));
    let read = admin.entity(persona["id"].as_str().unwrap()).await.ok();
    let reference = json!([{"typeName": "AuthPolicy", "guid": created["guid"]}]);
    assert_eq!(read["entity"]["relationshipAttributes"]["policies"], reference);
    let duplicate = json!({"bool": {"filter": [
        {"term": {"__state": {"value": "ACTIVE"}}}, {"term": {"__typeName.keyword": {"value": "AuthPolicy"}}},
        {"term": {"policyCategory": {"value": "persona"}}}, {"term": {"name.keyword": {"value": "pol"}}},
        {"prefix": {"qualifiedName": {"value": persona["qualifiedName"]}}},
    ]}});
    assert_eq!(admin.search(&duplicate).await.found(), [created["attributes"]["qualifiedName"].as_str().unwrap()]);
}

#[actix_web::test]
async fn a_persona_and_its_policy_fit_in_one_bulk() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = json!({"typeName": "Persona", "guid": "-5", "attributes": {"qualifiedName": "P", "name": "P"}});
    let of_it = policy(&json!({"id": "-5"}), "pol", "allow", &json!(["persona-asset-read"]));
    let answer = admin.bulk(&[persona, of_it]).await.ok();
    assert_eq!(answer["mutatedEntities"]["CREATE"].as_array().unwrap().len(), 2);
    let guid = &answer["guidAssignments"]["-5"];
    assert_eq!(&answer["mutatedEntities"]["CREATE"][1]["attributes"]["accessControl"]["guid"], guid);
}

#[actix_web::test]
async fn policies_let_see_and_write_and_a_deny_wins() {
    let app = App::start().await;
    let admin = app.admin().await;
    let connection = admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let key = linked_key(&app, &admin, &persona).await;
    let table = |name: &str| json!({"qualifiedName": format!("{CONNECTION}/{name}"), "name": name});
    key.entity(&connection).await.refused("ATLAS-404-00-005");
    let answer = admin.bulk(&[policy(&persona, "r", "allow", &json!(["persona-asset-read"]))]).await.ok();
    let reading = answer["mutatedEntities"]["CREATE"][0].clone();
    key.entity(&connection).await.ok();
    assert_eq!(key.search(&json!({"term": {"__typeName": "Connection"}})).await.found(), [CONNECTION]);
    key.save("Table", &table("a")).await.refused("TESSERA-403-001");
    key.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "n"})).await.refused("TESSERA-403-001");
    let actions = json!(["persona-api-create", "persona-asset-update", "persona-api-delete"]);
    admin.bulk(&[policy(&persona, "w", "allow", &actions)]).await.ok();
    let created = key.save("Table", &table("a")).await.ok()["mutatedEntities"]["CREATE"][0].clone();
    assert_eq!(created["attributes"].get("adminUsers"), None, "a policy makes nobody an admin");
    key.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "n"})).await.ok();
    key.save("Connection", &json!({"qualifiedName": CONNECTION, "adminUsers": []})).await.refused("TESSERA-403-001");
    key.remove("PURGE", &[created["guid"].as_str().unwrap()]).await.ok();
    admin.bulk(&[policy(&persona, "d", "deny", &json!(["persona-asset-read", "persona-api-create"]))]).await.ok();
    key.entity(&connection).await.refused("ATLAS-404-00-005");
    assert_eq!(key.search(&json!({"term": {"__typeName": "Connection"}})).await.found().len(), 0);
    key.save("Table", &table("b")).await.refused("TESSERA-403-001");
    let off = json!({"typeName": "AuthPolicy", "guid": reading["guid"], "attributes": {"isPolicyEnabled": false}});
    let updated = admin.bulk(&[off]).await.ok()["mutatedEntities"]["UPDATE"].clone();
    assert_eq!(updated[0]["attributes"]["policyActions"], json!(["persona-asset-read"]), "{updated}");
}

#[actix_web::test]
async fn policies_are_told_to_managers_and_to_those_they_are_about() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let answer = admin.bulk(&[policy(&persona, "pol", "allow", &json!([]))]).await.ok();
    let id = answer["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned();
    let all = json!({"term": {"__typeName": "AuthPolicy"}});
    let manager = app.key_with(&[Permission::ManagePersonas]).await;
    let (holder, other) = (linked_key(&app, &admin, &persona).await, app.key_with(&[]).await);
    for client in [&manager.client, &holder] {
        client.entity(&id).await.ok();
        assert_eq!(client.search(&all).await.found().len(), 1);
    }
    other.entity(&id).await.refused("ATLAS-404-00-005");
    assert_eq!(other.search(&all).await.found().len(), 0);
    other.entity(persona["id"].as_str().unwrap()).await.refused("ATLAS-404-00-005");
    let viewer = app.key_with(&[Permission::ViewApiKeys]).await;
    let read = viewer.entity(persona["id"].as_str().unwrap()).await.ok();
    assert_eq!(read["entity"]["relationshipAttributes"]["policies"], json!([]));
    holder.bulk(&[policy(&persona, "mine", "allow", &json!([]))]).await.refused("TESSERA-403-001");
    holder.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn a_key_does_not_change_what_its_own_personas_grant() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("P1").await;
    let body = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]], "workspacePermissions": ["MANAGE_PERSONAS"]});
    let key = admin.try_create(&body).await.ok();
    let key = app.holder_of(key["attributes"]["accessToken"].as_str().unwrap());
    admin.asset("Connection", CONNECTION).await;
    let denying = admin.bulk(&[policy(&persona, "d", "deny", &json!(["persona-asset-read"]))]).await.ok();
    let id = denying["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned();
    key.bulk(&[policy(&persona, "mine", "allow", &json!(["persona-asset-read"]))]).await.refused("TESSERA-403-001");
    key.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
    let off = json!({"typeName": "Persona", "guid": persona["id"], "attributes": {"isAccessControlEnabled": false}});
    key.bulk(&[off]).await.refused("TESSERA-403-001");
    let other = key.persona("P2").await;
    let theirs = policy(&other, "fine", "allow", &json!(["persona-asset-read"]));
    key.bulk(std::slice::from_ref(&theirs)).await.refused("TESSERA-404-001");
    key.asset("Connection", "default/snowflake/2").await;
    let mut own = theirs;
    own["attributes"]["connectionQualifiedName"] = json!("default/snowflake/2");
    own["attributes"]["policyResources"] = json!(["entity:default/snowflake/2"]);
    key.bulk(&[own]).await.ok();
}

#[actix_web::test]
async fn policies_go_with_their_persona_and_from_the_index() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let two = [policy(&persona, "a", "allow", &json!([])), policy(&persona, "b", "allow", &json!([]))];
    let answer = admin.bulk(&two).await.ok();
    let first = answer["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned();
    let all = json!({"term": {"__typeName": "AuthPolicy"}});
    admin.remove("SOFT", &[&first]).await.violates("deleteType");
    admin.remove("PURGE", &[&first]).await.ok();
    assert_eq!(admin.search(&all).await.found().len(), 1);
    admin.remove("PURGE", &[persona["id"].as_str().unwrap()]).await.ok();
    assert_eq!(admin.search(&all).await.found().len(), 0);
}

#[actix_web::test]
async fn a_policy_that_breaks_a_rule_is_refused_by_its_attribute() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    for (attribute, value) in [
        ("connectionQualifiedName", json!(1)),
        ("policyType", json!("maybe")),
        ("policyType", json!(null)),
        ("policyCategory", json!("purpose")),
        ("policySubCategory", json!("platform")),
        ("policyActions", json!(["select"])),
        ("policyActions", json!("persona-asset-read")),
        ("policyResources", json!(["tag:x"])),
        ("policyResources", json!(["entity:"])),
        ("accessControl", json!({"guid": "01a205f3-fb6b-777b-b71f-c9b5970ce30f"})),
        ("accessControl", json!({"guid": "-77"})),
        ("accessControl", json!("x")),
        ("accessControl", json!(null)),
        ("isPolicyEnabled", json!("yes")),
    ] {
        let mut wanted = policy(&persona, "pol", "allow", &json!(["persona-asset-read"]));
        wanted["attributes"][attribute] = value;
        admin.bulk(&[wanted]).await.violates(&format!("entities[0].attributes.{attribute}"));
    }
    for attribute in ["policyType", "policySubCategory", "policyActions", "policyResources", "accessControl", "name"] {
        let mut wanted = policy(&persona, "pol", "allow", &json!(["persona-asset-read"]));
        wanted["attributes"].as_object_mut().unwrap().remove(attribute);
        admin.bulk(&[wanted]).await.violates(&format!("entities[0].attributes.{attribute}"));
    }
}

#[actix_web::test]
async fn no_resources_are_nothing_and_types_narrow() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    admin.asset("Table", "default/snowflake/1/t").await;
    for (resources, seen) in [
        (json!([]), vec![]),
        (json!(["entity-type:*"]), vec![]),
        (json!(["entity:*"]), vec![CONNECTION, "default/snowflake/1/t"]),
        (json!([format!("entity:{CONNECTION}"), "entity-type:Table"]), vec!["default/snowflake/1/t"]),
        (json!([format!("entity:{CONNECTION}/*")]), vec!["default/snowflake/1/t"]),
        (json!(["entity:default/snowflake"]), vec![CONNECTION, "default/snowflake/1/t"]),
        (json!(["entity:default/snow"]), vec![]),
        (json!(["entity:default_snowflake_1"]), vec![]),
    ] {
        let persona = admin.persona(&resources.to_string()).await;
        let key = linked_key(&app, &admin, &persona).await;
        let mut wanted = policy(&persona, "pol", "allow", &json!(["persona-asset-read"]));
        wanted["attributes"]["policyResources"] = resources.clone();
        // Patterns that reach beyond the connection.
        wanted["attributes"]["connectionQualifiedName"] = json!(null);
        admin.bulk(&[wanted]).await.ok();
        let query = json!({"prefix": {"qualifiedName": "default/snowflake"}});
        assert_eq!(key.search(&query).await.found(), seen, "{resources}");
    }
}

#[actix_web::test]
async fn a_linked_user_is_bound_by_the_policies_too() {
    let app = App::start().await;
    let admin = app.admin().await;
    let connection = admin.asset("Connection", CONNECTION).await;
    let alice = app.session_with("alice", Role::Member).await;
    let persona = admin.persona("P1").await;
    admin.bulk(&[policy(&persona, "r", "allow", &json!(["persona-asset-read"]))]).await.ok();
    let link = json!({"typeName": "Persona", "guid": persona["id"], "attributes": {"personaUsers": ["alice"]}});
    admin.bulk(&[link]).await.ok();
    alice.entity(&connection).await.ok();
    let off = json!({"typeName": "Persona", "guid": persona["id"], "attributes": {"isAccessControlEnabled": false}});
    admin.bulk(&[off]).await.ok();
    alice.entity(&connection).await.refused("ATLAS-404-00-005");
}
