//! Attributes that policies look at may be changed only by users who may change the asset's lists of people.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::rules::{allow, criterion};
use crate::support::{App, Client, Holder};

const CONNECTION: &str = "default/snowflake/1";
const TABLE: &str = "default/snowflake/1/t";
const WRITES: [&str; 4] = ["persona-asset-read", "persona-asset-update", "persona-api-create", "persona-api-delete"];

fn table(attribute: &str, value: &Value) -> Value {
    json!({"qualifiedName": TABLE, "name": "t", attribute: value})
}

/// A connection of `admin` with a table, and a key with every action that policies can allow.
async fn world() -> (App, Client, Holder) {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    admin.asset("Table", TABLE).await;
    let key = app.key_with(&[]).await;
    app.policy(allow(&[&username(&key)], &WRITES, &[])).await;
    (app, admin, key)
}

fn username(key: &Holder) -> String {
    format!("service-account-apikey-{}", key.id)
}

#[actix_web::test]
async fn a_key_that_may_update_an_asset_makes_nobody_its_owner() {
    let (app, admin, key) = world().await;
    app.user("ada", Role::Member).await;
    key.save("Table", &json!({"qualifiedName": TABLE, "name": "t2", "description": "d"})).await.ok();
    for owners in [json!([username(&key)]), json!(["ada"]), json!(["nobody-yet"])] {
        let answer = key.save("Table", &table("ownerUsers", &owners)).await;
        assert!(answer.text.contains("ownerUsers"), "{}", answer.text);
        answer.refused("TESSERA-403-001");
    }
    admin.save("Table", &table("ownerUsers", &json!(["ada"]))).await.ok();
    key.save("Table", &table("ownerUsers", &json!(["ada"]))).await.ok();
    for owners in [json!([]), json!(null), json!(["ada", username(&key)])] {
        key.save("Table", &table("ownerUsers", &owners)).await.refused("TESSERA-403-001");
    }
}

#[actix_web::test]
async fn a_name_without_a_bearer_does_not_become_an_owner_when_a_key_repeats_it() {
    let (app, admin, key) = world().await;
    admin.save("Table", &table("ownerUsers", &json!(["nina"]))).await.ok();
    key.save("Table", &table("ownerUsers", &json!(["nina"]))).await.ok();
    app.user("nina", Role::Member).await;
    // A key that does not see the user must not learn that there is one.
    key.save("Table", &table("ownerUsers", &json!(["nina"]))).await.ok();
    let seeing = app.key_with(&[Permission::ViewUsers]).await;
    app.policy(allow(&[&username(&seeing)], &WRITES, &[])).await;
    seeing.save("Table", &table("ownerUsers", &json!(["nina"]))).await.refused("TESSERA-403-001");
    admin.save("Table", &table("ownerUsers", &json!(["nina"]))).await.ok();
}

#[actix_web::test]
async fn what_a_criterion_looks_at_is_changed_by_admins_of_the_asset_alone() {
    let (app, admin, key) = world().await;
    key.save("Table", &table("tier", &json!("open"))).await.ok();
    let policy = app.policy(allow(&["admin"], &["select"], &[criterion("tier", "EQUALS", &["secret"])])).await;
    key.save("Table", &table("tier", &json!("open"))).await.ok();
    key.save("Table", &table("other", &json!("x"))).await.ok();
    for value in [json!("secret"), json!(null), json!(["open"])] {
        key.save("Table", &table("tier", &value)).await.refused("TESSERA-403-001");
    }
    admin.save("Table", &table("tier", &json!("secret"))).await.ok();
    // The same by id, and together with attributes that may be written.
    let id = admin.search(&json!({"term": {"qualifiedName": TABLE}})).await.json["entities"][0]["guid"].clone();
    let by_id = json!({"typeName": "Table", "guid": id, "attributes": {"name": "t", "tier": "open"}});
    key.bulk(&[by_id]).await.refused("TESSERA-403-001");
    let policies = &tessera::service::catalogue::policies::delete;
    policies(&app.service, &app.operator(), policy.qualified_name).await.unwrap();
    key.save("Table", &table("tier", &json!("open"))).await.ok();
}

#[actix_web::test]
async fn what_a_criterion_looks_at_is_not_set_by_creating_beneath_an_asset_of_others() {
    let (app, admin, key) = world().await;
    app.policy(allow(&["admin"], &["select"], &[criterion("tier", "NOT_EQUALS", &["secret"])])).await;
    let new = |attribute: &str, value: Value| json!({"qualifiedName": format!("{CONNECTION}/new"), "name": "n", attribute: value});
    key.save("Table", &new("tier", json!("secret"))).await.refused("TESSERA-403-001");
    key.save("Table", &new("ownerUsers", json!([username(&key)]))).await.refused("TESSERA-403-001");
    key.save("Table", &new("tier", json!(null))).await.ok();
    admin.save("Table", &json!({"qualifiedName": format!("{CONNECTION}/n2"), "name": "n", "tier": "x"})).await.ok();
    // The creator of a top-level asset sets all of its attributes.
    let own = json!({"qualifiedName": "default/postgres/2", "name": "n", "tier": "x", "ownerUsers": [username(&key)]});
    key.save("Connection", &own).await.ok();
}

#[actix_web::test]
async fn a_key_that_administers_an_asset_does_not_change_them_either() {
    let (app, admin, _) = world().await;
    let key = app.key_with(&[Permission::ManagePersonas]).await;
    let people = json!({"qualifiedName": CONNECTION, "name": "c", "adminUsers": ["admin", username(&key)]});
    admin.save("Connection", &people).await.ok();
    key.save("Table", &table("description", &json!("d"))).await.ok();
    key.save("Table", &table("ownerUsers", &json!([username(&key)]))).await.refused("TESSERA-403-001");
    let bob = app.session_with("bob", Role::Member).await;
    let people = json!({"qualifiedName": CONNECTION, "name": "c", "adminUsers": ["admin", "bob"]});
    admin.save("Connection", &people).await.ok();
    bob.save("Table", &table("ownerUsers", &json!(["bob"]))).await.ok();
}
