//! `AuthZEN`: single evaluations. Table and requests are those of the certification scenario for `AuthZEN` 1.0.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users;

use crate::support::rules::{allow, certified, criterion, question, record, user, with};
use crate::support::{App, Client};

const EVALUATION: &str = "/access/v1/evaluation";

async fn ask(client: &Client, subject: &Value, action: &Value, resource: &Value) -> Value {
    client.post(EVALUATION, &question(subject, action, resource)).await.ok()
}

#[actix_web::test]
async fn the_decisions_of_the_certification_scenario_come_out() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let name = |name: &str| json!({"name": name});
    let archived = with(record("record-2"), &json!({"status": "archived"}));
    let delete = |soft: bool| with(name("delete"), &json!({"soft": soft}));
    for (subject, action, resource, expected) in [
        (user("alice"), name("read"), record("record-1"), true),
        (user("alice"), name("write"), record("record-1"), true),
        (user("bob"), name("read"), record("record-1"), true),
        (user("bob"), name("write"), record("record-1"), false),
        (user("alice"), name("write"), archived.clone(), false),
        (with(user("bob"), &json!({"role": "admin"})), name("write"), archived, true),
        (user("alice"), delete(true), record("record-1"), true),
        (user("alice"), delete(false), record("record-1"), false),
    ] {
        for _ in 0..2 {
            let answer = ask(&gateway, &subject, &action, &resource).await;
            assert_eq!(answer["decision"], expected, "{subject} {action} {resource}: {answer}");
        }
    }
}

#[actix_web::test]
async fn what_nobody_knows_is_ignored_and_the_request_id_comes_back() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let mut body = question(&user("alice"), &json!({"name": "read"}), &record("record-1"));
    body["context"] = json!({"time": "2025-06-27T18:03-07:00"});
    body["foo"] = json!("bar");
    body["subject"]["futureField"] = json!({"nested": true});
    let answer = gateway.with("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716").post(EVALUATION, &body).await;
    assert_eq!(answer.header("x-request-id"), Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.ok(), json!({"decision": true}));
}

#[actix_web::test]
async fn what_cannot_be_read_is_a_bad_request() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let good = question(&user("alice"), &json!({"name": "read"}), &record("record-1"));
    for path in
        ["subject", "action", "resource", "subject/type", "subject/id", "action/name", "resource/type", "resource/id"]
    {
        let pointer = format!("/{path}");
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let without = |value: Option<Value>| {
            let mut body = good.clone();
            let members = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            members.remove(member);
            members.extend(value.map(|value| (member.to_owned(), value)));
            body
        };
        for value in [
            None,
            Some(Value::Null),
            Some(json!(123)),
            Some(json!([])),
            Some(json!("")),
            Some(json!("\0")),
            Some(json!(true)),
        ] {
            let answer = gateway.post(EVALUATION, &without(value)).await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.text);
            assert!(!answer.text.contains("struct"), "{}", answer.text);
        }
    }
    for properties in [json!([]), json!("x"), json!(1)] {
        let mut body = good.clone();
        body["subject"]["properties"] = properties;
        assert_eq!(gateway.post(EVALUATION, &body).await.status, 400);
    }
    for text in ["", " ", "{", "null", "[]", "\"x\"", "{}", "{\"subject\": }"] {
        assert_eq!(gateway.post_text(EVALUATION, text).await.status, 400, "{text}");
    }
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/problem+json", ""] {
        let answer = gateway.with("content-type", kind).send(Method::POST, EVALUATION, Some(&good.to_string())).await;
        assert_eq!(answer.status, 400, "{kind}");
    }
    assert_eq!(gateway.send(Method::POST, EVALUATION, Some(&good.to_string())).await.status, 400);
    let utf8 = gateway.with("content-type", "application/json; charset=utf-8");
    assert_eq!(utf8.send(Method::POST, EVALUATION, Some(&good.to_string())).await.status, 200);
}

