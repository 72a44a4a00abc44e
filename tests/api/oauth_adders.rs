//! A public key or a trust rule of an API key ends when the key gets what the principal that added it does not reach.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::ids::PrincipalId;
use tessera::domain::permission::Permission;
use tessera::storage::oauth_clients;

use crate::datahub::{self, user_with};
use crate::storage::actions;
use crate::support::issuer::Signer;
use crate::support::{Answer, App, Client};

const CONNECTION: &str = "default/snowflake/1";

fn path(key: &str) -> String {
    format!("/api/service/apikeys/{key}/oauth")
}

fn rule(name: &str) -> Value {
    json!({"name": name, "issuer": "https://token.actions.githubusercontent.com", "audience": "tessera",
           "claims": {"repository_id": "42", "ref": format!("refs/heads/{name}")}})
}

/// Settings with one public key for each seed, and these trust rules.
fn settings(seeds: &[u8], rules: &[&str]) -> Value {
    let keys: Vec<Value> = seeds.iter().map(|seed| Signer::new(*seed, &seed.to_string()).jwk()).collect();
    json!({"audiences": ["urn:example:api"], "jwks": {"keys": keys}, "trust": rules.iter().map(|name| rule(name)).collect::<Vec<_>>(),
           "secret": "token"})
}

async fn put(client: &Client, key: &str, body: &Value) -> Answer {
    client.with("content-type", "application/json").send(Method::PUT, &path(key), Some(&body.to_string())).await
}

async fn key(admin: &Client) -> String {
    admin.create("ci").await["id"].as_str().unwrap().to_owned()
}

async fn permit(client: &Client, key: &str, permissions: &[&str]) -> Answer {
    client.try_update(key, &json!({"displayName": "ci", "workspacePermissions": permissions})).await
}

#[actix_web::test]
async fn an_api_key_outgrows_the_public_keys_and_trust_rules_of_others() {
    let app = App::start().await;
    let admin = app.admin().await;
    let zed = user_with(&app, &admin, "zed", &[Permission::ManageApiKeys]).await;
    let persona = admin.persona("P").await;
    let replaced = || actions(&app.service).into_iter().filter(|action| action == "apikey.oauth_replaced").count();
    for way in ["permission", "persona", "policy", "asset"] {
        let id = key(&admin).await;
        put(&admin, &id, &settings(&[1], &["main"])).await.ok();
        put(&zed, &id, &settings(&[1, 2], &["main", "zed"])).await.ok();
        // What zed has added is zed's, also when another user writes it again under another name.
        let mut again = settings(&[2, 1], &["zed", "main"]);
        again["jwks"]["keys"][0]["kid"] = json!("other");
        again["trust"][0]["name"] = json!("other");
        put(&admin, &id, &again).await.ok();
        let before = replaced();
        let username = format!("service-account-apikey-{id}");
        match way {
            "permission" => drop(permit(&admin, &id, &["VIEW_AUDIT"]).await.ok()),
            "persona" => {
                let linked = json!({"displayName": "ci", "personaQualifiedNames": [persona["qualifiedName"]]});
                admin.try_update(&id, &linked).await.ok();
            }
            "policy" => {
                let actors = json!({"users": [datahub::urn(&username)], "resourceOwners": false, "allUsers": false,
                                    "allGroups": false});
                let mut input = datahub::policy(&actors, &["VIEW_ENTITY_PAGE"]);
                input["type"] = json!("METADATA");
                datahub::data(&datahub::ask(&admin, datahub::CREATE_POLICY, json!({"input": input})).await);
            }
            _ => {
                let asset = json!({"qualifiedName": CONNECTION, "name": "c", "viewerUsers": [username]});
                admin.save("Connection", &asset).await.ok();
            }
        }
        assert_eq!(admin.get(&path(&id)).await.ok(), settings(&[1], &["main"]), "{way}");
        assert_eq!(replaced(), before + 1, "{way}");
    }
}

#[actix_web::test]
async fn only_a_user_with_the_role_admin_ends_them_and_others_are_told_to_remove_them_first() {
    let app = App::start().await;
    let admin = app.admin().await;
    let zed = user_with(&app, &admin, "zed", &[Permission::ManageApiKeys]).await;
    let bob = user_with(&app, &admin, "bob", &[Permission::ManageApiKeys, Permission::ViewAudit]).await;
    let id = key(&admin).await;
    put(&zed, &id, &settings(&[2], &[])).await.ok();
    let refused = permit(&bob, &id, &["VIEW_AUDIT"]).await.refused("TESSERA-403-001").to_string();
    assert!(refused.contains("public keys or trust rules"), "{refused}");
    // What takes nothing from anybody goes on.
    permit(&bob, &id, &[]).await.ok();
    put(&bob, &id, &settings(&[3], &[])).await.ok();
    permit(&bob, &id, &["VIEW_AUDIT"]).await.ok();
    assert_eq!(admin.get(&path(&id)).await.ok(), settings(&[3], &[]));
    permit(&admin, &id, &["VIEW_AUDIT", "MANAGE_PERSONAS"]).await.ok();
    assert_eq!(admin.get(&path(&id)).await.ok(), settings(&[], &[]));
}

#[actix_web::test]
async fn what_nobody_is_known_to_have_added_ends_with_the_first_growth() {
    let app = App::start().await;
    let admin = app.admin().await;
    let text = key(&admin).await;
    put(&admin, &text, &settings(&[1], &["main"])).await.ok();
    let id = PrincipalId::parse(&text).unwrap();
    let now = app.now();
    let forgotten = app.service.database.write(move |connection| {
        let mut client = oauth_clients::get(connection, id)?;
        client.adders.clear();
        oauth_clients::replace(connection, id, &client, now)
    });
    forgotten.unwrap();
    put(&admin, &text, &settings(&[1, 4], &["main"])).await.ok();
    admin.try_update(&text, &json!({"displayName": "new name"})).await.ok();
    assert_eq!(admin.get(&path(&text)).await.ok(), settings(&[1, 4], &["main"]));
    permit(&admin, &text, &["VIEW_AUDIT"]).await.ok();
    assert_eq!(admin.get(&path(&text)).await.ok(), settings(&[4], &[]));
}
