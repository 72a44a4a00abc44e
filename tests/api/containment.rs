//! No privilege escalation: what an actor creates, changes, takes over or grants never exceeds its own reach.

use serde_json::{Value, json};
use tessera::domain::api_key::NewApiKey;
use tessera::domain::child::Presentation;
use tessera::domain::error::Error;
use tessera::domain::limits::{AllowedAddresses, Limits};
use tessera::domain::permission::Permission::{ManageApiKeys, ManagePersonas, ManageUsersAndGroups};
use tessera::domain::policy::{Category, Effect, Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::service::keys::api_keys;

use crate::support::rules::allow;
use crate::support::{Answer, App, Client, Holder, new_key};

pub const CONNECTION: &str = "default/snowflake/1";

#[track_caller]
fn forbidden(answer: Answer) -> String {
    answer.refused("TESSERA-403-001")["errorMessage"].as_str().unwrap().to_owned()
}

/// A persona with one policy about reading everything in the connection; the answer is its qualified name.
pub async fn persona(admin: &Client, name: &str, effect: &str) -> Value {
    let persona = admin.persona(name).await;
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": name, "name": name, "connectionQualifiedName": null, "policyType": effect,
        "policySubCategory": "metadata", "policyActions": ["persona-asset-read"],
        "policyResources": [format!("entity:{CONNECTION}")], "accessControl": {"guid": persona["id"]},
    }});
    admin.bulk(&[policy]).await.ok();
    persona["qualifiedName"].clone()
}

/// A key created by this client.
async fn key(app: &App, maker: &Client, body: &Value) -> Holder {
    holder(app, &maker.try_create(body).await.ok())
}

fn holder(app: &App, created: &Value) -> Holder {
    let token = created["attributes"]["accessToken"].as_str().unwrap().to_owned();
    Holder { id: created["id"].as_str().unwrap().to_owned(), client: app.holder_of(&token), token }
}

fn body(permissions: &[&str], personas: &[&Value]) -> Value {
    json!({"displayName": "k", "workspacePermissions": permissions, "personaQualifiedNames": personas})
}

#[actix_web::test]
async fn what_a_key_makes_is_linked_to_every_persona_that_denies_the_key_anything() {
    let app = App::start().await;
    let admin = app.admin().await;
    let table = admin.asset("Connection", CONNECTION).await;
    let [yes, no] = [persona(&admin, "yes", "allow").await, persona(&admin, "no", "deny").await];
    for permissions in [&["MANAGE_APIKEYS"][..], &["MANAGE_APIKEYS", "MANAGE_PERSONAS"]] {
        let parent = key(&app, &admin, &body(permissions, &[&yes, &no])).await;
        parent.entity(&table).await.refused("ATLAS-404-00-005");
        let refused = forbidden(parent.try_create(&body(&[], &[&yes])).await);
        assert!(refused.contains(no.as_str().unwrap()), "{refused}");
        let child = key(&app, &parent, &body(&[], &[&yes, &no])).await;
        child.entity(&table).await.refused("ATLAS-404-00-005");
        forbidden(parent.try_update(&child.id, &body(&[], &[&yes])).await);
        parent.try_update(&child.id, &body(&[], &[])).await.ok();
        forbidden(parent.try_update(&child.id, &body(&[], &[&yes])).await);
        parent.try_update(&child.id, &body(&[], &[&no, &yes])).await.ok();
        // A disabled persona counts, too, because it can be enabled later.
        child.entity(&table).await.refused("ATLAS-404-00-005");
        parent.delete_key(&child.id).await.ok();
    }
    // An administrator is bound by no deny.
    key(&app, &admin, &body(&[], &[&yes])).await.entity(&table).await.ok();
}

