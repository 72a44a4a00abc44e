//! Policies are written by actors with authority over the policy's object.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{App, Client, Holder};

const CONNECTION: &str = "default/snowflake/1";
const UNKNOWN: &str = "default/snowflake/2";
const PERSONAS: &str = "/api/service/personas";

/// A policy about resources, as Atlan's clients write it; about a connection if one is stated.
pub fn policy(persona: &Value, effect: &str, stated: Option<&str>, resources: &[&str]) -> Value {
    let resources: Vec<String> = resources.iter().map(|name| format!("entity:{name}")).collect();
    json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": effect, "policyCategory": "persona",
        "policySubCategory": "metadata", "policyActions": ["persona-asset-read", "persona-asset-update"],
        "connectionQualifiedName": stated, "policyResources": resources,
        "accessControl": {"typeName": "Persona", "guid": persona["id"]},
    }})
}

fn about(persona: &Value, effect: &str, connection: &str) -> Value {
    policy(persona, effect, Some(connection), &[connection])
}

/// The id of a policy that must be created.
async fn created(client: &Client, policy: Value) -> String {
    let answer = client.bulk(&[policy]).await.ok();
    answer["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned()
}

fn changed(id: &str, attributes: &Value) -> Value {
    json!({"typeName": "AuthPolicy", "guid": id, "attributes": attributes})
}

async fn linked(app: &App, persona: &Value, permissions: &[&str]) -> Holder {
    let body = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]],
                      "workspacePermissions": permissions});
    let key = app.admin().await.try_create(&body).await.ok();
    let token = key["attributes"]["accessToken"].as_str().unwrap().to_owned();
    Holder { id: key["id"].as_str().unwrap().to_owned(), client: app.holder_of(&token), token }
}

/// What pyatlan's `user.add_as_admin` and `add_as_viewer` send.
async fn name(owner: &Client, list: &str, key: &Client, others: &[&str]) {
    let username = key.whoami().await.ok()["username"].clone();
    let members: Vec<Value> = others.iter().map(|other| json!(other)).chain([username]).collect();
    owner.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "c", list: members})).await.ok();
}

/// The administrator, the owner of a connection, and a key that manages personas.
async fn world() -> (App, Client, Client, Holder) {
    let app = App::start().await;
    let admin = app.admin().await;
    let olga = app.session_with("olga", Role::Member).await;
    olga.asset("Connection", CONNECTION).await;
    let manager = app.key_with(&[Permission::ManagePersonas, Permission::ManagePolicies]).await;
    (app, admin, olga, manager)
}

