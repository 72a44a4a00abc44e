//! Administrators who suspend or remove themselves by an aspect.

use actix_web::rt::spawn;
use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::ingest::{batch, proposal};
use super::urn;
use crate::support::App;
use crate::support::blocker::Blocker;
use crate::support::database::on_postgres;

fn removal(name: &str) -> Value {
    proposal(&urn(name), "status", &json!({"removed": true}))
}

#[actix_web::test]
async fn an_administrator_suspends_or_removes_itself_and_is_readmitted_with_its_session() {
    let app = App::start().await;
    let admin = app.admin().await;
    let suspension = |status: &str| json!({"status": status, "lastModified": {"time": 1, "actor": urn("eve")}});
    for (name, aspect, away, back) in [
        ("eve", "corpUserStatus", suspension("SUSPENDED"), suspension("ACTIVE")),
        ("fay", "status", json!({"removed": true}), json!({"removed": false})),
    ] {
        let own = app.session_with(name, Role::Admin).await;
        app.user(&format!("a{name}"), Role::Member).await;
        let other = app.session_of(&format!("a{name}")).await;
        // Also with something else in the same request, before and after it.
        let title = |name: &str| proposal(&urn(name), "corpUserInfo", &json!({"active": true, "displayName": "x"}));
        let proposals = [removal(&format!("a{name}")), title("zoe"), proposal(&urn(name), aspect, &away)];
        batch(&own, &proposals).await.ok();
        assert_eq!((own.whoami().await.status, other.whoami().await.status), (401, 401), "{name}");
        assert_eq!(admin.get(&format!("/entitiesV2/{}", urn("zoe"))).await.status, 200);
        batch(&admin, &[proposal(&urn(name), aspect, &back)]).await.ok();
        own.whoami().await.ok();
    }
}

/// Its rights are not read again once it has suspended itself.
#[actix_web::test]
async fn who_suspends_itself_writes_nothing_else_with_rights_that_were_taken_away() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    app.admin().await;
    let eve = app.session_with("eve", Role::Admin).await;
    let abe = app.session_with("abe", Role::Member).await;
    let mut blocker = Blocker::begin(&app, "SELECT FROM principals WHERE username = 'abe' FOR UPDATE");
    let write = spawn({
        let eve = eve.clone();
        async move { batch(&eve, &[removal("abe"), removal("eve")]).await }
    });
    blocker.until_awaited(1).await;
    app.set_role("eve", Role::Guest).await;
    blocker.end();
    let answer = write.await.unwrap();
    assert_ne!(answer.status, 200, "{}", answer.text);
    abe.whoami().await.ok();
    eve.whoami().await.ok();
}
