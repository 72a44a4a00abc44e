//! Moves that change policies, personas and assets.

use actix_web::http::Method;
use serde_json::json;

use super::{ACTIONS, ASSETS, Done, Game, RIGHTS, USERS, bits, type_of, username};
use crate::support::Client;

/// How many personas and policies of the beginning stay, or the game would soon be over.
const KEPT: usize = 4;

impl Game {
    /// Changes the effect, the action, the resource or the state of a policy of a persona.
    pub(super) async fn change_policy(&mut self, client: &Client) -> Option<Done> {
        let mut attributes = json!({"name": "p"});
        match self.dice.throw(4) {
            0 => attributes["policyType"] = json!(self.dice.pick(&["allow", "deny"])),
            1 => attributes["policyActions"] = json!([self.dice.pick(&ACTIONS)]),
            2 => attributes["policyResources"] = json!([format!("entity:{}", self.dice.pick(&ASSETS))]),
            _ => attributes["isPolicyEnabled"] = json!(self.dice.throw(2) == 0),
        }
        let policy =
            json!({"typeName": "AuthPolicy", "guid": self.dice.pick(&self.policies), "attributes": attributes});
        (client.bulk(&[policy]).await.status == 200).then(Done::default)
    }

    /// Changes or deletes a policy outside personas.
    pub(super) async fn change_shared_policy(&mut self, client: &Client) -> Option<Done> {
        let urn = self.dice.pick(&self.shared);
        if self.dice.throw(6) == 0 {
            let query = json!({"query": format!("mutation {{ deletePolicy(urn: \"{urn}\") }}")});
            let answer = client.post("/api/graphql", &query).await;
            return (answer.status == 200 && answer.json["errors"].is_null()).then(Done::default);
        }
        let users: Vec<String> =
            self.dice.some(&USERS, 2).into_iter().map(|name| format!("urn:li:corpuser:{name}")).collect();
        let actors = json!({"users": users, "resourceOwners": self.dice.throw(4) == 0,
                            "allUsers": self.dice.throw(6) == 0, "allGroups": false});
        let state = self.dice.pick(&["ACTIVE", "ACTIVE", "INACTIVE"]);
        let input = if self.dice.throw(2) == 0 {
            json!({"type": "PLATFORM", "name": "p", "state": state, "privileges": bits(&self.dice.some(&RIGHTS, 4)),
                   "actors": actors})
        } else {
            let asset = self.dice.pick(&ASSETS);
            json!({"type": "METADATA", "name": "p", "state": state, "privileges": [self.dice.pick(&ACTIONS)],
                   "resources": {"filter": {"criteria": [{"field": "URN", "values": [asset], "condition": "EQUALS"}]}},
                   "actors": actors})
        };
        let query = "mutation($urn: String!, $input: PolicyUpdateInput!) { updatePolicy(urn: $urn, input: $input) }";
        let body = json!({"query": query, "variables": {"urn": urn, "input": input}});
        let answer = client.post("/api/graphql", &body).await;
        (answer.status == 200 && answer.json["errors"].is_null()).then(Done::default)
    }

    pub(super) async fn create_or_delete_persona(&mut self, client: &Client) -> Option<Done> {
        if self.personas.len() > KEPT && self.dice.throw(2) == 0 {
            let place = KEPT + self.dice.throw(self.personas.len() - KEPT);
            let path = format!("/api/service/personas/{}", self.personas[place]["id"].as_str().unwrap());
            let deleted = client.send(Method::DELETE, &path, None).await.status == 200;
            return deleted.then(|| {
                self.personas.remove(place);
                Done::default()
            });
        }
        let name = format!("p{}", self.dice.throw(usize::MAX));
        let answer = client.post("/api/service/personas", &json!({"name": name})).await;
        if answer.status != 200 {
            return None;
        }
        self.personas.push(answer.json);
        Some(Done::default())
    }

    /// Names owners of an asset, or writes its tier: policies are about both.
    pub(super) async fn write_what_policies_test(&mut self, client: &Client) -> Option<Done> {
        let asset = self.dice.pick(&ASSETS);
        let mut attributes = json!({"qualifiedName": asset, "name": "x"});
        if self.dice.throw(3) == 0 {
            attributes["tier"] = json!(self.dice.pick(&["open", "closed"]));
        } else {
            let keys = self.keys.iter().map(|key| username(key));
            let everybody: Vec<String> =
                USERS.iter().map(|name| (*name).to_owned()).chain(keys).chain([self.account.clone()]).collect();
            attributes["ownerUsers"] = json!(self.dice.some(&everybody, 3));
        }
        let written = client.save(type_of(asset), &attributes).await.status == 200;
        self.tiers += usize::from(written);
        written.then(Done::default)
    }

    /// Creates an asset again, or purges it. The connections stay: a new one would belong to its creator.
    pub(super) async fn create_or_purge_asset(&mut self, client: &Client) -> Option<Done> {
        let name = self.dice.pick(&["default/snowflake/1/a", "default/snowflake/1/b"]);
        if self.dice.throw(2) == 0 {
            let asset = json!({"qualifiedName": name, "name": "x", "viewerUsers": self.dice.some(&USERS, 3)});
            return (client.save("Table", &asset).await.status == 200).then(Done::default);
        }
        let path = format!("/api/meta/entity/uniqueAttribute/type/Table?attr:qualifiedName={name}");
        let id = self.admin.get(&path).await.json["entity"]["guid"].as_str()?.to_owned();
        let answer = client.remove("PURGE", &[&id]).await;
        (answer.status == 200 && !answer.json["mutatedEntities"]["DELETE"].is_null()).then(Done::default)
    }
}
