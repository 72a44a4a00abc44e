//! Who may create, see, change and delete which assets.

use std::collections::BTreeSet;

use serde_json::json;
use tessera::domain::principal::Role;

use crate::support::rules::allow;
use crate::support::{Answer, App, Client};

const CONNECTION: &str = "default/snowflake/1";
const TABLE: &str = "default/snowflake/1/db/t";

async fn rename(client: &Client, qualified_name: &str) -> Answer {
    let type_name = if qualified_name == CONNECTION { "Connection" } else { "Table" };
    client.save(type_name, &json!({"qualifiedName": qualified_name, "name": "renamed"})).await
}

#[actix_web::test]
async fn whoever_creates_what_lies_beneath_nothing_is_its_admin() {
    let app = App::start().await;
    app.admin().await;
    let key = app.key_with(&[]).await;
    let member = app.session_with("mia", Role::Member).await;
    let username = key.whoami().await.ok()["username"].clone();
    for (client, name, kind) in [(&key.client, &username, "Connection"), (&member, &json!("mia"), "Collection")] {
        let qualified_name = format!("default/collection/x/{kind}");
        let id = client.asset(kind, &qualified_name).await;
        let entity = client.entity(&id).await.ok()["entity"].clone();
        assert_eq!(entity["attributes"]["adminUsers"], json!([name]));
        client.asset("Folder", &format!("{qualified_name}/f")).await;
    }
}

#[actix_web::test]
async fn guests_create_nothing() {
    let app = App::start().await;
    let guest = app.session_with("gil", Role::Guest).await;
    for kind in ["Connection", "Collection", "Table"] {
        let attributes = json!({"qualifiedName": "default/collection/gil/1", "name": "c"});
        guest.save(kind, &attributes).await.refused("TESSERA-403-001");
    }
}

#[actix_web::test]
async fn what_lies_beneath_another_takes_a_right_on_it() {
    let app = App::start().await;
    let owner = app.key_with(&[]).await;
    let other = app.key_with(&[]).await;
    owner.asset("Connection", CONNECTION).await;
    let table = json!({"qualifiedName": TABLE, "name": "t"});
    other.save("Table", &table).await.refused("TESSERA-403-001");
    other.save("Connection", &table).await.refused("TESSERA-403-001");
    let id = owner.asset("Table", TABLE).await;
    rename(&other, TABLE).await.refused("TESSERA-403-001");
    other.entity(&id).await.refused("ATLAS-404-00-005");
    other.remove("PURGE", &[&id]).await.deletes_nothing();
    rename(&owner, TABLE).await.ok();
    owner.remove("PURGE", &[&id]).await.ok();
}

#[actix_web::test]
async fn an_existing_connection_is_not_taken_over() {
    let app = App::start().await;
    let owner = app.key_with(&[]).await;
    owner.asset("Connection", CONNECTION).await;
    let other = app.key_with(&[]).await;
    let same = json!({"qualifiedName": CONNECTION, "name": "mine", "adminUsers": []});
    other.save("Connection", &same).await.refused("TESSERA-403-001");
    assert_eq!(other.search(&json!({"match_all": {}})).await.found().len(), 0);
    rename(&owner, CONNECTION).await.ok();
}

#[actix_web::test]
async fn nobody_settles_where_the_assets_of_others_are_or_will_be() {
    let app = App::start().await;
    let mallory = app.key_with(&[]).await;
    for name in ["default", "default/snowflake", "default/collection/alice", "default//x", "/default", "a/"] {
        let attributes = json!({"qualifiedName": name, "name": "c"});
        mallory.save("Connection", &attributes).await.violates("entities[0].attributes.qualifiedName");
        mallory.save("Table", &attributes).await.violates("entities[0].attributes.qualifiedName");
    }
    app.key_with(&[]).await.asset("Table", "lake/files/1").await;
    let above = json!({"qualifiedName": "lake", "name": "c"});
    mallory.save("Connection", &above).await.refused("TESSERA-403-001");
    app.admin().await.save("Connection", &above).await.ok();
}

#[actix_web::test]
async fn what_an_actor_may_not_see_looks_like_an_unknown_guid() {
    let app = App::start().await;
    let id = app.key_with(&[]).await.asset("Connection", CONNECTION).await;
    let other = app.key_with(&[]).await.client.with("x-request-id", "same");
    let unknown = "01a205f3-fb6b-777b-b71f-c9b5970ce30f";
    let alike = |status: u16, seen: Answer, unseen: Answer| {
        assert_eq!((seen.status, seen.text.replace(&id, unknown)), (status, unseen.text.clone()));
        let headers = |answer: &Answer| answer.headers.iter().map(|it| format!("{it:?}")).collect::<BTreeSet<_>>();
        assert_eq!(headers(&seen), headers(&unseen));
    };
    alike(404, other.entity(&id).await, other.entity(unknown).await);
    alike(200, other.remove("PURGE", &[&id]).await, other.remove("PURGE", &[unknown]).await);
    let by_id = |id: &str| json!({"typeName": "Connection", "guid": id, "attributes": {"name": "x"}});
    alike(404, other.bulk(&[by_id(&id)]).await, other.bulk(&[by_id(unknown)]).await);
    let path = "/api/meta/entity/uniqueAttribute/type/Connection?attr:qualifiedName=";
    other.get(&format!("{path}{CONNECTION}")).await.refused("ATLAS-404-00-009");
}

