//! Which API keys, users and personas an actor sees, in every API; hidden ones are answered as unknown.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use crate::support::{Answer, App, Client, Holder};

const KEYS: &str = "/api/service/apikeys";
const USERS: &str = "/api/service/users";
const PERSONAS: &str = "/api/service/personas";
const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

/// Two users, another actor's key, two personas, and a key that is linked to one of them.
struct Fixture {
    app: App,
    admin: Client,
    other: Holder,
    mine: Value,
    foreign: Value,
    key: Holder,
}

async fn fixture(permissions: &[Permission]) -> Fixture {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let (mine, foreign) = (admin.persona("mine").await, admin.persona("foreign").await);
    let other = app.key_with(&[]).await;
    let names: Vec<&str> = permissions.iter().map(|permission| permission.name()).collect();
    let body = json!({
        "displayName": "own", "personaQualifiedNames": [mine["qualifiedName"]], "workspacePermissions": names,
    });
    let created = admin.try_create(&body).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap().to_owned();
    let key = Holder { id: created["id"].as_str().unwrap().to_owned(), client: app.holder_of(&token), token };
    Fixture { app, admin, other, mine, foreign, key }
}

fn text(record: &Value, member: &str) -> String {
    record[member].as_str().unwrap().to_owned()
}

async fn graph(client: &Client, query: &str) -> Value {
    client.post("/api/graphql", &json!({"query": query})).await.json["data"].clone()
}

/// Asserts that the answers about a hidden and an unknown record differ only in its name.
#[track_caller]
fn alike(unseen: &Answer, unknown: &Answer, names: [&str; 2]) {
    let said = |answer: &Answer, name: &str| {
        let mut body = answer.json.clone();
        body["requestId"] = Value::Null;
        (answer.status, body.to_string().replace(name, "?"))
    };
    assert_eq!(said(unseen, names[0]), said(unknown, names[1]));
}

#[actix_web::test]
async fn a_key_without_permissions_lists_itself_and_its_own_personas_only() {
    let Fixture { key, mine, .. } = fixture(&[]).await;
    let keys = key.keys(&[]).await;
    assert_eq!((keys.column("id"), keys.totals()), (vec![key.id.clone()], [1, 1]));
    let users = key.get(USERS).await;
    assert_eq!((users.column("id"), users.totals()), (vec![], [0, 0]));
    let personas = key.get(PERSONAS).await;
    assert_eq!((personas.column("id"), personas.totals()), (vec![text(&mine, "id")], [1, 1]));
}

#[actix_web::test]
async fn no_filter_order_offset_or_limit_reaches_what_is_not_seen() {
    let Fixture { key, other, foreign, .. } = fixture(&[]).await;
    for filter in [
        json!({"id": other.id}),
        json!({"clientId": format!("apikey-{}", other.id)}),
        json!({"$or": [{"id": other.id}, {"displayName": "actor"}]}),
        json!({"$not": {"id": key.id}}),
        json!({"createdBy": "operator"}),
        json!({"displayName": {"$ilike": "a%"}}),
    ] {
        let page = key.keys(&[("filter", &filter.to_string()), ("count", "true")]).await;
        assert_eq!((page.column("id"), page.totals()), (vec![], [1, 0]), "{filter}");
    }
    let page = key.keys(&[("limit", "1"), ("sort", "createdAt")]).await;
    assert_eq!((page.column("id"), page.next()), (vec![key.id.clone()], None));
    assert_eq!(key.keys(&[("offset", "1")]).await.column("id"), [""; 0]);
    for filter in
        [json!({"username": "ada"}), json!({"email": {"$ilike": "%@example.org"}}), json!({"username": {"$ne": "x"}})]
    {
        let page = key.list(USERS, &[("filter", &filter.to_string())]).await;
        assert_eq!((page.column("id"), page.totals()), (vec![], [0, 0]), "{filter}");
    }
    for filter in
        [json!({"name": "foreign"}), json!({"qualifiedName": foreign["qualifiedName"]}), json!({"id": foreign["id"]})]
    {
        let page = key.list(PERSONAS, &[("filter", &filter.to_string())]).await;
        assert_eq!((page.column("id"), page.totals()), (vec![], [1, 0]), "{filter}");
    }
}

