//! Administrators grant no more than they hold, and take nothing from principals above them.

mod administering;
mod allowing;
mod elsewhere;
mod owners;
mod revealing;
mod withdrawing;

use serde_json::{Value, json};

use crate::authority::policy;
use crate::datahub::urn;
use crate::support::{App, Client, Holder};

const CONNECTION: &str = "default/snowflake/1";
const SECRET: &str = "default/snowflake/1/secret";
const FORBIDDEN: &str = "TESSERA-403-001";

async fn key(app: &App, maker: &Client, body: &Value) -> Holder {
    let created = maker.try_create(body).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap().to_owned();
    Holder { id: created["id"].as_str().unwrap().to_owned(), client: app.holder_of(&token), token }
}

fn body(permissions: &[&str], personas: &[&Value]) -> Value {
    let personas: Vec<&Value> = personas.iter().map(|persona| &persona["qualifiedName"]).collect();
    json!({"displayName": "k", "workspacePermissions": permissions, "personaQualifiedNames": personas})
}

fn username(key: &Holder) -> String {
    format!("service-account-apikey-{}", key.id)
}

async fn name(by: &Client, list: &str, members: &[&str]) {
    by.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "c", list: members})).await.ok();
}

fn link(persona: &Value, users: &[&str]) -> Value {
    json!({"qualifiedName": persona["qualifiedName"], "name": persona["name"], "personaUsers": users})
}

async fn written(by: &Client, policy: Value) -> String {
    by.bulk(&[policy]).await.ok()["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned()
}

/// A policy of a persona that denies reading what has this name, and no other action.
fn unread(persona: &Value, stated: Option<&str>, name: &str) -> Value {
    let mut deny = policy(persona, "deny", stated, &[name]);
    deny["attributes"]["policyActions"] = json!(["persona-asset-read"]);
    deny
}

fn entities(users: &[&str], names: &[&str]) -> Value {
    json!({"type": "METADATA", "name": "m", "state": "ACTIVE", "privileges": ["persona-asset-read"],
        "resources": {"filter": {"criteria": [{"field": "URN", "values": names, "condition": "EQUALS"}]}},
        "actors": {"users": users.iter().map(|name| urn(name)).collect::<Vec<_>>(),
                   "resourceOwners": false, "allUsers": false, "allGroups": false}})
}

fn platform(users: &[&str], privileges: &[&str]) -> Value {
    let users: Vec<String> = users.iter().map(|name| urn(name)).collect();
    crate::datahub::policy(
        &json!({"users": users, "resourceOwners": false, "allUsers": false, "allGroups": false}),
        privileges,
    )
}

/// An administrator's connection with a secret, a persona for friends, one that denies the secret, and a friend.
async fn world() -> (App, Client, [Value; 2], Holder, String) {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let secret = admin.asset("Table", SECRET).await;
    let [friends, denied] = [admin.persona("friends").await, admin.persona("denied").await];
    admin.bulk(&[policy(&denied, "deny", None, &[SECRET])]).await.ok();
    let friend = key(&app, &admin, &body(&[], &[&friends])).await;
    (app, admin, [friends, denied], friend, secret)
}
