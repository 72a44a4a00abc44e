//! What the sink of `datahub ingest` sends: batches of proposals, snapshots, and reports about its own runs.

use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::{ask, data, is_let_in, urn, user_with};
use crate::support::{Answer, App, Client};

pub(super) fn proposal(urn: &str, aspect: &str, value: &Value) -> Value {
    let kind = urn.split(':').nth(2).unwrap();
    json!({"entityType": kind, "entityUrn": urn, "changeType": "UPSERT", "aspectName": aspect,
           "aspect": {"value": value.to_string(), "contentType": "application/json"}, "systemMetadata": {"runId": "x"}})
}

fn named(name: &str) -> Value {
    proposal(&urn(name), "corpUserInfo", &json!({"active": true, "displayName": name}))
}

fn report() -> Value {
    proposal("urn:li:dataHubExecutionRequest:x", "dataHubExecutionRequestInput", &json!({"task": "CLI Ingestion"}))
}

pub(super) async fn batch(client: &Client, proposals: &[Value]) -> Answer {
    client.post("/aspects?action=ingestProposalBatch", &json!({"proposals": proposals, "async": "false"})).await
}

async fn exists(client: &Client, name: &str) -> bool {
    client.get(&format!("/entitiesV2/{}", urn(name))).await.status == 200
}

#[actix_web::test]
async fn reports_about_runs_are_taken_and_dropped() {
    let app = App::start().await;
    let admin = app.admin().await;
    let source =
        proposal("urn:li:dataHubIngestionSource:cli-1", "dataHubIngestionSourceInfo", &json!({"name": "[CLI] file"}));
    batch(&admin, &[source.clone(), named("ada"), report()]).await.ok();
    assert!(exists(&admin, "ada").await);
    admin.post("/aspects?action=ingestProposal", &json!({"proposal": source})).await.ok();
    assert_eq!(admin.get("/entitiesV2/urn:li:dataHubIngestionSource:cli-1").await.status, 404);
    // An actor without permissions may send reports, too: they are discarded.
    app.user("bob", Role::Guest).await;
    batch(&app.session_of("bob").await, &[report()]).await.ok();
    assert_eq!(batch(&app.anonymous(), &[report()]).await.status, 401);
}

#[actix_web::test]
async fn a_batch_happens_as_a_whole_or_not_at_all() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (wrong, status, place) in [
        (proposal("urn:li:dataset:(x,y,PROD)", "status", &json!({"removed": false})), 400, "proposals[1].entityUrn"),
        (proposal(&urn("admin"), "datasetProperties", &json!({})), 400, "proposals[1].aspectName"),
        (proposal(&urn("admin"), "status", &json!({"removed": 1})), 400, "proposals[1].aspect"),
        (proposal(&urn("nobody"), "status", &json!({"removed": true})), 404, "nobody"),
        (proposal(&urn("admin"), "status", &json!({"removed": true})), 409, "the last enabled user"),
    ] {
        let answer = batch(&admin, &[named("ada"), wrong, named("bob")]).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.json["message"].as_str().unwrap().contains(place), "{}", answer.text);
        assert!(!exists(&admin, "ada").await && !exists(&admin, "bob").await, "{}", answer.text);
    }
    let answer = batch(&admin, &[proposal("urn:li:dataset:(x,y,PROD)", "status", &json!({"removed": false}))]).await;
    let message = answer.json["message"].as_str().unwrap();
    assert!(message.contains("`dataset`") && message.contains("keeps users and service accounts"), "{message}");
}

#[actix_web::test]
async fn a_batch_has_the_limits_of_the_client() {
    let app = App::start().await;
    let admin = app.admin().await;
    let log = proposal(
        "urn:li:dataHubExecutionRequest:x",
        "dataHubExecutionRequestResult",
        &json!({"report": "x".repeat(70_000)}),
    );
    batch(&admin, &vec![log.clone(); 200]).await.ok();
    assert_eq!(batch(&admin, &vec![report(); 201]).await.status, 400);
    let long =
        proposal("urn:li:dataHubExecutionRequest:x", "dataHubExecutionRequestResult", &json!("x".repeat(15 << 20)));
    assert_eq!(batch(&admin, &[long]).await.status, 413);
    // The stored aspects of a batch have their own limit.
    let many = json!({"displayName": "x", "groups": vec![1; 400]});
    let kept: Vec<Value> = (0..200).map(|n| proposal(&urn(&format!("u{n}")), "corpUserInfo", &many)).collect();
    assert_eq!(batch(&admin, &kept).await.status, 400);
    assert_eq!(
        admin.post_text("/entities?action=delete", &format!("{{\"urn\":\"{}\"}}", "x".repeat(300_000))).await.status,
        413
    );
}

