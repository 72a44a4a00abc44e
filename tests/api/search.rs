//! `/api/meta/search/indexsearch`: what is found.

use serde_json::{Value, json};

use crate::support::{App, Client};

async fn connections(app: &App, admin: &Client, count: i64) {
    for number in 1..=count {
        let attributes = json!({"qualifiedName": format!("default/snowflake/{number}"), "name": format!("C {number}"),
            "connectorName": "snowflake", "port": number, "busy": number % 2 == 0, "tags": ["All", format!("t{number}")]});
        admin.save("Connection", &attributes).await.ok();
        app.advance(1);
    }
}

fn names(numbers: &[i64]) -> Vec<String> {
    numbers.iter().map(|number| format!("default/snowflake/{number}")).collect()
}

#[actix_web::test]
async fn clauses_find_what_they_say() {
    let app = App::start().await;
    let admin = app.admin().await;
    connections(&app, &admin, 3).await;
    let id = admin.search(&json!({"term": {"name": "C 2"}})).await.json["entities"][0]["guid"].clone();
    let term = |field: &str, value: Value| json!({"term": {field: {"value": value, "case_insensitive": false}}});
    for (query, found) in [
        (json!({"match_all": {}}), vec![1, 2, 3]),
        (json!({"match_none": {}}), vec![]),
        (term("__typeName.keyword", json!("CONNECTION")), vec![1, 2, 3]),
        (term("__typeName.keyword", json!("Collection")), vec![]),
        (term("__superTypeNames.keyword", json!("Asset")), vec![1, 2, 3]),
        (term("__superTypeNames.keyword", json!("Referenceable")), vec![1, 2, 3]),
        (term("__state", json!("ACTIVE")), vec![1, 2, 3]),
        (term("__createdBy", json!("admin")), vec![1, 2, 3]),
        (term("__guid", id.clone()), vec![2]),
        (term("__guid", json!("nonsense")), vec![]),
        (term("name.keyword", json!("c 3")), vec![3]),
        (term("name", json!("C")), vec![]),
        (term("port", json!(2)), vec![2]),
        (term("busy", json!(true)), vec![2]),
        (term("tags", json!("all")), vec![1, 2, 3]),
        (term("tags", json!("T1")), vec![1]),
        (json!({"term": {"name": "C 1"}}), vec![1]),
        (json!({"terms": {"port": [1, 3, 9], "boost": 1.0}}), vec![1, 3]),
        (json!({"terms": {"__guid": [id, "x"]}}), vec![2]),
        (json!({"terms": {"port": []}}), vec![]),
        (json!({"prefix": {"qualifiedName": {"value": "DEFAULT/snow"}}}), vec![1, 2, 3]),
        (json!({"prefix": {"name": "c 1"}}), vec![1]),
        (json!({"prefix": {"name": "_ 1"}}), vec![]),
        (json!({"exists": {"field": "port"}}), vec![1, 2, 3]),
        (json!({"exists": {"field": "host"}}), vec![]),
        (json!({"bool": {"must": {"term": {"busy": false}}, "must_not": [{"term": {"port": 1}}]}}), vec![3]),
        (json!({"bool": {"should": [{"term": {"port": 1}}, {"term": {"port": 2}}]}}), vec![1, 2]),
        (json!({"bool": {"filter": [{"term": {"busy": false}}], "should": [{"term": {"port": 1}}]}}), vec![1, 3]),
        (
            json!({"bool": {"filter": [{"term": {"busy": false}}], "should": [{"term": {"port": 1}}], "minimum_should_match": 1}}),
            vec![1],
        ),
        (
            json!({"bool": {"filter": [{"bool": {"must_not": [{"bool": {"filter": [{"term": {"port": 1}}]}}]}}]}}),
            vec![2, 3],
        ),
        (json!({"bool": {}}), vec![1, 2, 3]),
    ] {
        assert_eq!(admin.search(&query).await.found(), names(&found), "{query}");
    }
}

