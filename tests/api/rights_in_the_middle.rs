//! Rights that are taken away while a transaction runs do not count for it. SQLite has one writer at a time, so this can
//! happen on PostgreSQL only.

use std::time::Duration;

use actix_web::rt::spawn;
use actix_web::rt::time::timeout;
use diesel::prelude::*;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::storage::schema::policies;

use crate::datahub;
use crate::support::blocker::Blocker;
use crate::support::database::on_postgres;
use crate::support::{Answer, App, Client};

/// The answer to a write that waits for this statement of another transaction, while `strip` takes something from the
/// actor of the write.
async fn late(
    app: &App,
    statement: &str,
    write: impl Future<Output = Answer> + 'static,
    strip: impl Future<Output = Answer>,
) -> Answer {
    let mut blocker = Blocker::begin(app, statement);
    let write = spawn(write);
    blocker.until_awaited(1).await;
    timeout(Duration::from_secs(5), strip).await.unwrap().ok();
    blocker.end();
    write.await.unwrap()
}

fn no_permissions() -> Value {
    json!({"displayName": "actor", "workspacePermissions": []})
}

/// How many policies there are.
fn count(app: &App) -> i64 {
    app.service.database.read(|connection| Ok(policies::table.count().get_result(connection)?)).unwrap()
}

async fn deny(admin: &Client, name: &str) -> Value {
    let persona = admin.persona(name).await;
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": name, "name": name, "policyType": "deny", "policySubCategory": "metadata",
        "policyActions": ["persona-asset-read"], "policyResources": ["entity:default/sales/1"],
        "accessControl": {"guid": persona["id"]}}});
    admin.bulk(&[policy]).await.ok();
    persona["qualifiedName"].clone()
}

#[actix_web::test]
async fn a_policy_that_waits_for_another_is_not_written_without_the_right() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = deny(&admin, "denying").await;
    let permissions = [Permission::ManagePolicies, Permission::ManageApiKeys];
    for strip in [
        no_permissions(),
        json!({"displayName": "actor", "personaQualifiedNames": [persona]}),
        json!({"displayName": "actor", "allowedAddresses": ["192.0.2.77"]}),
    ] {
        let key = app.key_with(&permissions).await;
        key.whoami().await.ok();
        let before = count(&app);
        let input = json!({"type": "PLATFORM", "name": "late", "state": "ACTIVE", "description": "",
            "privileges": ["MANAGE_APIKEYS"], "actors": {"users": [datahub::urn("admin")], "resourceOwners": false,
            "allUsers": false, "allGroups": false}});
        let query = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
        let body = json!({"query": query, "variables": {"input": input}});
        let (client, path) = (key.client.clone(), "/api/graphql");
        let write = async move { client.post(path, &body).await };
        let locked = "SELECT FROM revisions WHERE name = 'policies' FOR UPDATE";
        let answer = late(&app, locked, write, admin.try_update(&key.id, &strip)).await;
        assert!(answer.status != 200 || !answer.json["errors"].is_null(), "{strip}: {}", answer.text);
        assert_eq!(count(&app), before, "{strip}");
    }
}

#[actix_web::test]
async fn a_bulk_that_has_begun_ends_with_nothing_when_its_key_is_stripped() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    let [with, waiting] = [admin.persona("with").await, admin.persona("waiting").await];
    let denying = deny(&admin, "denying").await;
    for strip in [no_permissions(), json!({"displayName": "actor", "personaQualifiedNames": [denying]})] {
        let key = app.key_with(&[Permission::ManagePersonas]).await;
        key.whoami().await.ok();
        let before = count(&app);
        let policy = json!({"typeName": "AuthPolicy", "attributes": {
            "qualifiedName": "late", "name": "late", "policyType": "allow", "policyCategory": "persona",
            "policySubCategory": "metadata", "policyActions": ["persona-asset-read"], "policyResources": [],
            "accessControl": {"typeName": "Persona", "guid": with["id"]}}});
        let persona = json!({"typeName": "Persona", "guid": waiting["id"], "attributes":
            {"qualifiedName": waiting["qualifiedName"], "name": "waiting", "description": "late"}});
        let client = key.client.clone();
        let write = async move { client.bulk(&[policy, persona]).await };
        let locked = format!("SELECT FROM personas WHERE id = '{}' FOR UPDATE", waiting["id"].as_str().unwrap());
        let answer = late(&app, &locked, write, admin.try_update(&key.id, &strip)).await;
        assert_ne!(answer.status, 200, "{strip}: {}", answer.text);
        assert_eq!(count(&app), before, "{strip}");
    }
}