#[actix_web::test]
async fn who_is_denied_something_by_name_gives_nobody_access_to_assets() {
    let app = App::start().await;
    let admin = app.admin().await;
    let yes = persona(&admin, "yes", "allow").await;
    let parent = key(&app, &admin, &body(&["MANAGE_APIKEYS", "MANAGE_PERSONAS"], &[&yes])).await;
    parent.try_create(&body(&[], &[&yes])).await.ok();
    let username = parent.whoami().await.ok()["username"].as_str().unwrap().to_owned();
    app.policy(Rule { effect: Effect::Deny, ..allow(&[&username], &["persona-asset-read"], &[]) }).await;
    forbidden(parent.try_create(&body(&[], &[&yes])).await);
    parent.try_create(&body(&[], &[])).await.ok();
}

#[actix_web::test]
async fn a_bound_key_makes_bound_keys_only() {
    let app = App::start().await;
    let admin = app.admin().await;
    let bounds = json!({"displayName": "p", "workspacePermissions": ["MANAGE_APIKEYS"], "validitySeconds": 60,
                        "rateLimit": {"requests": 100, "seconds": 60}});
    let parent = key(&app, &admin, &bounds).await;
    let of = |key: &Value| {
        let attributes = &key["attributes"];
        [attributes["expiresAt"].clone(), attributes["rateLimit"].clone()]
    };
    let own = of(&admin.key(&parent.id).await.ok());
    app.advance(1000);
    for more in
        [json!({}), json!({"validitySeconds": 409_968_000}), json!({"rateLimit": {"requests": 0, "seconds": 1}})]
    {
        let mut asked = json!({"displayName": "c"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(of(&parent.try_create(&asked).await.ok()), own, "{asked}");
    }
    let wider = [
        json!({"displayName": "c", "validitySeconds": 60}),
        json!({"displayName": "c", "rateLimit": {"requests": 101, "seconds": 86_400}}),
        json!({"displayName": "c", "rateLimit": {"requests": 100, "seconds": 59}}),
    ];
    for body in &wider {
        forbidden(parent.try_create(body).await);
    }
    let narrower = json!({"displayName": "c", "validitySeconds": 9, "rateLimit": {"requests": 1, "seconds": 60}});
    let child = key(&app, &parent, &narrower).await;
    for body in wider.iter().chain(&[
        json!({"displayName": "c", "validitySeconds": 409_968_000}),
        json!({"displayName": "c", "rateLimit": {"requests": 0, "seconds": 1}}),
    ]) {
        forbidden(parent.try_update(&child.id, body).await);
    }
    let within = json!({"displayName": "c", "validitySeconds": 59, "rateLimit": {"requests": 100, "seconds": 60}});
    assert_eq!(of(&parent.try_update(&child.id, &within).await.ok()), own);
}

#[actix_web::test]
async fn a_key_bound_to_addresses_makes_keys_within_them() {
    let app = App::start().await;
    let addresses = |texts: &[&str]| AllowedAddresses::parse(texts.iter().copied()).unwrap();
    let limits = |texts: &[&str]| Limits { addresses: addresses(texts), rate: None };
    let new = |texts: &[&str]| NewApiKey {
        permissions: [ManageApiKeys].into_iter().collect(),
        limits: limits(texts),
        ..new_key("k")
    };
    let parent = api_keys::create(&app.service, &app.operator(), new(&["10.0.0.0/8"]), None).await.unwrap();
    let parent =
        app.service.authenticate(Presentation::bearer(&parent.token.expose(), "10.1.2.3".parse().ok())).await.unwrap();
    let make = async |texts: &[&str]| api_keys::create(&app.service, &parent, new(texts), None).await;
    assert_eq!(make(&[]).await.unwrap().api_key.limits, limits(&["10.0.0.0/8"]));
    assert_eq!(make(&["10.1.0.0/16"]).await.unwrap().api_key.limits, limits(&["10.1.0.0/16"]));
    for wider in [&["10.0.0.0/7"][..], &["0.0.0.0/0"], &["10.1.2.3", "192.0.2.1"], &["::/0"]] {
        assert!(matches!(make(wider).await, Err(Error::Forbidden(_))), "{wider:?}");
    }
}

#[actix_web::test]
async fn a_key_made_by_a_key_manages_only_what_it_made() {
    let app = App::start().await;
    let admin = app.admin().await;
    let manages = body(&["MANAGE_APIKEYS"], &[]);
    let (parent, stranger) = (key(&app, &admin, &manages).await, key(&app, &admin, &body(&[], &[])).await);
    let child = key(&app, &parent, &manages).await;
    let grandchild = key(&app, &child, &manages).await;
    let last = key(&app, &grandchild, &body(&[], &[])).await;
    let rename = json!({"displayName": "renamed", "workspacePermissions": []});
    for other in [&parent, &stranger, &child] {
        forbidden(child.try_update(&other.id, &rename).await);
    }
    for other in [&parent, &stranger] {
        forbidden(child.delete_key(&other.id).await);
    }
    child.try_update(&last.id, &rename).await.ok();
    // Keys that a deleted key made go to its maker.
    child.delete_key(&grandchild.id).await.ok();
    child.try_update(&last.id, &rename).await.ok();
    // A key made by a user manages every other key within its reach.
    parent.try_update(&stranger.id, &rename).await.ok();
    parent.delete_key(&last.id).await.ok();
    let bound = json!({"displayName": "b", "workspacePermissions": ["MANAGE_APIKEYS"],
                       "rateLimit": {"requests": 99, "seconds": 1}});
    let bound = key(&app, &admin, &bound).await;
    forbidden(bound.delete_key(&stranger.id).await);
    let own = key(&app, &bound, &body(&[], &[])).await;
    bound.delete_key(&own.id).await.ok();
    child.delete_key(&child.id).await.ok();
}

#[actix_web::test]
async fn the_first_admin_key_is_not_deleted_by_a_key_that_manages_keys() {
    let app = App::start().await;
    let all: Vec<_> = tessera::domain::permission::Permission::ALL.into();
    let first = app.key_with(&all).await;
    let manager = app.key_with(&[ManageApiKeys]).await;
    forbidden(manager.delete_key(&first.id).await);
    forbidden(manager.try_update(&first.id, &json!({"displayName": "x", "workspacePermissions": []})).await);
    forbidden(manager.try_update(&first.id, &json!({"displayName": "x", "validitySeconds": 1})).await);
    first.delete_key(&manager.id).await.ok();
}

#[actix_web::test]
async fn a_repeated_create_gives_no_token_of_a_key_that_an_asset_names_since() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let maker = app.key_with(&[ManageApiKeys]).await.with("idempotency-key", "k");
    let made = key(&app, &maker, &json!({"displayName": "a"})).await;
    let username = made.whoami().await.ok()["username"].clone();
    let name = |people: Value| json!({"qualifiedName": CONNECTION, "name": "c", "viewerUsers": people});
    admin.save("Connection", &name(json!([username]))).await.ok();
    forbidden(maker.try_create(&json!({"displayName": "a"})).await);
    made.whoami().await.ok();
    admin.save("Connection", &name(json!([]))).await.ok();
    maker.try_create(&json!({"displayName": "a"})).await.ok();
}

#[actix_web::test]
async fn a_persona_is_linked_to_users_only_by_who_holds_what_they_hold() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let personas = app.key_with(&[ManagePersonas]).await;
    let no = persona(&admin, "no", "deny").await;
    let link =
        |persona: &Value, users: Value| json!({"qualifiedName": persona, "name": persona, "personaUsers": users});
    personas.save("Persona", &link(&no, json!(["ada"]))).await.ok();
    forbidden(personas.save("Persona", &link(&no, json!(["ada", "admin"]))).await);
    admin.save("Persona", &link(&no, json!(["ada", "admin"]))).await.ok();
    forbidden(personas.save("Persona", &link(&no, json!(["ada"]))).await);
    admin.save("Persona", &link(&no, json!([]))).await.ok();
    personas.save("Persona", &link(&no, json!(["ada"]))).await.ok();
}

