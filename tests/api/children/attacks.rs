//! What attackers tried to gain by children.

use actix_web::http::Method;
use serde_json::json;
use tessera::domain::child::Presentation;
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Effect, Rule};
use tessera::domain::principal::Role;

use super::{ACCESS_TOKEN, Fixture, TOOLS, access_token, as_client, child, exchange, fixture, post, refused, works};
use crate::support::App;
use crate::support::rules::allow;

/// Token exchange with `requested_subject` gains nothing: neither another audience, nor a detached session, nor what the
/// actor has lost.
#[actix_web::test]
async fn impersonation_is_no_way_out_of_a_child() {
    let Fixture { app, admin, key, .. } = fixture().await;
    app.user("guest", Role::Guest).await;
    let everyone = [Permission::GeneratePersonalAccessTokens, Permission::ViewAnalytics, Permission::ImpersonateUsers];
    let actor = app.key_with(&everyone).await;
    let settings = json!({"audiences": [TOOLS], "jwks": {"keys": []}, "trust": []});
    admin
        .send(Method::PUT, &format!("/api/service/apikeys/{}/oauth", actor.id), Some(&settings.to_string()))
        .await
        .ok();
    let for_tools = child(&app, &actor, &[("resource", TOOLS)]).await;
    refused(&exchange(&app, &for_tools, &[("requested_subject", "guest")]).await, "invalid_request");
    let session = app.session_of("admin").await.token();
    refused(&exchange(&app, &session, &[("requested_subject", "admin")]).await, "unauthorized_client");
    let acting = [("actor_token", for_tools.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    refused(&exchange(&app, &key.token, &acting).await, "invalid_request");
    let token = access_token(exchange(&app, &actor.token, &[("requested_subject", "guest")]).await);
    assert!(works(&app, &token).await);
    app.set_role("guest", Role::Admin).await;
    app.holder_of(&token).whoami().await.refused("TESSERA-401-007");
    app.set_role("guest", Role::Guest).await;
    let token = access_token(exchange(&app, &actor.token, &[("requested_subject", "guest")]).await);
    let without = json!({"displayName": "actor", "workspacePermissions": ["VIEW_ANALYTICS"]});
    admin.try_update(&actor.id, &without).await.ok();
    app.holder_of(&token).whoami().await.refused("TESSERA-401-007");
}

#[actix_web::test]
async fn what_a_child_of_an_administrator_gives_would_outlive_it() {
    let app = App::start().await;
    app.admin().await;
    let session = app.session_of("admin").await.token();
    let client = app.holder_of(&access_token(exchange(&app, &session, &[]).await));
    app.user("guest", Role::Guest).await;
    let query = "mutation { batchAssignRole(input: {roleUrn: \"urn:li:dataHubRole:Admin\", actors: [\"urn:li:corpuser:guest\"]}) }";
    let answer = client.post("/api/graphql", &json!({"query": query})).await;
    assert_eq!(answer.json["errors"][0]["extensions"]["code"], 403, "{}", answer.text);
    let query = "mutation { createInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Admin\"}) { inviteToken } }";
    let answer = client.post("/api/graphql", &json!({"query": query})).await;
    assert_eq!(answer.json["errors"][0]["extensions"]["code"], 403, "{}", answer.text);
}

/// A credential would outlive the child, and count as the subject's own: without the bounds of the child, and with the
/// subject's authority over keys instead of that of the actor in the child.
#[actix_web::test]
async fn a_child_creates_no_credential_that_lasts() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("kim", Role::Member).await;
    let rights = json!(["MANAGE_APIKEYS", "MANAGE_ACCESS_TOKENS", "MANAGE_SERVICE_ACCOUNTS"]);
    let query = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
    let subjects =
        json!({"users": ["urn:li:corpuser:kim"], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let input = json!({"type": "PLATFORM", "name": "p", "state": "ACTIVE", "privileges": rights, "actors": subjects});
    let answer = admin.post("/api/graphql", &json!({"query": query, "variables": {"input": input}})).await.ok();
    assert!(answer["errors"].is_null(), "{answer}");
    let made =
        admin.post("/api/graphql", &json!({"query": "mutation { createServiceAccount(input: {}) { name } }"})).await;
    let program = made.ok()["data"]["createServiceAccount"]["name"].as_str().unwrap().to_owned();
    let session = app.session_of("kim").await.token();
    let key = app.key_with(&Permission::ALL).await;
    let other = app.key_with(&[]).await;
    let acting = [("actor_token", key.token.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let of_key = child(&app, &key, &[]).await;
    let cases = [
        (of_key, format!("service-account-apikey-{}", key.id)),
        (access_token(exchange(&app, &session, &[]).await), "kim".to_owned()),
        (access_token(exchange(&app, &session, &acting).await), "kim".to_owned()),
        (access_token(exchange(&app, &key.token, &[("requested_subject", "kim")]).await), "kim".to_owned()),
    ];
    for (index, (token, own)) in cases.into_iter().enumerate() {
        // A client that has signed in by itself gets client secrets, which last no longer than its token.
        let is_delegated = index >= 2;
        let client = app.holder_of(&token);
        assert_eq!(client.whoami().await.ok()["username"], own.as_str());
        client.try_create(&json!({"displayName": "k", "validitySeconds": 60})).await.refused("TESSERA-403-001");
        let secret = format!("/auth/admin/realms/default/clients/{}/client-secret", other.id);
        if is_delegated {
            client.with("host", "tessera.example.org").get(&secret).await.refused("TESSERA-403-001");
        }
        let settings = json!({"audiences": [TOOLS], "jwks": {"keys": []}, "trust": []}).to_string();
        let path = format!("/api/service/apikeys/{}/oauth", other.id);
        client.send(Method::PUT, &path, Some(&settings)).await.refused("TESSERA-403-001");
        for (kind, name) in [("PERSONAL", "kim"), ("PERSONAL", "admin"), ("SERVICE_ACCOUNT", program.as_str())] {
            let query =
                "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }";
            let input = json!({"type": kind, "actorUrn": format!("urn:li:corpuser:{name}"), "name": "t",
                               "duration": "ONE_HOUR"});
            let answer = client.post("/api/graphql", &json!({"query": query, "variables": {"input": input}})).await;
            assert_eq!(answer.json["errors"][0]["extensions"]["code"], 403, "{own} {name}: {}", answer.text);
        }
    }
    other.whoami().await.ok();
}

/// Ending a deny and restoring a user give something back, which would outlive the child.
#[actix_web::test]
async fn what_a_child_of_an_administrator_gives_back_would_outlive_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("kim", Role::Member).await;
    let rule = allow(&["kim"], &["VIEW_AUDIT"], &[]);
    let deny = app.policy(Rule { category: Category::Platform, effect: Effect::Deny, ..rule }).await;
    let persona = admin.persona("shut").await;
    let id = persona["id"].as_str().unwrap();
    let policy = json!({"typeName": "AuthPolicy", "attributes": {
        "qualifiedName": "p", "name": "p", "policyType": "deny", "policySubCategory": "metadata",
        "policyActions": ["persona-asset-read"], "policyResources": ["entity:default/sales/1"],
        "accessControl": {"guid": id}}});
    admin.bulk(&[policy]).await.ok();
    let status = |status: &str| {
        let query = format!("mutation {{ updateUserStatus(urn: \"urn:li:corpuser:kim\", status: {status}) }}");
        json!({"query": query})
    };
    let session = app.session_of("admin").await.token();
    let client = app.holder_of(&access_token(exchange(&app, &session, &[]).await));
    let suspended = client.post("/api/graphql", &status("SUSPENDED")).await.ok();
    assert!(suspended["errors"].is_null(), "suspending gives nothing: {suspended}");
    let end = json!({"query": format!("mutation {{ deletePolicy(urn: \"{}\") }}", deny.qualified_name)});
    for body in [status("ACTIVE"), end] {
        let answer = client.post("/api/graphql", &body).await;
        assert_eq!(answer.json["errors"][0]["extensions"]["code"], 403, "{}", answer.text);
        let answer = admin.post("/api/graphql", &body).await.ok();
        assert!(answer["errors"].is_null(), "{answer}");
    }
    let path = format!("/api/service/personas/{id}");
    client.send(Method::DELETE, &path, None).await.refused("TESSERA-403-001");
    admin.send(Method::DELETE, &path, None).await.ok();
}

#[actix_web::test]
async fn a_restricted_child_creates_no_asset_of_its_parent() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::ViewAnalytics]).await;
    let asset = json!({"qualifiedName": "default/snowflake/7", "name": "x"});
    let narrow = app.holder_of(&child(&app, &key, &[("scope", "VIEW_ANALYTICS")]).await);
    narrow.save("Connection", &asset).await.refused("TESSERA-403-001");
    app.holder_of(&child(&app, &key, &[]).await).save("Connection", &asset).await.ok();
}

#[actix_web::test]
async fn a_child_that_is_revoked_while_it_is_refused_stays_revoked() {
    let Fixture { app, admin, key, personas } = fixture().await;
    let token = child(&app, &key, &[("scope", &format!("persona:{}", personas[0]))]).await;
    let linked = |personas: &[String]| json!({"displayName": "actor", "personaQualifiedNames": personas});
    admin.try_update(&key.id, &linked(&[])).await.ok();
    assert!(!works(&app, &token).await);
    post(&as_client(&app, &key), "/oauth/revoke", &[("token", &token)]).await.ok();
    admin.try_update(&key.id, &linked(&personas)).await.ok();
    assert!(!works(&app, &token).await);
}

#[actix_web::test]
async fn a_host_of_the_clients_choice_makes_no_audience() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::VerifyTokens]).await;
    let host = TOOLS.trim_start_matches("https://").split('/').next().unwrap();
    let client = as_client(&app, &key).with("content-type", "application/x-www-form-urlencoded").with("host", host);
    let answer = client.send(Method::POST, "/oauth/token", Some("grant_type=client_credentials")).await;
    let token = access_token(answer);
    let verify = format!("/gateway/verify?audience=https://{host}");
    app.holder_of(&token).get(&verify).await.refused("TESSERA-401-008");
    let told = post(&key, "/oauth/introspect", &[("token", &token)]).await.ok();
    assert_eq!((&told["iss"], &told["aud"][0]), (&json!("https://tessera.example.org"), &told["iss"]));
    // Scopes of OpenID Connect carry nothing.
    let nothing = child(&app, &key, &[("scope", "openid profile")]).await;
    assert_eq!(app.holder_of(&nothing).whoami().await.ok()["permissions"], json!([]));
    // A child is no secret of a client.
    let form =
        [("grant_type", "client_credentials"), ("client_id", &format!("apikey-{}", key.id)), ("client_secret", &token)];
    assert_eq!(post(&app.anonymous(), "/oauth/token", &form).await.status, 401);
    let body = json!({"tokens": [child(&app, &key, &[]).await], "audience": TOOLS});
    assert_eq!(key.post("/api/service/apikeys/verify", &body).await.ok()["results"][0]["active"], false);
}

