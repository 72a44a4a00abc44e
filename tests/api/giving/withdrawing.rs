//! No actor protects principals from their administrators, or takes rights and denies from principals above it.

use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::permission::Permission::{
    ManageAccessTokens, ManageApiKeys, ManagePersonas, ManagePolicies, ManageServiceAccounts, ManageUsersAndGroups,
};
use tessera::domain::policy::{Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::service::catalogue::policies;

use super::{CONNECTION, FORBIDDEN, body, key, link, platform, username, world};
use crate::authority::policy;
use crate::datahub::{CREATE_POLICY, UPDATE_POLICY, ask, create, data, is_let_in, refused, urn, user_with};
use crate::support::rules::{allow, criterion, input};
use crate::support::{App, Client};

#[actix_web::test]
async fn only_administrators_name_roles() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(&app, &admin, "mia", &[ManageApiKeys, ManageUsersAndGroups, ManagePolicies]).await;
    app.set_role("mia", Role::Member).await;
    mia.asset("Connection", "default/mia/1").await;
    let child = key(&app, &mia, &body(&[], &[])).await;
    let nobody = app.key_with(&[]).await;
    for role in [Role::ApiToken, Role::Guest, Role::Member] {
        for list in ["viewerRoles", "adminRoles"] {
            let shield = json!({"qualifiedName": "shield", "name": "s", list: [role.id()]});
            for client in [&nobody.client, &mia] {
                client.save("Table", &shield).await.refused(FORBIDDEN);
            }
        }
        // No API accepts roles here today, so the test calls the service.
        let subjects = Subjects { roles: vec![role.name().to_owned()], ..Subjects::default() };
        let own = criterion("URN", "EQUALS", &["default/mia/1"]);
        let rule = Rule { subjects, ..allow(&[], &["persona-asset-read"], &[own]) };
        let actor = app.service.actor_without_proof("mia".to_owned()).await.unwrap();
        let outcome = policies::create(&app.service, &actor, input(rule)).await;
        assert!(matches!(outcome, Err(Error::Forbidden(_))), "{outcome:?}");
    }
    // Allowed, because `$admin` reaches everything anyway: SDKs send it with every connection.
    let connection = json!({"qualifiedName": "default/own/1", "name": "c", "adminRoles": [Role::Admin.id()]});
    nobody.save("Connection", &connection).await.ok();
    mia.try_update(&child.id, &json!({"displayName": "n"})).await.ok();
    key(&app, &mia, &body(&[], &[])).await;
    mia.delete_key(&child.id).await.ok();
}

#[actix_web::test]
async fn nobody_is_shielded_by_an_asset() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(
        &app,
        &admin,
        "mia",
        &[ManageApiKeys, ManageUsersAndGroups, ManageServiceAccounts, ManageAccessTokens],
    )
    .await;
    app.set_role("mia", Role::Member).await;
    let manager = app.key_with(&[ManageApiKeys]).await;
    let xena = app.session_with("xena", Role::Member).await;
    let leaked = [app.key_with(&[]).await, key(&app, &mia, &body(&[], &[])).await];
    for (number, key) in leaked.iter().enumerate() {
        key.asset("Table", &format!("shield{number}")).await;
        let named = json!({"qualifiedName": format!("bait{number}"), "name": "b", "viewerUsers": [username(key)]});
        xena.save("Table", &named).await.ok();
        manager.try_update(&key.id, &json!({"displayName": "n", "validitySeconds": 1})).await.ok();
    }
    manager.delete_key(&leaked[0].id).await.ok();
    mia.delete_key(&leaked[1].id).await.ok();
    let status = "mutation($urn: String!, $status: CorpUserStatus!) { updateUserStatus(urn: $urn, status: $status) }";
    let remove = "mutation($urn: String!) { removeUser(urn: $urn) }";
    app.session_with("vic", Role::Member).await.asset("Table", "vics").await;
    data(&ask(&mia, status, json!({"urn": urn("vic"), "status": "SUSPENDED"})).await);
    data(&ask(&mia, remove, json!({"urn": urn("vic")})).await);
    // A stranger names neither a service account nor somebody who has a token that another created.
    let account =
        ask(&mia, "mutation { createServiceAccount(input: {displayName: \"s\"}) { name } }", Value::Null).await;
    let account = data(&account)["name"].as_str().unwrap().to_owned();
    let token = create(&mia, "SERVICE_ACCOUNT", &account, "t", "ONE_DAY").await;
    let token = data(&token)["accessToken"].as_str().unwrap().to_owned();
    app.user("wim", Role::Guest).await;
    let lent = create(&mia, "PERSONAL", "wim", "t", "ONE_DAY").await;
    let lent = data(&lent)["accessToken"].as_str().unwrap().to_owned();
    for name in [account.as_str(), "wim"] {
        let bait = json!({"qualifiedName": "bait", "name": "b", "viewerUsers": [name]});
        xena.save("Table", &bait).await.refused(FORBIDDEN);
    }
    assert!(is_let_in(&app, &token).await && is_let_in(&app, &lent).await);
    data(&create(&mia, "SERVICE_ACCOUNT", &account, "u", "ONE_DAY").await);
    // Managers of service accounts may name it.
    mia.save("Table", &json!({"qualifiedName": "mias", "name": "b", "viewerUsers": [account]})).await.ok();
    data(&create(&mia, "SERVICE_ACCOUNT", &account, "v", "ONE_DAY").await);
    // An account that creates something goes on with its token.
    app.holder_of(&token).asset("Table", "its own").await;
    assert!(is_let_in(&app, &token).await);
    data(
        &ask(&mia, "mutation($urn: String!) { deleteServiceAccount(urn: $urn) }", json!({"urn": urn(&account)})).await,
    );
}