#[actix_web::test]
async fn one_record_that_is_not_seen_is_unknown() {
    let Fixture { key, other, mine, foreign, .. } = fixture(&[]).await;
    let foreign_id = text(&foreign, "id");
    for (path, id) in [(KEYS, other.id.as_str()), (PERSONAS, &foreign_id), ("/api/meta/entity/guid", &foreign_id)] {
        let unseen = key.get(&format!("{path}/{id}")).await;
        assert_eq!(unseen.status, 404, "{path}");
        alike(&unseen, &key.get(&format!("{path}/{UNKNOWN}")).await, [id, UNKNOWN]);
    }
    let by_name = |name: &str| format!("/api/meta/entity/uniqueAttribute/type/Persona?attr:qualifiedName={name}");
    let name = text(&foreign, "qualifiedName");
    let unseen = key.get(&by_name(&name)).await;
    assert_eq!(unseen.status, 404);
    alike(&unseen, &key.get(&by_name("default/unknown")).await, [&name, "default/unknown"]);
    let own = key.get(&by_name(&text(&mine, "qualifiedName"))).await.ok();
    assert_eq!(own["entity"]["guid"], mine["id"]);
    key.key(&key.id).await.ok();
}

#[actix_web::test]
async fn a_search_finds_and_counts_the_own_personas_only() {
    let Fixture { key, admin, mine, foreign, .. } = fixture(&[]).await;
    let all = json!({"term": {"__typeName.keyword": "Persona"}});
    assert_eq!(key.search(&all).await.found(), [text(&mine, "qualifiedName")]);
    assert_eq!(admin.search(&all).await.found().len(), 2);
    for query in [json!({"term": {"__guid": foreign["id"]}}), json!({"term": {"name.keyword": "foreign"}})] {
        let answer = key.search_with(&json!({"dsl": {"size": 0, "query": query}})).await.ok();
        assert_eq!(answer["approximateCount"], 0);
    }
}

#[actix_web::test]
async fn a_persona_tells_its_holder_of_no_other_user() {
    let Fixture { app, admin, key, mine, .. } = fixture(&[]).await;
    let link = json!({"qualifiedName": mine["qualifiedName"], "name": "mine", "personaUsers": ["ada", "admin"]});
    admin.save("Persona", &link).await.ok();
    let users = async |client: &Client| {
        let read = client.entity(mine["id"].as_str().unwrap()).await.ok();
        read["entity"]["attributes"]["personaUsers"].clone()
    };
    assert_eq!(users(&key).await, json!([]));
    assert_eq!(users(&app.session_of("ada").await).await, json!(["ada", "admin"]));
    app.set_role("ada", Role::Guest).await;
    assert_eq!(users(&app.session_of("ada").await).await, json!(["ada"]));
}

#[actix_web::test]
async fn the_doors_of_datahub_know_only_whom_the_actor_sees() {
    let Fixture { key, other, .. } = fixture(&[]).await;
    let listed = graph(&key, "{ listUsers(input: {}) { total users { username } } }").await;
    assert_eq!(listed["listUsers"], json!({"total": 0, "users": []}));
    let unseen = format!("service-account-apikey-{}", other.id);
    let own = format!("service-account-apikey-{}", key.id);
    for name in ["ada", "admin", "nobody", unseen.as_str()] {
        let query = format!("{{ corpUser(urn: \"urn:li:corpuser:{name}\") {{ username }} }}");
        assert_eq!(graph(&key, &query).await["corpUser"], Value::Null, "{name}");
        for path in ["/entities", "/entitiesV2", "/aspects"] {
            let answer = key.get(&format!("{path}/urn:li:corpuser:{name}?aspect=corpUserKey")).await;
            assert_eq!(answer.status, 404, "{path} {name}");
        }
    }
    let query = format!("{{ corpUser(urn: \"urn:li:corpuser:{own}\") {{ username }} }}");
    assert_eq!(graph(&key, &query).await["corpUser"]["username"], json!(own));
    let me = graph(&key, "{ me { corpUser { username } } }").await;
    assert_eq!(me["me"]["corpUser"]["username"], json!(own));
}

