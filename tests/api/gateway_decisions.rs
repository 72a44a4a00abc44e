//! Decisions for gateways: `/gateway/verify?action=…&resource=…`.

use tessera::domain::policy::{Effect, Rule};
use tessera::domain::principal::Role;

use crate::support::App;
use crate::support::rules::{allow, criterion};

#[actix_web::test]
async fn a_gateway_can_require_what_policies_permit() {
    let app = App::start().await;
    let admin = app.admin().await;
    let alice = app.session_with("alice", Role::Member).await;
    let tables = criterion("TYPE", "EQUALS", &["Table"]);
    app.policy(allow(&["alice"], &["read"], &[criterion("URN", "STARTS_WITH", &["default/sales/"]), tables])).await;
    let secret = criterion("URN", "EQUALS", &["default/sales/secret"]);
    app.policy(Rule { effect: Effect::Deny, ..allow(&["alice"], &["read"], &[secret]) }).await;
    let verify = |query: &'static str| {
        let alice = alice.clone();
        async move { alice.get(&format!("/gateway/verify?{query}")).await }
    };
    let answer = verify("action=read&resource=default/sales/orders&type=Table").await;
    assert_eq!((answer.status, answer.header("x-tessera-principal")), (200, Some("alice")));
    for refused in [
        "action=read&resource=default/sales/orders",
        "action=read&resource=default/sales/orders&type=View",
        "action=write&resource=default/sales/orders&type=Table",
        "action=read&resource=default/hr/people&type=Table",
        "action=read&resource=default/sales/secret&type=Table",
        "action=VIEW_AUDIT&resource=x&type=platform",
        "action=read&resource=default/sales/orders&type=Table&permission=VIEW_AUDIT",
    ] {
        verify(refused).await.refused("TESSERA-403-001");
    }
    assert_eq!(admin.get("/gateway/verify?action=VIEW_AUDIT&resource=x&type=platform").await.status, 200);
}

#[actix_web::test]
async fn half_a_requirement_is_met_by_nobody() {
    let app = App::start().await;
    let admin = app.admin().await;
    for query in [
        "action=read",
        "resource=x",
        "type=Table",
        "action=read&type=Table",
        "action=&resource=x",
        "action=read&resource=",
        "action=read&action=write&resource=x",
        "action=read&resource=x&resource=y",
        "action=read&resource=x&type=a&type=b",
        "action=read&resource=x&actions=write",
    ] {
        // However the gateway spells its address: only a path below it is the client's.
        for address in ["/gateway/verify", "//gateway/verify", "/gateway//verify", "/gateway/%76erify"] {
            admin.get(&format!("{address}?{query}")).await.refused("TESSERA-403-001");
        }
    }
    // Below the path the query is the client's.
    for address in ["/gateway/verify/page", "//gateway/verify/page", "/gateway//verify/page", "/gateway/verify/"] {
        assert_eq!(
            admin.get(&format!("{address}?action=edit&audience=https://a.example")).await.status,
            200,
            "{address}"
        );
    }
}
