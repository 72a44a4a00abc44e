//! `AuthZEN`: searches for subjects, resources and actions.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users;

use crate::support::rules::{allow, certified, criterion, record, user, with};
use crate::support::{App, Client};

const SUBJECT: &str = "/access/v1/search/subject";
const RESOURCE: &str = "/access/v1/search/resource";
const ACTION: &str = "/access/v1/search/action";

/// The ids or names that a search finds.
async fn found(client: &Client, path: &str, body: &Value) -> Vec<String> {
    let answer = client.post(path, body).await;
    let json = answer.json.clone();
    let results = json["results"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let name = |each: &Value| each["id"].as_str().or(each["name"].as_str()).unwrap().to_owned();
    // Leaves out what every installation allows every user.
    results.iter().map(name).filter(|name| !name.starts_with("VIEW_")).collect()
}

fn who(action: &str, resource: &Value) -> Value {
    json!({"subject": {"type": "user"}, "action": {"name": action}, "resource": resource})
}

fn what(subject: &Value, action: &str) -> Value {
    json!({"subject": subject, "action": {"name": action}, "resource": {"type": "record"}})
}

#[actix_web::test]
async fn the_searches_of_the_certification_scenario_find_what_they_must() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let archived = with(record("record-2"), &json!({"status": "archived"}));
    let boss = with(user("bob"), &json!({"role": "admin"}));
    assert_eq!(found(&gateway, SUBJECT, &who("read", &record("record-1"))).await, ["alice", "bob"]);
    assert_eq!(found(&gateway, SUBJECT, &who("write", &archived)).await, ["bob"]);
    assert_eq!(found(&gateway, RESOURCE, &what(&user("alice"), "read")).await, ["record-1", "record-2"]);
    let mut written = what(&boss, "write");
    assert_eq!(found(&gateway, RESOURCE, &written).await, [""; 0], "records are not stored, so none is archived");
    written["resource"]["properties"] = json!({"status": "archived"});
    assert_eq!(found(&gateway, RESOURCE, &written).await, ["record-1", "record-2"]);
    let actions = json!({"subject": user("alice"), "resource": record("record-1"), "context": {}});
    let names = found(&gateway, ACTION, &actions).await;
    assert_eq!(names, ["read", "write"]);
    assert_eq!(found(&gateway, ACTION, &json!({"subject": boss, "resource": archived})).await, ["read", "write"]);
}

#[actix_web::test]
async fn results_have_their_type_before_their_id_and_nothing_else() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let text = gateway.post(SUBJECT, &who("read", &record("record-1"))).await.text;
    assert_eq!(text, r#"{"results":[{"type":"user","id":"alice"},{"type":"user","id":"bob"}]}"#);
    let text = gateway.post(RESOURCE, &what(&user("bob"), "read")).await.text;
    assert_eq!(text, r#"{"results":[{"type":"record","id":"record-1"},{"type":"record","id":"record-2"}]}"#);
    let text = gateway.post(ACTION, &json!({"subject": user("bob"), "resource": record("record-1")})).await.text;
    assert!(text.starts_with(r#"{"results":[{"name":""#) && text.ends_with(r#"},{"name":"read"}]}"#), "{text}");
}

#[actix_web::test]
async fn the_id_of_what_is_searched_for_is_ignored() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    for id in [json!("carol"), json!(5), json!(null)] {
        let mut subjects = who("read", &record("record-1"));
        subjects["subject"]["id"] = id.clone();
        assert_eq!(found(&gateway, SUBJECT, &subjects).await, ["alice", "bob"]);
        let mut resources = what(&user("alice"), "read");
        resources["resource"]["id"] = id;
        assert_eq!(found(&gateway, RESOURCE, &resources).await, ["record-1", "record-2"]);
    }
}

#[actix_web::test]
async fn what_is_unknown_has_no_results() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let mut spaceships = who("read", &record("record-1"));
    spaceships["subject"]["type"] = json!("spaceship");
    let mut elsewhere = what(&user("alice"), "read");
    elsewhere["resource"]["type"] = json!("spaceship");
    for (path, body) in [
        (SUBJECT, spaceships),
        (SUBJECT, who("fly", &record("record-1"))),
        (SUBJECT, who("read", &json!({"type": "spaceship", "id": "record-1"}))),
        (RESOURCE, elsewhere),
        (RESOURCE, what(&user("nobody"), "read")),
        (RESOURCE, what(&json!({"type": "spaceship", "id": "alice"}), "read")),
        (ACTION, json!({"subject": user("nobody"), "resource": record("record-1")})),
    ] {
        assert_eq!(gateway.post(path, &body).await.ok(), json!({"results": []}), "{path} {body}");
    }
}

#[actix_web::test]
async fn what_cannot_be_read_is_a_bad_request() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let mut negative = who("read", &record("record-1"));
    negative["page"] = json!({"limit": -1});
    for (path, body) in [
        (SUBJECT, json!({"subject": {"type": "user"}, "resource": record("record-1")})),
        (SUBJECT, who("read", &json!({"type": "record"}))),
        (SUBJECT, negative),
        (RESOURCE, json!({"subject": user("alice"), "action": {"name": "x"}, "resource": {"type": "\0"}})),
        (RESOURCE, json!({"action": {"name": "read"}, "resource": {"type": "record"}})),
        (RESOURCE, what(&json!({"type": "user"}), "read")),
        (ACTION, json!({"subject": user("alice")})),
        (ACTION, json!({"subject": "alice", "resource": record("record-1")})),
    ] {
        assert_eq!(gateway.post(path, &body).await.status, 400, "{path} {body}");
        assert_eq!(
            gateway.with("content-type", "text/plain").send("POST".parse().unwrap(), path, Some("{}")).await.status,
            400
        );
    }
}

