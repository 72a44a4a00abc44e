//! `/api/meta/entity/bulk`: behaviour common to entities of every type.

use serde_json::{Value, json};

use crate::support::{App, BEGIN};

fn connection(number: i64) -> Value {
    json!({"typeName": "Connection", "guid": format!("-{number}"),
           "attributes": {"qualifiedName": format!("default/snowflake/{number}"), "name": "C"}})
}

#[actix_web::test]
async fn a_new_asset_has_exactly_the_documented_shape() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut wanted = connection(1);
    wanted["attributes"]["connectorName"] = json!("snowflake");
    wanted["attributes"]["host"] = json!(null);
    wanted["businessAttributes"] = json!(null);
    let answer = admin.bulk(&[wanted]).await.ok();
    let guid = answer["mutatedEntities"]["CREATE"][0]["guid"].clone();
    let mut entity = json!({
        "typeName": "Connection", "guid": guid, "status": "ACTIVE", "displayText": "C",
        "attributes": {"name": "C", "qualifiedName": "default/snowflake/1", "connectorName": "snowflake",
                       "adminUsers": ["admin"]},
        "createdBy": "admin", "updatedBy": "admin", "createTime": BEGIN, "updateTime": BEGIN,
    });
    assert_eq!(
        answer,
        json!({"mutatedEntities": {"CREATE": [entity], "UPDATE": [], "DELETE": []}, "guidAssignments": {"-1": guid}})
    );
    entity["relationshipAttributes"] = json!({});
    let read = admin.entity(guid.as_str().unwrap()).await.ok();
    assert_eq!(read, json!({"referredEntities": {}, "entity": entity}));
    let path =
        "/api/meta/entity/uniqueAttribute/type/Connection/?attr:qualifiedName=default/snowflake/1&minExtInfo=false";
    assert_eq!(admin.get(path).await.ok(), read);
}

#[actix_web::test]
async fn given_attributes_replace_null_clears_and_the_others_stay() {
    let app = App::start().await;
    let admin = app.admin().await;
    let name = json!("default/snowflake/1");
    let first = json!({"qualifiedName": name, "name": "C", "host": "h", "port": 1, "tags": ["a"]});
    let id = admin.save("Connection", &first).await.ok()["mutatedEntities"]["CREATE"][0]["guid"].clone();
    app.advance(5);
    let by_name = json!({"qualifiedName": name, "host": null, "port": 2});
    let answer = admin.save("Connection", &by_name).await.ok();
    let updated = &answer["mutatedEntities"]["UPDATE"][0];
    assert_eq!((&updated["guid"], &answer["mutatedEntities"]["CREATE"]), (&id, &json!([])));
    assert_eq!((&updated["createTime"], &updated["updateTime"]), (&json!(BEGIN), &json!(BEGIN + 5)));
    let kept = json!({"qualifiedName": name, "name": "C", "port": 2, "tags": ["a"], "adminUsers": ["admin"]});
    assert_eq!(updated["attributes"], kept);
    let by_id = json!({"typeName": "Connection", "guid": id, "attributes": {"name": "D"}});
    let answer = admin.bulk(&[by_id]).await.ok();
    assert_eq!(answer["mutatedEntities"]["UPDATE"][0]["attributes"]["name"], "D");
    assert_eq!(answer["guidAssignments"], json!({}));
}

#[actix_web::test]
async fn what_was_read_can_be_written_back() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = admin.asset("Connection", "default/snowflake/1").await;
    app.advance(1);
    let mut entity = admin.entity(&id).await.ok()["entity"].clone();
    for (member, value) in [("createdBy", json!("me")), ("createTime", json!(1)), ("updateTime", json!(1))] {
        entity[member] = value;
    }
    entity["attributes"]["host"] = json!("h");
    let updated = admin.bulk(&[entity]).await.ok()["mutatedEntities"]["UPDATE"][0].clone();
    assert_eq!((&updated["createdBy"], &updated["attributes"]["host"]), (&json!("admin"), &json!("h")));
    assert_eq!((&updated["createTime"], &updated["updateTime"]), (&json!(BEGIN), &json!(BEGIN + 1)));
}

