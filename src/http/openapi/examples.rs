//! The examples in the OpenAPI document: one persona, one key linked to it, and their audit records.

use serde_json::{Value, json};

const API_KEY: &str = "01a205f3-fb6b-777b-b71f-c9b5970ce30f";
const PERSONA: &str = "01a205f3-fa60-7211-88c0-1bfcaff3ce0c";
const PERSONA_NAME: &str = "default/K6KFGh8TaJ90keoYmA2tpF";
const ADMIN: &str = "01a205f3-eddf-74dc-a665-88265ce51188";
const NODE: &str = "01a205e1-1f0a-7c42-8d11-52f3a2b6c901";
const EDGE: &str = "01a205e3-0c14-7d2b-9e6f-8a4b5c6d7e8f";
/// Id of the request that created the key.
pub(super) const REQUEST: &str = "01a205f3-fb6a-7522-a47d-f9273981d92c";

/// A request that works on any installation: it names no persona.
pub fn api_token_request() -> Value {
    json!({
        "displayName": "nightly-etl",
        "description": "Loads the warehouse every night",
        "personaQualifiedNames": [],
        "validitySeconds": 7_776_000,
        "workspacePermissions": [],
    })
}

/// The key as every read returns it, without its token.
pub fn api_token() -> Value {
    let client_id = format!("apikey-{API_KEY}");
    json!({
        "id": API_KEY,
        "clientId": client_id,
        "displayName": "nightly-etl",
        "attributes": {
            "access.token.lifespan": "7776000",
            "clientId": client_id,
            "username": format!("service-account-{client_id}"),
            "displayName": "nightly-etl",
            "description": "Loads the warehouse every night",
            "createdAt": "1795396205419",
            "createdBy": "admin",
            "updatedAt": "1795396205419",
            "expiresAt": "1803172205419",
            "lastUsedAt": "1795399200000",
            "useCount": "1287",
            "status": "active",
            "personas": [],
            "personaQualifiedName": [
                {"id": PERSONA, "persona": "Data engineers", "personaQualifiedName": PERSONA_NAME},
            ],
            "workspacePermissions": [],
            "allowedAddresses": [],
        },
    })
}

/// The key as returned on creation, with its token.
pub fn created_api_token() -> Value {
    let mut created = api_token();
    created["attributes"]["accessToken"] = json!("tsk_<key id><secret><checksum>");
    created["attributes"]["useCount"] = json!("0");
    if let Some(attributes) = created["attributes"].as_object_mut() {
        attributes.remove("lastUsedAt");
    }
    created
}

/// A request that creates an ordinary persona.
pub fn persona_request() -> Value {
    json!({
        "name": "Data engineers",
        "displayName": "Data engineers",
        "description": "The team that loads the warehouse",
        "enabled": true,
    })
}

/// The persona that the key is linked to.
pub fn persona() -> Value {
    json!({
        "id": PERSONA,
        "qualifiedName": PERSONA_NAME,
        "name": "Data engineers",
        "displayName": "Data engineers",
        "description": "The team that loads the warehouse",
        "enabled": true,
        "createdBy": "admin",
        "createdAt": 1_795_396_205_152_i64,
        "updatedAt": 1_795_396_205_152_i64,
    })
}

/// The audit record of the key's creation.
pub fn change() -> Value {
    json!({
        "id": "01a205f3-fb6b-7054-a09c-1dac28a6cf2f",
        "changedAt": 1_795_396_205_419_i64,
        "actorId": ADMIN,
        "actor": "admin",
        "actedBy": "",
        "action": "apikey.created",
        "subjectKind": "principal",
        "subjectId": API_KEY,
        "subject": "nightly-etl",
        "requestId": REQUEST,
        "authenticatedBy": "session:6fYQ0T3pZ8mWv1LrKcXnBd",
        "address": "192.0.2.7",
    })
}

/// An audit entry with the states of its subject before and after.
pub fn change_detail() -> Value {
    let mut detail = change();
    detail["before"] = Value::Null;
    detail["after"] = json!({
        "kind": "apiKey",
        "displayName": "nightly-etl",
        "description": "",
        "createdBy": "admin",
        "createdAt": 1_795_396_205_419_i64,
        "expiresAt": 1_803_172_205_419_i64,
        "enabled": true,
        "permissions": ["VIEW_APIKEYS"],
        "personas": ["default/8GVpzXqY3kMd0nR5tWcLbQ"],
        "allowedAddresses": [],
        "rateLimit": null,
        "oauth": { "audiences": [], "keys": [], "trust": [], "secret": "token" },
    });
    detail
}

