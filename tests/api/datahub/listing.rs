//! Listing access tokens: filters, pages, order, and visibility.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::service::upkeep::maintenance;

use super::{create, created, data, list, own, problem, refused, urn, user_with};
use crate::support::{App, BEGIN, Client};

fn names(answer: &Value) -> Vec<&str> {
    let listed = data(answer);
    let tokens = listed["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["name"].as_str().unwrap()).collect()
}

/// Tokens of several lifetimes, created by `admin` for `admin` and `ada`.
async fn crowd() -> (App, Client) {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    for (name, actor, duration) in [
        ("never", "admin", "NO_EXPIRY"),
        ("day", "ada", "ONE_DAY"),
        ("Month", "admin", "ONE_MONTH"),
        ("hour", "ada", "ONE_HOUR"),
    ] {
        data(&create(&admin, "PERSONAL", actor, name, duration).await);
    }
    (app, admin)
}

#[actix_web::test]
async fn the_last_to_expire_comes_first_and_what_never_does_at_the_end() {
    let (_app, admin) = crowd().await;
    let answer = list(&admin, json!({})).await;
    assert_eq!(names(&answer), ["Month", "day", "hour", "never"]);
    let listed = data(&answer);
    assert_eq!((&listed["start"], &listed["count"], &listed["total"]), (&json!(0), &json!(20), &json!(4)));
    assert_eq!(listed["tokens"][3]["expiresAt"], Value::Null);
}

#[actix_web::test]
async fn pages_follow_each_other_also_for_clients_that_write_numbers_as_texts() {
    let (_app, admin) = crowd().await;
    let mut seen = Vec::new();
    for start in ["0", "2", "4"] {
        let answer = list(&admin, json!({"start": start, "count": "2"})).await;
        assert_eq!((&data(&answer)["total"], &data(&answer)["count"]), (&json!(4), &json!(2)));
        seen.extend(names(&answer).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, ["Month", "day", "hour", "never"]);
    let inner = "start total tokens { name }";
    for document in [
        format!("{{ listAccessTokens(input: {{start: \"1\", count: \"2\"}}) {{ {inner} }} }}"),
        format!(
            "query($i: ListAccessTokenInput! = {{start: \"1\", count: \"2\"}}) {{ listAccessTokens(input: $i) {{ {inner} }} }}"
        ),
        format!(
            "{{ ...f }} fragment f on Query {{ listAccessTokens(input: {{start: \"1\", count: \"2\"}}) {{ {inner} }} }}"
        ),
    ] {
        let answer = super::ask(&admin, &document, Value::Null).await;
        assert_eq!((names(&answer), &data(&answer)["start"]), (vec!["day", "hour"], &json!(1)), "{document}");
    }
    let word = super::ask(&admin, "{ listAccessTokens(input: {start: \"one\"}) { total } }", Value::Null).await;
    assert_eq!(word["errors"][0]["extensions"]["classification"], "ValidationError");
    assert_eq!(names(&list(&admin, json!({"start": 1, "count": 1})).await), ["day"]);
    assert_eq!(names(&list(&admin, json!({"count": 0})).await), [""; 0]);
    assert_eq!(names(&list(&admin, json!({"count": 2_000_000})).await).len(), 4);
    for negative in [json!({"start": -1}), json!({"count": -1})] {
        assert_eq!(problem(&list(&admin, negative).await).0, 400);
    }
}

#[actix_web::test]
async fn every_filter_that_clients_send_is_understood() {
    let (_app, admin) = crowd().await;
    let now = (BEGIN + 2 * 86_400_000).to_string();
    for (filter, found) in [
        (json!({"field": "name", "values": ["day"]}), &["day"][..]),
        (json!({"field": "name", "value": "day"}), &["day"]),
        (json!({"field": "name", "values": ["day", "hour"], "condition": "IN"}), &["day", "hour"]),
        (json!({"field": "name", "values": ["day"], "negated": true}), &["Month", "hour", "never"]),
        (json!({"field": "name", "values": ["month"], "condition": "EQUAL"}), &[]),
        (json!({"field": "name", "values": ["month"], "condition": "IEQUAL"}), &["Month"]),
        (json!({"field": "name", "values": ["ON"], "condition": "CONTAIN"}), &["Month"]),
        (json!({"field": "name", "values": ["mo", "ne"], "condition": "START_WITH"}), &["Month", "never"]),
        (json!({"field": "name", "values": ["r"], "condition": "END_WITH"}), &["hour", "never"]),
        (json!({"field": "name", "values": ["h"], "condition": "GREATER_THAN"}), &["hour", "never"]),
        (json!({"field": "name", "values": ["%"], "condition": "CONTAIN"}), &[]),
        (json!({"field": "expiresAt", "values": [now], "condition": "LESS_THAN"}), &["day", "hour"]),
        (json!({"field": "expiresAt", "values": [now], "condition": "LESS_THAN_OR_EQUAL_TO"}), &["day", "hour"]),
        (json!({"field": "expiresAt", "values": [now], "condition": "GREATER_THAN"}), &["Month"]),
        (json!({"field": "expiresAt", "values": [now], "condition": "GREATER_THAN_OR_EQUAL_TO"}), &["Month"]),
        (json!({"field": "expiresAt", "condition": "EXISTS", "negated": true}), &["never"]),
        (json!({"field": "actorUrn", "values": [urn("ada")]}), &["day", "hour"]),
        (json!({"field": "actorUrn", "values": [urn("ADA")]}), &[]),
        (json!({"field": "ownerUrn", "values": [urn("admin")]}), &["Month", "day", "hour", "never"]),
        (json!({"field": "ownerUrn", "values": [urn("ada")]}), &[]),
        (json!({"field": "createdAt", "values": [BEGIN.to_string()]}), &["Month", "day", "hour", "never"]),
        (json!({"field": "description", "condition": "EXISTS"}), &[]),
    ] {
        let answer = list(&admin, json!({"filters": [filter]})).await;
        assert_eq!(names(&answer), found, "{filter}");
        assert_eq!(data(&answer)["total"], found.len(), "{filter}");
    }
    let both = json!({"filters": [{"field": "actorUrn", "values": [urn("ada")]}, {"field": "name", "values": ["day", "never"]}]});
    assert_eq!(names(&list(&admin, both).await), ["day"]);
}

#[actix_web::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let (_app, admin) = crowd().await;
    for filter in [
        json!({"field": "digest", "values": ["x"]}),
        json!({"field": "ownerId", "values": ["x"]}),
        json!({"field": "name"}),
        json!({"field": "name", "values": ["a\0"]}),
        json!({"field": "name", "values": vec!["x"; 101]}),
        json!({"field": "expiresAt", "values": ["soon"]}),
        json!({"field": "expiresAt", "values": ["1"], "condition": "CONTAIN"}),
        json!({"field": "ownerUrn", "values": ["a"], "condition": "GREATER_THAN"}),
        json!({"field": "ownerUrn", "values": ["a"], "condition": "CONTAIN"}),
        json!({"field": "name", "values": ["x"], "condition": "DESCENDANTS_INCL"}),
    ] {
        assert_eq!(problem(&list(&admin, json!({"filters": [filter]})).await).0, 400, "{filter}");
    }
}

#[actix_web::test]
async fn others_see_only_what_they_created_and_must_ask_for_just_that() {
    let (app, admin) = crowd().await;
    let ada = app.session_of("ada").await;
    created(&ada, "ada", "own").await;
    assert_eq!(names(&list(&ada, own("ada")).await), ["own"]);
    let by_value = json!({"filters": [{"field": "ownerUrn", "value": urn("ada")}, {"field": "name", "values": ["x"], "negated": true}]});
    assert_eq!(names(&list(&ada, by_value).await), ["own"]);
    for filters in [
        json!([]),
        json!(null),
        json!([{"field": "ownerUrn", "values": [urn("admin")]}]),
        json!([{"field": "ownerUrn", "values": [urn("ada"), urn("admin")]}]),
        json!([{"field": "ownerUrn", "values": [urn("ada")], "negated": true}]),
        json!([{"field": "ownerUrn", "values": [urn("ada")], "condition": "EXISTS"}]),
        json!([{"field": "ownerUrn", "values": [urn("ADA")]}]),
        json!([{"field": "actorUrn", "values": [urn("ada")]}]),
    ] {
        let answer = list(&ada, json!({"filters": filters})).await;
        refused(&answer);
        assert_eq!(answer["data"], Value::Null, "{filters}");
    }
    let manager = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens]).await;
    assert_eq!(data(&list(&manager, json!({})).await)["total"], 5);
}