#[actix_web::test]
async fn viewers_look_and_admins_change_also_what_lies_beneath() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (eve, vic) = (app.session_with("eve", Role::Member).await, app.session_with("vic", Role::Member).await);
    let attributes = json!({"qualifiedName": CONNECTION, "name": "c", "adminUsers": ["eve"], "viewerUsers": ["vic"]});
    admin.save("Connection", &attributes).await.ok();
    let id = admin.asset("Table", TABLE).await;
    admin.asset("Table", "default/snowflake/10").await;
    for client in [&eve, &vic] {
        client.entity(&id).await.ok();
        assert_eq!(client.search(&json!({"prefix": {"qualifiedName": "default/"}})).await.found(), [CONNECTION, TABLE]);
    }
    rename(&eve, TABLE).await.ok();
    for name in [CONNECTION, TABLE] {
        rename(&vic, name).await.refused("TESSERA-403-001");
    }
    vic.remove("PURGE", &[&id]).await.refused("TESSERA-403-001");
    eve.remove("PURGE", &[&id]).await.ok();
}

#[actix_web::test]
async fn a_namesake_of_the_creator_sees_nothing_of_it() {
    let app = App::start().await;
    app.admin().await;
    let nina = app.session_with("nina", Role::Member).await;
    let id = nina.asset("Connection", CONNECTION).await;
    app.advance(1);
    let operator = app.operator();
    tessera::service::people::users::delete(&app.service, &operator, "nina".into()).await.unwrap();
    let namesake = app.session_with("nina", Role::Member).await;
    namesake.entity(&id).await.refused("ATLAS-404-00-005");
    assert_eq!(namesake.search(&json!({"match_all": {}})).await.found().len(), 0);
    rename(&namesake, CONNECTION).await.refused("TESSERA-403-001");
    let entity = app.admin().await.entity(&id).await.ok()["entity"].clone();
    assert_eq!((&entity["createdBy"], &entity["attributes"]["adminUsers"]), (&json!("nina"), &json!(null)));
}

#[actix_web::test]
async fn a_connection_and_what_lies_beneath_it_fit_in_one_bulk() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let entity = |kind: &str, name: &str| json!({"typeName": kind, "attributes": {"qualifiedName": name, "name": "n"}});
    let answer = key.bulk(&[entity("Connection", CONNECTION), entity("Table", TABLE)]).await.ok();
    assert_eq!(answer["mutatedEntities"]["CREATE"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn another_type_at_the_same_name_takes_a_right_there() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (alice, bob) = (app.session_with("alice", Role::Member).await, app.session_with("bob", Role::Member).await);
    let id = alice.asset("Connection", CONNECTION).await;
    // Assets left beneath a purged connection belong to administrators only.
    let parent = alice.asset("Connection", "default/or/1").await;
    let child = alice.asset("Table", "default/or/1/t").await;
    alice.remove("PURGE", &[&parent]).await.ok();
    for (name, kinds) in [(CONNECTION, ["Table", "Collection"]), ("default/or/1/t", ["View", "Connection"])] {
        for kind in kinds {
            let twin = json!({"qualifiedName": name, "name": "evil"});
            bob.save(kind, &twin).await.refused("TESSERA-403-001");
        }
    }
    bob.save("Connection", &json!({"qualifiedName": "default/or/1", "name": "c"})).await.refused("TESSERA-403-001");
    for id in [&id, &child] {
        bob.entity(id).await.refused("ATLAS-404-00-005");
    }
    assert_eq!(bob.search(&json!({"match_all": {}})).await.found().len(), 0);
    alice.asset("Table", CONNECTION).await;
    admin.asset("View", "default/or/1/t").await;
}

#[actix_web::test]
async fn a_container_amid_the_assets_of_others_takes_an_admin_of_theirs() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = app.session_with("mia", Role::Member).await;
    admin.asset("Connection", CONNECTION).await;
    let id = admin.asset("Table", TABLE).await;
    app.policy(allow(&["mia"], &["persona-api-create"], &[])).await;
    for name in [CONNECTION, "default/snowflake/1/db", TABLE] {
        let attributes = json!({"qualifiedName": name, "name": "c"});
        mia.save("Collection", &attributes).await.refused("TESSERA-403-001");
    }
    mia.entity(&id).await.refused("ATLAS-404-00-005");
    mia.asset("Collection", "default/snowflake/1/mine").await;
    admin.asset("Collection", "default/snowflake/1/db").await;
}

#[actix_web::test]
async fn a_refused_write_tells_nothing_of_what_is_not_seen() {
    let app = App::start().await;
    let owner = app.key_with(&[]).await;
    owner.asset("Connection", CONNECTION).await;
    owner.asset("Table", "default/snowflake/1/a").await;
    let other = app.key_with(&[]).await.client.with("x-request-id", "same");
    let mut told = BTreeSet::new();
    for name in ["a", "b"] {
        let attributes = json!({"qualifiedName": format!("default/snowflake/1/{name}"), "name": "t"});
        let answer = other.save("Table", &attributes).await;
        assert_eq!(answer.status, 403);
        told.insert(answer.text.replace("1/b`", "1/a`"));
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[actix_web::test]
async fn a_parent_that_no_database_could_name_is_a_violation() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for parent in ["default/\u{0}", ""] {
        let attributes = json!({"qualifiedName": "default/f/1", "name": "f", "parentQualifiedName": parent});
        key.save("Folder", &attributes).await.violates("entities[0].attributes.parentQualifiedName");
    }
}
