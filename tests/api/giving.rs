//! Administrators grant no more than they hold, and take nothing from principals above them.

use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::permission::Permission::{
    ManageAccessTokens, ManageApiKeys, ManagePersonas, ManagePolicies, ManageServiceAccounts, ManageUsersAndGroups,
};
use tessera::domain::policy::{Effect, Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::service::catalogue::policies;

use crate::authority::policy;
use crate::datahub::{CREATE_POLICY, UPDATE_POLICY, ask, create, data, is_let_in, refused, urn, user_with};
use crate::support::rules::{allow, criterion, input};
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

#[actix_web::test]
async fn a_bound_key_writes_no_policy_that_allows() {
    let (app, admin, [friends, _], friend, secret) = world().await;
    for bounds in [json!({"validitySeconds": 60}), json!({"rateLimit": {"requests": 1000, "seconds": 1}})] {
        let mut wanted = body(&["VIEW_APIKEYS", "MANAGE_POLICIES"], &[]);
        wanted.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        let bound = key(&app, &admin, &wanted).await;
        name(&admin, "adminUsers", &["admin", &username(&bound)]).await;
        bound.entity(&secret).await.ok();
        bound.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[CONNECTION])]).await.refused(FORBIDDEN);
        let shared = entities(&[&username(&friend)], &[SECRET]);
        refused(&ask(&bound, CREATE_POLICY, json!({"input": shared})).await);
        // Denying gives nothing, so a bound key may do it.
        bound.bulk(&[policy(&friends, "deny", Some(CONNECTION), &[SECRET])]).await.ok();
        friend.entity(&secret).await.refused("ATLAS-404-00-005");
    }
}

#[actix_web::test]
async fn who_is_denied_something_allows_nobody_that_nor_ends_the_deny() {
    let (app, admin, [friends, denied], friend, secret) = world().await;
    let ben = user_with(&app, &admin, "ben", &[ManagePolicies]).await;
    admin.save("Persona", &link(&denied, &["ben"])).await.ok();
    let bound = key(&app, &admin, &body(&["VIEW_APIKEYS", "MANAGE_POLICIES"], &[&denied])).await;
    name(&admin, "adminUsers", &["admin", "ben", &username(&bound)]).await;
    let deny = admin.search(&json!({"term": {"__typeName": "AuthPolicy"}})).await.json["entities"][0]["guid"].clone();
    let disabled = json!({"typeName": "AuthPolicy", "guid": deny, "attributes": {"isPolicyEnabled": false}});
    for writer in [&ben, &bound.client] {
        writer.entity(&secret).await.refused("ATLAS-404-00-005");
        for resources in [CONNECTION, SECRET, "default/snowflake/1/*"] {
            writer.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[resources])]).await.refused(FORBIDDEN);
        }
        let shared = entities(&[&username(&friend)], &[CONNECTION, SECRET]);
        refused(&ask(writer, CREATE_POLICY, json!({"input": shared})).await);
        writer.bulk(std::slice::from_ref(&disabled)).await.refused(FORBIDDEN);
        writer.remove("PURGE", &[deny.as_str().unwrap()]).await.refused(FORBIDDEN);
        friend.entity(&secret).await.refused("ATLAS-404-00-005");
        // Access that nothing denies may be given.
        writer.bulk(&[policy(&friends, "allow", Some(CONNECTION), &["default/snowflake/1/open"])]).await.ok();
    }
    let written = written(&ben, policy(&friends, "allow", Some(CONNECTION), &["default/snowflake/1/open"])).await;
    let wider = json!({"typeName": "AuthPolicy", "guid": written, "attributes": {"policyResources": [format!("entity:{CONNECTION}")]}});
    ben.bulk(&[wider]).await.refused(FORBIDDEN);
    ben.remove("PURGE", &[&written]).await.ok();
}

