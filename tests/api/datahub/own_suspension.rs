//! Administrators who suspend or remove themselves by an aspect.

use actix_web::rt::spawn;
use serde_json::{Value, json};
use tessera::domain::policy::{Category, Rule};
use tessera::domain::principal::Role;
use tessera::service::catalogue::policies;

use super::ingest::{batch, proposal};
use super::urn;
use crate::support::blocker::Blocker;
use crate::support::database::on_postgres;
use crate::support::rules::allow;
use crate::support::{App, Client};

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

/// Has eve remove a user and herself in one batch, which waits for that user while a part of what eve may do is taken away.
/// Nothing is written then.
async fn nothing_is_written(app: &App, eve: &Client, victim: &'static str, taken_away: impl Future<Output = ()>) {
    let other = app.session_of(victim).await;
    let mut blocker = Blocker::begin(app, &format!("SELECT FROM principals WHERE username = '{victim}' FOR UPDATE"));
    let write = spawn({
        let eve = eve.clone();
        async move { batch(&eve, &[removal(victim), removal("eve")]).await }
    });
    blocker.until_awaited(1).await;
    taken_away.await;
    blocker.end();
    let answer = write.await.unwrap();
    assert_ne!(answer.status, 200, "{victim}: {}", answer.text);
    other.whoami().await.ok();
    eve.whoami().await.ok();
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
    app.user("abe", Role::Member).await;
    nothing_is_written(&app, &eve, "abe", app.set_role("eve", Role::Guest)).await;
}

/// Also not the rights that a policy gives, which its own principal's lock does not hold.
#[actix_web::test]
async fn who_suspends_itself_writes_nothing_else_with_a_policy_that_has_ended() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    app.admin().await;
    let eve = app.session_with("eve", Role::Member).await;
    for victim in ["abe", "zoe"] {
        let rule = Rule { category: Category::Platform, ..allow(&["eve"], &["MANAGE_USERS_AND_GROUPS"], &[]) };
        let policy = app.policy(rule).await.qualified_name;
        app.user(victim, Role::Guest).await;
        let ended = async { policies::delete(&app.service, &app.operator(), policy).await.unwrap() };
        nothing_is_written(&app, &eve, victim, ended).await;
    }
}
