//! Builds policies for tests.

use serde_json::{Map, Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Condition, Criterion, Effect, Facet, Policy, Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::service::catalogue::policies::{self, PolicyInput};

use super::{App, Client, World};

/// A condition: `criterion("status", "NOT_EQUALS", &["archived"])`.
pub fn criterion(field: &str, condition: &str, values: &[&str]) -> Criterion {
    let condition = Condition::find(condition).unwrap();
    Criterion { field: Facet::parse(field), condition, values: owned(values) }
}

/// A policy: these users may do this with resources that meet all criteria.
pub fn allow(users: &[&str], actions: &[&str], resources: &[Criterion]) -> Rule {
    Rule {
        category: Category::Entities,
        effect: Effect::Allow,
        actions: owned(actions),
        resources: resources.to_vec(),
        subjects: Subjects { users: owned(users), ..Subjects::default() },
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl World {
    pub async fn policy(&self, rule: Rule) -> Policy {
        policies::create(&self.service, &self.operator(), input(rule)).await.unwrap()
    }
}

/// What a client writes for an enabled policy.
pub fn input(rule: Rule) -> PolicyInput {
    PolicyInput {
        name: DisplayName::parse("rule").unwrap(),
        description: Description::parse("").unwrap(),
        rule,
        enabled: true,
        attributes: Map::new(),
    }
}

/// The fixture of the certification scenario for decision points: two users, two records, and who may do what.
pub async fn certified(app: &App) -> Client {
    for name in ["alice", "bob"] {
        app.user(name, Role::Member).await;
        // Ids of the same millisecond have no order.
        app.advance(1);
    }
    let records = criterion("URN", "EQUALS", &["record-1", "record-2"]);
    let record = criterion("TYPE", "EQUALS", &["record"]);
    let archived = criterion("status", "EQUALS", &["archived"]);
    let unarchived = criterion("status", "NOT_EQUALS", &["archived"]);
    let admin = criterion("subject.role", "EQUALS", &["admin"]);
    let soft = criterion("action.soft", "EQUALS", &["true"]);
    let here = [record, records];
    let with = |more: &[Criterion]| here.iter().chain(more).cloned().collect::<Vec<_>>();
    for rule in [
        allow(&["alice", "bob"], &["read"], &with(&[])),
        allow(&["alice"], &["write"], &with(&[unarchived])),
        allow(&["alice"], &["delete"], &with(&[soft])),
        allow(&["alice", "bob"], &["write"], &with(&[archived.clone(), admin])),
        // A search for subjects does not name a role.
        allow(&["bob"], &["write"], &with(&[archived])),
    ] {
        app.policy(rule).await;
    }
    app.key_with(&[Permission::VerifyTokens]).await.client
}

pub fn user(id: &str) -> Value {
    json!({"type": "user", "id": id})
}

pub fn record(id: &str) -> Value {
    json!({"type": "record", "id": id})
}

/// An entity or an action with properties.
pub fn with(mut entity: Value, properties: &Value) -> Value {
    entity["properties"] = properties.clone();
    entity
}

pub fn question(subject: &Value, action: &Value, resource: &Value) -> Value {
    json!({"subject": subject, "action": action, "resource": resource})
}
