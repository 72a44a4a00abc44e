//! The search (SQL) returns exactly the assets that the policy engine (Cedar) allows the actor to read.

use std::sync::Arc;

use serde_json::{Value, json};
use tessera::domain::asset::{AssetKind, AssetOperation};
use tessera::domain::ids::PrincipalId;
use tessera::service::authz::inquiry::Inquiry;
use tessera::storage::standings;

use crate::support::{App, Client};

/// A deterministic random number generator (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.throw(from.len())]
    }

    fn some<'a>(&mut self, from: &[&'a str]) -> Vec<&'a str> {
        let count = 1 + self.throw(2);
        (0..count).map(|_| self.pick(from)).collect()
    }
}

const ASSETS: [(&str, &str); 17] = [
    ("Connection", "default/snowflake/1"),
    ("Table", "default/snowflake/1/db/t"),
    ("Table", "default/snowflake/1/db_/t"),
    ("Connection", "default/snowflake/10"),
    ("Column", "default/snowflake/10/100%/c"),
    ("Connection", "default/Snowflake/1"),
    ("AtlasGlossary", "gl"),
    ("AtlasGlossaryTerm", "term@gl"),
    ("AtlasGlossaryCategory", "cat@gl2"),
    ("AtlasGlossaryTerm", "term@gl/part"),
    ("Table", "other@gl/part"),
    ("AtlasGlossaryTerm", "urn:li:glossaryTerm:x@gl"),
    ("DataDomain", "default/domain/a"),
    ("DataDomain", "default/domain/a/domain/b"),
    ("DataProduct", "default/domain/a/product/p"),
    ("Collection", "default/collection/admin/1"),
    ("Query", "default/collection/admin/1/q"),
];

const RESOURCES: [&str; 16] = [
    "entity:*",
    "entity:default/snowflake/1",
    "entity:default/snowflake/1*",
    "entity:default/snowflake/1/*",
    "entity:*/db/*",
    "entity:default/snowflake/1/db_/t",
    "entity:default/snowflake/10/100%",
    "entity:default/*/a",
    "entity:gl",
    "entity:default/domain/a",
    "entity:default/domain/a/domain/*",
    "entity:default\\",
    "entity-type:Table",
    "entity-type:*",
    "entity-type:AtlasGlossaryTerm",
    "entity-type:Data*",
];

const RULES: [(&str, &[&str]); 4] = [
    ("metadata", &["persona-asset-read", "persona-asset-update"]),
    ("data", &["select"]),
    ("glossary", &["persona-glossary-read", "persona-glossary-update"]),
    ("domain", &["persona-domain-read", "persona-domain-sub-domain-read", "persona-domain-product-read"]),
];

fn policy(dice: &mut Dice, persona: &Value) -> Value {
    let (category, actions) = RULES[dice.throw(RULES.len())];
    let effect = if dice.throw(4) == 0 { "deny" } else { "allow" };
    json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": effect, "policySubCategory": category,
        "policyActions": dice.some(actions), "policyResources": dice.some(&RESOURCES),
        "isPolicyEnabled": dice.throw(8) > 0, "accessControl": {"guid": persona["id"]},
    }})
}

/// The engine's decision about every asset, without the search.
async fn decided(app: &App, id: &str) -> Vec<String> {
    let id = PrincipalId::parse(id).unwrap();
    let standing = app.service.database.read(|connection| standings::find(connection, id)).unwrap().unwrap();
    let standing = Arc::new(standing);
    let mut seen = Vec::new();
    for (type_name, name) in ASSETS {
        let inquiry = Inquiry::new(AssetKind::of(type_name, name).action(AssetOperation::Read), name, type_name);
        if app.service.decide(&standing, &inquiry).await.unwrap().is_allowed() {
            seen.push(name.to_owned());
        }
    }
    seen.sort();
    seen
}

async fn searched(client: &Client) -> Vec<String> {
    let query = json!({"bool": {"must_not": [{"terms": {"__typeName": ["Persona", "AuthPolicy"]}}]}});
    client.search(&query).await.found()
}

#[actix_web::test]
async fn search_single_reads_and_the_engine_agree() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mut ids = Vec::new();
    for (type_name, name) in ASSETS {
        ids.push(admin.asset(type_name, name).await);
    }
    let mut dice = Dice(8585);
    let mut sizes = std::collections::BTreeSet::new();
    for round in 0..60 {
        let mut links = Vec::new();
        for number in 0..=dice.throw(2) {
            let body = json!({"name": format!("{round} {number}"), "enabled": dice.throw(6) > 0});
            let persona = admin.post("/api/service/personas", &body).await.ok();
            let policies: Vec<Value> = (0..=dice.throw(3)).map(|_| policy(&mut dice, &persona)).collect();
            admin.bulk(&policies).await.ok();
            links.push(persona["qualifiedName"].clone());
        }
        let key = admin.try_create(&json!({"displayName": "k", "personaQualifiedNames": links})).await.ok();
        let (id, client) =
            (key["id"].as_str().unwrap(), app.holder_of(key["attributes"]["accessToken"].as_str().unwrap()));
        if dice.throw(3) == 0 {
            let (type_name, name) = ASSETS[dice.throw(ASSETS.len())];
            let username = client.whoami().await.ok()["username"].clone();
            let list = dice.pick(&["adminUsers", "viewerUsers"]);
            admin.save(type_name, &json!({"qualifiedName": name, list: [username]})).await.ok();
        }
        let seen = decided(&app, id).await;
        assert_eq!(searched(&client).await, seen, "round {round}");
        for ((_, name), asset) in ASSETS.iter().zip(&ids) {
            let status = client.entity(asset).await.status;
            assert_eq!(status == 200, seen.iter().any(|it| it == name), "round {round} {name}");
        }
        sizes.insert(seen.len());
    }
    assert!(sizes.len() > 4, "the rounds are too much alike: {sizes:?}");
}
