//! `ETag` and `If-Match`: concurrent updates of one record do not undo each other.

use serde_json::json;

use crate::support::{App, Client};

async fn key(admin: &Client) -> String {
    format!("/api/service/apikeys/{}", admin.create("etl").await["id"].as_str().unwrap())
}

#[actix_web::test]
async fn an_update_of_what_has_changed_since_is_refused_and_loses_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let path = key(&admin).await;
    let seen = admin.get(&path).await.header("etag").unwrap().to_owned();
    let rename =
        async |name: &str, tag: &str| admin.with("if-match", tag).post(&path, &json!({"displayName": name})).await;
    let renamed = rename("first", &seen).await;
    let now = renamed.header("etag").unwrap().to_owned();
    renamed.ok();
    assert_ne!(now, seen);
    rename("second", &seen).await.refused("TESSERA-412-001");
    assert_eq!(admin.get(&path).await.ok()["displayName"], "first");
    rename("third", &format!("{seen}, {now}")).await.ok();
    rename("fourth", "*").await.ok();
}

#[actix_web::test]
async fn using_a_key_makes_no_other_edition_of_it() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let path = format!("/api/service/apikeys/{}", key.id);
    let before = key.get(&path).await.header("etag").unwrap().to_owned();
    app.advance(1000);
    tessera::service::upkeep::maintenance::save_uses(&app.service).await.unwrap();
    assert_eq!(key.get(&path).await.header("etag"), Some(before.as_str()));
}

#[actix_web::test]
async fn a_tag_that_is_weak_or_cannot_be_read_matches_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    let path = key(&admin).await;
    let body = json!({"displayName": "x"});
    admin.with("if-match", "abc").post(&path, &body).await.refused("TESSERA-412-001");
    let weak = format!("W/{}", admin.get(&path).await.header("etag").unwrap());
    admin.with("if-match", &weak).post(&path, &body).await.refused("TESSERA-412-001");
}

#[actix_web::test]
async fn a_persona_has_editions_too() {
    let app = App::start().await;
    let admin = app.admin().await;
    let path = format!("/api/service/personas/{}", admin.persona("readers").await["id"].as_str().unwrap());
    let seen = admin.get(&path).await.header("etag").unwrap().to_owned();
    let rename = async |name: &str| admin.with("if-match", &seen).post(&path, &json!({"name": name})).await;
    rename("writers").await.ok();
    rename("editors").await.refused("TESSERA-412-001");
    assert_eq!(admin.get(&path).await.ok()["name"], "writers");
}