#[actix_web::test]
async fn the_owner_of_a_token_is_told_to_those_who_see_users() {
    let Fixture { app, admin, .. } = fixture(&[]).await;
    let create = "mutation { createAccessToken(input: {type: PERSONAL, actorUrn: \"urn:li:corpuser:admin\", duration: ONE_DAY, \
                  name: \"t\"}) { accessToken } }";
    graph(&admin, create).await;
    let list = "{ listAccessTokens(input: {}) { total tokens { name owner { username } } } }";
    let manager = app.key_with(&[Permission::ManageAccessTokens]).await;
    assert_eq!(graph(&manager, list).await["listAccessTokens"]["tokens"][0]["owner"]["username"], "admin");
    assert_eq!(graph(&app.key_with(&[]).await.client, list).await, Value::Null);
}

#[actix_web::test]
async fn nobody_is_named_whom_the_actor_does_not_see() {
    let Fixture { key, .. } = fixture(&[]).await;
    let mut said = Vec::new();
    for name in ["ada", "eve"] {
        let attributes =
            json!({"qualifiedName": format!("default/snowflake/{name}"), "name": "c", "adminUsers": [name]});
        let message = key.save("Connection", &attributes).await.violates("entities[0].attributes.adminUsers");
        said.push(message.replace(name, "?"));
    }
    assert_eq!(said[0], said[1]);
    let viewer = fixture(&[Permission::ViewUsers]).await;
    let attributes = json!({"qualifiedName": "default/snowflake/1", "name": "c", "adminUsers": ["ada"]});
    viewer.key.save("Connection", &attributes).await.ok();
}

#[actix_web::test]
async fn an_explanation_knows_only_whom_the_actor_sees() {
    let Fixture { key, other, .. } = fixture(&[Permission::ManageApiKeys]).await;
    let ask =
        async |actor: &str| key.post("/api/service/explain", &json!({"actor": actor, "action": "VIEW_AUDIT"})).await;
    ask(&other.id).await.ok();
    alike(&ask("ada").await, &ask("eve").await, ["ada", "eve"]);
    assert_eq!(ask("ada").await.status, 404);
    let explained = key.post("/api/service/explain", &json!({"action": "VIEW_APIKEYS"})).await.ok();
    assert_eq!((&explained["allowed"], &explained["sources"][0]["action"]), (&json!(true), &json!("MANAGE_APIKEYS")));
}

#[actix_web::test]
async fn a_search_for_resources_about_oneself_finds_only_assets_that_are_seen() {
    let Fixture { app, admin, key, mine, .. } = fixture(&[]).await;
    for name in ["default/snowflake/1", "default/snowflake/2"] {
        admin.asset("Table", name).await;
    }
    let id = key.whoami().await.ok()["username"].clone();
    let body = json!({
        "subject": {"type": "api_token", "id": id}, "action": {"name": "select"}, "resource": {"type": "Table"},
    });
    let policy = |name: &str, category: &str, action: &str, resource: &str| {
        json!({"typeName": "AuthPolicy", "attributes": {
            "name": name, "qualifiedName": name, "policyType": "allow", "policyCategory": "persona",
            "policySubCategory": category, "policyActions": [action], "policyResources": [format!("entity:{resource}")],
            "accessControl": {"typeName": "Persona", "guid": mine["id"], "attributes": {}},
        }})
    };
    admin.bulk(&[policy("d", "data", "select", "default/snowflake/*")]).await.ok();
    let found = async |client: &Client| {
        let answer = client.post("/access/v1/search/resource", &body).await.ok();
        answer["results"].as_array().unwrap().iter().map(|each| text(each, "id")).collect::<Vec<_>>()
    };
    assert_eq!(found(&key).await, [""; 0]);
    admin.bulk(&[policy("m", "metadata", "persona-asset-read", "default/snowflake/1")]).await.ok();
    assert_eq!(found(&key).await, ["default/snowflake/1"]);
    let gateway = app.key_with(&[Permission::VerifyTokens]).await;
    assert_eq!(found(&gateway).await, ["default/snowflake/1", "default/snowflake/2"]);
}

