//! `/api/service/explain` and `/api/service/apikeys/{guid}/permissions`: reasons, hypothetical personas, unused
//! permissions.

use serde_json::{Value, json};
use tessera::domain::actor::Actor;
use tessera::domain::ids::{PersonaId, PolicyId};
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Criterion, Effect, Policy, Rule, Subjects};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users;
use tessera::service::upkeep::maintenance;
use tessera::storage::policies;

use crate::support::{App, Holder};

const EXPLAIN: &str = "/api/service/explain";
const DAY: i64 = 86_400_000;

/// Writes a policy of a persona directly, without the API.
fn write(app: &App, number: u128, persona: &Value, effect: Effect, action: &str, pattern: &str) -> Policy {
    let policy = Policy {
        id: PolicyId::from(uuid::Uuid::from_u128(number)),
        qualified_name: format!("{}/{number}", persona["qualifiedName"].as_str().unwrap()),
        persona: PersonaId::parse(persona["id"].as_str().unwrap()),
        name: format!("policy {number}"),
        description: String::new(),
        rule: Rule {
            category: Category::Metadata,
            effect,
            actions: vec![action.to_owned()],
            resources: vec![Criterion::covers(vec![pattern.to_owned()])],
            subjects: Subjects::default(),
        },
        enabled: true,
        editable: true,
        attributes: serde_json::Map::new(),
        created_by: String::new(),
        created_at: 0,
        updated_at: 0,
    };
    let written = app.service.database.write(|connection| {
        policies::raise_revision(connection)?;
        match policies::find(connection, policy.id)? {
            None => policies::insert(connection, &policy),
            Some(_) => policies::update(connection, &policy).map(drop),
        }
    });
    written.unwrap();
    app.service.directory.forget_all();
    policy
}

fn disable(app: &App, policy: Policy) {
    let policy = Policy { enabled: false, ..policy };
    let written = app.service.database.write(|connection| {
        policies::raise_revision(connection)?;
        policies::update(connection, &policy).map(drop)
    });
    written.unwrap();
    app.service.directory.forget_all();
}

async fn linked(app: &App, personas: &[&Value]) -> Holder {
    let names: Vec<&Value> = personas.iter().map(|persona| &persona["qualifiedName"]).collect();
    let body = json!({"displayName": "etl", "personaQualifiedNames": names});
    let created = app.admin().await.try_create(&body).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap().to_owned();
    Holder { id: created["id"].as_str().unwrap().to_owned(), client: app.holder_of(&token), token }
}

fn reading(id: &str) -> Value {
    json!({"action": "persona-asset-read", "resource": {"type": "Table", "id": id}})
}

#[actix_web::test]
async fn a_yes_names_the_policies_that_said_it() {
    let app = App::start().await;
    let persona = app.admin().await.persona("readers").await;
    let policy = write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/snowflake/1");
    let key = linked(&app, &[&persona]).await;
    let answer = key.post(EXPLAIN, &reading("default/snowflake/1/db")).await.ok();
    assert_eq!((&answer["allowed"], &answer["outcome"]), (&json!(true), &json!("allowed")));
    assert_eq!(
        answer["policies"],
        json!([{
            "id": policy.id.to_string(), "name": "policy 1", "qualifiedName": policy.qualified_name, "effect": "allow",
            "personaId": persona["id"],
        }])
    );
    assert_eq!(answer.get("missing"), None);
}

#[actix_web::test]
async fn a_no_tells_what_is_missing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let missing = async |key: &Holder| key.post(EXPLAIN, &reading("default/a/t")).await.ok()["missing"].clone();
    let nobody = app.key_with(&[]).await;
    assert_eq!(missing(&nobody).await["reason"], "no_persona");
    let persona = admin.persona("readers").await;
    let key = linked(&app, &[&persona]).await;
    assert_eq!(missing(&key).await["reason"], "no_policy");
    let allow = write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/a");
    assert_eq!(missing(&key).await, Value::Null);
    let deny = write(&app, 2, &persona, Effect::Deny, "persona-asset-read", "default/a/t");
    let denied = key.post(EXPLAIN, &reading("default/a/t")).await.ok();
    assert_eq!((&denied["outcome"], &denied["missing"]["reason"]), (&json!("denied"), &json!("denied")));
    assert_eq!(denied["policies"][0]["id"], deny.id.to_string());
    disable(&app, deny);
    disable(&app, allow.clone());
    assert_eq!(
        missing(&key).await,
        json!({"reason": "policy_disabled", "message": "the policy that allows it is disabled", "names": ["policy 1"]})
    );
    write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/a");
    let path = format!("/api/service/personas/{}", persona["id"].as_str().unwrap());
    admin.post(&path, &json!({"name": "readers", "enabled": false})).await.ok();
    assert_eq!(missing(&key).await["reason"], "persona_disabled");
    assert_eq!(missing(&key).await["names"], json!([persona["qualifiedName"]]));
}