#[actix_web::test]
async fn a_namesake_inherits_no_tokens() {
    let (app, admin) = crowd().await;
    app.user("bob", Role::Admin).await;
    let (given, id) = created(&app.session_of("bob").await, "ada", "by bob").await;
    let (own_token, _) = created(&app.session_of("bob").await, "bob", "bob's own").await;
    super::ask(&admin, "mutation { removeUser(urn: \"urn:li:corpuser:bob\") }", Value::Null).await;
    assert!(!super::is_let_in(&app, &own_token).await);
    let namesake = app.session_with("bob", Role::Member).await;
    assert_eq!(names(&list(&namesake, own("bob")).await), [""; 0]);
    refused(&super::revoke(&namesake, &id).await);
    assert!(!super::is_let_in(&app, &own_token).await);
    assert!(super::is_let_in(&app, &given).await, "it is ada's, who is still there");
}

#[actix_web::test]
async fn the_owner_is_told_where_it_is_asked_for() {
    let (_app, admin) = crowd().await;
    let query = "{ listAccessTokens(input: {count: 1}) { tokens { owner { urn username properties { displayName } } __typename } } }";
    let answer = super::ask(&admin, query, Value::Null).await;
    let owner = json!({"urn": urn("admin"), "username": "admin", "properties": {"displayName": "admin"}});
    assert_eq!(data(&answer)["tokens"], json!([{"owner": owner, "__typename": "AccessTokenMetadata"}]));
}

#[actix_web::test]
async fn expired_tokens_are_listed_for_a_month_and_then_forgotten() {
    let (app, _) = crowd().await;
    let listed = async || names(&list(&app.session_of("admin").await, json!({})).await).len();
    for (days, left) in [(30, 4), (2, 3), (1, 2), (400, 1)] {
        app.advance(days * 86_400_000);
        maintenance::forget_ended(&app.service).await.unwrap();
        assert_eq!(listed().await, left, "{days}");
    }
}