#[actix_web::test]
async fn searching_about_oneself_takes_nothing_and_about_others_a_permission() {
    let app = App::start().await;
    certified(&app).await;
    let alice = app.session_of("alice").await;
    assert_eq!(found(&alice, RESOURCE, &what(&user("alice"), "read")).await, ["record-1", "record-2"]);
    let own = json!({"subject": user("alice"), "resource": record("record-1")});
    assert_eq!(
        found(&alice, ACTION, &own).await,
        ["read"],
        "what takes more than a name is not told of what is not seen"
    );
    let open = with(record("record-1"), &json!({"status": "open"}));
    let own = json!({"subject": user("alice"), "resource": open});
    assert_eq!(found(&alice, ACTION, &own).await, ["read", "write"]);
    for (path, body) in [
        (SUBJECT, who("read", &record("record-1"))),
        (SUBJECT, json!({"subject": {"type": "spaceship"}, "action": {"name": "x"}, "resource": record("x")})),
        (RESOURCE, what(&user("bob"), "read")),
        (RESOURCE, what(&user("nobody"), "read")),
        (ACTION, json!({"subject": user("bob"), "resource": record("record-1")})),
    ] {
        alice.post(path, &body).await.refused("TESSERA-403-001");
        app.anonymous().post(path, &body).await.refused("TESSERA-401-001");
    }
}

#[actix_web::test]
async fn pages_lead_through_all_results_and_only_with_the_same_question() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let everybody: Vec<String> = (0..7).map(|number| format!("user-{number}")).collect();
    for name in &everybody {
        app.user(name, Role::Member).await;
        app.advance(1);
    }
    let named: Vec<&str> = everybody.iter().map(String::as_str).collect();
    app.policy(allow(&named, &["fly"], &[])).await;
    let question = |page: Value| {
        let mut body = who("fly", &record("x"));
        body["page"] = page;
        body
    };
    let (mut seen, mut page) = (Vec::new(), json!({"limit": 3}));
    let mut sizes = Vec::new();
    loop {
        let answer = gateway.post(SUBJECT, &question(page.clone())).await.ok();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(answer["page"]["count"], results.len());
        sizes.push(results.len());
        seen.extend(results.iter().map(|each| each["id"].as_str().unwrap().to_owned()));
        let token = answer["page"]["next_token"].as_str().unwrap();
        if token.is_empty() {
            break;
        }
        // The limit may be repeated or left out.
        page = if sizes.len() == 1 { json!({"token": token}) } else { json!({"token": token, "limit": 3}) };
    }
    assert_eq!((seen, sizes), (everybody, vec![3, 3, 1]));

    let first = gateway.post(SUBJECT, &question(json!({"limit": 2}))).await.ok();
    let token = first["page"]["next_token"].as_str().unwrap();
    gateway.post(SUBJECT, &question(json!({"token": token, "limit": 3}))).await.violates("page.limit");
    let mut other = question(json!({"token": token}));
    other["action"]["name"] = json!("read");
    gateway.post(SUBJECT, &other).await.violates("page.token");
    gateway.post(SUBJECT, &question(json!({"token": "x"}))).await.violates("page.token");
    let colleague = app.key_with(&[Permission::VerifyTokens]).await;
    colleague.post(SUBJECT, &question(json!({"token": token}))).await.violates("page.token");
    let nothing = gateway.post(SUBJECT, &question(json!({"limit": 0}))).await.ok();
    assert_eq!(nothing["results"], json!([]));
    let token = nothing["page"]["next_token"].as_str().unwrap();
    assert!(!token.is_empty());
    assert_eq!(gateway.post(SUBJECT, &question(json!({"token": token}))).await.ok()["results"], json!([]));
}

