//! The lists of people of an asset, and who may change them.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{Answer, App, Client};

const CONNECTION: &str = "default/snowflake/1";

async fn name(client: &Client, list: &str, people: &Value) -> Answer {
    client.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "c", list: people})).await
}

#[actix_web::test]
async fn a_key_is_made_an_admin_by_a_user_who_is_one_and_by_nobody_else() {
    let app = App::start().await;
    let admin = app.admin().await;
    let owner = app.session_with("olga", Role::Member).await;
    let other = app.session_with("otto", Role::Member).await;
    let id = owner.asset("Connection", CONNECTION).await;
    let key = app.key_with(&[]).await;
    let username = key.whoami().await.ok()["username"].clone();
    name(&key, "adminUsers", &json!(["olga", username])).await.refused("TESSERA-403-001");
    name(&other, "adminUsers", &json!(["olga", username])).await.refused("TESSERA-403-001");
    key.entity(&id).await.refused("ATLAS-404-00-005");
    name(&owner, "adminUsers", &json!(["olga", username])).await.ok();
    key.entity(&id).await.ok();
    key.asset("Table", "default/snowflake/1/t").await;
    // Even as an admin the key may not name other actors, nor itself in another list.
    for (list, people) in
        [("adminUsers", json!([username])), ("viewerUsers", json!([username])), ("viewerUsers", json!(["otto"]))]
    {
        name(&key, list, &people).await.refused("TESSERA-403-001");
    }
    name(&key, "adminUsers", &json!([username, "olga"])).await.ok();
    name(&admin, "viewerUsers", &json!(["otto"])).await.ok();
    other.entity(&id).await.ok();
}

#[actix_web::test]
async fn a_list_is_the_full_new_set() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.session_with("eve", Role::Member).await;
    name(&admin, "adminUsers", &json!(["eve"])).await.ok();
    let people = |answer: Value| answer["mutatedEntities"]["UPDATE"][0]["attributes"]["adminUsers"].clone();
    let both = name(&admin, "host", &json!("h")).await.ok();
    assert_eq!(people(both), json!(["admin", "eve"]), "what is left out stays, and the creator is among them");
    assert_eq!(people(name(&admin, "adminUsers", &json!(["eve"])).await.ok()), json!(["eve"]));
    assert_eq!(people(name(&admin, "adminUsers", &json!(null)).await.ok()), json!(null));
}

#[actix_web::test]
async fn access_begins_and_ends_with_the_next_request() {
    let app = App::start().await;
    let admin = app.admin().await;
    let eve = app.session_with("eve", Role::Member).await;
    let id = admin.asset("Connection", CONNECTION).await;
    let key = app.key_with(&[]).await;
    let username = key.whoami().await.ok()["username"].clone();
    let api_tokens = Role::ApiToken.id();
    for (list, people, client) in [
        ("adminUsers", json!(["eve"]), &eve),
        ("viewerUsers", json!(["eve"]), &eve),
        ("adminRoles", json!([Role::Member.id()]), &eve),
        ("viewerUsers", json!([username]), &key.client),
        ("viewerRoles", json!([api_tokens]), &key.client),
    ] {
        client.entity(&id).await.refused("ATLAS-404-00-005");
        name(&admin, list, &people).await.ok();
        client.entity(&id).await.ok();
        let writes = client.save("Table", &json!({"qualifiedName": format!("{CONNECTION}/t"), "name": "t"})).await;
        assert_eq!(writes.status, if list.starts_with("admin") { 200 } else { 403 }, "{list}");
        name(&admin, list, &json!([])).await.ok();
        client.entity(&id).await.refused("ATLAS-404-00-005");
        client.search(&json!({"term": {"qualifiedName": CONNECTION}})).await.found().is_empty().then_some(()).unwrap();
        let table = admin.search(&json!({"term": {"__typeName": "Table"}})).await.json["entities"][0]["guid"].clone();
        if let Some(table) = table.as_str() {
            admin.remove("PURGE", &[table]).await.ok();
        }
    }
}

#[actix_web::test]
async fn unknown_people_are_named() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (list, people) in [
        ("adminUsers", json!(["admin", "nobody1", "nobody2"])),
        ("viewerUsers", json!(["service-account-apikey-01a205f3-fb6b-777b-b71f-c9b5970ce30f"])),
        ("adminRoles", json!(["$admin"])),
        ("viewerRoles", json!(["01a205f3-fb6b-777b-b71f-c9b5970ce30f"])),
    ] {
        let message = name(&admin, list, &people).await.violates(&format!("entities[0].attributes.{list}"));
        let last = people.as_array().unwrap().last().unwrap().as_str().unwrap();
        assert!(message.contains(last) && !message.contains("`admin`"), "{message}");
    }
    // There are no groups: their names are stored and returned.
    let kept = name(&admin, "adminGroups", &json!(["g"])).await.ok();
    assert_eq!(kept["mutatedEntities"]["CREATE"][0]["attributes"]["adminGroups"], json!(["g"]));
}

#[actix_web::test]
async fn a_deleted_key_or_user_is_named_no_more() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.session_with("eve", Role::Member).await;
    let key = app.key_with(&[]).await;
    let username = key.whoami().await.ok()["username"].clone();
    name(&admin, "viewerUsers", &json!(["eve", username])).await.ok();
    admin.delete_key(&key.id).await.ok();
    tessera::service::people::users::delete(&app.service, &app.operator(), "eve".into()).await.unwrap();
    let found = admin.search_with(&json!({"dsl": {}, "attributes": ["viewerUsers"]})).await.ok();
    assert_eq!(found["entities"][0]["attributes"]["viewerUsers"], json!(null));
    let eve = app.session_with("eve", Role::Member).await;
    assert_eq!(eve.search(&json!({"match_all": {}})).await.found().len(), 0);
}

#[actix_web::test]
async fn a_key_that_creates_beneath_a_connection_names_nobody() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ViewUsers]).await;
    app.session_with("eve", Role::Member).await;
    key.asset("Connection", CONNECTION).await;
    let table = json!({"qualifiedName": format!("{CONNECTION}/t"), "name": "t", "viewerUsers": ["eve"]});
    key.save("Table", &table).await.refused("TESSERA-403-001");
    let connection = json!({"qualifiedName": "default/snowflake/2", "name": "t", "viewerUsers": ["eve"],
                            "adminRoles": [Role::Admin.id()]});
    let created = key.save("Connection", &connection).await.ok();
    let attributes = &created["mutatedEntities"]["CREATE"][0]["attributes"];
    assert_eq!((&attributes["viewerUsers"], &attributes["adminRoles"]), (&json!(["eve"]), &json!([Role::Admin.id()])));
}

#[actix_web::test]
async fn people_are_searched_by_their_names() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.session_with("Eve", Role::Member).await;
    name(&admin, "viewerUsers", &json!(["Eve"])).await.ok();
    admin.asset("Connection", "default/snowflake/2").await;
    let by = |name: &str| json!({"bool": {"filter": [{"term": {"viewerUsers": name}}]}});
    assert_eq!(admin.search(&by("eve")).await.found(), [CONNECTION]);
    assert_eq!(admin.search(&by("ev")).await.found().len(), 0);
}
