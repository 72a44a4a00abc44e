//! Unsupported parts of a search are refused with their place and name, never ignored.

use serde_json::{Value, json};

use crate::support::App;

#[actix_web::test]
async fn what_is_not_supported_is_named() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let long = "x".repeat(513);
    for (place, query) in [
        ("dsl.query.match", json!({"match": {"name": "a"}})),
        ("dsl.query.wildcard", json!({"wildcard": {"name": "a*"}})),
        (
            "dsl.query.bool.filter[1].range",
            json!({"bool": {"filter": [{"match_all": {}}, {"range": {"port": {"gt": 1}}}]}}),
        ),
        ("dsl.query.bool.should[0].regexp", json!({"bool": {"should": [{"regexp": {"name": ".*"}}]}})),
        ("dsl.query.bool.rank", json!({"bool": {"rank": 1}})),
        ("dsl.query.term.__timestamp", json!({"term": {"__timestamp": 1}})),
        ("dsl.query.term.name.text", json!({"term": {"name.text": "a"}})),
        ("dsl.query.term.name.fuzziness", json!({"term": {"name": {"value": "a", "fuzziness": 1}}})),
        ("dsl.query.term.name", json!({"term": {"name": {}}})),
        ("dsl.query.term.name", json!({"term": {"name": ["a"]}})),
        ("dsl.query.term.name", json!({"term": {"name": long}})),
        ("dsl.query.term.name", json!({"term": {"name": "a\u{0}"}})),
        ("dsl.query.term", json!({"term": {"name": "a", "port": 1}})),
        ("dsl.query.terms.name", json!({"terms": {"name": "a"}})),
        ("dsl.query.term.__superTypeNames", json!({"term": {"__superTypeNames.keyword": "SQL"}})),
        ("dsl.query.prefix", json!({"prefix": {"__guid": "a"}})),
        ("dsl.query.exists", json!({"exists": {}})),
        ("dsl.query.exists.__x", json!({"exists": {"field": "__x"}})),
        ("dsl.query", json!({"term": {"name": "a"}, "match_all": {}})),
        ("dsl.query", json!([])),
        ("dsl.query.bool.minimum_should_match", json!({"bool": {"minimum_should_match": 2}})),
    ] {
        key.search(&query).await.violates(place);
    }
}

#[actix_web::test]
async fn sizes_orders_and_members_are_checked() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for (place, dsl) in [
        ("dsl.size", json!({"size": 1001})),
        ("dsl.size", json!({"size": -1})),
        ("dsl.from", json!({"from": -1})),
        ("dsl.from", json!({"from": i64::MAX})),
        ("dsl.aggregations", json!({"aggregations": {"types": {"terms": {"field": "__typeName"}}}})),
        ("dsl.post_filter", json!({"post_filter": {"match_all": {}}})),
        ("dsl.sort", json!({"sort": [{"name.keyword": {"order": "asc"}}]})),
        ("dsl.sort", json!({"sort": [{"__guid": {"order": "asc"}}, {"name": {"order": "asc"}}]})),
        ("dsl.sort.__guid.order", json!({"sort": [{"__guid": {"order": "sideways"}}]})),
        ("dsl.sort", json!({"sort": ["__guid"]})),
    ] {
        key.search_with(&json!({"dsl": dsl})).await.violates(place);
    }
    key.search_with(&json!({"dsl": {}, "offset": 1})).await.violates("offset");
    key.search_with(&json!({})).await.violates("dsl");
}

#[actix_web::test]
async fn depth_and_number_of_clauses_are_bounded() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let nested = |depth: usize| (0..depth).fold(json!({"match_all": {}}), |it, _| json!({"bool": {"must": [it]}}));
    assert_eq!(key.search(&nested(16)).await.found().len(), 0);
    let refused = key.search(&nested(17)).await.refused("TESSERA-400-001");
    assert!(refused["message"].as_str().unwrap().contains("16 clauses deep"), "{refused}");
    let many = |count: usize| json!({"bool": {"should": vec![json!({"term": {"a": "b"}}); count]}});
    assert_eq!(key.search(&many(1023)).await.found().len(), 0);
    let refused: Value = key.search(&many(1024)).await.refused("TESSERA-400-001");
    assert!(refused["message"].as_str().unwrap().contains("more than 1024"), "{refused}");
    let values: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(key.search(&json!({"terms": {"a": values}})).await.found().len(), 0);
}
