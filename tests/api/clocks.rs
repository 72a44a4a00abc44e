//! Clocks that are set: expired credentials stay expired, and a clock error leaves no trace.

use actix_web::http::Method;
use data_encoding::BASE64;
use serde_json::json;
use tessera::clock::{Clock, DAY, HELD_FOR, HOUR, MINUTE, SECOND};
use tessera::domain::api_key::{NewApiKey, Validity};
use tessera::domain::child::Presentation;
use tessera::domain::error::{Error, Refusal};
use tessera::service::Service;
use tessera::service::keys::api_keys;
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::{maintenance, time};
use tessera::storage::{self, used_once};

use crate::support::{Answer, App, BEGIN, Holder, Options, World, new_key};

const YEARS: i64 = 3_650 * DAY;

/// Sets the wall clock, and lets the process notice.
async fn step(service: &Service, millis: i64) {
    service.clock.step(millis);
    Follower::start(service).await.unwrap().step(service).await.unwrap();
}

async fn is_expired(service: &Service, token: &str) -> bool {
    match service.authenticate(Presentation::bearer(token, None)).await {
        Ok(_) => false,
        Err(Error::Unauthenticated(Refusal::Expired)) => true,
        Err(error) => panic!("{error}: {error:?}"),
    }
}

/// The token of a key that lives for a minute.
async fn short_lived(world: &World) -> String {
    let new = NewApiKey { validity: Validity::parse(60).unwrap(), ..new_key("short") };
    api_keys::create(&world.service, &world.operator(), new, None).await.unwrap().token.expose()
}

#[actix_web::test]
async fn nothing_that_expired_revives_when_the_clock_is_set_back_while_the_process_runs() {
    let world = World::new(&Options::default());
    let token = short_lived(&world).await;
    assert!(!is_expired(&world.service, &token).await);
    world.service.clock.advance(MINUTE);
    assert!(is_expired(&world.service, &token).await);
    for back in [HOUR, DAY, YEARS, 10 * YEARS] {
        step(&world.service, -back).await;
        assert!(is_expired(&world.service, &token).await, "{back}");
    }
    assert!(world.service.clock.wall() < 0, "before 1970");
}

#[actix_web::test]
async fn nothing_that_expired_revives_in_a_process_that_starts_with_a_clock_set_back() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    let token = short_lived(&world).await;
    world.service.clock.advance(2 * MINUTE);
    assert!(is_expired(&world.service, &token).await);
    time::synchronise(&world.service).await.unwrap();
    for wall in [BEGIN - HOUR, BEGIN - YEARS, -DAY] {
        let restarted = world.neighbour_at(Clock::manual(wall));
        time::begin(&restarted).await.unwrap();
        assert!(is_expired(&restarted, &token).await, "{wall}");
    }
}

#[actix_web::test]
async fn sessions_personal_tokens_and_repeated_creates_are_judged_by_the_same_time() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created = admin.create("a").await;
    let body = json!({"displayName": "t", "validitySeconds": 1});
    app.advance(crate::support::SESSION);
    admin.whoami().await.refused("TESSERA-401-003");
    step(&app.service, -2 * HOUR).await;
    admin.whoami().await.refused("TESSERA-401-003");
    let again = app.admin().await;
    let repeat = |client: crate::support::Client| client.with("idempotency-key", "0123456789abcdef");
    let first = repeat(again.clone()).try_create(&body).await.ok();
    assert_ne!(first["id"], created["id"]);
    let now = app.now();
    step(&app.service, -HOUR).await;
    assert!(app.now() >= now);
    again.whoami().await.ok();
    // Time runs at half speed, so a session created meanwhile still expires.
    app.advance(2 * crate::support::SESSION);
    again.whoami().await.refused("TESSERA-401-003");
}

/// A token request of a key, with a proof of that second and that id if there is one.
async fn child_of(app: &App, key: &Holder, form: &str, proof: Option<(i64, String)>) -> Answer {
    let basic = BASE64.encode(format!("apikey-{}:{}", key.id, key.token).as_bytes());
    let mut client = app
        .anonymous()
        .with("authorization", &format!("Basic {basic}"))
        .with("content-type", "application/x-www-form-urlencoded")
        .with("host", "tessera.example.org");
    if let Some((second, id)) = proof {
        let claims = json!({"iat": second, "jti": id});
        let url = "https://tessera.example.org/oauth/token";
        client = client.with("dpop", &crate::dpop::proof_of(7, &Method::POST, url, &claims));
    }
    let form = format!("grant_type=client_credentials&token_format={form}&lifetime=60");
    client.send(Method::POST, "/oauth/token", Some(&form)).await
}