#[actix_web::test]
async fn whatever_names_a_user_first_makes_one() {
    let app = App::start().await;
    let admin = app.admin().await;
    // `datahub user upsert`, in its order and in any other.
    let upsert = |name: &str| {
        vec![
            proposal(&urn(name), "corpUserEditableInfo", &json!({"displayName": "Ada L.", "teams": []})),
            proposal(
                &urn(name),
                "corpUserInfo",
                &json!({"active": true, "displayName": "Ada", "email": "a@example.org"}),
            ),
            proposal(&urn(name), "groupMembership", &json!({"groups": ["urn:li:corpGroup:x"]})),
            proposal(&urn(name), "status", &json!({"removed": false})),
        ]
    };
    for one in upsert("ada") {
        admin.post("/aspects?action=ingestProposal", &json!({"proposal": one})).await.ok();
    }
    batch(&admin, &upsert("bob").into_iter().rev().collect::<Vec<_>>()).await.ok();
    for name in ["ada", "bob"] {
        let entity = admin.get(&format!("/entitiesV2/{}", urn(name))).await.ok();
        assert_eq!(entity["aspects"]["corpUserEditableInfo"]["value"]["displayName"], "Ada L.");
        assert_eq!(entity["aspects"]["groupMembership"]["value"]["groups"][0], "urn:li:corpGroup:x");
    }
}

#[actix_web::test]
async fn snapshots_are_written_as_proposals_are() {
    let app = App::start().await;
    let admin = app.admin().await;
    let snapshot = |urn: &str, aspects: Value| {
        let kind = "com.linkedin.metadata.snapshot.CorpUserSnapshot";
        json!({"entity": {"value": {kind: {"urn": urn, "aspects": aspects}}}, "systemMetadata": {"runId": "x"}})
    };
    let aspects = json!([
        {"com.linkedin.metadata.key.CorpUserKey": {"username": "ada"}},
        {"com.linkedin.common.Status": {"removed": false}},
        {"com.linkedin.identity.CorpUserInfo": {"active": true, "displayName": "Ada"}},
    ]);
    admin.post("/entities?action=ingest", &snapshot(&urn("ada"), aspects)).await.ok();
    assert_eq!(
        admin.get("/aspects/urn:li:corpuser:ada?aspect=corpUserInfo&version=0").await.ok()["aspect"]["com.linkedin.identity.CorpUserInfo"]
            ["displayName"],
        "Ada"
    );
    for (urn, aspects) in [
        ("urn:li:dataset:(x,y,PROD)", json!([])),
        ("urn:li:corpuser:bob", json!([{"com.linkedin.identity.CorpUserInfo": {"active": true}}, {"é": {}}])),
        ("urn:li:corpuser:bob", json!([{}])),
        ("urn:li:corpuser:bob", json!("x")),
    ] {
        let answer = admin.post("/entities?action=ingest", &snapshot(urn, aspects)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    assert!(!exists(&admin, "bob").await);
    for body in ["{}", "{\"entity\":{}}", "{\"entity\":{\"value\":{}}}", "[]", ""] {
        assert_eq!(admin.post_text("/entities?action=ingest", body).await.status, 400, "{body}");
    }
}

#[actix_web::test]
async fn a_batch_gives_nobody_more_than_each_of_its_parts() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("eve", Role::Member).await;
    let eve = app.session_of("eve").await;
    assert_eq!(batch(&eve, &[report(), named("ada")]).await.status, 403);
    let manager =
        user_with(&app, &admin, "gus", &[tessera::domain::permission::Permission::ManageUsersAndGroups]).await;
    let removed = json!({"removed": true});
    assert_eq!(batch(&manager, &[named("ada"), proposal(&urn("admin"), "status", &removed)]).await.status, 403);
    assert!(!exists(&admin, "ada").await);
    let (token, _) = super::created(&eve, "eve", "own").await;
    batch(&manager, &[proposal(&urn("eve"), "status", &removed), named("ada")]).await.ok();
    assert!(!is_let_in(&app, &token).await && exists(&admin, "ada").await);
}

const SCROLL: &str =
    "query scrollUrnsWithFilters($types: [EntityType!], $query: String!, $orFilters: [AndFilterInput!],
    $batchSize: Int!, $scrollId: String, $sortInput: SearchSortInput) { scrollAcrossEntities(input: {query: $query,
    count: $batchSize, scrollId: $scrollId, types: $types, orFilters: $orFilters, sortInput: $sortInput, searchFlags:
    {skipHighlighting: true skipAggregates: true}}) { nextScrollId total searchResults { entity { urn }
    extraProperties { name value } } } }";

