//! Children that name tools end when their parent may no longer call one.

use serde_json::json;
use tessera::domain::child::{Audience, Presentation};
use tessera::domain::policy::{Effect, Rule};
use tessera::service::upkeep::follow::Follower;

use super::{Fixture, actor, child, exchange, fixture, power, refused, works};
use crate::support::rules::{allow, criterion};

#[actix_web::test]
async fn a_tool_that_the_parent_may_no_longer_call_ends_the_children_that_name_it() {
    let Fixture { app, key, .. } = fixture().await;
    let token = child(&app, &key, &[("scope", "search")]).await;
    let before = power(&app, &actor(&app, &token).await).await;
    assert!(before.contains("tools/call search"));
    let username = format!("service-account-apikey-{}", key.id);
    let search = [criterion("TYPE", "EQUALS", &["tool"]), criterion("URN", "EQUALS", &["search"])];
    let fetching = child(&app, &key, &[("scope", "fetch VERIFY_TOKENS")]).await;
    app.policy(Rule { effect: Effect::Deny, ..allow(&[&username], &["tools/call"], &search) }).await;
    // What a child names must be left to its parent.
    app.holder_of(&token).whoami().await.refused("TESSERA-401-007");
    assert!(works(&app, &fetching).await);
    refused(&exchange(&app, &key.token, &[("scope", "search")]).await, "invalid_scope");
}

#[actix_web::test]
async fn a_tool_that_becomes_forbidden_by_a_change_of_its_asset_ends_the_children_that_name_it_on_every_server() {
    let Fixture { app, admin, key, .. } = fixture().await;
    let username = format!("service-account-apikey-{}", key.id);
    let withdrawn = [criterion("TYPE", "EQUALS", &["tool"]), criterion("status", "EQUALS", &["withdrawn"])];
    app.policy(Rule { effect: Effect::Deny, ..allow(&[&username], &["tools/call"], &withdrawn) }).await;
    let other = app.neighbour(&app.pepper);
    let mut follower = Follower::start(&other).await.unwrap();
    let searching = child(&app, &key, &[("scope", "search")]).await;
    let fetching = child(&app, &key, &[("scope", "fetch")]).await;
    let plain = child(&app, &key, &[("scope", "VERIFY_TOKENS")]).await;
    let known_there = async |token: &str| {
        let presented = Presentation { token, address: None, audience: Audience::Any, proof_key: None };
        other.authenticate(presented).await.is_ok()
    };
    let refused = async |token: &str| app.holder_of(token).whoami().await.refused("TESSERA-401-007");
    let set = async |status: &str| {
        admin.save("tool", &json!({"qualifiedName": "search", "name": "search", "status": status})).await.ok();
    };
    for token in [&searching, &fetching, &plain] {
        assert!(works(&app, token).await && known_there(token).await);
    }
    // By its creation, by an update, and never for longer than the update that allows it again.
    for status in ["withdrawn", "offered", "withdrawn"] {
        set(status).await;
        follower.step(&other).await.unwrap();
        if status == "withdrawn" {
            refused(&searching).await;
        } else {
            assert!(works(&app, &searching).await);
        }
        assert_eq!(known_there(&searching).await, status != "withdrawn", "{status}");
        for token in [&fetching, &plain] {
            assert!(works(&app, token).await && known_there(token).await, "{status}");
        }
    }
}