#[actix_web::test]
async fn a_bulk_happens_as_a_whole_or_not_at_all() {
    let app = App::start().await;
    let admin = app.admin().await;
    let bad = json!({"typeName": "Connection", "attributes": {"qualifiedName": "default/snowflake/2"}});
    admin.bulk(&[connection(1), bad]).await.violates("entities[1].attributes.name");
    assert_eq!(admin.search(&json!({"match_all": {}})).await.found().len(), 0);
    let both = admin.bulk(&[connection(1), connection(2)]).await.ok();
    assert_eq!(both["mutatedEntities"]["CREATE"].as_array().unwrap().len(), 2);
    let first = both["guidAssignments"]["-1"].as_str().unwrap();
    let gone = ["01a205f3-fb6b-777b-b71f-c9b5970ce30f", "-1", "no-guid"];
    let deleted = admin.remove("PURGE", &[&gone[..], &[first]].concat()).await.ok();
    assert_eq!(deleted["mutatedEntities"]["DELETE"].as_array().unwrap().len(), 1, "what is not there sinks nothing");
    admin.remove("PURGE", &[first]).await.deletes_nothing();
    let told = admin.entity(first).await.refused("ATLAS-404-00-005");
    assert_eq!(told["errorMessage"], format!("Given instance guid {first} is invalid/not found"));
    let by_name = "/api/meta/entity/uniqueAttribute/type/Connection?attr:qualifiedName=default/snowflake/1";
    let told = admin.get(by_name).await.refused("ATLAS-404-00-009");
    let message = "Instance Connection with unique attribute {qualifiedName=default/snowflake/1} does not exist";
    assert_eq!(told["errorMessage"], message);
}

#[actix_web::test]
async fn the_same_entity_twice_in_a_bulk_is_told_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut again = connection(1);
    again["guid"] = json!("-9");
    again["attributes"]["host"] = json!("h");
    let answer = admin.bulk(&[connection(1), again]).await.ok();
    assert_eq!(answer["mutatedEntities"]["CREATE"][0]["attributes"]["host"], "h");
    assert_eq!(answer["mutatedEntities"]["UPDATE"], json!([]));
    assert_eq!(answer["guidAssignments"]["-1"], answer["guidAssignments"]["-9"]);
    admin.bulk(&[connection(2), connection(2)]).await.violates("entities[1].guid");
}

#[actix_web::test]
async fn a_soft_deletion_marks_and_the_next_write_revives() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = admin.asset("Connection", "default/snowflake/1").await;
    let deleted = admin.remove("SOFT", &[&id]).await.ok();
    let entity = &deleted["mutatedEntities"]["DELETE"][0];
    assert_eq!((&entity["status"], &entity["deleteHandler"]), (&json!("DELETED"), &json!("SOFT")));
    assert_eq!(admin.entity(&id).await.ok()["entity"]["status"], "DELETED");
    let active = json!({"term": {"__state": "ACTIVE"}});
    assert_eq!(admin.search(&active).await.found().len(), 0);
    assert_eq!(admin.search(&json!({"term": {"__state": "deleted"}})).await.found(), ["default/snowflake/1"]);
    let mut left = connection(1);
    left["status"] = json!("DELETED");
    assert_eq!(admin.bulk(&[left]).await.ok()["mutatedEntities"]["UPDATE"][0]["status"], "DELETED");
    assert_eq!(admin.bulk(&[connection(1)]).await.ok()["mutatedEntities"]["UPDATE"][0]["status"], "ACTIVE");
    assert_eq!(admin.search(&active).await.found(), ["default/snowflake/1"]);
}

#[actix_web::test]
async fn what_is_purged_is_gone_and_its_name_is_free() {
    let app = App::start().await;
    let admin = app.admin().await;
    for how in ["PURGE", "HARD"] {
        let id = admin.asset("Connection", "default/snowflake/1").await;
        let answer = admin.remove(how, &[&id, &id]).await.ok();
        let entity = &answer["mutatedEntities"]["DELETE"][0];
        assert_eq!((&entity["status"], &entity["deleteHandler"]), (&json!("DELETED"), &json!(how)));
        admin.entity(&id).await.refused("ATLAS-404-00-005");
        admin.remove(how, &[&id]).await.deletes_nothing();
        assert_eq!(admin.search(&json!({"match_all": {}})).await.found().len(), 0);
    }
}

#[actix_web::test]
async fn a_folder_brings_its_parent_along() {
    let app = App::start().await;
    let admin = app.admin().await;
    let parent = admin.asset("Collection", "default/collection/admin/1").await;
    for kind in ["Folder", "Query"] {
        let attributes = json!({"qualifiedName": format!("default/collection/admin/1/{kind}"), "name": "f",
                                "parentQualifiedName": "default/collection/admin/1"});
        let answer = admin.save(kind, &attributes).await.ok();
        assert_eq!(answer["mutatedEntities"]["CREATE"][0]["typeName"], kind);
        assert_eq!(answer["mutatedEntities"]["UPDATE"][0]["guid"], json!(parent));
    }
    let lost = json!({"qualifiedName": "default/collection/admin/1/g", "name": "g", "parentQualifiedName": "x"});
    admin.save("Folder", &lost).await.violates("entities[0].attributes.parentQualifiedName");
}