async fn scroll(client: &Client, filters: &Value, batch: i32) -> (Vec<String>, i64) {
    let (mut urns, mut next, mut total) = (Vec::new(), Value::Null, 0);
    loop {
        let variables =
            json!({"types": ["CORP_USER"], "query": "*", "orFilters": filters, "batchSize": batch, "scrollId": next});
        let answer = ask(client, SCROLL, variables).await;
        let found = data(&answer);
        let results = found["searchResults"].as_array().unwrap();
        urns.extend(results.iter().map(|result| result["entity"]["urn"].as_str().unwrap().to_owned()));
        total = total.max(found["total"].as_i64().unwrap());
        next = found["nextScrollId"].clone();
        if next.is_null() {
            urns.sort();
            return (urns, total);
        }
    }
}

#[actix_web::test]
async fn users_and_service_accounts_are_found_part_by_part() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.key_with(&[]).await;
    batch(&admin, &(0..5).map(|n| named(&format!("u{n}"))).collect::<Vec<_>>()).await.ok();
    let account = ask(&admin, "mutation { createServiceAccount(input: {}) { urn } }", Value::Null).await;
    let account = data(&account)["urn"].as_str().unwrap().to_owned();
    batch(&admin, &[proposal(&urn("u3"), "status", &json!({"removed": true}))]).await.ok();
    let mut everybody: Vec<String> = ["admin", "u0", "u1", "u2", "u3", "u4"].map(urn).into();
    everybody.push(account.clone());
    everybody.sort();
    for size in [1, 3, 1000] {
        assert_eq!(scroll(&admin, &Value::Null, size).await, (everybody.clone(), 7));
    }
    let removed = |negated: bool| json!([{"and": [{"field": "removed", "values": ["true"], "condition": "EQUAL", "negated": negated}]}]);
    assert_eq!(scroll(&admin, &removed(false), 2).await, (vec![urn("u3")], 1));
    everybody.retain(|name| *name != urn("u3"));
    assert_eq!(scroll(&admin, &removed(true), 2).await, (everybody, 6));
    let accounts = json!([{"and": [{"field": "typeNames", "values": ["SERVICE_ACCOUNT"]}]}]);
    assert_eq!(scroll(&admin, &accounts, 2).await, (vec![account], 1));
    let one =
        json!([{"and": [{"field": "urn", "values": [urn("u1")]}]}, {"and": [{"field": "username", "values": ["u2"]}]}]);
    assert_eq!(scroll(&admin, &one, 2).await, (vec![urn("u1"), urn("u2")], 2));
    app.user("eve", Role::Guest).await;
    assert_eq!(
        scroll(&app.session_of("eve").await, &Value::Null, 2).await,
        (vec![urn("eve")], 1),
        "no more than is seen"
    );
    let platform =
        json!({"query": "*", "batchSize": 1, "orFilters": [{"and": [{"field": "platform", "values": ["x"]}]}]});
    assert_eq!(super::problem(&ask(&admin, SCROLL, platform).await).0, 400);
    for wrong in [json!({"query": "*", "batchSize": 1, "scrollId": "x"}), json!({"query": "*", "batchSize": -1})] {
        assert_eq!(super::problem(&ask(&admin, SCROLL, wrong).await).0, 400);
    }
}
