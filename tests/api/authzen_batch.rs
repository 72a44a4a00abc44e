//! `AuthZEN`: batches of evaluations.

use futures_util::future::{join_all, join3};
use serde_json::{Value, json};
use tessera::domain::permission::Permission;

use crate::support::rules::{certified, question, record, user, with};
use crate::support::{App, Client};

const EVALUATIONS: &str = "/access/v1/evaluations";

async fn decisions(client: &Client, body: &Value) -> Vec<bool> {
    let answer = client.post(EVALUATIONS, body).await.ok();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    let decisions = answer["evaluations"].as_array().unwrap();
    decisions.iter().map(|each| each["decision"].as_bool().unwrap()).collect()
}

#[actix_web::test]
async fn defaults_are_taken_whole_and_answers_come_in_the_order_of_the_questions() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let name = |name: &str| json!({"name": name});
    let archived = with(record("record-2"), &json!({"status": "archived"}));
    let body = json!({
        "subject": user("bob"), "resource": record("record-1"),
        "evaluations": [{"action": name("read")}, {"action": name("write")}],
    });
    assert_eq!(decisions(&gateway, &body).await, [true, false]);
    let body = json!({"action": name("write"), "resource": archived, "evaluations": [
        {"subject": user("alice")},
        {"subject": with(user("bob"), &json!({"role": "admin"}))},
        // This evaluation's own resource has no status, although the default's has one.
        {"subject": user("alice"), "resource": record("record-2"), "context": {"time": "now"}},
    ]});
    assert_eq!(decisions(&gateway, &body).await, [false, true, true]);
    // An incomplete default is used as far as it goes.
    let body = json!({"subject": user("alice"), "action": name("write"), "resource": {"type": "record"}, "evaluations": [
        {"resource": {"id": "record-1", "properties": {"status": "active"}}},
        {"resource": archived},
    ]});
    assert_eq!(decisions(&gateway, &body).await, [true, false]);
}

#[actix_web::test]
async fn without_evaluations_it_is_a_single_question() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let mut body = question(&user("alice"), &json!({"name": "read"}), &record("record-1"));
    assert_eq!(gateway.post(EVALUATIONS, &body).await.ok(), json!({"decision": true}));
    for none in [json!([]), json!(null)] {
        body["evaluations"] = none;
        assert_eq!(gateway.post(EVALUATIONS, &body).await.ok(), json!({"decision": true}));
    }
    body["action"] = json!({});
    gateway.post(EVALUATIONS, &body).await.violates("action.name");
}

#[actix_web::test]
async fn an_evaluation_that_cannot_be_read_is_denied_and_the_others_are_decided() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let body = json!({"subject": user("alice"), "action": {"name": "read"}, "evaluations": [
        {"resource": record("record-1")}, {}, {"resource": "record-1"}, 5, [], {"resource": record("record-2")},
    ]});
    let answer = gateway.post(EVALUATIONS, &body).await.ok();
    let found: Vec<&Value> = answer["evaluations"].as_array().unwrap().iter().map(|each| &each["decision"]).collect();
    assert_eq!(found, [true, false, false, false, false, true]);
    let error = &answer["evaluations"][1]["context"]["error"];
    assert_eq!(error, &json!({"status": 400, "message": "`evaluations[1].resource` must be there"}));
}

#[actix_web::test]
async fn a_semantic_ends_the_evaluations_where_it_says() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let ask = |semantic: &str, actions: &[&str]| {
        let evaluations: Vec<Value> = actions.iter().map(|name| json!({"action": {"name": name}})).collect();
        let options = json!({"evaluations_semantic": semantic, "another_option": 1});
        json!({"subject": user("bob"), "resource": record("record-1"), "evaluations": evaluations, "options": options})
    };
    for (semantic, expected) in [
        ("execute_all", &[true, false, true][..]),
        ("deny_on_first_deny", &[true, false]),
        ("permit_on_first_permit", &[true]),
    ] {
        assert_eq!(decisions(&gateway, &ask(semantic, &["read", "write", "read"])).await, expected, "{semantic}");
    }
    assert_eq!(decisions(&gateway, &ask("permit_on_first_permit", &["write", "read", "read"])).await, [false, true]);
    let mut broken = ask("deny_on_first_deny", &["read", "read", "read"]);
    broken["evaluations"][1] = json!({});
    broken["evaluations"][1]["action"] = json!("read");
    assert_eq!(decisions(&gateway, &broken).await, [true, false]);
    broken["options"]["evaluations_semantic"] = json!("permit_on_first_permit");
    broken["evaluations"][0]["action"]["name"] = json!("write");
    assert_eq!(decisions(&gateway, &broken).await, [false, false, true]);
    gateway.post(EVALUATIONS, &ask("best_effort", &["read"])).await.violates("options.evaluations_semantic");
}

