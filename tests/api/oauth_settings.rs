//! The settings of API keys as OAuth clients: `/api/service/apikeys/{guid}/oauth`.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::storage::oauth_clients;

use crate::datahub::{self, user_with};
use crate::storage::actions;
use crate::support::issuer::Signer;
use crate::support::{Answer, App, Client};

fn path(key: &str) -> String {
    format!("/api/service/apikeys/{key}/oauth")
}

async fn put(client: &Client, key: &str, body: &Value) -> Answer {
    client.with("content-type", "application/json").send(Method::PUT, &path(key), Some(&body.to_string())).await
}

async fn key(admin: &Client) -> String {
    admin.create("ci").await["id"].as_str().unwrap().to_owned()
}

fn rule(name: &str) -> Value {
    json!({"name": name, "issuer": "https://token.actions.githubusercontent.com", "audience": "tessera",
           "claims": {"repository_id": "42", "ref": "refs/heads/*"}})
}

fn full() -> Value {
    json!({"audiences": ["https://mcp.example.org/", "urn:example:api"], "jwks": {"keys": [Signer::new(7, "a").jwk()]},
           "trust": [rule("one"), rule("two")], "secret": "token"})
}

#[actix_web::test]
async fn settings_are_replaced_wholesale_and_audited() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&admin).await;
    let empty = json!({"audiences": [], "jwks": {"keys": []}, "trust": [], "secret": "token"});
    assert_eq!(admin.get(&path(&key)).await.ok(), empty);
    assert_eq!(put(&admin, &key, &full()).await.ok(), full());
    assert_eq!(admin.get(&path(&key)).await.ok(), full());
    // The console shows how else one can act as the key.
    let page = crate::console::enter(&app, "admin").await.get(&format!("/keys/{key}")).await.text;
    for told in [
        "<code>a</code>",
        "<summary>one</summary>",
        "https://token.actions.githubusercontent.com",
        "ref = refs/heads/*",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let trust = json!({"trust": [rule("two")]});
    let expected = json!({"audiences": [], "jwks": {"keys": []}, "trust": [rule("two")], "secret": "token"});
    assert_eq!(put(&admin, &key, &trust).await.ok(), expected);
    assert_eq!(put(&admin, &key, &json!({})).await.ok(), empty);
    let browser = crate::console::enter(&app, "admin").await;
    let page = browser.get(&format!("/keys/{key}")).await;
    assert!(page.text.contains("one, shown when it was made") && !page.text.contains("<summary>one</summary>"));
    let replaced = actions(&app.service).into_iter().filter(|action| action == "apikey.oauth_replaced").count();
    assert_eq!(replaced, 3);
}

#[actix_web::test]
async fn a_change_based_on_an_older_edition_is_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&admin).await;
    let etag = admin.get(&path(&key)).await.header("etag").unwrap().to_owned();
    let current = put(&admin.with("if-match", &etag), &key, &full()).await;
    let next = current.header("etag").unwrap().to_owned();
    current.ok();
    put(&admin.with("if-match", &etag), &key, &json!({})).await.refused("TESSERA-412-001");
    assert_eq!(admin.get(&path(&key)).await.header("etag"), Some(next.as_str()));
    put(&admin.with("if-match", &next), &key, &json!({})).await.ok();
}

#[actix_web::test]
async fn settings_end_with_their_key() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&admin).await;
    put(&admin, &key, &full()).await.ok();
    admin.delete_key(&key).await.ok();
    admin.get(&path(&key)).await.refused("TESSERA-404-001");
    put(&admin, &key, &full()).await.refused("TESSERA-404-001");
    let id = tessera::domain::ids::PrincipalId::parse(&key).unwrap();
    let left = app.service.database.read(move |connection| oauth_clients::get(connection, id)).unwrap();
    assert_eq!(left, tessera::domain::oauth_client::OauthClient::default());
}

#[actix_web::test]
async fn only_users_who_have_signed_in_change_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&admin).await;
    let (token, _) = datahub::created(&admin, "admin", "a").await;
    for program in [app.key_with(&Permission::ALL).await.client, app.holder_of(&token)] {
        let message = put(&program, &key, &full()).await.refused("TESSERA-403-001").to_string();
        assert!(message.contains("signed in"), "{message}");
        program.get(&path(&key)).await.ok();
    }
    put(&admin, &key, &full()).await.ok();
}