/// An agent that is bound to a network or a rate is no less bound when it acts for somebody else.
#[actix_web::test]
async fn the_limits_of_an_actor_bind_what_it_does_for_others() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[Permission::ViewAnalytics]).await;
    let agent = app.key_with(&[Permission::ViewAudit]).await;
    let acting = [("actor_token", agent.token.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let token = access_token(exchange(&app, &key.token, &acting).await);
    assert!(works(&app, &token).await && works(&app, &token).await);
    let limited = |limits: serde_json::Value| {
        let mut body = json!({"displayName": "agent", "workspacePermissions": ["VIEW_AUDIT"]});
        body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        body
    };
    admin.try_update(&agent.id, &limited(json!({"rateLimit": {"requests": 1, "seconds": 3_600}}))).await.ok();
    app.holder_of(&token).whoami().await.ok();
    assert_eq!(app.holder_of(&token).whoami().await.status, 429);
    let elsewhere = json!({"rateLimit": {"requests": 0, "seconds": 1}, "allowedAddresses": ["198.51.100.0/24"]});
    admin.try_update(&agent.id, &limited(elsewhere)).await.ok();
    app.holder_of(&token).whoami().await.refused("TESSERA-403-002");
    app.holder_of(&token).get("/gateway/verify").await.refused("TESSERA-403-002");
    let uncounted = app.service.authenticate_uncounted(Presentation::bearer(&token, None)).await;
    assert!(matches!(uncounted, Err(Error::ForeignAddress)));
    let reader = app.key_with(&[Permission::VerifyTokens]).await;
    let told = post(&reader.client, "/oauth/introspect", &[("token", &token)]).await.ok();
    assert_eq!(told, json!({"active": false}), "introspection knows no address");
}