#[actix_web::test]
async fn api_tokens_are_found_by_their_client_ids_and_only_those_that_can_act() {
    let app = App::start().await;
    let verifier = app.key_with(&[Permission::VerifyTokens]).await;
    app.advance(1);
    let other = app.key_with(&[]).await;
    app.advance(1);
    let admin = app.admin().await;
    let expiring = admin.try_create(&json!({"displayName": "short", "validitySeconds": 60})).await.ok();
    let ids = [&verifier.id, &other.id, expiring["id"].as_str().unwrap()];
    let names: Vec<String> = ids.iter().map(|id| format!("service-account-apikey-{id}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    app.policy(allow(&names, &["read"], &[])).await;
    let ask = |action: &str, resource: &Value| json!({"subject": {"type": "api_token"}, "action": {"name": action}, "resource": resource});
    let clients: Vec<String> = ids.iter().map(|id| format!("apikey-{id}")).collect();
    assert_eq!(found(&verifier, SUBJECT, &ask("read", &record("x"))).await, clients);
    app.advance(61_000);
    assert_eq!(found(&verifier, SUBJECT, &ask("read", &record("x"))).await, clients[..2]);
    let platform = json!({"type": "platform", "id": "tessera"});
    assert_eq!(found(&verifier, SUBJECT, &ask("VERIFY_TOKENS", &platform)).await, clients[..1]);
    app.user("alice", Role::Member).await;
    app.policy(allow(&["alice"], &["read"], &[])).await;
    assert_eq!(found(&verifier, SUBJECT, &who("read", &record("x"))).await, ["admin", "alice"]);
    users::set_state(&app.service, &app.operator(), "alice".to_owned(), PrincipalState::Disabled).await.unwrap();
    assert_eq!(found(&verifier, SUBJECT, &who("read", &record("x"))).await, ["admin"]);
}

#[actix_web::test]
async fn actions_on_the_platform_are_permissions() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::VerifyTokens]).await;
    let itself = json!({"type": "api_token", "id": format!("apikey-{}", key.id)});
    let body = json!({"subject": itself, "resource": {"type": "platform", "id": "tessera"}});
    assert_eq!(found(&key, ACTION, &body).await, ["VERIFY_TOKENS"]);
}

#[actix_web::test]
async fn names_that_policies_spell_out_are_found_if_they_can_be_of_the_type() {
    let app = App::start().await;
    app.user("alice", Role::Member).await;
    let alice = app.session_of("alice").await;
    let dataset = "urn:li:dataset:(urn:li:dataPlatform:hive,t,PROD)";
    app.policy(allow(&["alice"], &["read"], &[criterion("URN", "EQUALS", &[dataset, "plain"])])).await;
    app.policy(allow(&["alice"], &["read"], &[criterion("URN", "STARTS_WITH", &["not-a-name"])])).await;
    let typed = [criterion("URN", "EQUALS", &["chart-1"]), criterion("TYPE", "NOT_EQUALS", &["dataset"])];
    app.policy(allow(&["alice"], &["read"], &typed)).await;
    for (kind, expected) in [("dataset", &["plain", dataset][..]), ("chart", &["chart-1", "plain"])] {
        let body = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": {"type": kind}});
        assert_eq!(found(&alice, RESOURCE, &body).await, expected);
    }
}