#[actix_web::test]
async fn what_is_wrong_with_the_whole_request_is_a_bad_request() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    for body in [
        json!({"evaluations": "x"}),
        json!({"evaluations": {}}),
        json!({"subject": "alice", "evaluations": [{}]}),
        json!({"options": [], "evaluations": [{}]}),
        json!({}),
        json!({"evaluations": vec![json!({}); 1001]}),
    ] {
        assert_eq!(gateway.post(EVALUATIONS, &body).await.status, 400, "{body}");
    }
    let most = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": record("record-1"),
                      "evaluations": vec![json!({}); 1000]});
    assert_eq!(decisions(&gateway, &most).await, [true; 1000]);
}

#[actix_web::test]
async fn one_question_about_somebody_else_takes_the_permission() {
    let app = App::start().await;
    certified(&app).await;
    let alice = app.session_of("alice").await;
    let key = app.key_with(&[Permission::ManagePolicies]).await;
    let mut body = json!({"action": {"name": "read"}, "resource": record("record-1"),
                          "evaluations": [{"subject": user("alice")}, {"subject": user("alice")}]});
    assert_eq!(decisions(&alice, &body).await, [true, true]);
    key.post(EVALUATIONS, &body).await.refused("TESSERA-403-001");
    body["evaluations"][1]["subject"] = user("bob");
    body["options"] = json!({"evaluations_semantic": "permit_on_first_permit"});
    alice.post(EVALUATIONS, &body).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn properties_are_bounded_as_each_question_takes_a_copy_of_them() {
    let app = App::start().await;
    let gateway = certified(&app).await;
    let holding = |length: usize| json!({"a": "x".repeat(length - 1)});
    let many = |count: usize| (0..count).map(|n| (n.to_string(), json!(1))).collect::<serde_json::Map<_, _>>();
    let (action, bob, it) = (json!({"name": "read"}), user("bob"), record("record-1"));
    for properties in [holding(8192), json!(many(100))] {
        let body = question(
            &with(bob.clone(), &properties),
            &with(action.clone(), &properties),
            &with(it.clone(), &properties),
        );
        gateway.post("/access/v1/evaluation", &body).await.ok();
    }
    for properties in [holding(8193), json!(many(101))] {
        for (field, body) in [
            ("subject.properties", question(&with(bob.clone(), &properties), &action, &it)),
            ("action.properties", question(&bob, &with(action.clone(), &properties), &it)),
            ("resource.properties", question(&bob, &action, &with(it.clone(), &properties))),
        ] {
            let message = gateway.post("/access/v1/evaluation", &body).await.violates(field);
            assert_eq!(message, "must have at most 100 members and 8192 bytes");
            let mut several = body.clone();
            several["evaluations"] = json!([{}, {}]);
            gateway.post(EVALUATIONS, &several).await.violates(field);
        }
        let one = json!({"subject": with(bob.clone(), &properties)});
        let several = json!({"action": action, "resource": it, "evaluations": [one, {"subject": bob}]});
        assert_eq!(decisions(&gateway, &several).await, [false, true]);
        let target = json!({"type": "record", "properties": properties});
        let body = json!({"subject": bob, "action": action, "resource": target});
        gateway.post("/access/v1/search/resource", &body).await.violates("resource.properties");
    }
}

#[actix_web::test]
async fn of_one_actor_only_so_many_batches_are_under_way() {
    let app = App::start().await;
    let (gateway, other) = (certified(&app).await, app.key_with(&[Permission::VerifyTokens]).await);
    let body = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": record("record-1"),
                      "evaluations": vec![json!({}); 20]});
    let search = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": {"type": "record"}});
    let (batches, searched, of_other) = join3(
        join_all((0..30).map(|_| gateway.post(EVALUATIONS, &body))),
        gateway.post("/access/v1/search/resource", &search),
        other.post(EVALUATIONS, &body),
    )
    .await;
    let answered = batches.iter().filter(|answer| answer.status == 200).count();
    assert!((1..30).contains(&answered), "{answered}");
    for refused in batches.into_iter().chain([searched]).filter(|answer| answer.status != 200) {
        refused.refused("TESSERA-429-001");
    }
    of_other.ok();
    gateway.post(EVALUATIONS, &body).await.ok();
}
