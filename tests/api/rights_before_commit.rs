//! A write reads again, before it commits, everything that authorised it, and nothing else: who takes away what it rests on
//! stops it, who changes anything else does not.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Effect, Rule};
use tessera::domain::principal::Role;
use tessera::service::catalogue::policies::{self, PolicyInput};

use crate::support::meanwhile::{meanwhile, removes, switches};
use crate::support::rules::{allow, criterion, input};
use crate::support::statements::sent_to;
use crate::support::{Answer, App, Client, Holder};

const CONTENDED: &str = "TESSERA-503-003";
const TABLE: &str = "default/lake/1/t";
const OTHER: &str = "default/lake/2";
const WRITES: [&str; 2] = ["persona-asset-read", "persona-asset-update"];

async fn rename(client: &Client, qualified_name: &str) -> Answer {
    client.save("Table", &json!({"qualifiedName": qualified_name, "name": "renamed"})).await
}

/// The administrator, and a member who administers a connection with a table. Another member made the other connection.
async fn world() -> (App, Client, Client) {
    let app = App::start().await;
    let admin = app.admin().await;
    let carol = app.session_with("carol", Role::Member).await;
    carol.asset("Connection", "default/lake/1").await;
    carol.asset("Table", TABLE).await;
    let bob = app.session_with("bob", Role::Member).await;
    let other = json!({"qualifiedName": OTHER, "name": "c", "viewerUsers": ["carol", "admin"]});
    bob.save("Connection", &other).await.ok();
    (app, admin, carol)
}

/// A key that may update what has this name, by a policy that names the key. Also the id of the policy.
async fn named(app: &App, qualified_name: &str) -> (Holder, String) {
    let key = app.key_with(&[]).await;
    let within = criterion("URN", "EQUALS", &[qualified_name]);
    let policy = app.policy(allow(&[&format!("service-account-apikey-{}", key.id)], &WRITES, &[within])).await;
    (key, policy.id.to_string())
}

/// A key with these permissions that may update what has this name, by a policy of a persona. Also the id of the policy.
async fn linked(app: &App, admin: &Client, qualified_name: &str, permissions: &[Permission]) -> (Holder, String) {
    let key = app.key_with(permissions).await;
    let persona = admin.persona(&key.id).await;
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": key.id, "name": "p", "policyType": "allow", "policyCategory": "persona",
        "policySubCategory": "metadata", "policyActions": WRITES,
        "policyResources": [format!("entity:{qualified_name}")],
        "accessControl": {"typeName": "Persona", "guid": persona["id"]}}});
    let made = admin.bulk(&[policy]).await.ok();
    let links = json!({"displayName": "actor", "personaQualifiedNames": [persona["qualifiedName"]]});
    admin.try_update(&key.id, &links).await.ok();
    (key, made["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned())
}

/// A policy that is not in force yet and denies the key to update what has this name.
async fn asleep(app: &App, key: &Holder, qualified_name: &str) -> String {
    let within = criterion("URN", "EQUALS", &[qualified_name]);
    let username = format!("service-account-apikey-{}", key.id);
    let rule = Rule { effect: Effect::Deny, ..allow(&[&username], &WRITES, &[within]) };
    let policy = PolicyInput { enabled: false, ..input(rule) };
    policies::create(&app.service, &app.operator(), policy).await.unwrap().id.to_string()
}

async fn name_of_table(app: &App) -> Value {
    let found = app.session_of("admin").await.search(&json!({"term": {"qualifiedName": TABLE}})).await.ok();
    found["entities"][0]["attributes"]["name"].clone()
}

#[actix_web::test]
async fn a_write_by_a_policy_that_ends_meanwhile_commits_nothing() {
    let (app, admin, _) = world().await;
    for (key, policy) in [linked(&app, &admin, TABLE, &[]).await, named(&app, TABLE).await] {
        meanwhile(&app, "asset.updated", "UPDATE revisions SET revision = revision WHERE name = ''");
        rename(&key, TABLE).await.ok();
        admin.save("Table", &json!({"qualifiedName": TABLE, "name": "x"})).await.ok();
        meanwhile(&app, "asset.updated", &switches(&policy, "FALSE"));
        let answer = rename(&key, TABLE).await;
        assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text);
        answer.refused(CONTENDED);
        assert_eq!(name_of_table(&app).await, "x");
    }
}

#[actix_web::test]
async fn a_write_that_a_policy_denies_meanwhile_commits_nothing() {
    let (app, admin, _) = world().await;
    let (key, _) = linked(&app, &admin, TABLE, &[]).await;
    meanwhile(&app, "asset.updated", &switches(asleep(&app, &key, TABLE).await, "TRUE"));
    rename(&key, TABLE).await.refused(CONTENDED);
    assert_eq!(name_of_table(&app).await, "x");
}

#[actix_web::test]
async fn who_writes_policies_about_other_names_stops_no_write() {
    let (app, admin, _) = world().await;
    let (key, _) = linked(&app, &admin, TABLE, &[]).await;
    for name in [OTHER, &format!("{TABLE}/column")] {
        meanwhile(&app, "asset.updated", &switches(asleep(&app, &key, name).await, "TRUE"));
        rename(&key, TABLE).await.ok();
    }
}