#[actix_web::test]
async fn nobody_leaves_a_persona_that_denies_them_something_nor_shares_what_it_denies() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Member).await;
    app.user("bob", Role::Member).await;
    let platform =
        |users: &[&str], permission: &str| Rule { category: Category::Platform, ..allow(users, &[permission], &[]) };
    app.policy(platform(&["ada"], "MANAGE_PERSONAS")).await;
    ada.asset("Connection", CONNECTION).await;
    let people = |people: Value| json!({"qualifiedName": CONNECTION, "name": "c", "adminUsers": people});
    ada.save("Connection", &people(json!(["ada", "bob"]))).await.ok();
    ada.save("Connection", &people(json!(["ada"]))).await.ok();
    let (yes, no) = (persona(&admin, "yes", "allow").await, persona(&admin, "no", "deny").await);
    let link =
        |persona: &Value, users: Value| json!({"qualifiedName": persona, "name": persona, "personaUsers": users});
    admin.save("Persona", &link(&no, json!(["ada"]))).await.ok();
    forbidden(ada.save("Persona", &link(&no, json!([]))).await);
    forbidden(ada.save("Persona", &link(&yes, json!(["bob"]))).await);
    // Naming a principal in an asset gives access, too.
    let member = json!({"qualifiedName": CONNECTION, "name": "c", "viewerRoles": [Role::Member.id()]});
    forbidden(ada.save("Connection", &member).await);
    forbidden(ada.save("Connection", &people(json!(["ada", "bob"]))).await);
    admin.save("Persona", &link(&no, json!(["ada", "bob"]))).await.ok();
    ada.save("Connection", &people(json!(["ada", "bob"]))).await.ok();
}

