//! Client secrets of API keys, which end with what they were asked for with.

use actix_web::http::Method;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use tessera::domain::permission::Permission;

use super::warrants::{asserting, certain, register};
use super::{access_token, as_client, child, exchange, post, works};
use crate::dpop::proof_of;
use crate::support::issuer::Signer;
use crate::support::{Answer, App, Client, Holder};

const HOST: &str = "tessera.example.org";

fn path_of(key: &Holder) -> String {
    format!("/auth/admin/realms/default/clients/{}/client-secret", key.id)
}

async fn secret(client: &Client, key: &Holder) -> String {
    let answer = client.with("host", HOST).get(&path_of(key)).await.ok();
    answer["value"].as_str().unwrap().to_owned()
}

/// The answer to a client that proves itself with that secret of the key.
async fn granted(app: &App, key: &Holder, secret: &str) -> Answer {
    let id = format!("apikey-{}", key.id);
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret)];
    post(&app.anonymous(), "/oauth/token", &form).await
}

/// What was asked for with that client: a secret of the key, and a child of it.
async fn asked(app: &App, client: &Client, key: &Holder) -> [String; 2] {
    let secret = secret(client, key).await;
    let child = access_token(granted(app, key, &secret).await);
    assert!(works(app, &secret).await && works(app, &child).await);
    [secret, child]
}

async fn ended(app: &App, key: &Holder, tokens: &[String], how: &str) {
    for token in tokens {
        assert!(!works(app, token).await, "{how}");
    }
    assert_eq!(granted(app, key, &tokens[0]).await.status, 401, "{how}");
    assert!(works(app, &key.token).await, "{how}");
}

#[actix_web::test]
async fn a_client_secret_ends_with_what_it_was_asked_for_with() {
    let app = certain().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let manager = app.key_with(&[Permission::ManageApiKeys]).await;
    // With a child of a key, also one of a child.
    let first = child(&app, &manager, &[]).await;
    let second = access_token(exchange(&app, &first, &[]).await);
    let mut of_children = asked(&app, &app.holder_of(&first), &key).await.to_vec();
    of_children.extend(asked(&app, &app.holder_of(&second), &key).await);
    let other = asked(&app, &manager, &key).await;
    post(&as_client(&app, &manager), "/oauth/revoke", &[("token", &first)]).await.ok();
    ended(&app, &key, &of_children, "the child is revoked").await;
    for token in &other {
        assert!(works(&app, token).await, "it was asked for with the key's own token");
    }
    // With a child that a public key brought about.
    let signer = Signer::new(7, "first");
    register(&admin, &manager.id, &[&signer]).await;
    let grant = [("grant_type", "client_credentials")];
    let asserted = access_token(asserting(&app, &signer, &manager, &grant).await);
    let of_assertion = asked(&app, &app.holder_of(&asserted), &key).await;
    register(&admin, &manager.id, &[]).await;
    ended(&app, &key, &of_assertion, "the public key is removed").await;
    // With a session.
    let session = app.session_of("admin").await;
    let of_session = asked(&app, &session, &key).await;
    session.delete("/api/service/sessions/current").await;
    ended(&app, &key, &of_session, "the session has ended").await;
    // With a key.
    admin.delete_key(&manager.id).await.ok();
    ended(&app, &key, &other, "the key that asked is deleted").await;
}

#[actix_web::test]
async fn a_token_that_is_bound_to_a_key_gets_no_client_secret() {
    let app = App::start().await;
    let (key, manager) = (app.key_with(&[]).await, app.key_with(&[Permission::ManageApiKeys]).await);
    let proof = |method: &Method, path: &str, token: &str, id: &str| {
        let ath = BASE64URL_NOPAD.encode(&Sha256::digest(token));
        let url = format!("https://{HOST}{path}");
        proof_of(7, method, &url, &json!({"iat": app.now() / 1000, "jti": id, "ath": ath}))
    };
    let client = as_client(&app, &manager).with("dpop", &proof(&Method::POST, "/oauth/token", "", "1"));
    let bound = post(&client, "/oauth/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!(bound.json["token_type"], "DPoP", "{}", bound.text);
    let bound = access_token(bound);
    let holder = app.anonymous().with("host", HOST).with("authorization", &format!("DPoP {bound}"));
    let answer = holder.with("dpop", &proof(&Method::GET, &path_of(&key), &bound, "2")).get(&path_of(&key)).await;
    let refused = answer.refused("TESSERA-403-001");
    assert!(refused["errorMessage"].as_str().unwrap().contains("client secrets"), "{refused}");
}

#[actix_web::test]
async fn no_other_child_is_a_client_secret() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let secret = secret(&admin, &key).await;
    let of_secret = access_token(granted(&app, &key, &secret).await);
    let exchanged = access_token(exchange(&app, &secret, &[("token_format", "opaque")]).await);
    for token in [child(&app, &key, &[("token_format", "opaque")]).await, of_secret, exchanged] {
        assert!(works(&app, &token).await);
        assert_eq!(granted(&app, &key, &token).await.status, 401);
    }
    let other = app.key_with(&[]).await;
    assert_eq!(granted(&app, &other, &secret).await.status, 401, "it is of one key");
}