/// Whether giving is denied is decided by the policies about the giver.
#[actix_web::test]
async fn a_persona_that_denies_meanwhile_what_is_shared_stops_the_sharing() {
    let (app, admin, carol) = world().await;
    let persona = admin.persona("kept back").await;
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "d", "name": "d", "policyType": "deny", "policyCategory": "persona",
        "policySubCategory": "metadata", "policyActions": ["persona-asset-read"],
        "policyResources": ["entity:default/elsewhere/1"],
        "accessControl": {"typeName": "Persona", "guid": persona["id"]}}});
    admin.bulk(&[policy]).await.ok();
    let linked = json!({"typeName": "Persona", "guid": persona["id"], "attributes": {
        "qualifiedName": persona["qualifiedName"], "name": "kept back", "personaUsers": ["carol"]}});
    admin.bulk(&[linked]).await.ok();
    let share = |name: &str| json!({"qualifiedName": TABLE, "name": name, "viewerUsers": ["bob"]});
    let widened = |to: &str| {
        format!(
            "UPDATE policies SET resources = replace(resources, 'default/elsewhere/1', '{to}') WHERE effect = 'deny'; \
             UPDATE revisions SET revision = revision + 1 WHERE name = 'policies'"
        )
    };
    meanwhile(&app, "asset.updated", &widened(TABLE));
    carol.save("Table", &share("shared")).await.refused(CONTENDED);
    meanwhile(&app, "asset.updated", &widened("default/elsewhere/2"));
    carol.save("Table", &share("shared")).await.ok();
}

#[actix_web::test]
async fn a_write_by_a_grant_that_is_taken_away_meanwhile_commits_nothing() {
    let (app, _, carol) = world().await;
    let beneath = json!({"qualifiedName": format!("{TABLE}/column"), "name": "c"});
    meanwhile(&app, "asset.created", &removes("carol", "default/lake/1"));
    let answer = carol.save("Column", &beneath).await;
    assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text);
    crate::errors::is_atlan(&answer);
    answer.refused(CONTENDED);
    let problem = carol.with("accept", "application/problem+json").save("Column", &beneath).await;
    assert_eq!((problem.status, &problem.json["code"]), (503, &json!(CONTENDED)), "{}", problem.text);
}

/// Names are cut off in the audit trail, and are unique within a type only: what a transaction writes is known by its id.
#[actix_web::test]
async fn only_the_assets_that_a_write_has_written_may_change_meanwhile() {
    let (app, admin, carol) = world().await;
    let long = format!("{OTHER}/{}", "t".repeat(80));
    let table = json!({"qualifiedName": long, "name": "t", "adminUsers": ["bob", "carol"]});
    admin.save("Table", &table).await.ok();
    meanwhile(&app, "asset.created", &removes("carol", &long));
    let beneath = json!({"qualifiedName": format!("{long}/column"), "name": "c"});
    carol.save("Column", &beneath).await.refused(CONTENDED);
    let namesake = json!({"qualifiedName": long, "name": "n", "adminUsers": ["carol"]});
    carol.save("View", &namesake).await.refused(CONTENDED);
    meanwhile(&app, "asset.created", &removes("carol", TABLE));
    carol.save("Column", &beneath).await.ok();
}

/// Writing a persona excuses that it is enabled or disabled, but not that another transaction links or unlinks it.
#[actix_web::test]
async fn a_key_that_describes_its_persona_and_is_unlinked_meanwhile_commits_nothing() {
    let (app, admin, _) = world().await;
    let (key, _) = linked(&app, &admin, TABLE, &[Permission::ManagePersonas]).await;
    let personas = admin.get("/api/service/personas").await.ok()["records"].clone();
    let persona = personas.as_array().unwrap().iter().find(|persona| persona["name"] == key.id).unwrap();
    let name = persona["qualifiedName"].as_str().unwrap().to_owned();
    let bulk = [
        json!({"typeName": "Table", "attributes": {"qualifiedName": TABLE, "name": "renamed"}}),
        json!({"typeName": "Persona", "attributes": {"qualifiedName": name, "name": key.id, "description": "described"}}),
    ];
    key.bulk(&bulk).await.ok();
    admin.save("Table", &json!({"qualifiedName": TABLE, "name": "x"})).await.ok();
    meanwhile(&app, "asset.updated", &format!("DELETE FROM persona_links WHERE principal_id = '{}'", key.id));
    key.bulk(&bulk).await.refused(CONTENDED);
    assert_eq!(name_of_table(&app).await, "x");
}

