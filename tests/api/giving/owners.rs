//! Naming an owner is giving access, and so is changing an attribute that policies test.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission::{ManageApiKeys, ManageServiceAccounts, ViewUsers};
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use super::{CONNECTION, FORBIDDEN, SECRET, body, key, link, name, unread, username, world};
use crate::datahub::{create, data, user_with};
use crate::support::rules::{allow, criterion, question, user};
use crate::support::{Answer, App, Client};

const OPEN: &str = "default/snowflake/1/open";
const READ: [&str; 1] = ["persona-asset-read"];
const UNKNOWN: &str = "ATLAS-404-00-005";

fn of_owners(effect: Effect) -> Rule {
    let mut rule = allow(&[], &READ, &[]);
    rule.subjects.owners = true;
    Rule { effect, ..rule }
}

async fn write(by: &Client, table: &str, attribute: &str, value: &Value) -> Answer {
    by.save("Table", &json!({"qualifiedName": table, "name": "t", attribute: value})).await
}

/// A persona that denies reading the secret.
async fn blind(admin: &Client) -> Value {
    let persona = admin.persona("blind").await;
    admin.bulk(&[unread(&persona, None, SECRET)]).await.ok();
    persona
}

/// A service account that the administrator has made, and its user name.
async fn account(admin: &Client) -> String {
    let query = json!({"query": "mutation { createServiceAccount(input: {}) { name } }"});
    let made = admin.post("/api/graphql", &query).await.ok();
    made["data"]["createServiceAccount"]["name"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn who_is_denied_something_makes_nobody_an_owner_of_it() {
    let (app, admin, [_, _], _, secret) = world().await;
    let denied = blind(&admin).await;
    app.policy(of_owners(Effect::Allow)).await;
    let bob = user_with(&app, &admin, "bob", &[ManageApiKeys, ViewUsers]).await;
    let mia = app.session_with("mia", Role::Member).await;
    name(&admin, "adminUsers", &["admin", "bob"]).await;
    admin.save("Persona", &link(&denied, &["bob"])).await.ok();
    let own = key(&app, &bob, &body(&[], &[])).await;
    for owner in ["mia", &username(&own)] {
        for list in ["ownerUsers", "viewerUsers"] {
            write(&bob, SECRET, list, &json!([owner])).await.refused(FORBIDDEN);
        }
        // The deny is about the secret alone.
        write(&bob, OPEN, "ownerUsers", &json!([owner])).await.ok();
    }
    write(&bob, SECRET, "ownerUsers", &json!(["bob"])).await.ok();
    for client in [&bob, &mia, &own.client] {
        client.entity(&secret).await.refused(UNKNOWN);
    }
    // Who is denied the same may be an owner, too.
    admin.save("Persona", &link(&denied, &["bob", "mia"])).await.ok();
    write(&bob, SECRET, "ownerUsers", &json!(["bob", "mia"])).await.ok();
    mia.entity(&secret).await.refused(UNKNOWN);
}

#[actix_web::test]
async fn a_child_that_expires_makes_nobody_an_owner() {
    let (app, _, _, _, _) = world().await;
    let zed = app.session_with("zed", Role::Member).await;
    app.user("mia", Role::Member).await;
    let owned = |list: &str| json!({"qualifiedName": "default/zed/1", "name": "c", list: ["mia"]});
    zed.asset("Connection", "default/zed/1").await;
    let token_type = "urn:ietf:params:oauth:token-type:access_token";
    let (exchange, own) = ("urn:ietf:params:oauth:grant-type:token-exchange", zed.token());
    let form = [("grant_type", exchange), ("subject_token", &own), ("subject_token_type", token_type)];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let sender = app.anonymous().with("host", "tessera.example.org");
    let sender = sender.with("content-type", "application/x-www-form-urlencoded");
    let child = sender.send(Method::POST, "/oauth/token", Some(&form)).await.ok();
    let child = app.holder_of(child["access_token"].as_str().unwrap());
    for list in ["viewerUsers", "ownerUsers"] {
        child.save("Connection", &owned(list)).await.refused(FORBIDDEN);
        zed.save("Connection", &owned(list)).await.ok();
        child.save("Connection", &owned(list)).await.ok();
    }
}

#[actix_web::test]
async fn a_service_account_becomes_an_owner_only_without_tokens_that_would_outgrow_their_creators() {
    let (app, admin, _, _, _) = world().await;
    app.policy(of_owners(Effect::Allow)).await;
    let service = account(&admin).await;
    let sam = user_with(&app, &admin, "sam", &[ManageServiceAccounts]).await;
    let bob = app.session_with("bob", Role::Member).await;
    name(&admin, "adminUsers", &["admin", "bob"]).await;
    write(&bob, OPEN, "ownerUsers", &json!([service])).await.refused(FORBIDDEN);
    let token = create(&sam, "SERVICE_ACCOUNT", &service, "t", "ONE_DAY").await;
    let token = app.holder_of(data(&token)["accessToken"].as_str().unwrap());
    let gus = user_with(&app, &admin, "gus", &[ManageServiceAccounts]).await;
    name(&admin, "adminUsers", &["admin", "bob", "gus"]).await;
    let refused = write(&gus, OPEN, "ownerUsers", &json!([service])).await.refused(FORBIDDEN);
    assert!(refused["errorMessage"].as_str().unwrap().contains("revoke those tokens first"), "{refused}");
    token.whoami().await.ok();
    write(&admin, OPEN, "ownerUsers", &json!([service])).await.ok();
    assert_eq!(token.whoami().await.status, 401);
}

#[actix_web::test]
async fn owners_that_a_policy_denies_something_are_removed_by_those_who_may_give_it() {
    let (app, admin, [_, denied], _, _) = world().await;
    let bob = app.session_with("bob", Role::Member).await;
    let mia = app.session_with("mia", Role::Member).await;
    name(&admin, "adminUsers", &["admin", "bob"]).await;
    let table = admin.asset("Table", OPEN).await;
    name(&admin, "viewerUsers", &["mia"]).await;
    write(&admin, OPEN, "ownerUsers", &json!(["bob", "mia"])).await.ok();
    app.policy(of_owners(Effect::Deny)).await;
    for client in [&bob, &mia] {
        client.entity(&table).await.refused(UNKNOWN);
    }
    for left in [json!(["mia"]), json!(["bob"]), json!([])] {
        write(&bob, OPEN, "ownerUsers", &left).await.refused(FORBIDDEN);
    }
    bob.remove("PURGE", &[&table]).await;
    admin.entity(&table).await.ok();
    let ada = app.session_with("ada", Role::Member).await;
    name(&admin, "adminUsers", &["admin", "ada"]).await;
    write(&ada, OPEN, "ownerUsers", &json!(["bob"])).await.ok();
    mia.entity(&table).await.ok();
    admin.save("Persona", &link(&denied, &["ada"])).await.ok();
    write(&ada, OPEN, "ownerUsers", &json!([])).await.ok();
}

#[actix_web::test]
async fn an_attribute_that_policies_test_is_changed_by_those_whom_nothing_is_denied_there() {
    let (app, admin, _, _, _) = world().await;
    let denied = blind(&admin).await;
    let bob = app.session_with("bob", Role::Member).await;
    app.user("mia", Role::Member).await;
    app.policy(allow(&["mia"], &["select"], &[criterion("certificateStatus", "EQUALS", &["VERIFIED"])])).await;
    name(&admin, "adminUsers", &["admin", "bob"]).await;
    admin.save("Persona", &link(&denied, &["bob"])).await.ok();
    let verified = json!("VERIFIED");
    let asked = question(&user("mia"), &json!({"name": "select"}), &json!({"type": "Table", "id": SECRET}));
    let allowed = async || admin.post("/access/v1/evaluation", &asked).await.ok()["decision"] == true;
    write(&bob, SECRET, "certificateStatus", &verified).await.refused(FORBIDDEN);
    assert!(!allowed().await);
    write(&bob, OPEN, "certificateStatus", &verified).await.ok();
    admin.save("Persona", &link(&denied, &[])).await.ok();
    write(&bob, SECRET, "certificateStatus", &verified).await.ok();
    assert!(allowed().await);
}

#[actix_web::test]
async fn a_user_who_is_not_seen_becomes_no_owner_as_if_there_were_none() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.policy(of_owners(Effect::Allow)).await;
    let bob = app.session_with("bob", Role::Guest).await;
    let creator = app.key_with(&[]).await;
    let own = json!({"qualifiedName": CONNECTION, "name": "c", "ownerUsers": ["bob", "nobody", username(&creator)]});
    let written = creator.save("Connection", &own).await.ok();
    let id = written["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap();
    bob.entity(id).await.refused(UNKNOWN);
    admin.save("Connection", &own).await.ok();
    bob.entity(id).await.ok();
    // Whoever repeats the owners removes nobody.
    creator.save("Connection", &own).await.ok();
    bob.entity(id).await.ok();
}
