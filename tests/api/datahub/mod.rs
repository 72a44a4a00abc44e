//! DataHub's API: GraphQL, cookies, and the REST calls of its clients.

mod coercion;
mod containment;
mod cookies;
mod errors;
mod ingest;
mod invite_links;
mod limits;
mod listing;
mod newest;
mod own_suspension;
mod policies;
mod rest;
mod service;
mod service_accounts;
mod switches;
mod tokens;
mod users;

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{App, Client, PASSWORD};

/// DataHub's message for a refusal.
pub const UNAUTHORIZED: &str = "Unauthorized to perform this action. Please contact your DataHub administrator.";
/// The policy that allows every user to create tokens for itself.
pub const BASE_POLICY: &str = "urn:li:dataHubPolicy:7";

pub fn urn(name: &str) -> String {
    format!("urn:li:corpuser:{name}")
}

/// Sends a GraphQL request.
pub async fn ask(client: &Client, query: &str, variables: Value) -> Value {
    let answer = client.post("/api/graphql", &json!({"query": query, "variables": variables})).await;
    assert_eq!(answer.header("content-type"), Some("application/json;charset=utf-8"), "{}", answer.text);
    answer.ok()
}

/// The one root field of an answer without errors.
#[track_caller]
pub fn data(answer: &Value) -> &Value {
    assert!(answer["errors"].is_null(), "{answer}");
    assert_eq!(answer["extensions"], json!({}), "{answer}");
    let fields = answer["data"].as_object().unwrap();
    assert_eq!(fields.len(), 1, "{answer}");
    fields.values().next().unwrap()
}

/// The code and the message of the one error of an answer, of the shape that DataHub's clients read.
#[track_caller]
pub fn problem(answer: &Value) -> (i64, String) {
    let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(errors.len(), 1, "{answer}");
    let extensions = &errors[0]["extensions"];
    let code = extensions["code"].as_i64().unwrap_or_else(|| panic!("{answer}"));
    let kind = match code {
        400 => "BAD_REQUEST",
        403 => "UNAUTHORIZED",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        _ => "SERVER_ERROR",
    };
    assert_eq!(*extensions, json!({"code": code, "type": kind, "classification": "DataFetchingException"}));
    (code, errors[0]["message"].as_str().unwrap().to_owned())
}

#[track_caller]
pub fn refused(answer: &Value) {
    assert_eq!(problem(answer), (403, UNAUTHORIZED.to_owned()), "{answer}");
}

pub const CREATE: &str =
    "mutation createAccessToken($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
    accessToken metadata { urn type id actorUrn ownerUrn name description createdAt expiresAt } } }";
pub const LIST: &str = "query listAccessTokens($input: ListAccessTokenInput!) { listAccessTokens(input: $input) {
    start count total tokens { urn type id name description actorUrn ownerUrn createdAt expiresAt } } }";
pub const REVOKE: &str = "mutation revokeAccessToken($tokenId: String!) { revokeAccessToken(tokenId: $tokenId) }";

pub async fn create(client: &Client, kind: &str, actor: &str, name: &str, duration: &str) -> Value {
    let input = json!({"type": kind, "actorUrn": urn(actor), "name": name, "duration": duration});
    ask(client, CREATE, json!({"input": input})).await
}

/// The token and the id of a personal token that must be created.
pub async fn created(client: &Client, actor: &str, name: &str) -> (String, String) {
    let answer = create(client, "PERSONAL", actor, name, "ONE_HOUR").await;
    let token = data(&answer);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&token["accessToken"]), text(&token["metadata"]["id"]))
}

pub async fn list(client: &Client, input: Value) -> Value {
    ask(client, LIST, json!({"input": input})).await
}

pub async fn revoke(client: &Client, id: &str) -> Value {
    ask(client, REVOKE, json!({"tokenId": id})).await
}

/// Only tokens that the client created itself.
pub fn own(name: &str) -> Value {
    json!({"filters": [{"field": "ownerUrn", "values": [urn(name)]}]})
}

/// Whether a token is accepted by DataHub's API and by Atlan's.
pub async fn is_let_in(app: &App, token: &str) -> bool {
    let holder = app.holder_of(token);
    let here = holder.get("/openapi/operations/identity/user/urn?skipCache=true").await.status;
    let there = holder.whoami().await.status;
    assert_eq!(here, there, "both doors must agree");
    assert!(here == 200 || here == 401, "{here}");
    here == 200
}

/// A user who gets just these permissions from a policy, and no others.
pub async fn user_with(app: &App, admin: &Client, name: &str, permissions: &[Permission]) -> Client {
    app.user(name, Role::Guest).await;
    let privileges: Vec<&str> = permissions.iter().map(|permission| permission.name()).collect();
    if !privileges.is_empty() {
        let input = policy(
            &json!({"users": [urn(name)], "resourceOwners": false, "allUsers": false, "allGroups": false}),
            &privileges,
        );
        data(&ask(admin, CREATE_POLICY, json!({"input": input})).await);
    }
    app.session_of(name).await
}

pub const CREATE_POLICY: &str = "mutation createPolicy($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
pub const UPDATE_POLICY: &str =
    "mutation updatePolicy($urn: String!, $input: PolicyUpdateInput!) { updatePolicy(urn: $urn, input: $input) }";

pub fn policy(actors: &Value, privileges: &[&str]) -> Value {
    json!({"type": "PLATFORM", "state": "ACTIVE", "name": "Test Policy Name", "description": "Test Policy Description",
           "resources": {"filter": {"criteria": []}}, "privileges": privileges, "actors": actors})
}

/// Enables or disables the policy that allows every user to create tokens for itself.
pub async fn set_base_policy(admin: &Client, state: &str) {
    let actors = json!({"users": [], "groups": null, "resourceOwners": false, "allUsers": true, "allGroups": false,
                        "resourceOwnersTypes": null});
    let mut input = policy(&actors, &["MANAGE_INGESTION", "VIEW_ANALYTICS", "GENERATE_PERSONAL_ACCESS_TOKENS"]);
    input["state"] = json!(state);
    let answer = ask(admin, UPDATE_POLICY, json!({"urn": BASE_POLICY, "input": input})).await;
    assert_eq!(*data(&answer), BASE_POLICY);
}

/// A browser that has signed in: its cookies go with every request.
pub async fn browser(app: &App, name: &str) -> Client {
    let answer = app.anonymous().post("/logIn", &json!({"username": name, "password": PASSWORD})).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let cookies: Vec<String> = answer
        .headers
        .get_all("set-cookie")
        .map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    app.anonymous().with("cookie", &cookies.join("; "))
}

/// Posts a text as it is, without a content type.
pub async fn post_bare(client: &Client, path: &str, body: &str) -> crate::support::Answer {
    client.send(Method::POST, path, Some(body)).await
}