/// A request that gives its actor the role that it has, or another one, keeps nothing that a policy gave and gives no more.
#[actix_web::test]
async fn who_assigns_itself_a_role_and_loses_a_policy_meanwhile_commits_nothing() {
    let (app, _, _) = world().await;
    let carol = app.session_of("carol").await;
    let rule = Rule { category: Category::Platform, ..allow(&["carol"], &["MANAGE_USERS_AND_GROUPS"], &[]) };
    let policy = app.policy(rule).await.id;
    for role in ["Editor", "Reader"] {
        let query = format!(
            "mutation {{ batchAssignRole(input: {{roleUrn: \"urn:li:dataHubRole:{role}\", actors: [\"urn:li:corpuser:carol\"]}}) }}"
        );
        meanwhile(&app, "user.updated", &switches(policy, "FALSE"));
        let answer = carol.post("/api/graphql", &json!({"query": query})).await;
        assert_eq!(answer.json["errors"][0]["extensions"]["code"], 503, "{role}: {}", answer.text);
        meanwhile(&app, "user.updated", "UPDATE revisions SET revision = revision WHERE name = ''");
        let answer = carol.post("/api/graphql", &json!({"query": query})).await.ok();
        assert_eq!(answer["data"]["batchAssignRole"], true, "{role}: {answer}");
    }
}

#[actix_web::test]
async fn who_removes_a_principal_from_other_assets_stops_no_write_of_it() {
    let (app, admin, carol) = world().await;
    for (client, name) in [(&carol, "carol"), (&admin, "admin")] {
        meanwhile(&app, "asset.updated", &removes(name, OTHER));
        rename(client, TABLE).await.ok();
    }
}

#[actix_web::test]
async fn a_write_reads_no_grants_of_assets_that_it_does_not_decide_about() {
    let (app, _, carol) = world().await;
    rename(&carol, TABLE).await.ok();
    carol.whoami().await.ok();
    let url = app.storage.url();
    let place = url.strip_prefix("sqlite://").or(url.rsplit('/').next()).unwrap().split('?').next().unwrap();
    let (answer, sent) = sent_to(place, rename(&carol, TABLE)).await;
    answer.ok();
    let sent: Vec<String> = sent.iter().map(|statement| statement.replace(['"', '`'], "")).collect();
    assert!(sent.iter().any(|statement| statement.contains("UPDATE assets")), "{sent:#?}");
    let grants: Vec<&String> =
        sent.iter().filter(|it| it.starts_with("SELECT assets.id, assets.qualified_name, asset_")).collect();
    assert!(!grants.is_empty(), "{sent:#?}");
    for statement in grants {
        // By name in every plan: the index by member would lead to all assets that name the principal.
        assert!(statement.contains("assets.qualified_name IN") || statement.contains("assets.qualified_name = ANY"));
        assert!(statement.contains("asset_people.member || "), "{statement}");
    }
}

#[actix_web::test]
async fn a_key_that_is_bounded_meanwhile_makes_no_unbounded_key() {
    let (app, _, _) = world().await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let key = Holder { client: key.at("192.0.2.7"), ..key };
    let id = &key.id;
    let child = json!({"displayName": "child", "validitySeconds": 600});
    key.try_create(&child).await.ok();
    for bound in [
        "rate_limit_requests = 60, rate_limit_seconds = 60".to_owned(),
        "allowed_addresses = '192.0.2.0/24'".to_owned(),
        format!("expires_at = {}", app.now() + 300_000),
    ] {
        meanwhile(&app, "apikey.created", &format!("UPDATE api_keys SET {bound} WHERE id = '{id}'"));
        key.try_create(&child).await.refused(CONTENDED);
    }
    let of_others = format!("UPDATE api_keys SET rate_limit_requests = 60, rate_limit_seconds = 60 WHERE id <> '{id}'");
    meanwhile(&app, "apikey.created", &of_others);
    key.try_create(&child).await.ok();
}

#[actix_web::test]
async fn graphql_answers_a_contended_write_as_unavailable() {
    let (app, _, _) = world().await;
    let key = app.key_with(&[Permission::ManageServiceAccounts]).await;
    let taken = format!("DELETE FROM principal_permissions WHERE principal_id = '{}'", key.id);
    meanwhile(&app, "service_account.created", &taken);
    let query = "mutation { createServiceAccount(input: {}) { name } }";
    let answer = key.post("/api/graphql", &json!({"query": query})).await;
    assert_eq!(answer.json["errors"][0]["extensions"]["code"], 503, "{}", answer.text);
}

#[actix_web::test]
async fn an_administrator_whose_role_assets_name_gives_up_its_role() {
    let (app, admin, _) = world().await;
    let named = json!({"qualifiedName": OTHER, "name": "c", "adminRoles": [Role::Admin.id()]});
    admin.save("Connection", &named).await.ok();
    let root = app.session_with("root", Role::Admin).await;
    let query = "mutation { batchAssignRole(input: {roleUrn: \"urn:li:dataHubRole:Reader\", actors: [\"urn:li:corpuser:root\"]}) }";
    let answer = root.post("/api/graphql", &json!({"query": query})).await.ok();
    assert_eq!(answer, json!({"data": {"batchAssignRole": true}, "extensions": {}}));
    let left = root.whoami().await.ok()["permissions"].clone();
    assert!(!left.as_array().unwrap().contains(&json!(Permission::ManageUsersAndGroups.name())), "{left}");
}
