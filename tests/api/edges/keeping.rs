//! What a server tells an edge about how long, and on what, its answers may be kept.

use std::time::Duration;

use actix_web::rt::time::sleep;
use serde_json::{Value, json};
use tessera::domain::permission::Permission::VerifyTokens;
use tessera::service::edges;
use tessera::service::upkeep::follow::Follower;

use super::{ASSETS, EDGES, Edge, VERIFY, kept, name, start};

#[actix_web::test]
async fn only_an_edge_is_told_what_it_may_keep() {
    let (app, _looking) = start().await;
    let mut edge = Edge::register(&app).await;
    let other = Edge::register(&app).await;
    let key = app.key_with(&[]).await;
    let answer = edge.forwards(&key).get(VERIFY).await;
    let told = kept(&answer).unwrap();
    assert_eq!(
        (&told["for"], &told["on"], &told["left"]),
        (&json!(60_000), &json!([name(&app, &key.id)]), &json!(null))
    );
    assert_eq!(told["uses"].as_array().unwrap().len(), 1);
    assert!(kept(&key.get(VERIFY).await).is_none());
    let (id, secret) = edge.pass.split_once('.').unwrap();
    let wrong = [
        String::new(),
        id.to_owned(),
        format!("{id}."),
        format!("{id}.{}", &secret[1..]),
        format!("{id}.{}", other.pass.split_once('.').unwrap().1),
        format!("{}.{secret}", other.id),
        edge.owner.token.clone(),
    ];
    for pass in wrong {
        assert!(kept(&key.with("tessera-edge", &pass).get(VERIFY).await).is_none(), "{pass}");
    }
    edge.look().await;
    edge.own.delete(&format!("{EDGES}/{}", edge.id)).await.ok();
    sleep(Duration::from_millis(200)).await;
    assert!(kept(&edge.forwards(&key).get(VERIFY).await).is_none(), "it is no edge any more");
}

#[actix_web::test]
async fn an_edge_is_told_no_id_of_what_has_changed_and_finds_what_it_keeps_by_name() {
    let (app, _looking) = start().await;
    let mut edge = Edge::register(&app).await;
    let (admin, seen, unseen) = (app.admin().await, app.key_with(&[]).await, app.key_with(&[]).await);
    let on = kept(&edge.forwards(&seen).get(VERIFY).await).unwrap()["on"].clone();
    edge.look().await;
    let mut told = String::new();
    for id in [seen.id.clone(), unseen.id.clone()] {
        let admin = admin.clone();
        let change = actix_web::rt::spawn(async move {
            admin.try_update(&id, &json!({"displayName": "changed", "description": "again"})).await.ok();
        });
        while !change.is_finished() {
            told += &edge.look().await.to_string();
        }
        change.await.unwrap();
    }
    assert!(told.contains(on[0].as_str().unwrap()) && told.contains(&name(&app, &unseen.id)), "{told}");
    assert!(!told.contains(&seen.id) && !told.contains(&unseen.id), "{told}");
    let other = app.neighbour(&app.pepper);
    let mut follower = Follower::start(&other).await.unwrap();
    follower.join(&other, "there").await.unwrap();
    follower.step(&other).await.unwrap();
    assert_ne!(name(&app, &seen.id), edges::names(&other).of(seen.id.parse().unwrap()).to_string());
}

#[actix_web::test]
async fn what_depends_on_more_than_an_edge_is_told_is_not_kept() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let admin = app.admin().await;
    let create = async |body: Value| {
        let made = admin.try_create(&body).await.ok();
        edge.forwards(&app.holder_of(made["attributes"]["accessToken"].as_str().unwrap()))
    };
    let limited = create(json!({"displayName": "a", "rateLimit": {"requests": 9, "seconds": 60}})).await;
    let answer = limited.get(VERIFY).await;
    assert!(answer.status == 200 && kept(&answer).is_none());
    let plain = create(json!({"displayName": "b"})).await;
    for path in [format!("{VERIFY}?permission=MANAGE_APIKEYS"), format!("{VERIFY}?action=READ&resource=a")] {
        let answer = plain.get(&path).await;
        assert!(answer.status == 403 && kept(&answer).is_none(), "{path}");
    }
    assert!(kept(&edge.forwards(&app.holder_of("tsk_x")).get(VERIFY).await).is_none());
    let expiring = create(json!({"displayName": "c", "validitySeconds": 30})).await;
    let told = kept(&expiring.get(VERIFY).await).unwrap();
    assert_eq!((&told["for"], &told["left"]), (&json!(30_000), &json!(30_000)));
    app.advance(1_000);
    let told = kept(&expiring.get(VERIFY).await).unwrap();
    assert_eq!((&told["for"], &told["left"]), (&json!(29_000), &json!(29_000)));
}

#[actix_web::test]
async fn answers_about_tokens_and_permits_are_kept_with_all_that_they_depend_on() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let (asking, one, other) = (app.key_with(&[VerifyTokens]).await, app.key_with(&[]).await, app.key_with(&[]).await);
    let sorted = |ids: &[&str]| {
        let mut ids: Vec<String> = ids.iter().map(|id| name(&app, id)).collect();
        ids.sort();
        json!(ids)
    };
    let asker = edge.forwards(&asking);
    let verify = |tokens: Value| json!({ "tokens": tokens });
    let answer = asker.post("/api/service/apikeys/verify", &verify(json!([one.token, other.token]))).await;
    assert_eq!(kept(&answer).unwrap()["on"], sorted(&[&asking.id, &one.id, &other.id]));
    assert_eq!(kept(&answer).unwrap()["uses"].as_array().unwrap().len(), 3);
    let answer = asker.post("/api/service/apikeys/verify", &verify(json!([one.token, "tsk_x"]))).await;
    assert!(answer.status == 200 && kept(&answer).is_none(), "one is not active");
    let form = asker.with("content-type", "application/x-www-form-urlencoded");
    let introspect = async |token: &str| {
        form.send(actix_web::http::Method::POST, "/oauth/introspect", Some(&format!("token={token}"))).await
    };
    let told = kept(&introspect(&one.token).await).unwrap();
    assert_eq!((&told["for"], &told["on"]), (&json!(30_000), &sorted(&[&asking.id, &one.id, ASSETS])));
    assert!(kept(&introspect("tsk_x").await).is_none());
    let question = |user: &str| {
        json!({
            "subject": {"type": "user", "id": user},
            "action": {"name": "MANAGE_APIKEYS"},
            "resource": {"type": "platform", "id": "tessera"},
        })
    };
    let admin = app.admin().await;
    let id = admin.get("/api/service/whoami").await.ok()["id"].as_str().unwrap().to_owned();
    app.session_with("member", tessera::domain::principal::Role::Guest).await;
    for path in ["/access/v1/evaluation", "/access/v1/evaluations"] {
        let answer = asker.post(path, &question("admin")).await;
        assert_eq!(answer.json["decision"], true, "{}", answer.text);
        assert_eq!(kept(&answer).unwrap()["on"], sorted(&[&asking.id, &id, ASSETS]));
        let answer = asker.post(path, &question("member")).await;
        assert!(answer.json["decision"] == false && kept(&answer).is_none());
        let answer = asker.post(path, &question("nobody")).await;
        assert!(answer.json["decision"] == false && kept(&answer).is_none());
    }
    let both = json!({"evaluations": [question("admin"), question("member")]});
    assert!(kept(&asker.post("/access/v1/evaluations", &both).await).is_none());
}
