//! An example of every operation, on records created for it.

use actix_web::http::Method;
use diesel::{RunQueryDsl as _, sql_query};
use serde_json::{Value, json};
use tessera::domain::node::Node;
use tessera::service::upkeep::follow::Follower;
use tessera::storage::database::AnyConnection;
use tessera::storage::nodes;

use super::rows::Row;
use crate::datahub::{CREATE, CREATE_POLICY, UPDATE_POLICY, ask, created, data, policy, urn};
use crate::log::{append_all, first_in_log};
use crate::support::{Answer, App, Client};

/// The content type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// Another user.
const OTHER: &str = "bob";
/// An edge.
const EDGE: &str = "01a205e3-0c14-7d2b-9e6f-8a4b5c6d7e8f";

/// A row with everything to try it.
pub struct Example<'a> {
    pub app: &'a App,
    pub admin: &'a Client,
    pub row: &'a Row,
    /// Method, path and description, if it is an operation of the document.
    pub operation: Option<(String, String, Value)>,
}

/// A request, ready to be sent by any client.
pub struct Request {
    method: Method,
    path: String,
    kind: &'static str,
    body: Option<String>,
}

impl Request {
    pub async fn send(&self, client: &Client) -> Answer {
        let client = client.with("content-type", self.kind);
        client.send(self.method.clone(), &self.path, self.body.as_deref()).await
    }
}