#[actix_web::test]
async fn a_program_allows_nothing_to_itself() {
    let (app, admin, [friends, _], _, secret) = world().await;
    let own = key(&app, &admin, &body(&["MANAGE_POLICIES", "VIEW_APIKEYS"], &[&friends])).await;
    name(&admin, "adminUsers", &["admin", &username(&own)]).await;
    own.bulk(&[policy(&friends, "allow", Some(CONNECTION), &[CONNECTION])]).await.refused(FORBIDDEN);
    let shared = entities(&[&username(&own)], &[CONNECTION]);
    refused(&ask(&own, CREATE_POLICY, json!({"input": shared})).await);
    name(&admin, "adminUsers", &["admin"]).await;
    own.entity(&secret).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn who_is_denied_something_lets_nobody_link_personas_nor_enables_one() {
    let (app, admin, [friends, denied], friend, secret) = world().await;
    admin.bulk(&[policy(&friends, "allow", None, &[CONNECTION])]).await.ok();
    friend.entity(&secret).await.ok();
    let hal = user_with(&app, &admin, "hal", &[ManagePolicies, ManagePersonas, ManageApiKeys]).await;
    app.user("eve", Role::Guest).await;
    admin.save("Persona", &link(&denied, &["hal"])).await.ok();
    refused(&ask(&hal, CREATE_POLICY, json!({"input": platform(&["eve"], &["MANAGE_PERSONAS"])})).await);
    data(&ask(&hal, CREATE_POLICY, json!({"input": platform(&["eve"], &["MANAGE_APIKEYS"])})).await);
    let switch =
        |on: bool| json!({"typeName": "Persona", "guid": friends["id"], "attributes": {"isAccessControlEnabled": on}});
    admin.bulk(&[switch(false)]).await.ok();
    let bound = key(
        &app,
        &admin,
        &json!({"displayName": "b", "validitySeconds": 60, "workspacePermissions": ["MANAGE_PERSONAS"]}),
    )
    .await;
    let path = format!("/api/service/personas/{}", friends["id"].as_str().unwrap());
    for client in [&hal, &bound.client] {
        client.bulk(&[switch(true)]).await.refused(FORBIDDEN);
        client.post(&path, &json!({"name": "friends", "enabled": true})).await.refused(FORBIDDEN);
    }
    friend.entity(&secret).await.refused("ATLAS-404-00-005");
    app.key_with(&[ManagePersonas]).await.bulk(&[switch(true)]).await.ok();
    friend.entity(&secret).await.ok();
}

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
async fn what_a_lent_token_makes_ends_with_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(&app, &admin, "mia", &[ManageAccessTokens]).await;
    app.user("wim", Role::Guest).await;
    let lent = create(&mia, "PERSONAL", "wim", "lent", "ONE_HOUR").await;
    let lent = app.holder_of(data(&lent)["accessToken"].as_str().unwrap());
    refused(&create(&lent, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
    refused(&create(&lent, "PERSONAL", "wim", "t", "ONE_DAY").await);
    let again = create(&lent, "PERSONAL", "wim", "t", "ONE_HOUR").await;
    assert_eq!(data(&again)["metadata"]["ownerUrn"], urn("mia"), "{again}");
    let again = app.holder_of(data(&again)["accessToken"].as_str().unwrap());
    refused(&create(&again, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
    let own = app.session_of("wim").await;
    let own = create(&own, "PERSONAL", "wim", "t", "ONE_HOUR").await;
    let own = app.holder_of(data(&own)["accessToken"].as_str().unwrap());
    data(&create(&own, "PERSONAL", "wim", "t", "NO_EXPIRY").await);
}

#[actix_web::test]
async fn who_could_not_invite_ingests_no_user() {
    let app = App::start().await;
    let admin = app.admin().await;
    let rights = ["MANAGE_USERS_AND_GROUPS", "MANAGE_ACCESS_TOKENS"];
    let bound = json!({"displayName": "b", "validitySeconds": 60, "workspacePermissions": rights});
    let bound = key(&app, &admin, &bound).await;
    let info = |name: &str| {
        json!({"proposal": {"entityType": "corpuser", "entityUrn": urn(name), "changeType": "UPSERT",
        "aspectName": "corpUserInfo", "aspect": {"value": "{\"active\": true}", "contentType": "application/json"}}})
    };
    let path = "/aspects?action=ingestProposal";
    assert_eq!(bound.post(path, &info("ghost")).await.status, 403);
    let ursula = user_with(&app, &admin, "ursula", &[ManageUsersAndGroups]).await;
    assert_eq!(ursula.post(path, &info("ghost")).await.status, 200);
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

#[actix_web::test]
async fn permissions_of_another_key_tell_only_policies_and_assets_that_are_seen() {
    let (app, admin, [friends, _], friend, _) = world().await;
    let allow = written(&admin, policy(&friends, "allow", None, &[SECRET])).await;
    name(&admin, "viewerUsers", &[&username(&friend)]).await;
    let mia = user_with(&app, &admin, "mia", &[ManageApiKeys]).await;
    let path = format!("/api/service/apikeys/{}/permissions", friend.id);
    mia.entity(&allow).await.refused("ATLAS-404-00-005");
    let told = mia.get(&path).await;
    assert!(!told.text.contains(CONNECTION) && !told.text.contains(&allow), "{}", told.text);
    for client in [&admin, &friend.client] {
        let told = client.get(&path).await.text;
        assert!(told.contains(SECRET) && told.contains(&allow), "{told}");
    }
}

#[actix_web::test]
async fn a_policy_that_is_not_seen_is_refused_in_the_words_of_who_asked() {
    let (app, admin, [friends, _], _, _) = world().await;
    let unseen = written(&admin, policy(&friends, "allow", None, &[SECRET])).await;
    let shared = app.policy(allow(&["admin"], &["select"], &[])).await.id.to_string();
    let nobody = app.key_with(&[]).await.client.with("x-request-id", "same");
    let unknown = "01a205f3-fb6b-777b-b71f-c9b5970ce30f";
    let asked = |id: &str| json!({"typeName": "AuthPolicy", "guid": id, "attributes": {"name": "q"}});
    let expected = nobody.bulk(&[asked(unknown)]).await;
    for id in [&unseen, &shared] {
        let told = nobody.bulk(&[asked(id)]).await;
        assert_eq!((told.status, told.text.replace(id.as_str(), unknown)), (404, expected.text.clone()));
    }
}

#[actix_web::test]
async fn an_answer_to_a_write_tells_nothing_that_is_not_read() {
    let (app, admin, [friends, _], friend, secret) = world().await;
    admin.save("Table", &json!({"qualifiedName": SECRET, "name": "s", "description": "hidden"})).await.ok();
    let mut write = policy(&friends, "allow", None, &[CONNECTION]);
    write["attributes"]["policyActions"] = json!(["persona-asset-update"]);
    admin.bulk(&[write]).await.ok();
    friend.entity(&secret).await.refused("ATLAS-404-00-005");
    let answer = friend.save("Table", &json!({"qualifiedName": SECRET, "name": "s"})).await.ok();
    let told = &answer["mutatedEntities"]["UPDATE"][0];
    assert_eq!(told["attributes"], json!({"qualifiedName": SECRET}), "{answer}");
    assert_eq!((&told["guid"], &told["typeName"]), (&json!(secret), &json!("Table")));
    assert!(!answer.to_string().contains("hidden") && !answer.to_string().contains("admin"), "{answer}");
    let _ = app;
}

#[actix_web::test]
async fn who_created_something_sees_it_as_long_as_something_lets_them() {
    let (app, admin, [friends, _], friend, _) = world().await;
    let mut rights = policy(&friends, "allow", None, &[CONNECTION]);
    rights["attributes"]["policyActions"] = json!(["persona-api-create", "persona-asset-read"]);
    let rights = written(&admin, rights).await;
    let table = friend.asset("Table", "default/snowflake/1/t").await;
    friend.entity(&table).await.ok();
    let collection = friend.asset("Collection", "default/snowflake/1/c").await;
    admin.remove("PURGE", &[&rights]).await.ok();
    for id in [&table, &collection] {
        friend.entity(id).await.refused("ATLAS-404-00-005");
    }
    let beneath = admin.asset("Table", "default/snowflake/1/c/t").await;
    friend.entity(&beneath).await.refused("ATLAS-404-00-005");
    friend.save("Table", &json!({"qualifiedName": "default/snowflake/1/c/t", "name": "x"})).await.refused(FORBIDDEN);
    let owner = app.key_with(&[]).await;
    let connection = owner.asset("Connection", "default/own/1").await;
    owner.entity(&connection).await.ok();
    admin.save("Connection", &json!({"qualifiedName": "default/own/1", "adminUsers": ["admin"]})).await.ok();
    owner.entity(&connection).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn a_right_to_delete_does_not_make_an_admin_nor_flip_what_policies_look_at() {
    let (app, admin, [friends, _], friend, _) = world().await;
    let mut rights = policy(&friends, "allow", None, &[CONNECTION]);
    rights["attributes"]["policyActions"] =
        json!(["persona-api-create", "persona-asset-read", "persona-api-delete", "persona-asset-update"]);
    admin.bulk(&[rights]).await.ok();
    let connection =
        admin.search(&json!({"term": {"__typeName": "Connection"}})).await.json["entities"][0]["guid"].clone();
    friend.remove("PURGE", &[connection.as_str().unwrap()]).await.refused(FORBIDDEN);
    let named = json!({"qualifiedName": "default/snowflake/1/n", "name": "n", "adminUsers": ["admin"]});
    admin.save("Table", &named).await.ok();
    app.policy(allow(&["admin"], &["select"], &[criterion("tier", "NOT_EQUALS", &["secret"])])).await;
    let tiered = json!({"qualifiedName": "default/snowflake/1/p", "name": "p", "tier": "secret"});
    admin.save("Table", &tiered).await.ok();
    for name in ["n", "p"] {
        let query = json!({"term": {"qualifiedName": format!("default/snowflake/1/{name}")}});
        let id = friend.search(&query).await.json["entities"][0]["guid"].clone();
        friend.remove("PURGE", &[id.as_str().unwrap()]).await.refused(FORBIDDEN);
        friend.remove("SOFT", &[id.as_str().unwrap()]).await.ok();
    }
    let plain = friend.asset("Table", "default/snowflake/1/q").await;
    friend.remove("PURGE", &[&plain]).await.ok();
}

#[actix_web::test]
async fn ones_own_decisions_do_not_tell_what_there_is() {
    let (app, admin, _, _, _) = world().await;
    for (name, tier) in [("hidden", "secret"), ("open", "public")] {
        let table = json!({"qualifiedName": format!("default/snowflake/1/{name}"), "name": "t", "tier": tier});
        admin.save("Table", &table).await.ok();
    }
    let vic = app.session_with("vic", Role::Member).await;
    let uma = app.session_with("uma", Role::Member).await;
    let within = criterion("URN", "STARTS_WITH", &["default/snowflake/1/"]);
    for (condition, effect, action) in
        [("NOT_EQUALS", Effect::Allow, "a"), ("EQUALS", Effect::Allow, "b"), ("EQUALS", Effect::Deny, "c")]
    {
        let resources = [within.clone(), criterion("tier", condition, &["secret"])];
        app.policy(Rule { effect, ..allow(&["vic", "uma"], &[action], &resources) }).await;
    }
    app.policy(allow(&["vic", "uma"], &["c"], std::slice::from_ref(&within))).await;
    app.policy(allow(&["uma"], &["persona-asset-read"], &[within])).await;
    let decided = async |client: &Client, user: &str, action: &str, name: &str| {
        let resource = json!({"type": "Table", "id": format!("default/snowflake/1/{name}")});
        let question =
            json!({"subject": {"type": "user", "id": user}, "action": {"name": action}, "resource": resource});
        let one = client.post("/access/v1/evaluation", &question).await.ok()["decision"].as_bool().unwrap();
        let explained =
            client.post("/api/service/explain", &json!({"action": action, "resource": resource})).await.ok();
        assert_eq!(explained["allowed"], one, "{explained}");
        let batch = json!({"evaluations": [question, question]});
        let many = client.post("/access/v1/evaluations", &batch).await.ok();
        assert_eq!(many["evaluations"][1]["decision"], one, "{many}");
        one
    };
    for action in ["a", "b", "c"] {
        for name in ["hidden", "open", "absent"] {
            assert!(!decided(&vic, "vic", action, name).await, "{action} {name}");
        }
    }
    let seen = [
        ("a", "hidden", false),
        ("a", "open", true),
        ("b", "hidden", true),
        ("c", "hidden", false),
        ("c", "open", true),
    ];
    for (action, name, expected) in seen {
        assert_eq!(decided(&uma, "uma", action, name).await, expected, "{action} {name}");
    }
}