/// The keys of a log that a restore has begun.
pub fn log_keys() -> Value {
    json!({
        "origin": "tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e/9f86d081884c7d65",
        "verifierKey": "tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e/9f86d081884c7d65+8d1f3b5a+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh",
        "ended": [{
            "verifierKey": "tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e+2c6ee24b+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh",
            "size": 8140,
            "rootHash": "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=",
            "endedAt": 1_795_396_205_419_i64,
        }],
    })
}

/// The proof of a change in a log of two.
pub fn log_proof() -> Value {
    json!({
        "leafIndex": 1,
        "treeSize": 2,
        "leaf": format!(
            "{{\"actedBy\":\"\",\"action\":\"apikey.created\",\"actor\":\"admin\",\"actorId\":\"{ADMIN}\",\
             \"address\":\"192.0.2.7\",\"after\":\"{{…}}\",\"authenticatedBy\":\"session:6fYQ0T3pZ8mWv1LrKcXnBd\",\"before\":\"null\",\
             \"changedAt\":1795396205419,\"id\":\"01a205f3-fb6b-7054-a09c-1dac28a6cf2f\",\"requestId\":\"{REQUEST}\",\
             \"subject\":\"nightly-etl\",\"subjectId\":\"{API_KEY}\",\"subjectKind\":\"principal\",\"v\":1}}"
        ),
        "hashes": ["TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="],
        "checkpoint": "tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e\n2\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n\n— tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e LG7iSwAB…\n",
    })
}

/// An edge that registers.
pub fn edge_request() -> Value {
    json!({"name": "gateway-1 127.0.0.1:8586"})
}

/// A registered edge.
pub fn edge() -> Value {
    json!({"id": EDGE, "secret": "<64 hexadecimal digits>", "lease": 2000})
}

