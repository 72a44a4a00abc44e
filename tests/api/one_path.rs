//! Timing side channel: hidden and missing records run the same SQL statements, at every endpoint that answers
//! "unknown" for both.

use std::time::{Duration, Instant};

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::statements::sent_to;
use crate::support::{App, Client};

const FREE: &str = "01890000-0000-7000-8000-000000000000";

/// A request that names something.
struct Door {
    client: Client,
    method: Method,
    path: String,
    body: Option<Value>,
}

fn get(client: &Client, path: String) -> Door {
    Door { client: client.clone(), method: Method::GET, path, body: None }
}

fn post(client: &Client, path: &str, body: Value) -> Door {
    Door {
        client: client.with("content-type", "application/json"),
        method: Method::POST,
        path: path.into(),
        body: Some(body),
    }
}

fn graph(client: &Client, query: &str) -> Door {
    post(client, "/api/graphql", json!({"query": query}))
}

impl Door {
    async fn statements(&self, app: &App) -> Vec<String> {
        let url = app.storage.url();
        let body = self.body.as_ref().map(Value::to_string);
        let place = url.strip_prefix("sqlite://").or(url.rsplit('/').next()).unwrap();
        let request = self.client.send(self.method.clone(), &self.path, body.as_deref());
        sent_to(place.split('?').next().unwrap(), request).await.1
    }
}

/// Asserts that an endpoint runs the same statements for a name that exists and for one that does not.
async fn same(app: &App, names: [&str; 2], door: impl Fn(&str) -> Door) {
    let [taken, free] = names.map(&door);
    // Fills the caches first.
    free.statements(app).await;
    let (expected, found) = (free.statements(app).await, taken.statements(app).await);
    assert_eq!(found, expected, "{} {:?}", taken.path, taken.body);
    assert!(!expected.is_empty(), "{} asks the database nothing", taken.path);
}

#[actix_web::test]
async fn entities_that_are_not_seen_take_the_path_of_those_that_do_not_exist() {
    let app = App::start().await;
    let admin = app.admin().await;
    let table = admin.asset("Table", "default/snowflake/1/t").await;
    let persona = admin.persona("foreign").await;
    let (persona_id, persona_name) = (persona["id"].as_str().unwrap(), persona["qualifiedName"].as_str().unwrap());
    let key = app.key_with(&[]).await.client;
    for id in [table.as_str(), persona_id] {
        same(&app, [id, FREE], |id| get(&key, format!("/api/meta/entity/guid/{id}"))).await;
        same(&app, [id, FREE], |id| Door {
            method: Method::DELETE,
            ..get(&key, format!("/api/meta/entity/bulk?deleteType=PURGE&guid={id}"))
        })
        .await;
    }
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": "allow", "policySubCategory": "metadata",
        "policyActions": ["persona-asset-read"], "policyResources": ["entity:default/snowflake/1"],
        "accessControl": {"guid": persona_id}}});
    let policy = admin.bulk(&[policy]).await.ok()["mutatedEntities"]["CREATE"][0].clone();
    let (policy_id, policy_name) =
        (policy["guid"].as_str().unwrap(), policy["attributes"]["qualifiedName"].as_str().unwrap());
    same(&app, [policy_id, FREE], |id| get(&key, format!("/api/meta/entity/guid/{id}"))).await;
    same(&app, [policy_id, FREE], |id| {
        let entity = json!({"typeName": "AuthPolicy", "guid": id, "attributes": {"name": "x"}});
        post(&key, "/api/meta/entity/bulk", json!({"entities": [entity]}))
    })
    .await;
    same(&app, [policy_name, &format!("{persona_name}/{FREE}")], |name| {
        let entity = json!({"typeName": "AuthPolicy", "attributes": {"name": "x", "qualifiedName": name}});
        post(&key, "/api/meta/entity/bulk", json!({"entities": [entity]}))
    })
    .await;
    same(&app, [policy_id, FREE], |id| Door {
        method: Method::DELETE,
        ..get(&key, format!("/api/meta/entity/bulk?deleteType=PURGE&guid={id}"))
    })
    .await;
    let by_name = "/api/meta/entity/uniqueAttribute/type";
    same(&app, ["default/snowflake/1/t", "default/snowflake/1/free"], |name| {
        get(&key, format!("{by_name}/Table?attr:qualifiedName={name}"))
    })
    .await;
    same(&app, [persona_name, "default/free"], |name| {
        get(&key, format!("{by_name}/Persona?attr:qualifiedName={name}"))
    })
    .await;
    same(&app, [&table, FREE], |id| {
        let entity = json!({"typeName": "Table", "guid": id, "attributes": {"name": "x"}});
        post(&key, "/api/meta/entity/bulk", json!({"entities": [entity]}))
    })
    .await;
    key.asset("Collection", "default/collection/k/1").await;
    same(&app, ["default/snowflake/1/t", "default/snowflake/1/free"], |name| {
        let attributes = json!({"name": "f", "qualifiedName": "default/collection/k/1/f", "parentQualifiedName": name});
        post(&key, "/api/meta/entity/bulk", json!({"entities": [{"typeName": "Folder", "attributes": attributes}]}))
    })
    .await;
    for query in [json!({"term": {"__guid": "?"}}), json!({"term": {"qualifiedName": "?"}})] {
        same(&app, [&table, FREE], |id| {
            let query: Value = serde_json::from_str(&query.to_string().replace('?', id)).unwrap();
            post(&key, "/api/meta/search/indexsearch", json!({"dsl": {"size": 1, "query": query}}))
        })
        .await;
    }
}