#[actix_web::test]
async fn asking_about_oneself_takes_nothing_and_about_others_a_permission() {
    let app = App::start().await;
    certified(&app).await;
    let alice = app.session_of("alice").await;
    let key = app.key_with(&[Permission::ManagePolicies]).await;
    let read = json!({"name": "read"});
    assert_eq!(ask(&alice, &user("alice"), &read, &record("record-1")).await["decision"], true);
    for id in [
        format!("apikey-{}", key.id),
        format!("service-account-apikey-{}", key.id),
        key.id.clone(),
        key.id.to_uppercase(),
    ] {
        let itself = json!({"type": "api_token", "id": id});
        assert_eq!(ask(&key, &itself, &read, &record("record-1")).await["decision"], false);
    }
    for other in
        [user("bob"), user("nobody"), json!({"type": "api_token", "id": "alice"}), json!({"type": "x", "id": "y"})]
    {
        let body = question(&other, &read, &record("record-1"));
        let refused = [alice.post(EVALUATION, &body).await, key.post(EVALUATION, &body).await];
        for answer in refused {
            answer.refused("TESSERA-403-001");
        }
    }
    app.anonymous().post(EVALUATION, &json!({})).await.refused("TESSERA-401-001");
}

#[actix_web::test]
async fn a_subject_that_is_unknown_disabled_or_expired_may_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("root", Role::Admin).await;
    let read = json!({"name": "read"});
    assert_eq!(ask(&admin, &user("root"), &read, &record("r")).await["decision"], true);
    users::set_state(&app.service, &app.operator(), "root".to_owned(), PrincipalState::Disabled).await.unwrap();
    let body = json!({"displayName": "short", "validitySeconds": 60});
    let id = admin.try_create(&body).await.ok()["id"].as_str().unwrap().to_owned();
    let key = json!({"type": "api_token", "id": format!("apikey-{id}")});
    let username = format!("service-account-apikey-{id}");
    app.policy(allow(&[&username], &["read"], &[])).await;
    assert_eq!(ask(&admin, &key, &read, &record("r")).await["decision"], true);
    app.advance(61_000);
    for (subject, reason) in [
        (user("root"), "disabled or has expired"),
        (key, "disabled or has expired"),
        (user("nobody"), "no such subject"),
        (json!({"type": "user", "id": username}), "no such subject"),
        (json!({"type": "spaceship", "id": "root"}), "no such subject"),
    ] {
        let answer = ask(&admin, &subject, &read, &record("r")).await;
        assert_eq!(answer["decision"], false, "{subject}");
        let told = answer["context"]["reason_admin"]["en"].as_str().unwrap();
        assert!(told.contains(reason), "{subject}: {told}");
    }
}

#[actix_web::test]
async fn why_not_is_told_in_full_to_those_who_manage_policies() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("alice", Role::Member).await;
    app.policy(allow(&["alice"], &["read"], &[])).await;
    let denied = criterion("URN", "STARTS_WITH", &["secret"]);
    let deny = app.policy(Rule { effect: Effect::Deny, ..allow(&["alice"], &["read"], &[denied]) }).await;
    let read = json!({"name": "read"});
    for (resource, told) in [("secret/1", deny.id.to_string()), ("secret/2", "denied by".to_owned())] {
        let full = ask(&admin, &user("alice"), &read, &record(resource)).await;
        assert_eq!(full["decision"], false);
        assert!(full["context"]["reason_admin"]["en"].as_str().unwrap().contains(&told), "{full}");
        let own = ask(&app.session_of("alice").await, &user("alice"), &read, &record(resource)).await;
        assert_eq!(own["context"], json!({"reason_user": {"en": "this is not permitted"}}));
    }
    let unmatched = ask(&admin, &user("alice"), &json!({"name": "write"}), &record("x")).await;
    assert!(unmatched["context"]["reason_admin"]["en"].as_str().unwrap().contains("no policy"), "{unmatched}");
}

