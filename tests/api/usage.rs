//! Uses and refusals of API keys over time.

use serde_json::{Value, json};
use tessera::clock::{DAY, HOUR};
use tessera::domain::child::Presentation;
use tessera::domain::ids::PrincipalId;
use tessera::domain::permission::Permission::{ManageApiKeys, ViewApiKeys};
use tessera::domain::principal::Role;
use tessera::domain::usage::Interval;
use tessera::service::keys::usage;
use tessera::service::upkeep::maintenance::{self, DAILY_USAGE_DAYS};

use crate::support::{App, Client, Holder};

const HOURS_KEPT: i64 = 31 * DAY;

async fn uses(asking: &Client, id: &str, query: &str) -> Value {
    asking.get(&format!("/api/service/apikeys/{id}/uses{query}")).await.ok()
}

fn totals(answer: &Value) -> (i64, i64) {
    (answer["uses"].as_i64().unwrap(), answer["refusals"].as_i64().unwrap())
}

/// Start, uses and refusals of every interval that has some.
fn filled(answer: &Value) -> Vec<(i64, i64, i64)> {
    let number = |record: &Value, name: &str| record[name].as_i64().unwrap();
    let records = answer["records"].as_array().unwrap().iter();
    let all = records.map(|each| (number(each, "startsAt"), number(each, "uses"), number(each, "refusals")));
    all.filter(|(_, uses, refusals)| uses + refusals > 0).collect()
}

/// The id and the token of a new key.
async fn made(admin: &Client, body: &Value) -> (String, String) {
    let made = admin.try_create(body).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["id"]), text(&made["attributes"]["accessToken"]))
}

async fn save(app: &App) {
    maintenance::save_uses(&app.service).await.unwrap();
}

async fn use_of(key: &Holder, times: usize) {
    for _ in 0..times {
        key.whoami().await.ok();
    }
}

#[actix_web::test]
async fn uses_count_in_their_hour_before_and_after_they_are_saved() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let first = Interval::Hour.start(app.now());
    use_of(&key, 3).await;
    assert_eq!(filled(&uses(&admin, &key.id, "").await), [(first, 3, 0)]);
    save(&app).await;
    assert_eq!(filled(&uses(&admin, &key.id, "").await), [(first, 3, 0)]);
    app.advance(HOUR);
    let admin = app.session_of("admin").await;
    use_of(&key, 2).await;
    save(&app).await;
    use_of(&key, 1).await;
    let answer = uses(&admin, &key.id, "?by=hour").await;
    assert_eq!(filled(&answer), [(first, 3, 0), (first + HOUR, 3, 0)]);
    assert_eq!((totals(&answer), answer["by"].as_str()), ((6, 0), Some("hour")));
    // Every interval of the period is there, up to the present one.
    let records = answer["records"].as_array().unwrap();
    assert_eq!(records.len(), 25);
    assert_eq!(records[24]["startsAt"], first + HOUR);
    for by in ["day", "month"] {
        assert_eq!(totals(&uses(&admin, &key.id, &format!("?by={by}")).await), (6, 0), "{by}");
    }
}

#[actix_web::test]
async fn refusals_count_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let graphql = json!({"query": r#"mutation { revokeAccessToken(tokenId: "x") }"#});
    let list = json!({"query": "{ listAccessTokens(input: {start: 0, count: 1, filters: []}) { total } }"});
    key.post("/api/service/personas", &json!({"name": "x"})).await.refused("TESSERA-403-001");
    assert_eq!(key.get("/gateway/verify?permission=MANAGE_APIKEYS").await.status, 403);
    for body in [&graphql, &list] {
        assert!(key.post("/api/graphql", body).await.text.contains("403"), "{body}");
    }
    assert_eq!(totals(&uses(&admin, &key.id, "").await), (4, 4));
    save(&app).await;
    assert_eq!(totals(&uses(&admin, &key.id, "").await), (4, 4));
}

#[actix_web::test]
async fn expired_and_bound_keys_count_refusals_and_unknown_tokens_count_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (id, token) = made(&admin, &json!({"displayName": "short", "validitySeconds": 60})).await;
    let holder = app.holder_of(&token);
    holder.whoami().await.ok();
    app.advance(61_000);
    assert_eq!(holder.whoami().await.status, 401);
    let wrong = format!("{}{}", &token[..token.len() - 6], "AAAAAA");
    assert_eq!(app.holder_of(&wrong).whoami().await.status, 401);
    assert_eq!(totals(&uses(&admin, &id, "").await), (1, 1));

    let rate = json!({"displayName": "slow", "rateLimit": {"requests": 1, "seconds": 3600}});
    let (id, token) = made(&admin, &rate).await;
    let holder = app.holder_of(&token);
    holder.whoami().await.ok();
    assert_eq!(holder.whoami().await.status, 429);
    assert_eq!(totals(&uses(&admin, &id, "").await), (1, 1));
}