#[actix_web::test]
async fn children_and_proofs_are_judged_by_the_same_time() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let mut children = Vec::new();
    for form in ["jwt", "opaque"] {
        let told = child_of(&app, &key, form, None).await.ok();
        children.push(app.holder_of(told["access_token"].as_str().unwrap()));
    }
    for child in &children {
        child.whoami().await.ok();
    }
    let early = app.now() / SECOND;
    app.advance(HOUR);
    for back in [0, 2 * HOUR, DAY, YEARS] {
        step(&app.service, -back).await;
        for child in &children {
            child.whoami().await.refused("TESSERA-401-003");
        }
        // Now is what credentials are judged by, and not what the clock on the wall says.
        let now = app.now() / SECOND;
        assert!(now >= early + HOUR / SECOND, "{back}");
        let bound = child_of(&app, &key, "jwt", Some((now, format!("now {back}")))).await.ok();
        assert_eq!(bound["token_type"], "DPoP");
        let stale = child_of(&app, &key, "jwt", Some((early, format!("early {back}")))).await;
        assert_eq!((stale.status, &stale.json["error"]), (400, &json!("invalid_dpop_proof")), "{}", stale.text);
    }
}

#[actix_web::test]
async fn a_glitch_of_ten_years_expires_nothing_and_stays_nowhere() {
    let app = App::start().await;
    time::begin(&app.service).await.unwrap();
    let key = app.key_with(&[]).await;
    let token = short_lived(&app).await;
    step(&app.service, YEARS).await;
    app.advance(SECOND);
    key.whoami().await.ok();
    assert!(!is_expired(&app.service, &token).await);
    maintenance::save_uses(&app.service).await.unwrap();
    time::synchronise(&app.service).await.unwrap();
    step(&app.service, -YEARS).await;
    let told = app.admin().await.key(&key.id).await.ok()["attributes"]["lastUsedAt"].clone();
    assert_eq!(told, app.now().to_string());
    let restarted = app.neighbour_at(Clock::manual(BEGIN + SECOND));
    time::begin(&restarted).await.unwrap();
    assert_eq!(restarted.clock.now(), BEGIN + SECOND);
    assert!(!is_expired(&restarted, &token).await);
}

#[actix_web::test]
async fn what_a_process_that_starts_in_a_glitch_notes_is_put_right_and_its_time_forgotten() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    let token = world.key("a", &[]).await.token.expose();
    let glitched = world.neighbour_at(Clock::manual(BEGIN + YEARS));
    time::begin(&glitched).await.unwrap();
    assert_eq!(glitched.clock.now(), BEGIN + YEARS);
    glitched.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    maintenance::save_uses(&glitched).await.unwrap();
    time::synchronise(&glitched).await.unwrap();
    let restarted = world.neighbour_at(Clock::manual(BEGIN + MINUTE));
    time::begin(&restarted).await.unwrap();
    maintenance::forget_ended(&restarted).await.unwrap();
    assert_eq!(restarted.clock.now(), BEGIN + MINUTE);
    let actor = world.operator();
    let id = world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap().id();
    let key = api_keys::get(&restarted, &actor, id).await.unwrap();
    assert_eq!(key.last_used_at, BEGIN + MINUTE);
}

#[actix_web::test]
async fn a_time_that_was_believed_for_long_is_taken_back_by_the_operator_only() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    let wrong = world.neighbour_at(Clock::manual(BEGIN + YEARS));
    time::begin(&wrong).await.unwrap();
    wrong.clock.advance(HELD_FOR);
    time::synchronise(&wrong).await.unwrap();
    let restarted = world.neighbour_at(Clock::manual(BEGIN));
    time::begin(&restarted).await.unwrap();
    assert_eq!(restarted.clock.now(), BEGIN + YEARS + HELD_FOR);
    assert_eq!(time::accept(&restarted).await.unwrap(), BEGIN);
    let right = world.neighbour_at(Clock::manual(BEGIN));
    time::begin(&right).await.unwrap();
    assert_eq!(right.clock.now(), BEGIN);
}