#[actix_web::test]
async fn what_if_answers_for_other_personas_and_changes_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await;
    write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/a");
    let key = app.key_with(&[]).await;
    let mut question = reading("default/a/t");
    question["actor"] = json!(format!("apikey-{}", key.id));
    assert_eq!(admin.post(EXPLAIN, &question).await.ok()["allowed"], false);
    question["personas"] = json!([persona["qualifiedName"]]);
    assert_eq!(admin.post(EXPLAIN, &question).await.ok()["allowed"], true);
    assert_eq!(key.whoami().await.ok()["personas"], json!([]));
    question["personas"] = json!(["default/nowhere"]);
    admin.post(EXPLAIN, &question).await.violates("personas");
}

#[actix_web::test]
async fn hypothetical_personas_are_unknown_to_those_who_may_not_read_their_policies() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (own, other) = (admin.persona("own").await, admin.persona("other").await);
    write(&app, 1, &own, Effect::Allow, "persona-asset-read", "default/a");
    write(&app, 2, &other, Effect::Allow, "persona-asset-read", "default/a");
    let asked = |persona: &Value| {
        let mut question = reading("default/a/t");
        question["personas"] = json!([persona["qualifiedName"]]);
        question
    };
    let key = linked(&app, &[&own]).await;
    assert_eq!(key.post(EXPLAIN, &asked(&own)).await.ok()["policies"][0]["name"], "policy 1");
    let unseen = key.post(EXPLAIN, &asked(&other)).await.violates("personas");
    let unknown = key.post(EXPLAIN, &asked(&json!({"qualifiedName": "default/nowhere"}))).await.violates("personas");
    assert_eq!(unseen.replace(other["qualifiedName"].as_str().unwrap(), "default/nowhere"), unknown);
    let mut both = asked(&own);
    both["personas"].as_array_mut().unwrap().push(other["qualifiedName"].clone());
    key.post(EXPLAIN, &both).await.violates("personas");
    // Managing keys includes asking about others, but not reading policies.
    app.key_with(&[Permission::ManageApiKeys]).await.post(EXPLAIN, &asked(&other)).await.violates("personas");
    for permission in [Permission::ManagePersonas, Permission::ManagePolicies] {
        app.key_with(&[permission]).await.post(EXPLAIN, &asked(&other)).await.ok();
    }
    admin.post(EXPLAIN, &asked(&other)).await.ok();
}

#[actix_web::test]
async fn policies_about_others_are_told_to_those_who_may_read_them() {
    let app = App::start().await;
    let persona = app.admin().await.persona("readers").await;
    let allow = write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/a");
    let key = linked(&app, &[&persona]).await;
    let mut question = reading("default/a/t");
    question["actor"] = json!(key.id);
    let blind = app.key_with(&[Permission::ManageApiKeys]).await;
    let told = blind.post(EXPLAIN, &question).await.ok();
    assert_eq!((&told["allowed"], &told["policies"]), (&json!(true), &json!([])));
    let reader = app.key_with(&[Permission::ManageApiKeys, Permission::ManagePolicies]).await;
    assert_eq!(reader.post(EXPLAIN, &question).await.ok()["policies"][0]["name"], "policy 1");
    disable(&app, allow);
    let missing = blind.post(EXPLAIN, &question).await.ok()["missing"].clone();
    assert_eq!((&missing["reason"], &missing["names"]), (&json!("policy_disabled"), &json!([])));
    assert_eq!(reader.post(EXPLAIN, &question).await.ok()["missing"]["names"], json!(["policy 1"]));
}