#[actix_web::test]
async fn pages_are_in_order_and_end_with_an_empty_one() {
    let app = App::start().await;
    let admin = app.admin().await;
    connections(&app, &admin, 5).await;
    let page = |from: i64, order: &str| {
        json!({"dsl": {"from": from, "size": 2, "track_total_hits": true, "aggregations": {},
        "query": {"term": {"__state": "ACTIVE"}}, "sort": [{"__guid": {"order": order}}]}})
    };
    let mut seen = Vec::new();
    for from in [0, 2, 4, 6] {
        let answer = admin.search_with(&page(from, "asc")).await.ok();
        assert_eq!(answer["approximateCount"], 5);
        assert_eq!(answer.get("entities").is_none(), from == 6, "an empty list would be `null` to some");
        let entities = answer["entities"].as_array().cloned().unwrap_or_default();
        seen.extend(entities.iter().map(|it| it["attributes"]["qualifiedName"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, names(&[1, 2, 3, 4, 5]));
    let last = admin.search_with(&page(0, "desc")).await.ok();
    assert_eq!(last["entities"][0]["attributes"]["qualifiedName"], "default/snowflake/5");
    let none = admin.search_with(&json!({"dsl": {"size": 0}})).await.ok();
    assert_eq!(none, json!({"approximateCount": 5}));
    let ten = admin.search_with(&json!({"dsl": {}})).await.ok();
    assert_eq!(ten["entities"].as_array().unwrap().len(), 5);
}

#[actix_web::test]
async fn names_are_always_told_and_the_rest_when_asked_for() {
    let app = App::start().await;
    let admin = app.admin().await;
    connections(&app, &admin, 1).await;
    let found = |answer: Value| answer["entities"][0]["attributes"].clone();
    let bare = found(admin.search_with(&json!({"dsl": {}})).await.ok());
    assert_eq!(bare, json!({"name": "C 1", "qualifiedName": "default/snowflake/1"}));
    let body = json!({"dsl": {}, "attributes": ["adminUsers", "port", "none"], "relationAttributes": ["name"],
        "includeRelationshipAttributes": false, "requestMetadata": {"saveSearchLog": false, "utmTags": ["x"]}});
    let asked = found(admin.search_with(&body).await.ok());
    assert_eq!(
        asked,
        json!({"name": "C 1", "qualifiedName": "default/snowflake/1", "port": 1, "adminUsers": ["admin"]})
    );
}

#[actix_web::test]
async fn an_update_is_found_by_what_it_wrote_and_no_more_by_what_was() {
    let app = App::start().await;
    let admin = app.admin().await;
    connections(&app, &admin, 1).await;
    admin
        .save("Connection", &json!({"qualifiedName": "default/snowflake/1", "port": null, "name": "Neu ÄÖ"}))
        .await
        .ok();
    for (query, count) in [
        (json!({"term": {"name": "neu äö"}}), 1),
        (json!({"term": {"name": "C 1"}}), 0),
        (json!({"exists": {"field": "port"}}), 0),
        (json!({"term": {"connectorName": "snowflake"}}), 1),
    ] {
        assert_eq!(admin.search(&query).await.found().len(), count, "{query}");
    }
}

#[actix_web::test]
async fn what_is_too_long_to_be_searched_is_kept_all_the_same() {
    let app = App::start().await;
    let admin = app.admin().await;
    let long = "x".repeat(513);
    admin
        .save("Connection", &json!({"qualifiedName": "default/s/1", "name": "c", "note": long, "nul": "a\u{0}"}))
        .await
        .ok();
    assert_eq!(admin.search(&json!({"exists": {"field": "note"}})).await.found().len(), 0);
    let body = json!({"dsl": {}, "attributes": ["note", "nul"]});
    let kept = admin.search_with(&body).await.ok()["entities"][0]["attributes"].clone();
    assert_eq!((&kept["note"], &kept["nul"]), (&json!(long), &json!("a\u{0}")));
}