#[actix_web::test]
async fn who_manages_policies_strips_nobody_who_holds_more() {
    let app = App::start().await;
    let admin = app.admin().await;
    let max = user_with(&app, &admin, "max", &[ManagePolicies, ManageApiKeys]).await;
    app.user("boss", Role::Member).await;
    app.user("ben", Role::Guest).await;
    let made = async |by: &Client, users: &[&str], privileges: &[&str]| {
        let answer = ask(by, CREATE_POLICY, json!({"input": platform(users, privileges)})).await;
        data(&answer).clone()
    };
    let of_boss = made(&admin, &["boss"], &["MANAGE_USERS_AND_GROUPS"]).await;
    let held = made(&admin, &["boss"], &["MANAGE_APIKEYS"]).await;
    let delete = "mutation($urn: String!) { deletePolicy(urn: $urn) }";
    let base = json!(crate::datahub::BASE_POLICY);
    for policy in [&of_boss, &held, &base] {
        refused(&ask(&max, delete, json!({"urn": policy})).await);
        let input = platform(&["max"], &["MANAGE_POLICIES"]);
        refused(&ask(&max, UPDATE_POLICY, json!({"urn": policy, "input": input})).await);
    }
    let own = made(&max, &["ben"], &["MANAGE_APIKEYS"]).await;
    data(&ask(&max, UPDATE_POLICY, json!({"urn": own, "input": platform(&["ben"], &["MANAGE_POLICIES"])})).await);
    data(&ask(&max, delete, json!({"urn": own})).await);
    data(&ask(&admin, delete, json!({"urn": base})).await);
}

#[actix_web::test]
async fn a_persona_is_written_to_by_those_who_see_it() {
    let (app, admin, [friends, _], _, _) = world().await;
    let nobody = app.key_with(&[]).await;
    nobody.asset("Table", "mine").await;
    let unknown = json!({"id": "01a205f3-fb6b-777b-b71f-c9b5970ce30f"});
    let place = "entities[0].attributes.accessControl";
    let mut told = Vec::new();
    for persona in [&friends, &unknown] {
        told.push(nobody.bulk(&[policy(persona, "deny", None, &["mine"])]).await.violates(place));
    }
    let by_name = |name: &Value| {
        let mut wanted = policy(&friends, "deny", None, &["mine"]);
        wanted["attributes"]["accessControl"] =
            json!({"typeName": "Persona", "uniqueAttributes": {"qualifiedName": name}});
        wanted
    };
    for name in [&friends["qualifiedName"], &json!("default/unknown")] {
        told.push(nobody.bulk(&[by_name(name)]).await.violates(place));
    }
    assert!(told.iter().all(|message| *message == told[0]), "{told:?}");
    // Who sees it keeps nobody in it by a deny about something that nobody reaches.
    let mona = app.session_with("mona", Role::Member).await;
    app.user("lea", Role::Member).await;
    admin.bulk(&[policy(&friends, "allow", None, &[CONNECTION])]).await.ok();
    admin.save("Persona", &link(&friends, &["lea"])).await.ok();
    mona.asset("Table", "junk").await;
    mona.bulk(&[policy(&friends, "deny", None, &["junk"])]).await.ok();
    let manager = app.key_with(&[ManagePersonas]).await;
    manager.save("Persona", &link(&friends, &[])).await.ok();
    let path = format!("/api/service/personas/{}", friends["id"].as_str().unwrap());
    manager.post(&path, &json!({"name": "friends", "enabled": false})).await.ok();
    // Nor fills it.
    let many: Vec<String> = (0..900).map(|number| format!("junk/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    mona.bulk(&[policy(&friends, "allow", None, &many)]).await.ok();
    mona.bulk(&[policy(&friends, "allow", None, &many)]).await.refused("TESSERA-409-001");
    admin.bulk(&[policy(&friends, "allow", None, &many)]).await.ok();
    admin.delete(&path).await.ok();
}

#[actix_web::test]
async fn a_deny_is_not_stripped_from_a_key_or_a_user_step_by_step() {
    let (app, admin, [friends, denied], _, secret) = world().await;
    admin.bulk(&[policy(&friends, "allow", None, &[CONNECTION])]).await.ok();
    let manager = app.key_with(&[ManageApiKeys, ManagePersonas]).await;
    let bound = key(&app, &admin, &body(&[], &[&friends, &denied])).await;
    let update = |personas: &[&Value]| json!({"displayName": "k", "personaQualifiedNames": personas.iter().map(|it| &it["qualifiedName"]).collect::<Vec<_>>()});
    manager.try_update(&bound.id, &update(&[&friends])).await.refused(FORBIDDEN);
    manager.try_update(&bound.id, &update(&[])).await.refused(FORBIDDEN);
    manager.try_update(&bound.id, &update(&[&denied])).await.ok();
    manager.try_update(&bound.id, &update(&[])).await.refused(FORBIDDEN);
    manager.try_update(&bound.id, &update(&[&denied, &friends])).await.ok();
    bound.entity(&secret).await.refused("ATLAS-404-00-005");
    app.user("lea", Role::Member).await;
    admin.save("Persona", &link(&friends, &["lea"])).await.ok();
    admin.save("Persona", &link(&denied, &["lea"])).await.ok();
    manager.save("Persona", &link(&friends, &[])).await.ok();
    manager.save("Persona", &link(&denied, &[])).await.refused(FORBIDDEN);
}
