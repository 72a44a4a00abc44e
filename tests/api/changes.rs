//! The changes feed: one row for each committed change, none for a refused one.

use diesel::prelude::*;
use serde_json::json;
use tessera::domain::principal::PrincipalState;
use tessera::domain::principal::Role;
use tessera::service::people::users::{self, PersonalTokens};
use tessera::storage::schema::changes;

use crate::storage::actions;
use crate::support::App;

#[actix_web::test]
async fn every_change_leaves_one_row() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("p").await;
    let path = format!("/api/service/personas/{}", persona["id"].as_str().unwrap());
    admin.post(&path, &json!({"name": "q"})).await.ok();
    let key = admin.create("a").await["id"].as_str().unwrap().to_owned();
    admin.try_update(&key, &json!({"displayName": "b"})).await.ok();
    admin.delete_key(&key).await.ok();
    admin.delete(&path).await.ok();
    admin.delete("/api/service/sessions/current").await.ok();
    let (service, operator) = (&app.service, app.operator());
    users::set_role(service, &operator, "admin".into(), Role::Guest).await.unwrap();
    users::set_state(service, &operator, "admin".into(), PrincipalState::Disabled).await.unwrap();
    users::set_password(service, &operator, "admin".into(), None, PersonalTokens::Keep).await.unwrap();
    users::delete(service, &operator, "admin".into()).await.unwrap();
    let mut expected = vec![
        "user.created",
        "session.created",
        "persona.created",
        "persona.updated",
        "apikey.created",
        "apikey.updated",
        "apikey.deleted",
        "persona.deleted",
        "session.ended",
        "user.updated",
        "user.updated",
        "user.password_set",
        "user.deleted",
    ];
    let mut found = actions(service);
    found.retain(|action| !action.starts_with("policy."));
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[actix_web::test]
async fn a_change_tells_who_did_what_to_whom_and_when() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.advance(5);
    let key = admin.create("etl").await["id"].as_str().unwrap().to_owned();
    let actor = admin.whoami().await.ok()["id"].as_str().unwrap().to_owned();
    let row: (i64, String, String, String, String, String) = app
        .service
        .database
        .read(|connection| {
            let columns = (
                changes::changed_at,
                changes::actor_id,
                changes::actor_name,
                changes::subject_kind,
                changes::subject_id,
                changes::subject_name,
            );
            Ok(changes::table.filter(changes::action.eq("apikey.created")).select(columns).get_result(connection)?)
        })
        .unwrap();
    assert_eq!(row, (app.now(), actor, "admin".into(), "principal".into(), key, "etl".into()));
}

#[actix_web::test]
async fn what_was_refused_or_only_read_leaves_none() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let before = actions(&app.service);
    key.try_create(&json!({"displayName": "a"})).await.refused("TESSERA-403-001");
    admin
        .try_create(&json!({"displayName": "a", "personaQualifiedNames": ["x"]}))
        .await
        .violates("personaQualifiedNames");
    admin.delete_key("01890000-0000-7000-8000-000000000000").await.refused("TESSERA-404-001");
    admin.keys(&[]).await.ok();
    // The attempt itself is an entry: see `audit.rs`.
    let mut after = actions(&app.service);
    after.retain(|action| action != "request.refused");
    assert_eq!(after, before);
}
