//! How much the policies of a persona can name together, and that everything works when they name that much.

use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::principal::Role;

use crate::support::{Answer, App, Client};

const TABLE: &str = "default/snowflake/1/t";

/// A policy that names 989 resources of a connection, 1,000 names with its actions.
fn large(persona: &Value, connection: &str, effect: &str) -> Value {
    let mut actions = vec!["persona-asset-read"; 11];
    actions[10] = "persona-asset-update";
    let resources: Vec<String> = (0..989).map(|number| format!("entity:{connection}/t{number}_%/*")).collect();
    json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": connection, "name": connection, "policyType": effect, "policySubCategory": "metadata",
        "policyActions": actions, "policyResources": resources, "accessControl": {"guid": persona["id"]},
    }})
}

async fn write_about(client: &Client, persona: &Value, connection: &str) -> Answer {
    client.asset("Connection", connection).await;
    client.bulk(&[large(persona, connection, "allow")]).await
}

/// Policies of a user with the role `$admin` that name so many thousand resources and actions.
async fn fill(admin: &Client, persona: &Value, thousands: usize, effect: &str) {
    for number in 0..thousands {
        admin.bulk(&[large(persona, &format!("default/{effect}/{number}"), effect)]).await.ok();
    }
}

async fn key_of(app: &App, admin: &Client, persona: &Value) -> (Client, String) {
    let body = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]]});
    let created = admin.try_create(&body).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap();
    (app.holder_of(token), created["attributes"]["clientId"].as_str().unwrap().to_owned())
}

async fn may(client: &Client, id: &str, action: &str, resource: &str) -> Value {
    let question = json!({"subject": {"type": "api_token", "id": id}, "action": {"name": action},
                          "resource": {"type": "Table", "id": resource}});
    client.post("/access/v1/evaluation", &question).await.ok()["decision"].clone()
}

#[actix_web::test]
async fn at_the_limit_of_a_persona_its_members_read_search_write_and_ask() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("P").await;
    let table = admin.asset("Table", TABLE).await;
    let beneath = admin.asset("Table", "default/allow/19/t988_%/x").await;
    let denied = admin.asset("Table", "default/deny/0/t0_%/x").await;
    let beside = admin.asset("Table", "default/allow/19/t988_/x").await;
    let (key, id) = key_of(&app, &admin, &persona).await;
    fill(&admin, &persona, 20, "allow").await;
    fill(&admin, &persona, 10, "deny").await;
    let needed = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "n", "name": "n", "policyType": "allow", "policySubCategory": "metadata",
        "policyActions": ["persona-asset-read", "persona-asset-update"], "accessControl": {"guid": persona["id"]},
        "policyResources": [format!("entity:{TABLE}"), "entity:default/deny/0"],
    }});
    admin.bulk(&[needed]).await.ok();
    for seen in [&table, &beneath] {
        key.entity(seen).await.ok();
    }
    for unseen in [&denied, &beside] {
        key.entity(unseen).await.refused("ATLAS-404-00-005");
    }
    let mut found = key.search(&json!({"term": {"__typeName": "Table"}})).await.found();
    found.sort();
    assert_eq!(found, ["default/allow/19/t988_%/x", TABLE]);
    for (name, allowed) in [(TABLE, true), (found[0].as_str(), true), ("default/deny/0/t0_%/x", false)] {
        assert_eq!(may(&key, &id, "persona-asset-read", name).await, allowed, "{name}");
        let saved = key.save("Table", &json!({"qualifiedName": name, "name": "new"})).await;
        assert_eq!(saved.status == 200, allowed, "{name}");
    }
    for _ in 0..3 {
        // The change makes every node read the policies again.
        let other = json!({"typeName": "AuthPolicy", "attributes": {
            "qualifiedName": "o", "name": "o", "policyType": "allow", "policySubCategory": "metadata",
            "policyActions": ["persona-asset-read"], "policyResources": [], "accessControl": {"guid": persona["id"]},
        }});
        admin.bulk(&[other]).await.ok();
        assert_eq!(may(&key, &id, "persona-asset-read", TABLE).await, true);
    }
}

#[actix_web::test]
async fn members_leave_room_for_others_in_a_persona() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (persona, other) = (admin.persona("P").await, admin.persona("Q").await);
    let mia = app.session_with("mia", Role::Member).await;
    let bob = app.session_with("bob", Role::Member).await;
    write_about(&mia, &persona, "default/mia/1").await.ok();
    let second = write_about(&mia, &persona, "default/mia/2").await.ok();
    let message = write_about(&mia, &persona, "default/mia/3").await.refused("TESSERA-409-001").to_string();
    assert!(message.contains("that `mia` has written can name 2000"), "{message}");
    let resources: Vec<String> = (0..300).map(|number| format!("entity:default/mia/3/{number}")).collect();
    let part = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": "allow", "policySubCategory": "metadata",
        "policyActions": ["persona-asset-read"], "policyResources": resources, "accessControl": {"guid": other["id"]},
    }});
    // Those of one request count together.
    mia.bulk(&vec![part; 4]).await.refused("TESSERA-409-001");
    mia.bulk(&[large(&other, "default/mia/3", "allow")]).await.ok();
    write_about(&bob, &persona, "default/bob/1").await.ok();
    fill(&admin, &persona, 8, "allow").await;
    let message = write_about(&bob, &persona, "default/bob/2").await.refused("TESSERA-409-001").to_string();
    assert!(message.contains("without `MANAGE_PERSONAS`"), "{message}");
    let second = &second["mutatedEntities"]["CREATE"][0]["guid"];
    let smaller = json!({"typeName": "AuthPolicy", "guid": second, "attributes": {
        "policyResources": ["entity:default/mia/2/t"], "isPolicyEnabled": false,
    }});
    mia.bulk(&[smaller]).await.ok();
    bob.bulk(&[large(&persona, "default/bob/2", "allow")]).await.refused("TESSERA-409-001");
}

/// It is a bug of the server, and no reason to try again elsewhere.
#[actix_web::test]
async fn a_statement_that_the_database_refuses_is_not_an_outage() {
    use diesel::prelude::*;
    let app = App::start().await;
    let outcome = app.service.database.read(|connection| {
        let many = (0..70_000).map(|number| format!("x = {number}")).collect::<Vec<_>>().join(" OR ");
        diesel::sql_query(format!("SELECT nothing FROM nowhere WHERE {many}")).execute(connection)?;
        Ok(())
    });
    assert!(matches!(outcome, Err(Error::Storage(_))), "{outcome:?}");
}