#[actix_web::test]
async fn what_breaks_a_rule_is_refused_by_its_place() {
    let app = App::start().await;
    let admin = app.admin().await;
    let asset = |change: &dyn Fn(&mut Value)| {
        let mut entity = connection(1);
        change(&mut entity);
        entity
    };
    let long = "x".repeat(1025);
    for (place, entity) in [
        ("typeName", asset(&|it| it["typeName"] = json!("a b"))),
        ("typeName", asset(&|it| it["typeName"] = json!("PERSONA"))),
        ("guid", asset(&|it| it["guid"] = json!("five"))),
        ("status", asset(&|it| it["status"] = json!("PURGED"))),
        ("businessAttributes", asset(&|it| it["businessAttributes"] = json!({"a": 1}))),
        ("version", asset(&|it| it["version"] = json!(1))),
        ("attributes.name", asset(&|it| it["attributes"]["name"] = json!(" "))),
        ("attributes.name", asset(&|it| it["attributes"]["name"] = json!(5))),
        ("attributes.name", asset(&|it| it["attributes"]["name"] = json!(null))),
        ("attributes.qualifiedName", asset(&|it| it["attributes"]["qualifiedName"] = json!(long))),
        ("attributes.qualifiedName", asset(&|it| it["attributes"]["qualifiedName"] = json!("a\u{0}"))),
        ("attributes.qualifiedName", json!({"typeName": "Table", "attributes": {"name": "a"}})),
        ("attributes.__state", asset(&|it| it["attributes"]["__state"] = json!("ACTIVE"))),
        ("attributes.adminUsers", asset(&|it| it["attributes"]["adminUsers"] = json!("me"))),
        ("attributes.adminUsers", asset(&|it| it["attributes"]["adminUsers"] = json!([5]))),
    ] {
        admin.bulk(&[entity]).await.violates(&format!("entities[0].{place}"));
    }
    let many = vec![json!({"typeName": "T"}); 1001];
    admin.bulk(&many).await.violates("entities");
    admin.post("/api/meta/entity/bulk", &json!({})).await.violates("entities");
    admin.remove("NEVER", &["x"]).await.violates("deleteType");
    admin.delete("/api/meta/entity/bulk?deleteType=PURGE").await.violates("guid");
    admin.remove("PURGE", &["no-guid"]).await.deletes_nothing();
    admin.entity("no-guid").await.refused("ATLAS-404-00-005");
    admin.get("/api/meta/entity/uniqueAttribute/type/Table").await.violates("attr:qualifiedName");
}

#[actix_web::test]
async fn a_guid_of_another_type_is_unknown_and_names_cannot_change() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = admin.asset("Connection", "default/snowflake/1").await;
    let other = json!({"typeName": "Table", "guid": id, "attributes": {"name": "x"}});
    admin.bulk(&[other]).await.refused("ATLAS-404-00-005");
    let moved = json!({"typeName": "Connection", "guid": id, "attributes": {"qualifiedName": "default/snowflake/2"}});
    admin.bulk(&[moved]).await.violates("entities[0].attributes.qualifiedName");
}

#[actix_web::test]
async fn only_the_authenticated_reach_entities() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    for answer in [
        anonymous.bulk(&[connection(1)]).await,
        anonymous.remove("PURGE", &["x"]).await,
        anonymous.entity("x").await,
        anonymous.get("/api/meta/entity/uniqueAttribute/type/Table?attr:qualifiedName=x").await,
        anonymous.search(&json!({"match_all": {}})).await,
    ] {
        answer.refused("TESSERA-401-001");
    }
}

#[actix_web::test]
async fn every_write_of_an_asset_leaves_a_trace() {
    let app = App::start().await;
    let admin = app.admin().await;
    let before = crate::storage::actions(&app.service).len();
    app.advance(1);
    let id = admin.asset("Connection", "default/snowflake/1").await;
    app.advance(1);
    admin.bulk(&[connection(1)]).await.ok();
    app.advance(1);
    admin.remove("SOFT", &[&id]).await.ok();
    app.advance(1);
    admin.remove("PURGE", &[&id]).await.ok();
    let mut actions = crate::storage::actions(&app.service).split_off(before);
    // Changes of one transaction have no order.
    actions[..2].sort();
    actions[4..].sort();
    let told = ["access_changed", "created", "updated", "deleted", "access_changed", "deleted"];
    assert_eq!(actions, told.map(|action| format!("asset.{action}")));
}
