//! `GET /api/service/apikeys`: the envelope, the page, and the parameters as each SDK sends them.

use serde_json::json;

use crate::create::KEYS;
use crate::support::{App, new_key};

async fn with_keys(names: &[&str]) -> (App, crate::support::Client) {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in names {
        admin.create(name).await;
        app.advance(1);
    }
    (app, admin)
}

#[actix_web::test]
async fn an_empty_collection_has_totals_of_zero_and_an_empty_list() {
    let (_app, admin) = with_keys(&[]).await;
    assert_eq!(admin.keys(&[]).await.ok(), json!({"totalRecord": 0, "filterRecord": 0, "records": []}));
}

#[actix_web::test]
async fn a_filter_that_matches_nothing_leaves_the_total_and_answers_with_an_empty_list() {
    let (_app, admin) = with_keys(&["a", "b"]).await;
    let page = admin.keys(&[("filter", r#"{"displayName":"c"}"#)]).await.ok();
    assert_eq!(page, json!({"totalRecord": 2, "filterRecord": 0, "records": []}));
}

#[actix_web::test]
async fn totals_count_the_collection_and_what_the_filter_lets_through() {
    let (_app, admin) = with_keys(&["a", "b", "b"]).await;
    let page = admin.keys(&[("filter", r#"{"displayName":"b"}"#), ("limit", "1"), ("offset", "1")]).await;
    assert_eq!(page.totals(), [3, 2]);
    assert_eq!(page.column("displayName"), ["b"]);
}

#[actix_web::test]
async fn a_listed_key_is_the_same_as_one_read_alone() {
    let (_app, admin) = with_keys(&["a"]).await;
    let listed = admin.keys(&[]).await.ok()["records"][0].clone();
    assert_eq!(admin.key(listed["id"].as_str().unwrap()).await.ok(), listed);
}

#[actix_web::test]
async fn the_newest_key_comes_first_unless_another_order_is_asked_for() {
    let (_app, admin) = with_keys(&["a", "b", "c"]).await;
    assert_eq!(admin.keys(&[]).await.column("displayName"), ["c", "b", "a"]);
    assert_eq!(admin.keys(&[("sort", "")]).await.column("displayName"), ["c", "b", "a"]);
}

#[actix_web::test]
async fn both_spellings_of_the_path_answer_without_a_redirect() {
    let (_app, admin) = with_keys(&["a"]).await;
    let id = admin.keys(&[]).await.column("id").remove(0);
    for path in [KEYS.to_owned(), format!("{KEYS}/"), format!("{KEYS}/?limit=5"), format!("{KEYS}/{id}/")] {
        admin.get(&path).await.ok();
    }
    admin.post(&format!("{KEYS}/{id}/"), &json!({"displayName": "b"})).await.ok();
    admin.delete(&format!("{KEYS}/{id}/")).await.ok();
}

#[actix_web::test]
async fn queries_are_taken_as_each_sdk_writes_them() {
    let (_app, admin) = with_keys(&["n"]).await;
    let key = admin.keys(&[]).await.ok()["records"][0].clone();
    let (id, client) = (key["id"].as_str().unwrap(), key["clientId"].as_str().unwrap());
    for query in [
        String::new(),
        "count=True&offset=0".to_owned(),
        "count=False&offset=0&limit=2&filter=%7B%22displayName%22%3A+%22n%22%7D&sort=-createdAt".to_owned(),
        "count=True&offset=0&limit=0&filter=&sort=".to_owned(),
        "count=True&offset=0&limit=5&filter=%7B%22displayName%22%3A%22n%22%7D".to_owned(),
        format!("count=true&offset=0&limit=5&filter=%7B%22clientId%22%3A%22{client}%22%7D"),
        format!("filter=%7B%22clientId%22%3A%22service-account-{client}%22%7D"),
        format!("count=True&offset=0&limit=5&filter=%7B%22id%22%3A%22{id}%22%7D&sort=createdAt"),
        "limit=20&offset=0&sort=-createdAt".to_owned(),
        "columns=a&columns=b&maxLoginEvents=1".to_owned(),
    ] {
        let page = admin.get(&format!("{KEYS}?{query}")).await;
        assert_eq!(page.column("id"), [id], "{query}");
        assert_eq!(page.totals(), [1, 1], "{query}");
    }
}

#[actix_web::test]
async fn a_page_has_100_records_unless_more_are_asked_for_and_0_asks_for_1000() {
    let app = App::start().await;
    let admin = app.admin().await;
    for index in 0..101 {
        let new = new_key(&format!("k{index}"));
        tessera::service::keys::api_keys::create(&app.service, &app.operator(), new, None).await.unwrap();
    }
    for (limit, records) in [("", 100), ("limit=1", 1), ("limit=101", 101), ("limit=1000", 101), ("limit=0", 101)] {
        let page = admin.get(&format!("{KEYS}?{limit}")).await;
        assert_eq!(page.column("id").len(), records, "{limit}");
        assert_eq!(page.totals(), [101, 101]);
    }
}

#[actix_web::test]
async fn numbers_out_of_range_are_refused_by_name() {
    let admin = App::start().await.admin().await;
    let huge = "9223372036854775808";
    for wrong in ["-1", "1001", "1e9", "1000000000", huge, "x", "1.0", "0x1", " 1", "NaN"] {
        admin.keys(&[("limit", wrong)]).await.violates("limit");
    }
    for wrong in ["-1", huge, "99999999999999999999", "x"] {
        admin.keys(&[("offset", wrong)]).await.violates("offset");
    }
    admin.keys(&[("count", "maybe")]).await.violates("count");
    assert_eq!(admin.keys(&[("offset", "9223372036854775807")]).await.column("id").len(), 0);
}

#[actix_web::test]
async fn a_parameter_given_twice_is_refused() {
    let admin = App::start().await.admin().await;
    for name in ["filter", "sort", "limit", "offset", "cursor", "count"] {
        admin.keys(&[(name, ""), (name, "")]).await.violates(name);
    }
}

#[actix_web::test]
async fn every_actor_may_look() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    assert_eq!(key.keys(&[]).await.column("id"), [key.id.as_str()]);
    assert_eq!(key.key(&key.id).await.ok()["id"], key.id.as_str());
}

#[actix_web::test]
async fn the_last_use_of_a_key_is_shown_at_once() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    assert_eq!(admin.key(&key.id).await.ok()["attributes"].get("lastUsedAt"), None);
    app.advance(5);
    key.whoami().await.ok();
    let used = json!(app.now().to_string());
    app.advance(5);
    assert_eq!(admin.key(&key.id).await.ok()["attributes"]["lastUsedAt"], used);
    assert_eq!(admin.keys(&[]).await.ok()["records"][0]["attributes"]["lastUsedAt"], used);
    let updated = admin.try_update(&key.id, &json!({"displayName": "etl"})).await.ok();
    assert_eq!(updated["attributes"]["lastUsedAt"], used);
}

#[actix_web::test]
async fn an_id_is_read_in_either_case_and_in_no_other_spelling() {
    let (_app, admin) = with_keys(&["a"]).await;
    let id = admin.keys(&[]).await.column("id").remove(0);
    assert_eq!(admin.key(&id.to_uppercase()).await.ok()["id"], id.as_str());
    let simple = id.replace('-', "");
    for wrong in [simple.as_str(), "x", "%00", "%ff", "null", "urn:uuid:1", "00000000-0000-0000-0000-000000000000"] {
        admin.key(wrong).await.refused("TESSERA-404-001");
    }
}

#[actix_web::test]
async fn the_total_is_the_number_of_keys_however_they_come_and_go() {
    let app = App::start().await;
    let admin = app.admin().await;
    let total = async || admin.keys(&[("limit", "1")]).await.totals()[0];
    let keys = [app.key_with(&[]).await, app.key_with(&[]).await, app.key_with(&[]).await];
    assert_eq!(total().await, 3);
    admin
        .try_create(&json!({"displayName": "x", "personaQualifiedNames": ["default/none"]}))
        .await
        .refused("TESSERA-400-001");
    app.key_with(&[]).await.delete_key("0197a1b2-0000-7000-8000-000000000000").await.refused("TESSERA-403-001");
    admin.delete_key("0197a1b2-0000-7000-8000-000000000000").await.refused("TESSERA-404-001");
    assert_eq!(total().await, 4);
    admin.delete_key(&keys[0].id).await;
    admin.delete_key(&keys[0].id).await.refused("TESSERA-404-001");
    app.anonymous().post("/api/service/apikeys/revoke-leaked", &json!({"token": keys[1].token})).await;
    assert_eq!(total().await, 2);
    assert_eq!(admin.keys(&[]).await.column("id").len(), 2);
}

#[actix_web::test]
async fn parameters_that_a_list_does_not_have_are_refused_by_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = admin.create("one").await;
    for path in [
        "/api/service/apikeys",
        "/api/service/personas",
        "/api/service/users",
        "/api/service/roles",
        "/api/service/v2/groups",
        "/api/service/audit",
    ] {
        for wrong in ["fliter", "Filter", "displayName", "filter[]", "FILTER", " filter"] {
            let message = admin.list(path, &[(wrong, "{\"id\":\"x\"}")]).await.violates(wrong);
            assert!(message.contains("`filter`"), "{message}");
        }
        // What Atlan's SDKs send along.
        let extra = [
            ("limit", "10"),
            ("offset", "0"),
            ("count", "true"),
            ("columns", "id"),
            ("columns", "email"),
            ("maxLoginEvents", "1"),
        ];
        admin.list(path, &extra).await.ok();
    }
    let permissions = format!("/api/service/apikeys/{}/permissions", key["id"].as_str().unwrap());
    admin.list(&permissions, &[("unusedFor", "30d")]).await.violates("unusedFor");
}

#[actix_web::test]
async fn a_member_that_is_there_twice_is_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    let twice = r#"{"displayName":"a","displayName":"b"}"#;
    let message = admin.list("/api/service/apikeys", &[("filter", twice)]).await.violates("filter");
    assert!(message.contains("`displayName` twice"), "{message}");
    let nested = r#"{"$or":[{"id":"x"},{"createdAt":{"$gt":1,"$gt":2}}]}"#;
    admin.list("/api/service/apikeys", &[("filter", nested)]).await.violates("filter");
    for (path, body) in [
        ("/api/service/apikeys", twice.to_owned()),
        ("/api/service/apikeys", r#"{"displayName":"a","display\u004eame":"b"}"#.to_owned()),
        ("/api/meta/entity/bulk", r#"{"entities":[{"typeName":"Table","attributes":{"name":"a","name":"b","qualifiedName":"default/x/1/t"}}]}"#.to_owned()),
        ("/api/meta/search/indexsearch", r#"{"dsl":{"from":0,"from":1,"query":{"match_all":{}}}}"#.to_owned()),
        ("/access/v1/evaluation", r#"{"subject":{"type":"user","id":"admin"},"action":{"name":"x"},"resource":{"type":"t","id":"i","properties":{"a":1,"a":2}}}"#.to_owned()),
    ] {
        let answer = admin.post_text(path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
        assert!(answer.text.contains("twice"), "{path} {body}: {}", answer.text);
    }
}