#[actix_web::test]
async fn keys_and_personas_that_are_not_seen_take_the_path_of_those_that_do_not_exist() {
    let app = App::start().await;
    let persona = app.admin().await.persona("foreign").await["id"].as_str().unwrap().to_owned();
    let (other, key) = (app.key_with(&[]).await, app.key_with(&[]).await.client);
    same(&app, [&other.id, FREE], |id| get(&key, format!("/api/service/apikeys/{id}"))).await;
    same(&app, [&persona, FREE], |id| get(&key, format!("/api/service/personas/{id}"))).await;
    for (path, id) in [("apikeys", &other.id), ("personas", &persona)] {
        same(&app, [id, FREE], |id| get(&key, format!("/api/service/{path}?filter=%7B%22id%22:%22{id}%22%7D"))).await;
    }
}

#[actix_web::test]
async fn people_who_are_not_seen_take_the_path_of_those_who_do_not_exist() {
    let app = App::start().await;
    app.admin().await;
    app.user("ada", Role::Member).await;
    let key = app.key_with(&[]).await;
    let other = app.key_with(&[]).await;
    let manager = app.key_with(&[Permission::ManageApiKeys]).await.client;
    let account = format!("service-account-apikey-{}", other.id);
    let free = format!("service-account-apikey-{FREE}");
    for names in [["ada", "eve"], [account.as_str(), free.as_str()]] {
        for path in ["/entities", "/entitiesV2", "/aspects"] {
            same(&app, names, |name| get(&key, format!("{path}/urn:li:corpuser:{name}?aspect=status"))).await;
        }
        same(&app, names, |name| {
            graph(&key, &format!("{{ corpUser(urn: \"urn:li:corpuser:{name}\") {{ username email: urn }} }}"))
        })
        .await;
    }
    same(&app, ["ada", "eve"], |name| {
        get(&key, format!("/api/service/users?filter=%7B%22username%22:%22{name}%22%7D"))
    })
    .await;
    same(&app, ["ada", "eve"], |name| {
        post(&manager, "/api/service/explain", json!({"actor": name, "action": "VIEW_AUDIT"}))
    })
    .await;
}

#[actix_web::test]
async fn who_manages_service_accounts_learns_no_name_of_a_user() {
    let app = App::start().await;
    app.admin().await;
    app.user("ada", Role::Member).await;
    let manager = app.key_with(&[Permission::ManageServiceAccounts]).await.client;
    let delete = |name: &str| format!("mutation {{ deleteServiceAccount(urn: \"urn:li:corpuser:{name}\") }}");
    let create = |name: &str| {
        format!(
            "mutation {{ createAccessToken(input: {{type: SERVICE_ACCOUNT, actorUrn: \"urn:li:corpuser:{name}\", \
             duration: ONE_DAY, name: \"t\"}}) {{ accessToken }} }}"
        )
    };
    for query in [&delete as &dyn Fn(&str) -> String, &create] {
        same(&app, ["ada", "eve"], |name| graph(&manager, &query(name))).await;
        for name in ["ada", "eve"] {
            let began = Instant::now();
            let answer =
                graph(&manager, &query(name)).client.post("/api/graphql", &json!({"query": query(name)})).await;
            assert!(answer.text.contains("404") && began.elapsed() >= Duration::from_millis(2), "{}", answer.text);
        }
    }
}

#[actix_web::test]
async fn access_tokens_of_others_take_the_path_of_those_that_do_not_exist() {
    let app = App::start().await;
    let admin = app.admin().await;
    let create = "mutation { createAccessToken(input: {type: PERSONAL, actorUrn: \"urn:li:corpuser:admin\", duration: ONE_DAY, \
                  name: \"t\"}) { metadata { id } } }";
    let created = admin.post("/api/graphql", &json!({"query": create})).await.ok();
    let id = created["data"]["createAccessToken"]["metadata"]["id"].as_str().unwrap();
    let ada = app.session_with("ada", Role::Member).await;
    let free = id.replace(|each: char| each.is_ascii_digit(), "x");
    let free = if free == id { format!("x{}", &id[1..]) } else { free };
    same(&app, [id, &free], |id| graph(&ada, &format!("mutation {{ revokeAccessToken(tokenId: \"{id}\") }}"))).await;
    let encoded = |id: &str| id.replace('/', "%2F").replace('+', "%2B");
    same(&app, [id, &free], |id| get(&ada, format!("/entitiesV2/urn:li:dataHubAccessToken:{}", encoded(id)))).await;
}

#[actix_web::test]
async fn revocations_of_others_take_the_path_of_those_that_do_not_exist() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await.client;
    let change = admin.get("/api/service/audit").await.ok()["records"][0]["id"].as_str().unwrap().to_owned();
    for path in ["", "/receipt"] {
        same(&app, [&change, FREE], |id| get(&key, format!("/api/service/revocations/{id}{path}"))).await;
    }
}
