//! The `filter` of collections: invalid filters are refused.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{App, Client};

async fn refusal(admin: &Client, filter: &str) -> String {
    admin.keys(&[("filter", filter)]).await.violates("filter")
}

#[actix_web::test]
async fn a_filter_that_is_no_json_object_is_refused() {
    let admin = App::start().await.admin().await;
    for filter in [
        "x",
        "[]",
        "null",
        "1",
        "\"displayName\"",
        "{",
        "{\"displayName\":\"we\"ird\"}",
        "{\"displayName\":}",
        "{\"displayName\":\"\\ud800\"}",
        "{\"createdAt\":1e400}",
        "{'displayName':'x'}",
        " ",
        "{}{}",
    ] {
        refusal(&admin, filter).await;
    }
}

#[actix_web::test]
async fn unknown_and_hidden_fields_are_refused_by_name() {
    let admin = App::start().await.admin().await;
    for field in [
        "hash",
        "digest",
        "pepper",
        "key_id",
        "secret",
        "accessToken",
        "password_hash",
        "display_name",
        "displayname",
        "attributes.createdAt",
        "",
        "1=1",
        "id; DROP TABLE api_keys",
        "$where",
        "$nor",
    ] {
        let message = refusal(&admin, &json!({field: "a"}).to_string()).await;
        assert!(message.contains(&format!("`{field}`")), "{message}");
        assert!(message.contains("`displayName`"), "names what there is: {message}");
    }
}

#[actix_web::test]
async fn unknown_operators_are_refused_by_name() {
    let admin = App::start().await.admin().await;
    for operator in ["$regex", "$GT", "eq", "", "$where"] {
        let message = refusal(&admin, &json!({"displayName": {operator: "a"}}).to_string()).await;
        assert!(message.contains(&format!("`{operator}`")), "{message}");
    }
}

#[actix_web::test]
async fn values_of_the_wrong_kind_are_refused() {
    let admin = App::start().await.admin().await;
    for filter in [
        json!({"displayName": 1}),
        json!({"displayName": true}),
        json!({"displayName": []}),
        json!({"displayName": {}}),
        json!({"displayName": {"$in": "a"}}),
        json!({"displayName": {"$in": [1]}}),
        json!({"displayName": {"$in": [null]}}),
        json!({"displayName": {"$like": 1}}),
        json!({"displayName": {"$gt": null}}),
        json!({"displayName": {"$exists": 1}}),
        json!({"displayName": {"$not": "a"}}),
        json!({"displayName": {"$not": {}}}),
        json!({"displayName": {"$eq": {}}}),
        json!({"createdAt": "yesterday"}),
        json!({"createdAt": 1.5}),
        json!({"createdAt": {"$like": "1%"}}),
        json!({"createdAt": u64::MAX}),
        json!({"createdAt": "9223372036854775808"}),
        json!({"id": {"$like": "0%"}}),
        json!({"id": {"$gt": "0"}}),
        json!({"status": {"$ilike": "a%"}}),
        json!({"clientId": {"$lt": "a"}}),
        json!({"$and": {}}),
        json!({"$and": []}),
        json!({"$or": [1]}),
        json!({"$or": []}),
        json!({"$not": []}),
        json!({"$not": "x"}),
    ] {
        refusal(&admin, &filter.to_string()).await;
    }
}

fn nested(levels: usize) -> String {
    (1..levels).fold(json!({"displayName": "a"}), |inner, _| json!({"$not": inner})).to_string()
}

#[actix_web::test]
async fn filters_are_nested_8_levels_deep_at_most() {
    let admin = App::start().await.admin().await;
    admin.keys(&[("filter", &nested(8))]).await.ok();
    assert!(refusal(&admin, &nested(9)).await.contains("deeper than 8"));
    let operators = (0..9).fold(json!({"$eq": "a"}), |inner, _| json!({"$not": inner}));
    assert!(refusal(&admin, &json!({"displayName": operators}).to_string()).await.contains("deeper than 8"));
    let bomb = format!("{}{}", "{\"$not\":".repeat(1000), "}".repeat(1000));
    refusal(&admin, &bomb).await;
}

#[actix_web::test]
async fn filters_have_100_parts_at_most() {
    let admin = App::start().await.admin().await;
    let names = |count: usize| json!({"displayName": {"$in": vec!["a"; count]}}).to_string();
    admin.keys(&[("filter", &names(99))]).await.ok();
    assert!(refusal(&admin, &names(100)).await.contains("more than 100"));
    let spread: Vec<Value> = (0..200).map(|index| json!({"createdAt": {"$gt": index}})).collect();
    assert!(refusal(&admin, &json!({"$or": spread}).to_string()).await.contains("more than 100"));
}

#[actix_web::test]
async fn many_empty_objects_are_no_way_around_the_limit() {
    let admin = App::start().await.admin().await;
    for operator in ["$and", "$or"] {
        let filter = json!({operator: vec![json!({}); 2000]}).to_string();
        let answer = admin.keys(&[("filter", &filter)]).await;
        assert!(answer.status == 200 || answer.status == 400, "{operator}: {} {}", answer.status, answer.text);
    }
}

#[actix_web::test]
async fn a_nul_in_a_filter_is_refused_or_matches_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    admin.create("a").await;
    for test in [json!("a\u{0}"), json!({"$ilike": "\u{0}%"}), json!({"$in": ["\u{0}"]}), json!({"$lt": "\u{0}"})] {
        let answer = admin.keys(&[("filter", &json!({"displayName": test}).to_string())]).await;
        match answer.status {
            200 => assert_eq!(answer.column("id").len(), 0),
            _ => drop(answer.violates("filter")),
        }
    }
}

#[actix_web::test]
async fn filters_have_8192_bytes_at_most() {
    let admin = App::start().await.admin().await;
    let of_length = |length: usize| format!("{{\"displayName\":\"{}\"}}", "a".repeat(length - 18));
    assert_eq!(of_length(8192).len(), 8192);
    admin.keys(&[("filter", &of_length(8192))]).await.ok();
    assert!(refusal(&admin, &of_length(8193)).await.contains("8193"));
}

#[actix_web::test]
async fn a_pattern_of_many_wildcards_ends() {
    let admin = App::start().await.admin().await;
    admin.create(&"a".repeat(255)).await;
    let mut pattern = String::new();
    for _ in 0..2000 {
        write!(pattern, "%a").unwrap();
    }
    assert_eq!(admin.found(&json!({"displayName": {"$ilike": pattern}})).await, [""; 0]);
}

#[actix_web::test]
async fn a_field_given_twice_is_refused() {
    let admin = App::start().await.admin().await;
    admin.create("b").await;
    let twice = r#"{"displayName":"a","displayName":"b"}"#;
    assert!(refusal(&admin, twice).await.contains("`displayName` twice"));
}

#[actix_web::test]
async fn no_message_repeats_more_than_64_characters_of_what_was_sent() {
    let admin = App::start().await.admin().await;
    let long = "x".repeat(2000);
    assert!(refusal(&admin, &json!({long.as_str(): 1}).to_string()).await.len() < 500);
    assert!(refusal(&admin, &json!({"displayName": {long.as_str(): 1}}).to_string()).await.len() < 500);
    assert!(admin.keys(&[("sort", &long)]).await.violates("sort").len() < 500);
    assert!(admin.key(&long).await.refused("TESSERA-404-001")["errorMessage"].as_str().unwrap().len() < 200);
}
