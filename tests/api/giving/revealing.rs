//! Answers reveal no policies, assets or attributes that the actor may not read.

use serde_json::json;
use tessera::domain::permission::Permission::ManageApiKeys;
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use super::{CONNECTION, FORBIDDEN, SECRET, name, username, world, written};
use crate::authority::policy;
use crate::datahub::user_with;
use crate::support::Client;
use crate::support::rules::{allow, criterion};

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