#[actix_web::test]
async fn a_bulk_by_a_policy_that_is_purged_while_it_waits_is_refused() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", "default/lake/1").await;
    for name in ["t", "waiting"] {
        admin.asset("Table", &format!("default/lake/1/{name}")).await;
    }
    let (key, persona) = (app.key_with(&[]).await, admin.persona("allowing").await);
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": "allow", "policyCategory": "persona",
        "policySubCategory": "metadata", "policyActions": ["persona-asset-read", "persona-asset-update"],
        "policyResources": ["entity:default/lake/1"],
        "accessControl": {"typeName": "Persona", "guid": persona["id"]}}});
    let made = admin.bulk(&[policy]).await.ok();
    let policy = made["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned();
    let links = json!({"displayName": "actor", "personaQualifiedNames": [persona["qualifiedName"]]});
    admin.try_update(&key.id, &links).await.ok();
    let table = |name: &str| {
        let attributes = json!({"qualifiedName": format!("default/lake/1/{name}"), "name": "late"});
        json!({"typeName": "Table", "attributes": attributes})
    };
    let (entities, client) = ([table("t"), table("waiting")], key.client.clone());
    client.bulk(&entities).await.ok();
    let write = async move { client.bulk(&entities).await };
    let locked = "SELECT FROM assets WHERE qualified_name = 'default/lake/1/waiting' FOR UPDATE";
    let answer = late(&app, locked, write, async { admin.remove("PURGE", &[&policy]).await }).await;
    answer.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn a_key_that_is_bounded_while_its_write_waits_makes_a_bounded_key() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    app.admin().await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let bound = format!(
        "UPDATE principals SET enabled = enabled WHERE id = '{0}'; \
         UPDATE api_keys SET rate_limit_requests = 60, rate_limit_seconds = 60 WHERE id = '{0}'",
        key.id
    );
    let mut bounding = Blocker::begin(&app, &bound);
    let client = key.client.clone();
    let child = json!({"displayName": "child", "validitySeconds": 600});
    let write = spawn(async move { client.try_create(&child).await });
    bounding.until_awaited(1).await;
    bounding.commit();
    let made = write.await.unwrap().ok();
    assert_eq!(made["attributes"]["rateLimit"], json!({"requests": 60, "seconds": 60}), "{made}");
}

#[actix_web::test]
async fn an_admin_of_a_connection_who_is_removed_meanwhile_names_nobody_in_it() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let (admin, olga) = (app.admin().await, app.session_with("olga", Role::Member).await);
    olga.asset("Connection", "default/lake/1").await;
    for name in ["t", "waiting"] {
        olga.asset("Table", &format!("default/lake/1/{name}")).await;
    }
    let table = |name: &str, people: Value| {
        let attributes =
            json!({"qualifiedName": format!("default/lake/1/{name}"), "name": name, "viewerUsers": people});
        json!({"typeName": "Table", "attributes": attributes})
    };
    let (entities, client) = ([table("t", json!(["olga"])), table("waiting", json!([]))], olga.clone());
    let write = async move { client.bulk(&entities).await };
    let locked = "SELECT FROM assets WHERE qualified_name = 'default/lake/1/waiting' FOR UPDATE";
    let removed = json!({"qualifiedName": "default/lake/1", "name": "c", "adminUsers": ["admin"]});
    let answer = late(&app, locked, write, admin.save("Connection", &removed)).await;
    assert_ne!(answer.status, 200, "{}", answer.text);
}
