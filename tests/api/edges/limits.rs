//! What an edge may send, at its limits and beyond them.

use serde_json::json;

use super::{EDGES, Edge, VERIFY, kept, start};

#[actix_web::test]
async fn what_an_edge_sends_is_accepted_up_to_its_limits() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let named = async |length: usize| edge.owner.post(EDGES, &json!({"name": "ä".repeat(length)})).await;
    named(200).await.ok();
    assert!(named(201).await.violates("name").contains("1 to 200"));
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let told = kept(&edge.forwards(&key.at("192.0.2.7")).get(VERIFY).await).unwrap();
    let handle = told["uses"][0].as_str().unwrap();
    let uses = async || admin.key(&key.id).await.ok()["attributes"]["useCount"].as_str().unwrap().to_owned();
    let used = |count: i64| json!({"handle": handle, "count": count, "ago": 0});
    let mut most = vec![json!({"handle": "a", "count": 1, "ago": 0}); 999];
    most.push(used(1));
    edge.try_look(&json!(most)).await.ok();
    assert_eq!(uses().await, "2");
    edge.try_look(&json!([used(1_000_000)])).await.ok();
    assert_eq!(uses().await, "1000002");
    edge.try_look(&json!([used(1_000_001)])).await.ok();
    assert_eq!(uses().await, "2000002", "counted as a million");
    // The handle is accepted for 20 minutes.
    app.advance(20 * 60_000);
    edge.try_look(&json!([used(1)])).await.ok();
    assert_eq!(uses().await, "2000003");
    app.advance(1);
    edge.try_look(&json!([used(1)])).await.ok();
    assert_eq!(uses().await, "2000003");
}