#[actix_web::test]
async fn the_platform_is_a_resource_whose_actions_are_permissions() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ViewAudit]).await;
    let itself = json!({"type": "api_token", "id": format!("apikey-{}", key.id)});
    let admin = app.admin().await;
    for client in [&key.client, &admin] {
        for (permission, expected) in [("VIEW_AUDIT", true), ("MANAGE_APIKEYS", false), ("FLY", false)] {
            let platform = json!({"type": "platform", "id": "tessera"});
            let answer = ask(client, &itself, &json!({"name": permission}), &platform).await;
            assert_eq!(answer["decision"], expected, "{permission}");
        }
    }
}

#[actix_web::test]
async fn a_decision_is_true_of_the_state_when_it_was_asked_for() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let read = json!({"name": "read"});
    let alice = app.session_of("alice").await;
    for client in [&gateway, &alice] {
        assert_eq!(ask(client, &user("alice"), &read, &record("record-1")).await["decision"], true);
    }
    let denied = Rule { effect: Effect::Deny, ..allow(&["alice"], &["read"], &[]) };
    app.policy(denied).await;
    for client in [&gateway, &alice] {
        assert_eq!(ask(client, &user("alice"), &read, &record("record-1")).await["decision"], false);
    }
}

#[actix_web::test]
async fn what_is_stored_of_a_resource_counts_less_than_what_the_question_says() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("alice", Role::Member).await;
    let alice = app.session_of("alice").await;
    let active = criterion("status", "EQUALS", &["active"]);
    app.policy(allow(&["alice"], &["write"], &[criterion("TYPE", "EQUALS", &["record"]), active])).await;
    for (name, status) in [("record-1", "active"), ("record-2", "archived")] {
        let attributes = json!({"qualifiedName": name, "name": name, "status": status});
        let entities = json!({"entities": [{"typeName": "record", "attributes": attributes}]});
        admin.post("/api/meta/entity/bulk", &entities).await.ok();
    }
    let write = json!({"name": "write"});
    for (resource, expected) in [
        (record("record-1"), true),
        (record("record-2"), false),
        (record("record-3"), false),
        (with(record("record-1"), &json!({"status": "archived"})), false),
        (with(record("record-1"), &json!({"status": null})), false),
        (with(record("record-2"), &json!({"status": "active"})), true),
        (with(record("record-2"), &json!({"owner": "alice"})), false),
    ] {
        let answer = ask(&admin, &user("alice"), &write, &resource).await;
        assert_eq!(answer["decision"], expected, "{resource}");
        // She does not see the records, so no answer may reveal whether one exists.
        let told = expected && resource != record("record-1");
        let answer = ask(&alice, &user("alice"), &write, &resource).await;
        assert_eq!(answer["decision"], told, "{resource}");
    }
    assert_eq!(alice.get("/gateway/verify?action=write&resource=record-1&type=record").await.status, 200);
    assert_eq!(alice.get("/gateway/verify?action=write&resource=record-2&type=record").await.status, 403);
    let searched = json!({"subject": user("alice"), "action": write, "resource": {"type": "record"}});
    let found = admin.post("/access/v1/search/resource", &searched).await.ok();
    assert_eq!(found, json!({"results": [{"type": "record", "id": "record-1"}]}));
    let found = alice.post("/access/v1/search/resource", &searched).await.ok();
    assert_eq!(found, json!({"results": []}), "what she may write and not read is not told of by a search");
    let who = json!({"subject": {"type": "user"}, "action": write, "resource": record("record-2")});
    let found = admin.post("/access/v1/search/subject", &who).await.ok();
    assert_eq!(found["results"], json!([user("admin")]));
}

#[actix_web::test]
async fn an_owner_is_whom_the_asset_names_as_one() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["alice", "bob"] {
        app.user(name, Role::Member).await;
    }
    let mut owners = allow(&[], &["edit"], &[]);
    owners.subjects.owners = true;
    app.policy(owners).await;
    let attributes = json!({"qualifiedName": "x", "name": "x", "ownerUsers": ["alice"]});
    let entities = json!({"entities": [{"typeName": "record", "attributes": attributes}]});
    admin.post("/api/meta/entity/bulk", &entities).await.ok();
    for (name, expected) in [("alice", true), ("bob", false)] {
        let answer = ask(&admin, &user(name), &json!({"name": "edit"}), &record("x")).await;
        assert_eq!(answer["decision"], expected, "{name}");
    }
}