#[actix_web::test]
async fn who_could_write_a_policy_is_told_as_far_as_the_object_is_seen() {
    let app = App::start().await;
    let admin = app.admin().await;
    let olga = app.session_with("olga", Role::Member).await;
    olga.asset("Connection", "default/snowflake/1").await;
    let key = app.key_with(&[]).await;
    let writers = async |client: &crate::support::Client, name: &str| {
        let told = client.post(EXPLAIN, &reading(name)).await.ok()["policyWriters"].clone();
        (told["object"].clone(), told["asking"].clone())
    };
    let table = "default/snowflake/1/db/t";
    assert_eq!(writers(&olga, table).await, (json!("default/snowflake/1"), json!(true)));
    assert_eq!(writers(&admin, table).await, (json!("default/snowflake/1"), json!(true)));
    assert_eq!(writers(&key, table).await, (json!(null), json!(false)));
    assert_eq!(writers(&key, "default/nowhere/1/t").await, (json!(null), json!(false)));
    let username = key.whoami().await.ok()["username"].clone();
    let viewers = json!({"qualifiedName": "default/snowflake/1", "viewerUsers": [username]});
    olga.save("Connection", &viewers).await.ok();
    assert_eq!(writers(&key, table).await, (json!("default/snowflake/1"), json!(false)));
    let platform = key.post(EXPLAIN, &json!({"action": "VIEW_AUDIT"})).await.ok();
    assert_eq!(platform.get("policyWriters"), None);
}

#[actix_web::test]
async fn a_permission_of_the_platform_is_explained_by_its_source() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[Permission::ViewAudit]).await;
    let held = key.post(EXPLAIN, &json!({"action": "VIEW_AUDIT"})).await.ok();
    assert_eq!((&held["allowed"], &held["sources"][0]["source"]["kind"]), (&json!(true), &json!("grant")));
    let lacking = key.post(EXPLAIN, &json!({"action": "MANAGE_POLICIES"})).await.ok();
    assert_eq!((&lacking["allowed"], &lacking["missing"]["reason"]), (&json!(false), &json!("no_permission")));
    let role = admin.post(EXPLAIN, &json!({"action": "MANAGE_POLICIES"})).await.ok();
    assert_eq!(role["sources"][0]["source"]["kind"], "role");
    assert_eq!(role["policies"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn who_is_disabled_or_has_expired_may_do_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.session_with("ada", Role::Admin).await;
    let mut question = reading("default/a");
    question["actor"] = json!("ada");
    assert_eq!(admin.post(EXPLAIN, &question).await.ok()["rules"], json!(["platform-administrators"]));
    users::set_state(&app.service, &app.operator(), "ada".into(), PrincipalState::Disabled).await.unwrap();
    let answer = admin.post(EXPLAIN, &question).await.ok();
    assert_eq!((&answer["allowed"], &answer["missing"]["reason"]), (&json!(false), &json!("actor_disabled")));
    let created = admin.try_create(&json!({"displayName": "short", "validitySeconds": 60})).await.ok();
    app.advance(60_000);
    question["actor"] = created["id"].clone();
    assert_eq!(admin.post(EXPLAIN, &question).await.ok()["missing"]["reason"], "key_expired");
}

#[actix_web::test]
async fn only_who_manages_keys_asks_about_others() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let mut question = reading("default/a");
    for other in ["ada", "apikey-00000000-0000-0000-0000-000000000000"] {
        question["actor"] = json!(other);
        key.post(EXPLAIN, &question).await.refused("TESSERA-403-001");
    }
    question["actor"] = json!(key.id);
    key.post(EXPLAIN, &question).await.ok();
    let other = app.key_with(&[]).await;
    key.get(&permissions_of(&other.id)).await.refused("TESSERA-403-001");
    let manager = app.key_with(&[Permission::ManageApiKeys]).await;
    manager.get(&permissions_of(&other.id)).await.ok();
    question["actor"] = json!("nobody");
    manager.post(EXPLAIN, &question).await.refused("TESSERA-404-001");
    for wrong in [
        json!({"action": ""}),
        json!({"action": "a\u{0}"}),
        json!({"action": "a", "actor": "a\u{0}"}),
        json!({"action": "a", "personas": ["a\u{0}"]}),
        json!({"action": "a", "resource": {"type": "a\u{0}", "id": "a"}}),
        json!({"action": "a", "resource": {"id": ""}}),
    ] {
        manager.post(EXPLAIN, &wrong).await.refused("TESSERA-400-001");
    }
}