#[actix_web::test]
async fn hours_become_days_and_days_are_forgotten() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let day = Interval::Day.start(app.now());
    use_of(&key, 2).await;
    save(&app).await;
    app.advance(HOURS_KEPT + DAY);
    drop(admin);
    let admin = app.session_of("admin").await;
    maintenance::forget_ended(&app.service).await.unwrap();
    // Once more: nothing is counted twice.
    maintenance::forget_ended(&app.service).await.unwrap();
    let from = format!("?by=day&from={day}");
    assert_eq!(filled(&uses(&admin, &key.id, &from).await), [(day, 2, 0)]);
    let month = Interval::Month.start(day);
    assert_eq!(filled(&uses(&admin, &key.id, &format!("?by=month&from={day}")).await), [(month, 2, 0)]);
    let refused = admin.get(&format!("/api/service/apikeys/{}/uses?by=hour&from={day}", key.id)).await;
    let reason = refused.violates("from");
    assert!(reason.contains("kept for 31 days"), "{reason}");
    app.advance((DAILY_USAGE_DAYS - 31) * DAY);
    maintenance::forget_ended(&app.service).await.unwrap();
    let id = PrincipalId::parse(&key.id).unwrap();
    let kept = app.service.database.read(|connection| tessera::storage::usage::of(connection, id, 0, i64::MAX));
    assert_eq!(kept.unwrap(), []);
}

#[actix_web::test]
async fn uses_are_shown_to_those_who_see_the_key() {
    let app = App::start().await;
    let (key, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    use_of(&key, 1).await;
    assert_eq!(totals(&uses(&key, &key.id, "").await), (2, 0));
    let path = format!("/api/service/apikeys/{}/uses", key.id);
    other.get(&path).await.refused("TESSERA-404-001");
    for permission in [ViewApiKeys, ManageApiKeys] {
        uses(&app.key_with(&[permission]).await.client, &key.id, "").await;
    }
    app.session_with("guest", Role::Guest).await.get(&path).await.refused("TESSERA-404-001");
}

#[actix_web::test]
async fn a_wrong_period_is_refused_by_name() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let now = app.now();
    for (query, name) in [
        ("by=week".to_owned(), "by"),
        ("by=".to_owned(), "by"),
        ("from=yesterday".to_owned(), "from"),
        ("from=".to_owned(), "from"),
        ("to=-1".to_owned(), "to"),
        (format!("to={}", now + 60_000), "to"),
        (format!("from={now}&to={now}"), "from"),
        (format!("from={}&by=day", now - 402 * DAY), "from"),
        ("from=0".to_owned(), "from"),
        (format!("from={now}&from={now}"), "from"),
        ("since=1".to_owned(), "since"),
    ] {
        let answer = admin.get(&format!("/api/service/apikeys/{}/uses?{query}", key.id)).await;
        answer.violates(name);
    }
}

#[actix_web::test]
async fn the_most_refused_keys_come_first_and_only_those_that_the_actor_sees() {
    let app = App::start().await;
    let operator = app.operator();
    let keys = [app.key_with(&[]).await, app.key_with(&[]).await];
    for (key, times) in keys.iter().zip([1, 2]) {
        for _ in 0..times {
            key.get("/api/service/audit").await.refused("TESSERA-403-001");
        }
    }
    save(&app).await;
    let found = usage::most_refused(&app.service, &operator).await.unwrap();
    let found: Vec<(String, i64)> = found.into_iter().map(|(key, times)| (key.id.to_string(), times)).collect();
    assert_eq!(found, [(keys[1].id.clone(), 2), (keys[0].id.clone(), 1)]);
    let itself = app.service.authenticate(Presentation::bearer(&keys[0].token, None)).await.unwrap();
    assert_eq!(usage::most_refused(&app.service, &itself).await.unwrap().len(), 1);
    app.advance(DAY + HOUR);
    assert!(usage::most_refused(&app.service, &operator).await.unwrap().is_empty());
}

#[actix_web::test]
async fn networks_are_those_of_uses_and_refusals() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let (home, away) = (key.client.at("203.0.113.9"), key.client.at("2001:db8::7"));
    home.whoami().await.ok();
    away.get("/api/service/audit").await.refused("TESSERA-403-001");
    let expected = [("203.0.113.9", 0), ("2001:db8::/64", 1)];
    let networks = |answer: Value| {
        let networks = answer["networks"].as_array().unwrap().clone();
        let each = |each: &Value| (each["network"].as_str().unwrap().to_owned(), each["refusals"].as_i64().unwrap());
        let mut networks: Vec<_> = networks.iter().map(each).collect();
        networks.sort();
        networks
    };
    let expected: Vec<_> =
        expected.map(|(network, refusals)| (network.to_owned(), refusals)).into_iter().rev().collect();
    assert_eq!(networks(uses(&admin, &key.id, "").await), expected);
    save(&app).await;
    assert_eq!(networks(uses(&admin, &key.id, "").await), expected);
    // The first use in another hour tells the later time.
    app.advance(2 * HOUR);
    let admin = app.session_of("admin").await;
    home.whoami().await.ok();
    save(&app).await;
    let answer = uses(&admin, &key.id, "").await;
    let latest = &answer["networks"][0];
    assert_eq!(latest["network"], "203.0.113.9");
    assert_eq!(latest["lastSeenAt"].as_i64().unwrap() - latest["firstSeenAt"].as_i64().unwrap(), 2 * HOUR);
}

#[actix_web::test]
async fn the_networks_of_a_key_are_bounded() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for block in 0..12 {
        for number in 0..10 {
            key.client.at(&format!("203.0.{block}.{number}")).whoami().await.ok();
        }
        save(&app).await;
        app.advance(1);
    }
    maintenance::forget_ended(&app.service).await.unwrap();
    let id = PrincipalId::parse(&key.id).unwrap();
    let kept = app.service.database.read(|connection| tessera::storage::key_networks::of(connection, id)).unwrap();
    assert_eq!(kept.len(), usize::from(maintenance::NETWORKS));
    assert!(kept.iter().all(|each| !each.network.starts_with("203.0.0.")), "the oldest are dropped");
}
