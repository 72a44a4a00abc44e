//! `DELETE /api/service/apikeys/{guid}`.

use tessera::domain::permission::Permission;

use crate::support::App;

#[actix_web::test]
async fn delete_answers_200_without_a_body() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let answer = admin.delete_key(&key.id).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[actix_web::test]
async fn a_deleted_key_is_gone_from_every_list_and_cannot_be_deleted_again() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    admin.delete_key(&key.id).await.ok();
    admin.key(&key.id).await.refused("TESSERA-404-001");
    assert_eq!(admin.keys(&[]).await.totals(), [0, 0]);
    admin.delete_key(&key.id).await.refused("TESSERA-404-001");
    admin.try_update(&key.id, &serde_json::json!({"displayName": "a"})).await.refused("TESSERA-404-001");
}

#[actix_web::test]
async fn a_deleted_key_is_refused_from_the_next_request_on() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    key.whoami().await.ok();
    admin.delete_key(&key.id).await.ok();
    key.whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn a_key_may_delete_itself_and_is_gone() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    key.delete_key(&key.id).await.ok();
    key.delete_key(&key.id).await.refused("TESSERA-401-002");
    assert_eq!(app.admin().await.keys(&[]).await.totals()[0], 0);
}

#[actix_web::test]
async fn keys_outlive_the_key_that_created_them() {
    let app = App::start().await;
    let creator = app.key_with(&[Permission::ManageApiKeys]).await;
    let created = creator.create("child").await;
    creator.delete_key(&creator.id).await.ok();
    let child = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    assert_eq!(child.whoami().await.ok()["id"], created["id"]);
    assert_eq!(
        created["attributes"]["createdBy"],
        format!("service-account-apikey-{}", creator.id),
        "who created it stays a note"
    );
}

#[actix_web::test]
async fn nothing_but_an_api_key_is_deleted() {
    let app = App::start().await;
    let admin = app.admin().await;
    let user = admin.whoami().await.ok()["id"].as_str().unwrap().to_owned();
    let persona = admin.persona("readers").await["id"].as_str().unwrap().to_owned();
    for id in [user.as_str(), persona.as_str(), "x", "01890000-0000-7000-8000-000000000000"] {
        admin.delete_key(id).await.refused("TESSERA-404-001");
    }
    admin.whoami().await.ok();
}

#[actix_web::test]
async fn a_use_that_is_saved_late_revives_no_deleted_key() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    key.whoami().await.ok();
    admin.delete_key(&key.id).await.ok();
    tessera::service::upkeep::maintenance::save_uses(&app.service).await.unwrap();
    admin.key(&key.id).await.refused("TESSERA-404-001");
    key.whoami().await.refused("TESSERA-401-002");
}
