//! The audiences that exchanges reach, and the metadata of what a gateway protects.

use actix_web::http::Method;
use serde_json::json;
use tessera::domain::child::{Audience, Presentation};

use super::{ACCESS_TOKEN, ELSEWHERE, EXCHANGE, TOOLS, access_token, actor, as_client, child, exchange, post, refused};
use crate::support::{App, Client, Holder};

async fn register(admin: &Client, key: &Holder, audiences: &[&str]) {
    let path = format!("/api/service/apikeys/{}/oauth", key.id);
    admin.send(Method::PUT, &path, Some(&json!({"audiences": audiences}).to_string())).await.ok();
}

#[actix_web::test]
async fn an_exchange_of_a_keys_token_reaches_audiences_of_both_keys_only() {
    let app = App::start().await;
    let admin = app.session_with("root", tessera::domain::principal::Role::Admin).await;
    let (lender, helper) = (app.key_with(&[]).await, app.key_with(&[]).await);
    register(&admin, &lender, &["https://lender.example.org", TOOLS]).await;
    register(&admin, &helper, &[ELSEWHERE, TOOLS]).await;
    let lent = child(&app, &lender, &[]).await;
    let by_helper = async |token: &str, resource: &str| {
        let subject = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
        post(&as_client(&app, &helper), "/oauth/token", &[&subject[..], &[("resource", resource)]].concat()).await
    };
    for token in [&lent, &lender.token] {
        for (resource, without) in [(ELSEWHERE, &lender.id), ("https://lender.example.org", &helper.id)] {
            let answer = by_helper(token, resource).await;
            refused(&answer, "invalid_target");
            let told = answer.json["error_description"].as_str().unwrap();
            assert!(told.contains(resource) && told.contains(without.as_str()), "{told}");
            // Neither does a token of the helper as that of the actor.
            let acting =
                [("resource", resource), ("actor_token", helper.token.as_str()), ("actor_token_type", ACCESS_TOKEN)];
            refused(&exchange(&app, token, &acting).await, "invalid_target");
        }
        let both = access_token(by_helper(token, TOOLS).await);
        assert_eq!(actor(&app, &both).await.child.unwrap().audience, TOOLS);
    }
    // A child for an audience stays for it, whatever the helper has registered.
    let there = child(&app, &lender, &[("resource", "https://lender.example.org")]).await;
    let still = access_token(by_helper(&there, "https://lender.example.org").await);
    let presented =
        Presentation { audience: Audience::Named("https://lender.example.org"), ..Presentation::bearer(&still, None) };
    app.service.authenticate(presented).await.unwrap();
    refused(&by_helper(&there, TOOLS).await, "invalid_target");
    // A user has no audiences: those of the client count.
    let session = app.session_of("root").await.token();
    access_token(by_helper(&session, ELSEWHERE).await);
    refused(&exchange(&app, &session, &[("resource", ELSEWHERE)]).await, "invalid_target");
}

#[actix_web::test]
async fn a_401_of_a_gateway_names_the_metadata_of_what_it_protects() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let host = "tessera.example.org";
    let own = format!("https://{host}/.well-known/oauth-protected-resource");
    for (query, address) in [
        ("", Some(own.as_str())),
        ("?audience=https://mcp.example.org/", Some("https://mcp.example.org/.well-known/oauth-protected-resource")),
        (
            "?audience=https%3A%2F%2Fmcp.example.org%2Fdocs",
            Some("https://mcp.example.org/.well-known/oauth-protected-resource/docs"),
        ),
        ("?audience=urn:example:api", None),
        ("?audience=https://mcp.example.org/%22", None),
    ] {
        for client in [app.anonymous(), app.holder_of("tsc_none"), app.holder_of(&child(&app, &key, &[]).await)] {
            let answer = client.with("host", host).get(&format!("/gateway/verify{query}")).await;
            if answer.status == 200 {
                assert!(query.is_empty(), "a child for this server is for no other audience");
                continue;
            }
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(answer.status == 401 && challenge.starts_with("Bearer "), "{}", answer.text);
            let named = challenge.split_once("resource_metadata=\"").map(|(_, rest)| rest.split('"').next().unwrap());
            assert_eq!(named, address, "{query}: {challenge}");
        }
    }
    // Below this path the query is the client's own.
    let below = app.anonymous().with("host", host).get("/gateway/verify/a?audience=https://evil.example.org").await;
    assert!(below.header("www-authenticate").unwrap().contains(&own));
}

#[actix_web::test]
async fn the_query_of_a_client_chooses_no_audience_at_the_root_either() {
    let app = App::start().await;
    let admin = app.session_with("root", tessera::domain::principal::Role::Admin).await;
    let key = app.key_with(&[]).await;
    register(&admin, &key, &[TOOLS]).await;
    let for_tools = app.holder_of(&child(&app, &key, &[("resource", TOOLS)]).await);
    let audience = format!("audience={TOOLS}");
    assert_eq!(for_tools.get(&format!("/gateway/verify?{audience}")).await.status, 200);
    for path in ["/", "//", "/a", "/a/", "//a"] {
        let path = format!("/gateway/verify{path}");
        for_tools.get(&format!("{path}?{audience}")).await.refused("TESSERA-401-008");
        for own in ["foo=bar", "audience=a&audience=b", "action=edit"] {
            assert_eq!(key.get(&format!("{path}?{own}")).await.status, 200, "{path}?{own}");
        }
        key.get(&format!("{path}?permission=VIEW_AUDIT")).await.refused("TESSERA-403-001");
    }
    key.get("/gateway/verify?foo=bar").await.refused("TESSERA-403-001");
}