#[actix_web::test]
async fn each_permission_shows_its_own_collection() {
    for (permission, keys, users, personas) in [
        (Permission::ViewApiKeys, 2, 0, 2),
        (Permission::ManageApiKeys, 2, 0, 2),
        (Permission::ViewUsers, 1, 2, 1),
        (Permission::ManageAccessTokens, 1, 2, 1),
        (Permission::ManagePersonas, 1, 2, 2),
        (Permission::ManagePolicies, 1, 2, 2),
        (Permission::ManageUsersAndGroups, 2, 2, 2),
        (Permission::ManageUserCredentials, 2, 2, 2),
        (Permission::VerifyTokens, 1, 0, 1),
        (Permission::ViewAudit, 1, 0, 1),
        (Permission::ManageServiceAccounts, 1, 0, 1),
    ] {
        let Fixture { key, .. } = fixture(&[permission]).await;
        for (path, seen) in [(KEYS, keys), (USERS, users), (PERSONAS, personas)] {
            assert_eq!(key.get(path).await.totals(), [seen, seen], "{permission:?} {path}");
        }
    }
}

#[actix_web::test]
async fn members_see_keys_users_and_personas_and_guests_themselves() {
    let Fixture { app, .. } = fixture(&[]).await;
    let (member, guest) = (app.session_with("mia", Role::Member).await, app.session_with("gus", Role::Guest).await);
    for (path, total) in [(KEYS, 2), (USERS, 4), (PERSONAS, 2)] {
        assert_eq!(member.get(path).await.totals()[0], total, "{path}");
    }
    assert_eq!(guest.get(KEYS).await.totals(), [0, 0]);
    assert_eq!(guest.get(USERS).await.column("username"), ["gus"]);
    assert_eq!(guest.get(PERSONAS).await.totals(), [0, 0]);
    let listed = graph(&guest, "{ listUsers(input: {}) { total users { username } } }").await;
    assert_eq!(listed["listUsers"], json!({"total": 1, "users": [{"username": "gus"}]}));
}

#[actix_web::test]
async fn a_key_that_manages_keys_still_links_its_personas_by_name() {
    let Fixture { key, mine, foreign, .. } = fixture(&[Permission::ManageApiKeys]).await;
    let body = |persona: &Value| json!({"displayName": "a", "personaQualifiedNames": [persona["qualifiedName"]]});
    let created = key.try_create(&body(&mine)).await.ok();
    assert_eq!(created["attributes"]["personaQualifiedName"][0]["personaQualifiedName"], mine["qualifiedName"]);
    key.try_create(&body(&foreign)).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn what_may_be_managed_may_be_granted_as_seen_and_nothing_more() {
    let Fixture { key, .. } = fixture(&[Permission::ManageApiKeys]).await;
    let granting = |permission: &str| {
        json!({"displayName": "a", "workspacePermissions": [permission],
                                            "personaQualifiedNames": []})
    };
    let granted = key.try_create(&granting("VIEW_APIKEYS")).await.ok();
    assert_eq!(granted["attributes"]["workspacePermissions"], json!(["VIEW_APIKEYS"]));
    key.try_create(&granting("VIEW_USERS")).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn a_manager_of_service_accounts_learns_of_no_user() {
    let Fixture { key, .. } = fixture(&[Permission::ManageServiceAccounts]).await;
    let mut said = Vec::new();
    for name in ["ada", "eve"] {
        for query in [
            format!("mutation {{ deleteServiceAccount(urn: \"urn:li:corpuser:{name}\") }}"),
            format!(
                "mutation {{ createAccessToken(input: {{type: SERVICE_ACCOUNT, actorUrn: \"urn:li:corpuser:{name}\", \
                 duration: ONE_DAY, name: \"t\"}}) {{ accessToken }} }}"
            ),
        ] {
            let answer = key.post("/api/graphql", &json!({"query": query})).await;
            said.push(answer.json["errors"][0]["message"].to_string().replace(name, "?"));
        }
    }
    assert_eq!(said[..2], said[2..]);
    assert!(said.iter().all(|message| message.contains("not found")), "{said:?}");
}
