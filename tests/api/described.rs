//! Changing only names and descriptions invalidates no cached credential.

use serde_json::{Value, json};
use tessera::domain::child::Presentation;
use tessera::service::upkeep::follow::Follower;

use crate::support::{App, Client};

const CONNECTION: &str = "default/snowflake/1";

fn policy(persona: &Value, description: &str, actions: &Value) -> Value {
    json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "pol", "name": "pol", "description": description, "connectionQualifiedName": CONNECTION,
        "policyType": "allow", "policySubCategory": "metadata", "policyActions": actions,
        "policyResources": [format!("entity:{CONNECTION}")], "accessControl": {"guid": persona["id"]},
    }})
}

/// How many records were read again because of the change.
struct Reads<'a> {
    app: &'a App,
    bystander: Client,
}

impl Reads<'_> {
    async fn after(&self, done: impl Future<Output = ()>) -> u64 {
        self.bystander.whoami().await.ok();
        let before = self.app.service.directory.counts.misses.get();
        done.await;
        self.bystander.whoami().await.ok();
        self.app.service.directory.counts.misses.get() - before
    }
}

#[actix_web::test]
async fn a_description_makes_nothing_in_memory_unusable_and_a_rule_does() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let reads = ["persona-asset-read"];
    let made = admin.bulk(&[policy(&persona, "", &json!(reads))]).await.ok();
    let guid = &made["mutatedEntities"]["CREATE"][0]["guid"];
    let changed = |description: &str, actions: Value| {
        let mut policy = policy(&persona, description, &actions);
        policy["guid"] = guid.clone();
        async {
            admin.bulk(&[policy]).await.ok();
        }
    };
    let counted = Reads { app: &app, bystander: app.key_with(&[]).await.client };
    admin.whoami().await.ok();
    for description in ["one", "two", "three"] {
        assert_eq!(counted.after(changed(description, json!(reads))).await, 0);
    }
    let rule = changed("three", json!(["persona-asset-read", "persona-asset-update"]));
    assert!(counted.after(rule).await > 0);

    let body = |description: &str, name: &str| json!({"name": name, "displayName": name, "description": description});
    let path = format!("/api/service/personas/{}", persona["id"].as_str().unwrap());
    let update = |body: Value| {
        let path = path.clone();
        let admin = &admin;
        async move {
            admin.send(actix_web::http::Method::POST, &path, Some(&body.to_string())).await.ok();
        }
    };
    admin.whoami().await.ok();
    assert_eq!(counted.after(update(body("told otherwise", "P1"))).await, 0);
    assert!(counted.after(update(body("told otherwise", "P2"))).await > 0, "a name is known to who is linked");
}

#[actix_web::test]
async fn other_nodes_keep_their_memory_too() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = admin.persona("P1").await;
    let made = admin.bulk(&[policy(&persona, "", &json!(["persona-asset-read"]))]).await.ok();
    let token = app.key_with(&[]).await.token;
    let other = app.neighbour(&app.pepper);
    let mut follower = Follower::start(&other).await.unwrap();
    let reads = |other: &tessera::service::Service| other.directory.counts.misses.get();
    other.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    for (actions, expected) in [(json!(["persona-asset-read"]), 0), (json!(["persona-asset-update"]), 1)] {
        let before = reads(&other);
        let mut policy = policy(&persona, "otherwise", &actions);
        policy["guid"] = made["mutatedEntities"]["CREATE"][0]["guid"].clone();
        admin.bulk(&[policy]).await.ok();
        assert!(!follower.step(&other).await.unwrap().is_empty());
        other.authenticate(Presentation::bearer(&token, None)).await.unwrap();
        assert_eq!(reads(&other) - before, expected);
    }
}