#[actix_web::test]
async fn nobody_adds_what_gives_more_than_the_own_access_but_everybody_who_manages_the_key_removes_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = key(&admin).await;
    let manager = user_with(&app, &admin, "manager", &[Permission::ManageApiKeys]).await;
    put(&manager, &key, &full()).await.ok();
    // Now the key reaches an asset that the manager does not.
    let connection = json!({"qualifiedName": "default/snowflake/1", "name": "c",
                            "adminUsers": [format!("service-account-apikey-{key}")]});
    admin.save("Connection", &connection).await.ok();
    put(&admin, &key, &full()).await.ok();
    let mut more = full();
    for (member, value) in [
        ("audiences", json!(["https://mcp.example.org/", "https://other.example.org/"])),
        ("jwks", json!({"keys": [Signer::new(8, "b").jwk()]})),
        ("trust", json!([rule("three")])),
    ] {
        let before = std::mem::replace(&mut more[member], value);
        put(&manager, &key, &more).await.refused("TESSERA-403-001");
        more[member] = before;
    }
    put(&manager, &key, &json!({"trust": [rule("two")]})).await.ok();
    put(&manager, &key, &json!({"trust": [rule("one"), rule("two")]})).await.refused("TESSERA-403-001");
    put(&admin, &key, &full()).await.ok();
    // A key with a permission that the manager lacks is above it.
    let strong = admin.try_create(&json!({"displayName": "k", "workspacePermissions": ["VIEW_AUDIT"]})).await.ok();
    put(&manager, strong["id"].as_str().unwrap(), &full()).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn limits_are_met_exactly() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = key(&admin).await;
    let audiences = |count: usize| (0..count).map(|index| format!("https://a{index}/")).collect::<Vec<_>>();
    let keys = |count: u8| (0..count).map(|seed| Signer::new(seed + 1, &seed.to_string()).jwk()).collect::<Vec<_>>();
    let rules = |count: usize| (0..count).map(|index| rule(&index.to_string())).collect::<Vec<_>>();
    put(&admin, &id, &json!({"audiences": audiences(32), "jwks": {"keys": keys(8)}, "trust": rules(32)})).await.ok();
    for (body, place) in [
        (json!({"audiences": audiences(33)}), "audiences"),
        (json!({"jwks": {"keys": keys(9)}}), "jwks.keys"),
        (json!({"trust": rules(33)}), "trust"),
    ] {
        assert!(put(&admin, &id, &body).await.violates(place).contains("at most"));
    }
}

#[actix_web::test]
async fn what_is_wrong_is_named() {
    let app = App::start().await;
    let admin = app.admin().await;
    let id = key(&admin).await;
    let changed = |member: &str, value: Value| {
        let mut rule = rule("one");
        rule[member] = value;
        json!({"trust": [rule]})
    };
    let mut private = Signer::new(7, "a").jwk();
    private["d"] = json!("c2VjcmV0");
    let same = Signer::new(7, "a").jwk();
    for (body, place, part) in [
        (json!({"audiences": ["https://a/", "api"]}), "audiences[1]", "absolute URI"),
        (json!({"audiences": ["https://a/#b"]}), "audiences[0]", "fragment"),
        (json!({"audiences": ["https://a/", "https://a/"]}), "audiences[1]", "twice"),
        (json!({"audiences": [format!("https://a/{}", "b".repeat(503))]}), "audiences[0]", "512"),
        (json!({"jwks": {"keys": [private]}}), "jwks.keys[0].d", "private key"),
        (json!({"jwks": {"keys": [same, same]}}), "jwks.keys[1].kid", "another key"),
        (json!({"trust": [rule("one"), rule("one")]}), "trust[1].name", "another rule"),
        (changed("name", json!(" ")), "trust[0].name", "blank"),
        (changed("audience", json!("")), "trust[0].audience", "512"),
        (changed("claims", json!({})), "trust[0].claims", "besides `iss` and `aud`"),
        (changed("claims", json!({"repository": "o/r"})), "trust[0].claims.repository", "`repository_id`"),
        (changed("claims", json!({"repository_id": "*"})), "trust[0].claims.repository_id", "more than `*`"),
    ] {
        let message = put(&admin, &id, &body).await.violates(place);
        assert!(message.contains(part), "{place}: {message}");
        assert!(!message.contains("c2VjcmV0"));
    }
    for issuer in ["http://id.example.org", "https://a/?b", "https://a/#b", "https://u@a/", "a", "ftp://a", "https://"]
    {
        let answer = put(&admin, &id, &changed("issuer", json!(issuer))).await;
        let causes = answer.refused("TESSERA-400-001")["causes"].clone();
        assert!(causes.as_array().unwrap().iter().any(|cause| cause["location"] == "trust[0].issuer"), "{causes}");
    }
    put(&admin, &id, &json!({"trusts": []})).await.violates("trusts");
    assert_eq!(admin.get(&path(&id)).await.ok()["trust"], json!([]), "nothing was stored");
}
