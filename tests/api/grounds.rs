//! Which names lie beneath which, and who may use names where no asset is stored.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::authority::policy;
use crate::datahub::{CREATE_POLICY, UPDATE_POLICY, ask, data, refused, urn, user_with};
use crate::support::{App, Client};

const FORBIDDEN: &str = "TESSERA-403-001";

async fn written(by: &Client, policy: Value) -> String {
    by.bulk(&[policy]).await.ok()["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned()
}

async fn settle(by: &Client, type_name: &str, qualified_name: &str) -> u16 {
    by.save(type_name, &json!({"qualifiedName": qualified_name, "name": "x"})).await.status
}

#[actix_web::test]
async fn ground_that_policies_name_is_settled_by_administrators_alone() {
    let app = App::start().await;
    let admin = app.admin().await;
    let [allowed, denied] = [admin.persona("allowed").await, admin.persona("denied").await];
    admin.bulk(&[policy(&allowed, "allow", None, &["default/ext/1"])]).await.ok();
    let deny = written(&admin, policy(&denied, "deny", None, &["default/ext/1", "default/ext/2/db"])).await;
    // Patterns that cover all connections reserve no names.
    for everywhere in ["*", "default/*", "default/collection/*"] {
        admin.bulk(&[policy(&allowed, "allow", None, &[everywhere])]).await.ok();
    }
    let mallory = app.session_with("mallory", Role::Member).await;
    let key = app.key_with(&[]).await;
    for client in [&mallory, &key.client] {
        for name in ["default/ext/1", "default/ext/1/db", "default/ext/2", "default/ext/2/db", "default/ext/2/db/t"] {
            assert_eq!(settle(client, "Connection", name).await, 403, "{name}");
        }
    }
    assert_eq!(settle(&key, "Connection", "default/ext/3").await, 200);
    assert_eq!(settle(&mallory, "Collection", "default/collection/mallory/1").await, 200);
    admin.asset("Connection", "default/ext/1").await;
    // An asset created later gives no authority over a policy written before.
    let people = json!({"qualifiedName": "default/ext/1", "name": "c", "adminUsers": ["admin", "mallory"]});
    admin.save("Connection", &people).await.ok();
    let after = written(&admin, policy(&denied, "deny", None, &["default/ext/1/t"])).await;
    mallory.remove("PURGE", &[&deny]).await.deletes_nothing();
    admin.entity(&deny).await.ok();
    mallory.remove("PURGE", &[&after]).await.ok();
}

#[actix_web::test]
async fn a_urn_is_no_path() {
    let app = App::start().await;
    let admin = app.admin().await;
    let max = user_with(&app, &admin, "max", &[Permission::ManagePolicies]).await;
    app.set_role("max", Role::Member).await;
    let persona = admin.persona("P").await;
    let beginning = "urn:li:dataset:(urn:li:dataPlatform:hdfs,";
    let data_set = "urn:li:dataset:(urn:li:dataPlatform:hdfs,/data/x,PROD)";
    let about = |user: &str, name: &str, condition: &str| {
        json!({"input": {"type": "METADATA", "name": "m", "state": "ACTIVE", "privileges": ["EDIT_ENTITY"],
        "resources": {"filter": {"criteria": [{"field": "URN", "values": [name], "condition": condition}]}},
        "actors": {"users": [urn(user)], "resourceOwners": false, "allUsers": false, "allGroups": false}}})
    };
    let may = async |client: &Client, user: &str, name: &str| {
        let question = json!({"subject": {"type": "user", "id": user}, "action": {"name": "EDIT_ENTITY"},
                              "resource": {"type": "dataset", "id": name}});
        client.post("/access/v1/evaluation", &question).await.ok()["decision"].as_bool().unwrap()
    };
    let made = ask(&admin, CREATE_POLICY, about("admin", data_set, "EQUALS")).await;
    let made = data(&made);
    assert_eq!(settle(&max, "Dataset", data_set).await, 403);
    assert_eq!(settle(&max, "Dataset", beginning).await, 200);
    assert!(may(&max, "max", beginning).await && !may(&max, "max", data_set).await);
    let mut update = about("max", data_set, "EQUALS");
    update["urn"] = made.clone();
    assert!(ask(&max, UPDATE_POLICY, update).await["errors"].is_array());
    refused(&ask(&max, "mutation($urn: String!) { deletePolicy(urn: $urn) }", json!({"urn": made})).await);
    for name in [beginning.to_owned(), format!("{beginning}/data")] {
        let answer = ask(&max, CREATE_POLICY, about("max", &name, "STARTS_WITH")).await;
        assert!(answer["errors"].is_array(), "{name}");
        max.bulk(&[policy(&persona, "allow", None, &[&format!("{name}*")])]).await.refused(FORBIDDEN);
    }
    // It may give access to what it administers, which is one name.
    data(&ask(&max, CREATE_POLICY, about("max", beginning, "EQUALS")).await);
    max.bulk(&[policy(&persona, "allow", None, &[beginning])]).await.ok();
    assert!(!may(&max, "max", data_set).await);
}

#[actix_web::test]
async fn what_a_glossary_holds_lies_beneath_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let glossary = |persona: &Value, name: &str| {
        let mut wanted = policy(persona, "allow", None, &[name]);
        wanted["attributes"]["policySubCategory"] = json!("glossary");
        wanted["attributes"]["policyActions"] = json!(["persona-glossary-read", "persona-glossary-delete"]);
        wanted
    };
    let persona = admin.persona("P").await;
    let linked = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]]});
    let linked = admin.try_create(&linked).await.ok();
    let linked = app.holder_of(linked["attributes"]["accessToken"].as_str().unwrap());
    let key = app.key_with(&[Permission::ViewApiKeys]).await;
    let nested = admin.asset("AtlasGlossaryTerm", "sec@team@corp").await;
    for above in ["corp", "team@corp"] {
        assert_eq!(settle(&key, "AtlasGlossary", above).await, 403, "{above}");
        key.bulk(&[glossary(&persona, above)]).await.refused("TESSERA-404-001");
    }
    admin.asset("AtlasGlossary", "gl").await;
    let term = admin.asset("AtlasGlossaryTerm", "sec@gl").await;
    assert_eq!(settle(&key, "AtlasGlossaryTerm", "evil@gl").await, 403);
    assert_eq!(settle(&key, "AtlasGlossaryTerm", "evil@sec@gl").await, 403);
    let people = json!({"qualifiedName": "gl", "name": "gl", "adminUsers": ["admin", format!("service-account-apikey-{}", key.id)]});
    linked.entity(&term).await.refused("ATLAS-404-00-005");
    key.entity(&term).await.refused("ATLAS-404-00-005");
    admin.save("AtlasGlossary", &people).await.ok();
    key.entity(&term).await.ok();
    key.entity(&nested).await.refused("ATLAS-404-00-005");
    assert_eq!(key.search(&json!({"term": {"__typeName": "AtlasGlossaryTerm"}})).await.found(), ["sec@gl"]);
    key.asset("AtlasGlossaryTerm", "mine@gl").await;
    // A policy about it covers names beneath it, but not other names with the same ending.
    let elsewhere = admin.asset("AtlasGlossaryTerm", "default/snowflake/1/t@gl").await;
    key.bulk(&[glossary(&persona, "gl")]).await.ok();
    linked.entity(&term).await.ok();
    for id in [&nested, &elsewhere] {
        linked.entity(id).await.refused("ATLAS-404-00-005");
    }
    for (name, expected) in [("sec@gl", true), ("new@gl", true), ("default/snowflake/1/t@gl", false)] {
        let question =
            json!({"action": "persona-glossary-read", "resource": {"type": "AtlasGlossaryTerm", "id": name}});
        assert_eq!(linked.post("/api/service/explain", &question).await.ok()["allowed"], expected, "{name}");
    }
}
