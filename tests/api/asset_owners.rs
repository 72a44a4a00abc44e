//! Policies with criteria on an asset's properties and owners: in decisions, in writes and in searches.

use serde_json::json;
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use crate::support::rules::{allow, criterion, question, user};
use crate::support::{App, Client};

const TABLE: &str = "default/snowflake/1/t";
const ALL: [&str; 3] = ["persona-asset-read", "persona-asset-update", "persona-api-delete"];

fn of_owners(effect: Effect, actions: &[&str]) -> Rule {
    let mut rule = allow(&[], actions, &[]);
    rule.subjects.owners = true;
    Rule { effect, ..rule }
}

/// Whether the engine allows a user this action on the table.
async fn decided(admin: &Client, name: &str, action: &str) -> bool {
    let resource = json!({"type": "Table", "id": TABLE});
    let body = question(&user(name), &json!({"name": action}), &resource);
    admin.post("/access/v1/evaluation", &body).await.ok()["decision"] == true
}

/// Asserts that the engine, reads, searches and writes agree.
async fn agree(admin: &Client, client: &Client, name: &str, id: &str, expected: bool) {
    for action in &ALL[..2] {
        assert_eq!(decided(admin, name, action).await, expected, "{name} {action}");
    }
    assert_eq!(client.entity(id).await.status == 200, expected, "{name} reads");
    let found = client.search(&json!({"term": {"__typeName": "Table"}})).await.found();
    assert_eq!(found.len(), usize::from(expected), "{name} searches");
    let renamed = client.save("Table", &json!({"qualifiedName": TABLE, "name": "renamed"})).await;
    assert_eq!(renamed.status == 200, expected, "{name} writes");
}

async fn owned_by(admin: &Client, owners: &[&str]) -> String {
    let attributes = json!({"qualifiedName": TABLE, "name": "t", "ownerUsers": owners});
    let answer = admin.save("Table", &attributes).await.ok();
    let written = &answer["mutatedEntities"];
    let entity = written["CREATE"].get(0).or_else(|| written["UPDATE"].get(0)).unwrap();
    assert_eq!(entity["attributes"]["ownerUsers"], json!(owners));
    entity["guid"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_write_is_decided_by_what_is_stored_of_the_asset() {
    let app = App::start().await;
    let admin = app.admin().await;
    let bob = app.session_with("bob", Role::Member).await;
    let unverified = criterion("certificateStatus", "NOT_EQUALS", &["VERIFIED"]);
    app.policy(allow(&["bob"], &ALL, &[unverified])).await;
    app.policy(allow(&["bob"], &ALL[..1], &[])).await;
    let certified = |status: &str| json!({"qualifiedName": TABLE, "name": "t", "certificateStatus": status});
    admin.save("Table", &certified("DRAFT")).await.ok();
    let id = admin.search(&json!({"match_all": {}})).await.json["entities"][0]["guid"].as_str().unwrap().to_owned();
    // Actors whom a policy allows may not change the attributes that it looks at.
    bob.save("Table", &certified("VERIFIED")).await.refused("TESSERA-403-001");
    admin.save("Table", &certified("VERIFIED")).await.ok();
    for action in &ALL[1..] {
        assert!(!decided(&admin, "bob", action).await, "{action}");
    }
    bob.save("Table", &certified("DRAFT")).await.refused("TESSERA-403-001");
    let by_id = json!({"typeName": "Table", "guid": id, "attributes": {"name": "x"}});
    bob.bulk(&[by_id]).await.refused("TESSERA-403-001");
    for how in ["SOFT", "PURGE"] {
        bob.remove(how, &[&id]).await.refused("TESSERA-403-001");
    }
    admin.save("Table", &certified("DRAFT")).await.ok();
    // A replacement would lack the lists of people and the attributes that the policy looks at.
    bob.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
    bob.remove("SOFT", &[&id]).await.ok();
}

#[actix_web::test]
async fn owners_are_the_same_to_the_engine_the_search_and_writes() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut clients = Vec::new();
    for name in ["Eve", "eva", "vic"] {
        clients.push((name, app.session_with(name, Role::Member).await));
    }
    app.policy(of_owners(Effect::Allow, &ALL)).await;
    for owners in [&["Eve"][..], &["eva", "vic"], &[]] {
        let id = owned_by(&admin, owners).await;
        for (name, client) in &clients {
            agree(&admin, client, name, &id, owners.contains(name)).await;
        }
    }
    app.policy(allow(&["Eve", "vic"], &ALL, &[])).await;
    app.policy(of_owners(Effect::Deny, &ALL)).await;
    let id = owned_by(&admin, &["Eve"]).await;
    for (name, client) in &clients {
        agree(&admin, client, name, &id, *name == "vic").await;
    }
}

#[actix_web::test]
async fn a_namesake_of_an_owner_owns_nothing_until_it_is_named_itself() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.policy(of_owners(Effect::Allow, &ALL)).await;
    // No user has that name yet.
    let id = owned_by(&admin, &["nina", "a\u{0}"]).await;
    let nina = app.session_with("nina", Role::Member).await;
    agree(&admin, &nina, "nina", &id, false).await;
    owned_by(&admin, &["nina"]).await;
    agree(&admin, &nina, "nina", &id, true).await;
    tessera::service::people::users::delete(&app.service, &app.operator(), "nina".into()).await.unwrap();
    let namesake = app.session_with("nina", Role::Member).await;
    agree(&admin, &namesake, "nina", &id, false).await;
    admin.save("Table", &json!({"qualifiedName": TABLE, "name": "n"})).await.ok();
    agree(&admin, &namesake, "nina", &id, false).await;
    owned_by(&admin, &["nina"]).await;
    agree(&admin, &namesake, "nina", &id, true).await;
}