impl Example<'_> {
    /// Tries the operation as that client; the answer is the status, or in GraphQL the code of the error.
    pub async fn ask(&self, client: &Client) -> u16 {
        let request = self.request(client).await;
        let answer = if self.is_about_edges() {
            self.register_edge(client).await;
            let secret = tessera::service::edges::secret(&self.app.service, EDGE.parse().unwrap());
            let client = client.with("tessera-edge-secret", &secret);
            self.while_the_server_looks(request.send(&client)).await
        } else {
            request.send(client).await
        };
        if self.operation.is_some() {
            return answer.status;
        }
        let code = &answer.json["errors"][0]["extensions"]["code"];
        let root = answer.json["data"].as_object().and_then(|fields| fields.values().next());
        match (answer.status, code.as_u64()) {
            (200, Some(code)) => u16::try_from(code).unwrap(),
            (200, None) if answer.json["errors"].is_array() => panic!("{}: {}", self.row.name, answer.text),
            (200, None) if root.is_none_or(Value::is_null) => 404,
            (status, _) => status,
        }
    }

    /// The request, with everything that it is about; in GraphQL some are about the client.
    pub async fn request(&self, client: &Client) -> Request {
        self.prepare().await;
        let json = "application/json";
        let Some((method, path, operation)) = &self.operation else {
            let (query, variables) = self.document(client).await;
            let body = json!({"query": query, "variables": variables}).to_string();
            return Request { method: Method::POST, path: "/api/graphql".to_owned(), kind: json, body: Some(body) };
        };
        let (path, body) = self.rest(path, client).await;
        let is_form = operation["requestBody"]["content"][FORM].is_object();
        Request { method: method.parse().unwrap(), path, kind: if is_form { FORM } else { json }, body }
    }

    fn is_about_edges(&self) -> bool {
        ["create_edge", "delete_edge", "create_edge_look"].contains(&self.row.name)
    }

    /// What an edge asks needs looks of the server. Afterwards no node is left, so that revocations wait for none.
    async fn while_the_server_looks(&self, asked: impl Future<Output = Answer>) -> Answer {
        let service = &self.app.service;
        let mut follower = Follower::start(service).await.unwrap();
        follower.join(service, "here").await.unwrap();
        follower.step(service).await.unwrap();
        let looking = async {
            loop {
                follower.step(service).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let answer = tokio::select! {
            answer = asked => answer,
            () = looking => unreachable!(),
        };
        service.leave().await.unwrap();
        for node in service.database.read(nodes::all).unwrap() {
            service.database.write(|connection| nodes::delete(connection, node.id)).unwrap();
        }
        answer
    }

    /// Registers the edge of the example for that client.
    async fn register_edge(&self, client: &Client) {
        let id = client.get("/api/service/whoami").await.json["id"].as_str().map(str::to_owned);
        let owner = id.map_or_else(uuid::Uuid::nil, |id| id.parse().unwrap());
        let node = Node {
            id: EDGE.parse().unwrap(),
            name: "gateway-1".to_owned(),
            started_at: 0,
            lease: 2_000,
            acknowledged: String::new(),
            acknowledged_at: 0,
            silenced: false,
            owner: Some(owner.into()),
        };
        self.app.service.database.write(move |connection| nodes::insert(connection, &node)).unwrap();
    }

    /// Makes sure that the other user exists and is enabled.
    async fn prepare(&self) {
        let exists = self.admin.get(&format!("/entitiesV2/{}", urn(OTHER))).await.status == 200;
        if !exists {
            let value = json!({"displayName": OTHER, "active": true}).to_string();
            let body = proposal("corpUserInfo", &value);
            self.admin.post("/aspects?action=ingestProposal", &body).await.ok();
        }
    }

    async fn key(&self) -> Value {
        self.admin.create("victim").await
    }

    /// The id of a change that is in the log.
    async fn logged(&self) -> String {
        append_all(&self.app.service).await;
        first_in_log(&self.app.service)
    }

    async fn key_id(&self) -> String {
        text(&self.key().await["id"])
    }

    async fn persona(&self) -> Value {
        let count = self.admin.list("/api/service/personas", &[("limit", "1")]).await.totals()[0];
        self.admin.persona(&format!("persona {count} {}", self.app.now())).await
    }

    /// The path of an operation with its parameters, and its body.
    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    async fn rest(&self, path: &str, client: &Client) -> (String, Option<String>) {
        let other = json!({"type": "user", "id": "admin"});
        let action = json!({"name": "VIEW_ENTITY_PAGE"});
        let resource = json!({"type": "chart", "id": "urn:li:chart:sales"});
        let with = |path: &str, body: Value| (path.to_owned(), Some(body.to_string()));
        let bare = |path: String| (path, None);
        match self.row.name {
            "evaluate_access" => with(path, json!({"subject": other, "action": action, "resource": resource})),
            "evaluate_accesses" => {
                with(path, json!({"subject": other, "action": action, "resource": resource, "evaluations": [{}]}))
            }
            "search_actions" => with(path, json!({"subject": other, "resource": resource})),
            "search_resources" => {
                with(path, json!({"subject": other, "action": action, "resource": {"type": "chart"}}))
            }
            "search_subjects" => {
                with(path, json!({"subject": {"type": "user"}, "action": action, "resource": resource}))
            }
            "get_explanation" => with(path, json!({"actor": self.key_id().await, "action": "MANAGE_APIKEYS"})),
            "get_explanation about oneself" => with(path, json!({"action": "MANAGE_APIKEYS"})),
            "update_entities" => {
                let persona = self.persona().await;
                let attributes = json!({"qualifiedName": persona["qualifiedName"], "name": persona["name"]});
                with(path, json!({"entities": [{"typeName": "Persona", "attributes": attributes}]}))
            }
            "delete_entities" => bare(format!("{path}?deleteType=PURGE&guid={}", text(&self.persona().await["id"]))),
            "get_entity_by_name" => {
                let name = text(&self.persona().await["qualifiedName"]);
                bare(format!("{}?attr:qualifiedName={name}", path.replace("{type}", "Persona")))
            }
            "get_change_proof" | "get_revocation_receipt" => {
                let id = self.logged().await;
                bare(path.replace("{id}", &id))
            }
            "get_log_entries" | "get_log_hashes" => {
                self.logged().await;
                let tile = if path.contains("entries") { "000.p/1" } else { "0/000.p/1" };
                bare(path.replace("{path}", tile))
            }
            "get_log_checkpoint" | "get_log_keys" => {
                self.logged().await;
                bare(path.to_owned())
            }
            "get_witnessed_log_checkpoint" => {
                self.logged().await;
                let cosigned = "UPDATE log_state SET witnessed = checkpoint";
                let write = |connection: &mut AnyConnection| Ok(sql_query(cosigned).execute(connection)?);
                self.app.service.database.write(write).unwrap();
                self.app.service.log.forget();
                bare(path.to_owned())
            }
            "get_revocation" | "get_change" => {
                let filter = json!({"subjectId": self.key_id().await}).to_string();
                let changes = self.admin.list("/api/service/audit", &[("filter", &filter)]).await;
                bare(path.replace("{id}", &changes.column("id")[0]))
            }
            "get_entity" | "get_persona" | "delete_persona" => {
                bare(path.replace("{guid}", &text(&self.persona().await["id"])))
            }
            "update_persona" => {
                let persona = self.persona().await;
                with(&path.replace("{guid}", &text(&persona["id"])), json!({"name": persona["name"]}))
            }
            "create_persona" => {
                let name = text(&self.persona().await["name"]);
                with(path, json!({"name": format!("another {name}")}))
            }
            "search_entities" => with(path, json!({"dsl": {"query": {"term": {"__state": "ACTIVE"}}}})),
            "create_api_key" => with(path, json!({"displayName": "new"})),
            "get_api_key"
            | "delete_api_key"
            | "list_api_key_permissions"
            | "list_api_key_uses"
            | "create_client_secret"
            | "get_api_key_oauth" => bare(path.replace("{guid}", &self.key_id().await)),
            "replace_api_key_oauth" => {
                with(&path.replace("{guid}", &self.key_id().await), json!({"audiences": ["https://mcp.example.org/"]}))
            }
            "update_api_key" => with(&path.replace("{guid}", &self.key_id().await), json!({"displayName": "new"})),
            "create_oauth_client" => with(path, json!({"displayName": "new", "role": "$guest"})),
            "get_oauth_client" | "delete_oauth_client" => {
                bare(path.replace("{clientId}", &format!("oauth-client-{}", self.key_id().await)))
            }
            "replace_oauth_client" | "update_oauth_client" => {
                let path = path.replace("{clientId}", &format!("oauth-client-{}", self.key_id().await));
                with(&path, json!({"description": "new"}))
            }
            "list_users_by_name" => bare(format!("{path}?username={OTHER}")),
            "create_edge" => with(path, json!({"name": "gateway-1"})),
            "delete_edge" => bare(path.replace("{id}", EDGE)),
            "create_edge_look" => with(&path.replace("{id}", EDGE), json!({})),
            "verify_tokens" => with(path, json!({"tokens": [self.key().await["attributes"]["accessToken"]]})),
            "introspect_token" => {
                let token = text(&self.key().await["attributes"]["accessToken"]);
                (path.to_owned(), Some(format!("token={token}")))
            }
            "verify_request" => bare(format!("{path}?permission=VERIFY_TOKENS")),
            "execute_graphql" | "execute_frontend_graphql" => {
                with(path, json!({"query": "{ appConfig { appVersion } }"}))
            }
            "update_datahub_aspect" => {
                let value = json!({"displayName": "Bob", "active": true}).to_string();
                with(&format!("{path}?action=ingestProposal"), proposal("corpUserInfo", &value))
            }
            "delete_datahub_entity" => with(&format!("{path}?action=delete"), json!({"urn": urn(OTHER)})),
            "get_datahub_aspect" => {
                bare(format!("{}?aspect=corpUserKey&version=0", path.replace("{urn}", &urn(OTHER))))
            }
            "get_datahub_snapshot" | "get_datahub_entity" => bare(path.replace("{urn}", &urn(OTHER))),
            "evaluate_access about oneself" => {
                let own = client.whoami().await.json;
                let kind = if own["kind"] == "user" { "user" } else { "api_token" };
                let subject = json!({"type": kind, "id": own["username"]});
                with(path, json!({"subject": subject, "action": action, "resource": resource}))
            }
            _ => bare(path.to_owned()),
        }
    }

    async fn service_account(&self) -> String {
        let query = "mutation { createServiceAccount(input: {displayName: \"a\"}) { urn } }";
        text(&data(&ask(self.admin, query, Value::Null).await)["urn"])
    }

    /// The GraphQL document and its variables.
    async fn document(&self, client: &Client) -> (String, Value) {
        let other = urn(OTHER);
        let own = client.whoami().await.json["username"].as_str().map_or_else(|| urn("nobody"), urn);
        let token = |kind: &str, actor: &str| {
            let input = json!({"type": kind, "actorUrn": actor, "name": "a", "duration": "ONE_HOUR"});
            (CREATE.to_owned(), json!({"input": input}))
        };
        let plain = |query: String| (query, Value::Null);
        let nothing = json!({"users": [], "resourceOwners": false, "allUsers": false, "allGroups": false});
        match self.row.name {
            "createAccessToken for oneself" => token("PERSONAL", &own),
            "createAccessToken for another user" => token("PERSONAL", &other),
            "createAccessToken for a service account" => token("SERVICE_ACCOUNT", &self.service_account().await),
            "getAccessToken" => plain(format!(
                "{{ getAccessToken(input: {{type: PERSONAL, actorUrn: \"{own}\", duration: ONE_HOUR}}) {{ accessToken }} }}"
            )),
            "getAccessTokenMetadata" => {
                let (token, _) = created(self.admin, "admin", "a").await;
                plain(format!("{{ getAccessTokenMetadata(token: \"{token}\") {{ id }} }}"))
            }
            "listAccessTokens" => plain("{ listAccessTokens(input: {}) { total } }".to_owned()),
            "listAccessTokens of oneself" => plain(format!(
                "{{ listAccessTokens(input: {{filters: [{{field: \"ownerUrn\", values: [\"{own}\"]}}]}}) {{ total }} }}"
            )),
            "revokeAccessToken" => {
                let (_, id) = created(self.admin, "admin", "a").await;
                plain(format!("mutation {{ revokeAccessToken(tokenId: \"{id}\") }}"))
            }
            "createServiceAccount" => plain("mutation { createServiceAccount(input: {}) { urn } }".to_owned()),
            "deleteServiceAccount" => {
                plain(format!("mutation {{ deleteServiceAccount(urn: \"{}\") }}", self.service_account().await))
            }
            "getServiceAccount" => {
                plain(format!("{{ getServiceAccount(urn: \"{}\") {{ urn }} }}", self.service_account().await))
            }
            "listServiceAccounts" => plain("{ listServiceAccounts(input: {}) { total } }".to_owned()),
            "removeUser" => plain(format!("mutation {{ removeUser(urn: \"{other}\") }}")),
            "updateUserStatus" => plain(format!("mutation {{ updateUserStatus(urn: \"{other}\", status: ACTIVE) }}")),
            "batchAssignRole" => plain(format!(
                "mutation {{ batchAssignRole(input: {{actors: [\"{other}\"], roleUrn: \"urn:li:dataHubRole:Reader\"}}) }}"
            )),
            "createInviteToken" => plain(
                "mutation { createInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Reader\"}) { inviteToken } }"
                    .to_owned(),
            ),
            "getInviteToken" => {
                plain("{ getInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Reader\"}) { inviteToken } }".to_owned())
            }
            "createPolicy" => (CREATE_POLICY.to_owned(), json!({"input": policy(&nothing, &[])})),
            "updatePolicy" => {
                let urn = data(&ask(self.admin, CREATE_POLICY, json!({"input": policy(&nothing, &[])})).await).clone();
                (UPDATE_POLICY.to_owned(), json!({"urn": urn, "input": policy(&nothing, &[])}))
            }
            "deletePolicy" => {
                let urn = text(data(&ask(self.admin, CREATE_POLICY, json!({"input": policy(&nothing, &[])})).await));
                plain(format!("mutation {{ deletePolicy(urn: \"{urn}\") }}"))
            }
            "listPolicies" => plain("{ listPolicies(input: {}) { total } }".to_owned()),
            "debugAccess" => plain(format!("{{ debugAccess(userUrn: \"{other}\") {{ roles }} }}")),
            "corpUser" => plain(format!("{{ corpUser(urn: \"{other}\") {{ urn }} }}")),
            "scrollAcrossEntities" => plain("{ scrollAcrossEntities(input: {query: \"*\"}) { total } }".to_owned()),
            "listUsers" => plain("{ listUsers(input: {}) { total } }".to_owned()),
            "me" => plain("{ me { corpUser { username } } }".to_owned()),
            "appConfig" => plain("{ appConfig { appVersion } }".to_owned()),
            unknown => panic!("`{unknown}` needs an example in tests/api/refusals/examples.rs"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What DataHub's SDK sends to write an aspect of the other user.
fn proposal(aspect: &str, value: &str) -> Value {
    json!({"proposal": {"entityType": "corpuser", "entityUrn": urn(OTHER), "changeType": "UPSERT", "aspectName": aspect,
                        "aspect": {"value": value, "contentType": "application/json"}}, "async": "false"})
}