#[actix_web::test]
async fn managing_personas_gives_no_authority_over_a_connection() {
    let (app, admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    let victim = linked(&app, &persona, &[]).await;
    for effect in ["allow", "deny"] {
        let unseen = manager.bulk(&[about(&persona, effect, CONNECTION)]).await;
        let unknown = manager.bulk(&[about(&persona, effect, UNKNOWN)]).await;
        let told = |answer: crate::support::Answer| answer.refused("TESSERA-404-001")["errorMessage"].to_string();
        assert_eq!(told(unseen).replace(CONNECTION, "C"), told(unknown).replace(UNKNOWN, "C"));
        // Beneath it, and without the statement.
        for resource in [CONNECTION, "default/snowflake/1/db", "default/snowflake/1/*"] {
            manager.bulk(&[policy(&persona, effect, None, &[resource])]).await.refused("TESSERA-404-001");
        }
    }
    admin.bulk(&[about(&persona, "allow", UNKNOWN)]).await.refused("TESSERA-404-001");
    name(&olga, "viewerUsers", &manager, &[]).await;
    manager.bulk(&[about(&persona, "allow", CONNECTION)]).await.refused("TESSERA-403-001");
    // In a bulk with a persona of its own, too.
    let mine = json!({"typeName": "Persona", "guid": "-1", "attributes": {"qualifiedName": "Q", "name": "Q"}});
    let of_mine = about(&json!({"id": "-1"}), "allow", CONNECTION);
    manager.bulk(&[mine, of_mine]).await.refused("TESSERA-403-001");
    let search = victim.search(&json!({"term": {"__typeName": "Connection"}})).await;
    assert_eq!(search.found(), [] as [&str; 0]);
}

#[actix_web::test]
async fn admins_of_a_connection_write_its_policies_for_personas_that_others_manage() {
    let (app, admin, olga, manager) = world().await;
    let key = app.key_with(&[Permission::ViewApiKeys]).await;
    name(&olga, "adminUsers", &key, &["olga"]).await;
    let owner = linked(&app, &manager.persona("own").await, &["VIEW_APIKEYS"]).await;
    let theirs = "default/snowflake/3";
    owner.asset("Connection", theirs).await;
    let writers = [(&olga, CONNECTION), (&key.client, CONNECTION), (&owner.client, theirs), (&admin, theirs)];
    for (number, (writer, connection)) in writers.into_iter().enumerate() {
        let persona = manager.persona(&format!("P{number}")).await;
        let reader = linked(&app, &persona, &[]).await;
        let reads = async || reader.search(&json!({"term": {"__typeName": "Connection"}})).await.found().len() == 1;
        let id = created(writer, about(&persona, "allow", connection)).await;
        assert!(reads().await);
        writer.bulk(&[changed(&id, &json!({"isPolicyEnabled": false}))]).await.ok();
        assert!(!reads().await);
        let narrower = json!({"policyResources": [format!("entity:{connection}/db")], "isPolicyEnabled": true});
        writer.bulk(&[changed(&id, &narrower)]).await.ok();
        assert!(!reads().await);
        manager.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
        manager.bulk(&[changed(&id, &json!({"isPolicyEnabled": false}))]).await.refused("TESSERA-403-001");
        writer.remove("PURGE", &[&id]).await.ok();
        writer.entity(&id).await.refused("ATLAS-404-00-005");
    }
    let persona = manager.persona("last").await;
    let theirs = created(&owner, about(&persona, "allow", theirs)).await;
    for other in [&olga, &key.client] {
        other.entity(&theirs).await.refused("ATLAS-404-00-005");
        other.remove("PURGE", &[&theirs]).await.deletes_nothing();
        other.bulk(&[changed(&theirs, &json!({"description": "x"}))]).await.refused("ATLAS-404-00-005");
    }
}

#[actix_web::test]
async fn those_who_administer_a_connection_find_the_policies_about_it_and_no_others() {
    let (app, admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    let mine = created(&olga, about(&persona, "allow", CONNECTION)).await;
    let by_admin = created(&admin, policy(&persona, "deny", None, &["default/snowflake/1/secret"])).await;
    created(&admin, policy(&persona, "allow", None, &["*"])).await;
    created(&admin, policy(&persona, "allow", None, &["default/elsewhere/1", CONNECTION])).await;
    let all = json!({"term": {"__typeName": "AuthPolicy"}});
    let found = |answer: crate::support::Answer| {
        let guids: Vec<String> = answer.json["entities"].as_array().map_or_else(Vec::new, |entities| {
            entities.iter().map(|entity| entity["guid"].as_str().unwrap().to_owned()).collect()
        });
        (guids.contains(&mine), guids.contains(&by_admin), guids.len())
    };
    assert_eq!(found(olga.search(&all).await), (true, true, 2));
    olga.entity(&by_admin).await.ok();
    assert_eq!(found(app.session_with("otto", Role::Member).await.search(&all).await), (false, false, 0));
    let viewer = app.key_with(&[]).await;
    name(&olga, "viewerUsers", &viewer, &[]).await;
    assert_eq!(found(viewer.search(&all).await), (false, false, 0));
}

#[actix_web::test]
async fn resources_lie_within_the_connection_that_a_policy_states() {
    let (_app, admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    for writer in [&admin, &olga] {
        for beyond in ["*", "default/*", "default/snowflake/1*", "default/snowflake/12", "default/snowflake", "*/t"] {
            for resources in [vec![beyond], vec![CONNECTION, beyond]] {
                let wanted = policy(&persona, "allow", Some(CONNECTION), &resources);
                writer.bulk(&[wanted]).await.violates("entities[0].attributes.policyResources");
            }
        }
        let id = created(writer, policy(&persona, "allow", Some(CONNECTION), &["default/snowflake/1/*/t"])).await;
        let moved = json!({"policyResources": ["entity:*"]});
        writer.bulk(&[changed(&id, &moved)]).await.violates("entities[0].attributes.policyResources");
    }
}

#[actix_web::test]
async fn a_policy_about_more_than_one_object_takes_an_administrator() {
    let (app, admin, olga, manager) = world().await;
    olga.asset("Connection", "default/snowflake/3").await;
    let keeper = linked(&app, &manager.persona("own").await, &["MANAGE_PERSONAS"]).await;
    keeper.asset("Connection", "default/snowflake/4").await;
    let persona = manager.persona("P").await;
    let several = [CONNECTION, "default/snowflake/3"];
    for resources in [&["*"][..], &["gl*"], &several, &[CONNECTION, UNKNOWN], &["default/snowflake/4", "*"]] {
        for effect in ["allow", "deny"] {
            let wanted = policy(&persona, effect, None, resources);
            for refused in [&olga, &manager.client, &keeper.client] {
                refused.bulk(std::slice::from_ref(&wanted)).await.refused("TESSERA-403-001");
            }
            let id = created(&admin, wanted).await;
            for refused in [&manager.client, &keeper.client] {
                refused.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
            }
        }
    }
    // A policy about no resource is written by managers of personas.
    manager.bulk(&[policy(&persona, "allow", None, &[])]).await.ok();
    olga.bulk(&[policy(&persona, "allow", None, &[])]).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn a_policy_is_moved_neither_to_nor_from_what_another_administers() {
    let (app, _admin, olga, manager) = world().await;
    let keeper = linked(&app, &manager.persona("own").await, &["MANAGE_PERSONAS"]).await;
    keeper.asset("Connection", "default/snowflake/4").await;
    let persona = manager.persona("P").await;
    let theirs = created(&olga, about(&persona, "deny", CONNECTION)).await;
    let own = created(&keeper, about(&persona, "allow", "default/snowflake/4")).await;
    let there = |connection: &str| json!({"connectionQualifiedName": connection, "policyResources": [format!("entity:{connection}")]});
    keeper.bulk(&[changed(&theirs, &there("default/snowflake/4"))]).await.refused("TESSERA-403-001");
    keeper.bulk(&[changed(&own, &there(CONNECTION))]).await.refused("TESSERA-404-001");
    keeper.bulk(&[changed(&own, &there(UNKNOWN))]).await.refused("TESSERA-404-001");
    keeper.bulk(&[changed(&theirs, &json!({"policyType": "allow"}))]).await.refused("TESSERA-403-001");
    keeper
        .bulk(&[changed(&own, &json!({"connectionQualifiedName": null, "policyResources": ["entity:*"]}))])
        .await
        .refused("TESSERA-403-001");
    keeper.bulk(&[changed(&own, &json!({"description": "still mine"}))]).await.ok();
}

#[actix_web::test]
async fn glossaries_domains_and_collections_have_authority_over_their_policies_too() {
    let (_app, admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    let kinds = [
        ("AtlasGlossary", "gl", "glossary", json!(["persona-glossary-read"])),
        ("DataDomain", "default/domain/x", "domain", json!(["persona-domain-read"])),
        ("Collection", "default/collection/olga/1", "metadata", json!(["persona-asset-read"])),
    ];
    for (type_name, root, category, actions) in kinds {
        olga.asset(type_name, root).await;
        let mut wanted = policy(&persona, "allow", None, &[root]);
        wanted["attributes"]["policySubCategory"] = json!(category);
        wanted["attributes"]["policyActions"] = actions;
        manager.bulk(std::slice::from_ref(&wanted)).await.refused("TESSERA-404-001");
        let id = created(&olga, wanted.clone()).await;
        manager.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
        created(&admin, wanted).await;
        olga.remove("PURGE", &[&id]).await.ok();
    }
}

#[actix_web::test]
async fn what_a_persona_denies_is_given_back_by_those_who_administer_it() {
    let (app, admin, olga, _manager) = world().await;
    let keys = [Permission::ManagePersonas, Permission::ManagePolicies, Permission::ManageApiKeys];
    let manager = app.key_with(&keys).await;
    let persona = manager.persona("P").await;
    let open = manager.persona("open").await;
    let bound = linked(&app, &persona, &[]).await;
    app.user("ulla", Role::Member).await;
    let guid = persona["id"].as_str().unwrap();
    let entity = |attributes: Value| json!({"typeName": "Persona", "guid": guid, "attributes": attributes});
    admin.bulk(&[entity(json!({"personaUsers": ["ulla"]}))]).await.ok();
    let allow = created(&olga, about(&persona, "allow", CONNECTION)).await;
    let deny = created(&olga, about(&persona, "deny", CONNECTION)).await;
    let path = format!("{PERSONAS}/{guid}");
    let unlink = json!({"displayName": "k", "personaQualifiedNames": [open["qualifiedName"]]});
    for refused in [
        manager.delete(&path).await,
        manager.remove("PURGE", &[guid]).await,
        manager.post(&path, &json!({"name": "P", "enabled": false})).await,
        manager.bulk(&[entity(json!({"isAccessControlEnabled": false}))]).await,
        manager.bulk(&[entity(json!({"personaUsers": []}))]).await,
        manager.try_update(&bound.id, &unlink).await,
        manager.remove("PURGE", &[&deny]).await,
        // Authority over the object gives no authority over the persona.
        olga.delete(&path).await,
    ] {
        refused.refused("TESSERA-403-001");
    }
    // Changes that take no rights away stay allowed.
    manager.post(&path, &json!({"name": "renamed"})).await.ok();
    let both = json!({"displayName": "k", "personaQualifiedNames": [open["qualifiedName"], persona["qualifiedName"]]});
    manager.try_update(&bound.id, &both).await.ok();
    olga.remove("PURGE", &[&deny]).await.ok();
    // Deleting an allow only takes rights away.
    manager.try_update(&bound.id, &unlink).await.ok();
    manager.bulk(&[entity(json!({"personaUsers": [], "isAccessControlEnabled": false}))]).await.ok();
    manager.delete(&path).await.ok();
    olga.entity(&allow).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn an_administrator_and_a_manager_who_administers_the_object_may_end_a_deny() {
    let (_app, admin, olga, manager) = world().await;
    let one = manager.persona("P1").await;
    created(&olga, about(&one, "deny", CONNECTION)).await;
    admin.delete(&format!("{PERSONAS}/{}", one["id"].as_str().unwrap())).await.ok();
    let two = manager.persona("P2").await;
    created(&olga, about(&two, "deny", CONNECTION)).await;
    name(&olga, "adminUsers", &manager, &["olga"]).await;
    manager.delete(&format!("{PERSONAS}/{}", two["id"].as_str().unwrap())).await.ok();
}

#[actix_web::test]
async fn a_key_neither_adds_to_its_own_persona_nor_takes_anything_from_it() {
    let (app, _admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    let key = linked(&app, &persona, &[]).await;
    let deny = created(&olga, about(&persona, "deny", CONNECTION)).await;
    key.bulk(&[about(&persona, "allow", CONNECTION)]).await.refused("TESSERA-403-001");
    name(&olga, "adminUsers", &key, &["olga"]).await;
    // What the key added would stay in force after the key lost its role as admin of the connection.
    key.bulk(&[about(&persona, "allow", CONNECTION)]).await.refused("TESSERA-403-001");
    // Managers cannot unlink a persona that denies, so no actor may add a deny to its own persona.
    key.bulk(&[about(&persona, "deny", CONNECTION)]).await.refused("TESSERA-403-001");
    key.remove("PURGE", &[&deny]).await.refused("TESSERA-403-001");
    key.bulk(&[changed(&deny, &json!({"isPolicyEnabled": false}))]).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn authority_ends_with_the_place_on_the_list_of_admins() {
    let (app, _admin, olga, manager) = world().await;
    let key = app.key_with(&[Permission::ViewApiKeys]).await;
    let persona = manager.persona("P").await;
    name(&olga, "adminUsers", &key, &["olga"]).await;
    let id = created(&key, about(&persona, "allow", CONNECTION)).await;
    olga.save("Connection", &json!({"qualifiedName": CONNECTION, "adminUsers": ["olga"]})).await.ok();
    key.bulk(&[about(&persona, "allow", CONNECTION)]).await.refused("TESSERA-404-001");
    key.remove("PURGE", &[&id]).await.deletes_nothing();
}

#[actix_web::test]
async fn a_new_connection_begins_without_the_policies_of_a_former_one_of_its_name() {
    let (app, _admin, olga, manager) = world().await;
    let persona = manager.persona("P").await;
    let reader = linked(&app, &persona, &[]).await;
    let connection = olga.search(&json!({"term": {"__typeName": "Connection"}})).await.json["entities"][0].clone();
    let policy = created(&olga, about(&persona, "allow", CONNECTION)).await;
    olga.remove("PURGE", &[connection["guid"].as_str().unwrap()]).await.ok();
    let otto = app.session_with("otto", Role::Member).await;
    let again = otto.asset("Connection", CONNECTION).await;
    reader.entity(&again).await.refused("ATLAS-404-00-005");
    manager.entity(&policy).await.refused("ATLAS-404-00-005");
}

#[actix_web::test]
async fn a_name_that_ends_like_a_glossarys_is_covered_by_policies_about_glossaries_only() {
    let (app, _admin, olga, manager) = world().await;
    let table = olga.asset("Table", "default/snowflake/1/mail@corp").await;
    let thief = app.session_with("theo", Role::Member).await;
    thief.asset("Connection", "corp").await;
    let persona = manager.persona("P").await;
    let accomplice = linked(&app, &persona, &[]).await;
    created(&thief, about(&persona, "allow", "corp")).await;
    accomplice.entity(&table).await.refused("ATLAS-404-00-005");
    let question =
        json!({"action": "persona-asset-read", "resource": {"type": "Table", "id": "default/snowflake/1/mail@corp"}});
    assert_eq!(accomplice.post("/api/service/explain", &question).await.ok()["allowed"], false);
}