#[actix_web::test]
async fn discovery_tells_https_urls_of_the_host_that_was_asked() {
    let app = App::start().await;
    let path = "/.well-known/authzen-configuration";
    let point = app.anonymous().with("host", "pdp.example.org:8443").get(path).await.ok();
    let base = "https://pdp.example.org:8443";
    assert_eq!(
        point,
        json!({
            "policy_decision_point": base,
            "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
            "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
            "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
            "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
            "search_action_endpoint": format!("{base}/access/v1/search/action"),
        })
    );
    app.anonymous().with("host", "a@b/c?d").get(path).await.violates("Host");
}

#[actix_web::test]
async fn a_subject_is_known_by_every_name_that_it_has() {
    let app = App::start().await;
    let gateway = app.key_with(&[Permission::VerifyTokens]).await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    app.user("ada", Role::Admin).await;
    let ada = app.session_of("ada").await;
    let sub = ada.whoami().await.ok()["id"].as_str().unwrap().to_owned();
    let client_id = format!("apikey-{}", key.id);
    let username = format!("service-account-{client_id}");
    let platform = json!({"type": "platform", "id": "tessera"});
    let manage = json!({"name": "MANAGE_APIKEYS"});
    let decided = async |client: &Client, kind: &str, id: &str| {
        ask(client, &json!({"type": kind, "id": id}), &manage, &platform).await["decision"] == true
    };
    for (id, user) in [(key.id.as_str(), false), (&client_id, false), (&username, false), (&sub, true), ("ada", true)] {
        for (kind, right) in [("identity", true), ("user", user), ("api_token", !user), ("robot", false)] {
            assert_eq!(decided(&gateway, kind, id).await, right, "{kind} {id}");
        }
    }
    // Every actor may ask about itself, by any of its names.
    for id in [key.id.as_str(), &client_id, &username] {
        assert!(decided(&key, "identity", id).await, "{id}");
    }
    let about = json!({"actor": sub, "action": "MANAGE_APIKEYS", "resource": platform});
    assert_eq!(ada.post("/api/service/explain", &about).await.ok()["allowed"], true);
    let found = gateway
        .post(
            "/access/v1/search/subject",
            &json!({"subject": {"type": "identity"}, "action": manage, "resource": platform}),
        )
        .await
        .ok();
    let ids: Vec<&str> = found["results"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"ada") && ids.contains(&client_id.as_str()), "{ids:?}");
}

/// The binding of the Model Context Protocol's gateways: an introspected `sub` calls a tool.
#[actix_web::test]
async fn an_identity_calls_the_tools_that_policies_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    let gateway = app.key_with(&[Permission::VerifyTokens]).await;
    app.user("ada", Role::Member).await;
    let sub = app.session_of("ada").await.whoami().await.ok()["id"].clone();
    let input = json!({"type": "METADATA", "state": "ACTIVE", "name": "tools", "privileges": ["tools/call"],
        "resources": {"type": "tool", "resources": ["weather"], "allResources": false},
        "actors": {"users": ["urn:li:corpuser:ada"], "resourceOwners": false, "allUsers": false, "allGroups": false}});
    let create = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
    let made = admin.post("/api/graphql", &json!({"query": create, "variables": {"input": input}})).await.ok();
    assert!(made["errors"].is_null(), "{made}");
    for (tool, right) in [("weather", true), ("delete_everything", false)] {
        let subject = json!({"type": "identity", "id": sub});
        let decided =
            ask(&gateway, &subject, &json!({"name": "tools/call"}), &json!({"type": "tool", "id": tool})).await;
        assert_eq!(decided["decision"], right, "{tool}");
    }
}