#[actix_web::test]
async fn an_installation_does_not_begin_before_1970() {
    let world = World::new(&Options::default());
    let early = world.neighbour_at(Clock::manual(-DAY));
    assert!(matches!(time::begin(&early).await, Err(Error::Conflict(_))));
    time::begin(&world.service).await.unwrap();
    time::begin(&early).await.unwrap();
}

#[actix_web::test]
async fn two_processes_that_begin_an_installation_at_the_same_time_agree_on_its_identity() {
    let world = World::new(&Options::default());
    let other = world.neighbour(&world.pepper);
    let (here, there) = futures_util::join!(time::begin(&world.service), time::begin(&other));
    assert_eq!(here.unwrap().id, there.unwrap().id);
}

/// How many rows of revoked children there are.
fn revoked_children(service: &Service) -> usize {
    service.database.read(|connection| storage::revoked_children::expired(connection, i64::MAX, 10)).unwrap().len()
}

/// Revokes a child that lives for an hour, and returns its token.
async fn revoked_child(app: &App) -> String {
    let key = app.key_with(&[]).await;
    let basic = BASE64.encode(format!("apikey-{}:{}", key.id, key.token).as_bytes());
    let client = app
        .anonymous()
        .with("authorization", &format!("Basic {basic}"))
        .with("content-type", "application/x-www-form-urlencoded")
        .with("host", "tessera.example.org");
    let asked = "grant_type=client_credentials&lifetime=3600";
    let told = client.send(Method::POST, "/oauth/token", Some(asked)).await.ok();
    let token = told["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.send(Method::POST, "/oauth/revoke", Some(&format!("token={token}"))).await.status, 200);
    token
}

/// A server that runs with a clock that is ahead removes what has expired by it. The operator takes the time back.
#[actix_web::test]
async fn a_revoked_child_stays_revoked_when_a_clock_that_was_ahead_is_set_right() {
    for (ahead, runs_for) in [(2 * HOUR, 0), (20 * HOUR, 3 * HOUR), (YEARS, 30 * MINUTE)] {
        let app = App::start().await;
        time::begin(&app.service).await.unwrap();
        let token = revoked_child(&app).await;
        let wrong = app.neighbour_at(Clock::manual(BEGIN + ahead));
        time::begin(&wrong).await.unwrap();
        for _ in 0..4 {
            maintenance::forget_ended(&wrong).await.unwrap();
            wrong.clock.advance(runs_for / 3);
        }
        time::synchronise(&wrong).await.unwrap();
        let right = app.neighbour_at(Clock::manual(BEGIN + 31 * MINUTE));
        time::accept(&right).await.unwrap();
        let right = app.neighbour_at(Clock::manual(BEGIN + 31 * MINUTE));
        time::begin(&right).await.unwrap();
        assert_eq!(right.clock.now(), BEGIN + 31 * MINUTE);
        let refused = right.authenticate(Presentation::bearer(&token, None)).await;
        assert!(matches!(refused, Err(Error::Unauthenticated(Refusal::Invalid))), "{ahead}: {:?}", refused.err());
        assert_eq!(revoked_children(&right), 1, "{ahead}");
    }
}

#[actix_web::test]
async fn a_revoked_child_is_forgotten_when_it_has_long_expired() {
    let app = App::start().await;
    revoked_child(&app).await;
    app.advance(HOUR + DAY);
    for kept in [1, 1, 1, 0] {
        maintenance::forget_ended(&app.service).await.unwrap();
        assert_eq!(revoked_children(&app.service), kept);
        app.advance(21 * MINUTE + 1);
    }
}

#[actix_web::test]
async fn what_was_used_once_is_not_used_again_when_a_clock_that_was_ahead_is_set_right() {
    let app = App::start().await;
    let client = app.admin().await.with("idempotency-key", "0123456789abcdef");
    let body = json!({"displayName": "t"});
    let first = client.try_create(&body).await.ok();
    let database = &app.service.database;
    let once = |once: &str, now: i64| {
        database.write(|connection| used_once::use_once(connection, "i", once, now + MINUTE, now))
    };
    once("a", BEGIN).unwrap();
    let wrong = app.neighbour_at(Clock::manual(BEGIN + DAY));
    wrong.clock.advance(MINUTE);
    maintenance::forget_ended(&wrong).await.unwrap();
    once("b", BEGIN + DAY - HOUR).unwrap();
    assert!(matches!(once("a", BEGIN), Err(Error::Conflict(_))));
    assert_eq!(client.try_create(&body).await.ok()["id"], first["id"]);
}