#[actix_web::test]
async fn a_bound_key_gives_nobody_what_would_outlive_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Guest).await;
    let yes = persona(&admin, "yes", "allow").await;
    let rights = ["MANAGE_APIKEYS", "MANAGE_PERSONAS", "MANAGE_POLICIES", "MANAGE_USER_CREDENTIALS"];
    let bound = json!({"displayName": "b", "validitySeconds": 60, "workspacePermissions": rights});
    let bound = key(&app, &admin, &bound).await;
    let link = json!({"qualifiedName": yes, "name": "p", "personaUsers": ["ada"]});
    forbidden(bound.save("Persona", &link).await);
    let lasting = key(&app, &admin, &body(&[], &[])).await;
    forbidden(bound.try_update(&lasting.id, &body(&["MANAGE_APIKEYS"], &[])).await);
    bound.try_update(&lasting.id, &json!({"displayName": "renamed"})).await.ok();
    let everyone = Rule {
        category: Category::Platform,
        subjects: Subjects { everyone: true, ..Subjects::default() },
        ..allow(&[], &["MANAGE_APIKEYS"], &[])
    };
    let actor = app.service.authenticate(Presentation::bearer(&bound.token, None)).await.unwrap();
    let input = crate::support::rules::input(everyone);
    let refused = tessera::service::catalogue::policies::create(&app.service, &actor, input.clone()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let invited = tessera::service::people::invitation_links::get(&app.service, &actor, Role::Guest).await;
    assert!(matches!(invited, Err(Error::Forbidden(_))));
    let lasting = app.key_with(&[ManageApiKeys, ManageUsersAndGroups]).await;
    let denying = Rule { effect: Effect::Deny, ..input.rule.clone() };
    let actor = app.service.authenticate(Presentation::bearer(&lasting.token, None)).await.unwrap();
    let input = crate::support::rules::input(denying);
    let refused = tessera::service::catalogue::policies::create(&app.service, &actor, input).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "who denies permissions could deny them to administrators");
}