/// The look of an edge that has answered four requests with one token from memory.
pub fn edge_look_request() -> Value {
    json!({
        "known": format!("{NODE}.4711"),
        "uses": [{"handle": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ", "count": 4, "ago": 35}],
    })
}

/// A look that has found that one API key has changed.
pub fn edge_look() -> Value {
    json!({
        "look": format!("{NODE}.4712"),
        "everything": false,
        "changed": ["c1d5e0f2-8a67-4b39-9e10-2f7a64d3b581"],
        "pass": format!("{EDGE}.<64 hexadecimal digits>"),
    })
}

/// The receipt of a revocation that the only node knows of.
pub fn receipt() -> &'static str {
    "tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e/receipts\n{\"change\":\"01a205f3-fb6b-7054-a09c-1dac28a6cf2f\",…,\"v\":1}\n\n\
     — tessera/01a205e0-0a4c-7b2e-9d57-6f1c2b3a4d5e/receipts 2Q4bCgAB…\n"
}

/// A revocation that one of two nodes knows of.
pub fn revocation() -> Value {
    json!({
        "id": "01a205f3-fb6b-7054-a09c-1dac28a6cf2f",
        "changedAt": 1_795_396_205_419_i64,
        "isFinal": false,
        "nodes": [
            {
                "id": NODE,
                "kind": "server",
                "name": "alpha 0.0.0.0:8585",
                "startedAt": 1_795_395_100_000_i64,
                "isAcknowledged": true,
                "position": "8142:8142:",
                "positionAt": 1_795_396_205_424_i64,
            },
            {
                "id": "01a205e2-77b0-7e15-b3a4-0c9d8e7f6a52",
                "kind": "server",
                "name": "beta 0.0.0.0:8585",
                "startedAt": 1_795_395_160_000_i64,
                "isAcknowledged": false,
                "position": "8139:8139:",
                "positionAt": 1_795_396_201_007_i64,
            },
        ],
    })
}

/// The sign-in request of `admin`.
pub fn session_request() -> Value {
    json!({"username": "admin", "password": "correct horse battery staple"})
}

/// The session that `admin` gets.
pub fn session() -> Value {
    json!({"token": "tss_<key id><secret><checksum>", "expiresAt": 1_795_439_404_954_i64})
}

/// The user that created the key.
pub fn user() -> Value {
    json!({
        "id": ADMIN,
        "username": "admin",
        "email": "admin@example.com",
        "firstName": "admin",
        "lastName": "",
        "enabled": true,
        "emailVerified": true,
        "createdTimestamp": 1_795_396_201_951_i64,
        "workspaceRole": "$admin",
        "roles": ["$admin"],
        "attributes": {"displayName": ["admin"], "kind": ["user"]},
    })
}

/// `whoami` as answered to the key.
pub fn who_am_i() -> Value {
    json!({
        "id": API_KEY,
        "clientId": format!("apikey-{API_KEY}"),
        "username": format!("service-account-apikey-{API_KEY}"),
        "kind": "service_account",
        "roles": [{"name": "$api-token-default-access"}],
        "permissions": [],
        "personas": [PERSONA_NAME],
        "expiresAt": 1_803_172_205_419_i64,
    })
}

/// The role of the key.
pub fn role() -> Value {
    json!({
        "id": "5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d1c04",
        "name": "$api-token-default-access",
        "description": "API token default access",
        "level": "workspace",
    })
}

/// A request that asks whether the key may read a table.
pub fn explain_request() -> Value {
    json!({
        "actor": API_KEY,
        "action": "persona-asset-read",
        "resource": {"type": "Table", "id": "default/snowflake/1795324625/db/schema/orders"},
    })
}

const CONNECTION: &str = "01a205f4-0c1d-7e43-8f0a-5b7c9d2e4f61";
const CONNECTION_NAME: &str = "default/snowflake/1795396205";

/// A connection as a client writes it.
pub fn entity_request() -> Value {
    json!({
        "typeName": "Connection",
        "guid": "-1",
        "attributes": {"qualifiedName": CONNECTION_NAME, "name": "Warehouse", "connectorName": "snowflake"},
    })
}

/// A bulk request with one entity.
pub fn entities_request() -> Value {
    json!({"entities": [entity_request()]})
}

/// The connection as its admins read it.
pub fn entity() -> Value {
    json!({
        "typeName": "Connection",
        "guid": CONNECTION,
        "status": "ACTIVE",
        "displayText": "Warehouse",
        "attributes": {
            "qualifiedName": CONNECTION_NAME,
            "name": "Warehouse",
            "connectorName": "snowflake",
            "adminUsers": ["admin"],
        },
        "createdBy": "admin",
        "updatedBy": "admin",
        "createTime": 1_795_396_205_419_i64,
        "updateTime": 1_795_396_205_419_i64,
    })
}

/// A search for connections by their name.
pub fn search_request() -> Value {
    json!({
        "dsl": {
            "from": 0,
            "size": 20,
            "query": {"bool": {"filter": [
                {"term": {"__typeName.keyword": {"value": "Connection"}}},
                {"term": {"name.keyword": {"value": "Warehouse"}}},
            ]}},
            "sort": [{"__guid": {"order": "asc"}}],
        },
        "attributes": ["connectorName", "adminUsers"],
    })
}

/// Whether the key of every day may read a table.
pub fn access_evaluation() -> Value {
    json!({
        "subject": {"type": "api_token", "id": format!("apikey-{API_KEY}")},
        "action": {"name": "persona-asset-read"},
        "resource": {"type": "Table", "id": "default/snowflake/1795396205/db/schema/orders"},
    })
}

/// Like `access_evaluation`, about two tables.
pub fn access_evaluations() -> Value {
    json!({
        "subject": {"type": "api_token", "id": format!("apikey-{API_KEY}")},
        "action": {"name": "persona-asset-read"},
        "evaluations": [
            {"resource": {"type": "Table", "id": "default/snowflake/1795396205/db/schema/orders"}},
            {"resource": {"type": "Table", "id": "default/snowflake/1795396205/db/schema/customers"}},
        ],
    })
}

/// Tokens that a program has received.
pub fn verify_tokens_request() -> Value {
    json!({"tokens": ["tsk_<key id><secret><checksum>"], "address": "192.0.2.1"})
}

/// The signed-in user.
pub fn graphql_request() -> Value {
    json!({
        "query": "query who { me { corpUser { urn username } } }",
        "variables": {},
        "operationName": "who",
    })
}