fn permissions_of(id: &str) -> String {
    format!("/api/service/apikeys/{id}/permissions")
}

#[actix_web::test]
async fn permissions_tell_where_each_comes_from() {
    let app = App::start().await;
    let persona = app.admin().await.persona("readers").await;
    let policy = write(&app, 1, &persona, Effect::Allow, "persona-asset-read", "default/a");
    let key = linked(&app, &[&persona]).await;
    let permissions = key.get(&permissions_of(&key.id)).await.ok();
    assert_eq!(
        permissions,
        json!({"permissions": [{
            "action": "persona-asset-read", "effect": "allow", "category": "metadata",
            "resources": [{"field": "URN", "condition": "COVERS", "values": ["default/a"]}],
            "source": {"kind": "policy", "policy": {
                "id": policy.id.to_string(), "name": "policy 1", "qualifiedName": policy.qualified_name,
                "effect": "allow", "personaId": persona["id"],
            }},
        }], "hiddenSources": 0})
    );
}

#[actix_web::test]
async fn what_a_key_makes_use_of_is_told_before_and_after_it_is_saved() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ManageApiKeys, Permission::ViewAudit]).await;
    let path = permissions_of(&key.id);
    let unused = async |period: &str| {
        let found = key.get(&format!("{path}?unused_for={period}")).await.ok();
        let found = found["permissions"].as_array().unwrap().clone();
        found.iter().map(|each| each["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(unused("30d").await, ["MANAGE_APIKEYS", "VIEW_AUDIT"]);
    key.get("/api/service/audit").await.ok();
    let used_at = app.now();
    assert_eq!(unused("30d").await, ["MANAGE_APIKEYS"]);
    maintenance::save_uses(&app.service).await.unwrap();
    assert_eq!(unused("30d").await, ["MANAGE_APIKEYS"]);
    let all = key.get(&path).await.ok();
    assert_eq!(all["permissions"][1]["lastUsedAt"], used_at);
    app.advance(31 * DAY);
    assert_eq!(unused("30d").await, ["MANAGE_APIKEYS", "VIEW_AUDIT"]);
    for wrong in ["30", "d", "-1d", "1y"] {
        key.get(&format!("{path}?unused_for={wrong}")).await.refused("TESSERA-400-001");
    }
}

#[actix_web::test]
async fn the_operator_leaves_no_uses() {
    let app = App::start().await;
    let operator: Actor = app.operator();
    assert!(app.service.directory.permission_uses.unsaved(operator.id()).is_empty());
    maintenance::save_uses(&app.service).await.unwrap();
}

#[actix_web::test]
async fn a_name_that_somebody_invented_is_not_noted_as_a_use() {
    let app = App::start().await;
    let created = app.admin().await.try_create(&json!({"displayName": "etl"})).await.ok();
    let key = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    let body = json!({"entities": [{"typeName": "Connection", "guid": "-1", "attributes": {
        "qualifiedName": "default/snowflake/1", "name": "own", "connectorName": "snowflake",
    }}]});
    key.post("/api/meta/entity/bulk", &body).await.ok();
    let asked = async |action: &str| {
        key.get(&format!("/gateway/verify?action={action}&resource=default/snowflake/1")).await.status
    };
    assert_eq!((asked("invented").await, asked("persona-asset-read").await), (200, 200));
    assert_eq!(asked("a%00b").await, 403);
    let id = tessera::domain::ids::PrincipalId::parse(created["id"].as_str().unwrap()).unwrap();
    let noted = app.service.directory.permission_uses.unsaved(id);
    let names: Vec<&str> = noted.iter().map(|each| each.permission.as_str()).collect();
    assert!(names.contains(&"persona-asset-read") && !names.contains(&"invented"), "{names:?}");
    maintenance::save_uses(&app.service).await.unwrap();
}
