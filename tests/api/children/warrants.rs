//! Children of API keys that proved themselves with a public key or as a workload, and keys that have no token.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::ids::PrincipalId;
use tessera::domain::network::Network;
use tessera::domain::permission::Permission;
use tessera::http::oauth::workload::{Issuers, WorkloadSettings, identify};
use tessera::service::children::{Form, Wanted, mint};

use super::{ACCESS_TOKEN, EXCHANGE, access_token, as_client, child, exchange, post, refused, works};
use crate::storage::actions;
use crate::support::issuer::{Issuer, Signer};
use crate::support::{Answer, App, Client, Holder, Options};

const FORMATS: [&str; 2] = ["jwt", "opaque"];

async fn put(admin: &Client, key: &str, settings: &Value) -> Answer {
    let admin = admin.with("content-type", "application/json");
    admin.send(Method::PUT, &format!("/api/service/apikeys/{key}/oauth"), Some(&settings.to_string())).await
}

pub(super) async fn register(admin: &Client, key: &str, signers: &[&Signer]) {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    put(admin, key, &json!({"jwks": {"keys": keys}})).await.ok();
}

/// A server that knows what it is called, and so takes client assertions.
pub(super) async fn certain() -> App {
    App::start_with(Options { public_url: Some("https://tessera.example.org".to_owned()), ..Options::default() }).await
}

/// A token request of a key that signs an assertion.
pub(super) async fn asserting(app: &App, signer: &Signer, key: &Holder, more: &[(&str, &str)]) -> Answer {
    let (client, now) = (format!("apikey-{}", key.id), app.now() / 1000);
    let claims = json!({"iss": client, "sub": client, "aud": "https://tessera.example.org/oauth/token", "exp": now + 60,
                        "jti": PrincipalId::new(app.now(), app.service.entropy).unwrap().to_string()});
    let assertion = signer.sign(&claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let own = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
    post(&app.anonymous(), "/oauth/token", &[&own[..], more].concat()).await
}

async fn is_active(reader: &Holder, token: &str) -> bool {
    post(reader, "/oauth/introspect", &[("token", token)]).await.ok()["active"] == true
}

#[actix_web::test]
async fn a_removed_public_key_ends_the_children_that_it_brought_about_and_no_others() {
    let app = certain().await;
    let admin = app.admin().await;
    let reader = app.key_with(&[Permission::VerifyTokens]).await;
    let (key, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    let (first, second) = (Signer::new(7, "first"), Signer::new(8, "second"));
    register(&admin, &key.id, &[&first, &second]).await;
    let (mut ending, mut staying) = (Vec::new(), Vec::new());
    for format in FORMATS {
        let format = ("token_format", format);
        let grant = [("grant_type", "client_credentials"), format];
        let own = access_token(asserting(&app, &first, &key, &grant).await);
        let subject =
            |token| [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
        // It acts for another key, which has a token.
        let acting = asserting(&app, &first, &key, &[&subject(other.token.as_str())[..], &[format]].concat()).await;
        let acting = access_token(acting);
        // A child of its child, also if the other public key asks for it.
        let grandchild = access_token(exchange(&app, &own, &[format]).await);
        let exchanged = asserting(&app, &second, &key, &[&subject(own.as_str())[..], &[format]].concat()).await;
        let acted = [("actor_token", own.as_str()), ("actor_token_type", ACCESS_TOKEN), format];
        let acted = access_token(exchange(&app, &other.token, &acted).await);
        ending.extend([own, acting, grandchild, access_token(exchanged), acted]);
        staying.push(access_token(asserting(&app, &second, &key, &grant).await));
        staying.push(child(&app, &key, &[format]).await);
    }
    for token in ending.iter().chain(&staying) {
        assert!(works(&app, token).await && is_active(&reader, token).await, "{token}");
    }
    // Under another name it is the same key.
    register(&admin, &key.id, &[&Signer::new(7, "renamed"), &second]).await;
    for token in ending.iter().chain(&staying) {
        assert!(works(&app, token).await, "{token}");
    }
    register(&admin, &key.id, &[&second]).await;
    for token in &ending {
        app.holder_of(token).whoami().await.refused("TESSERA-401-002");
        assert!(!is_active(&reader, token).await, "{token}");
        refused(&exchange(&app, token, &[]).await, "invalid_request");
    }
    for token in &staying {
        assert!(works(&app, token).await && is_active(&reader, token).await, "{token}");
    }
    put(&admin, &key.id, &json!({})).await.ok();
    for (place, token) in staying.iter().enumerate() {
        assert_eq!(works(&app, token).await, place % 2 == 1, "only those of the token stay");
    }
}

#[actix_web::test]
async fn a_removed_or_changed_trust_rule_ends_the_children_of_its_workloads() {
    let (app, issuer) = (App::start().await, Issuer::start());
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let settings = WorkloadSettings { private_issuers: vec![issuer.name.clone()], ..WorkloadSettings::default() };
    let issuers = Issuers::new(settings, &app.service.clock);
    let rule = |name: &str, run: &str| json!({"name": name, "issuer": issuer.name, "audience": "tessera", "claims": {"repository_id": "42", "run": run}});
    let trust = async |rules: &[Value]| drop(put(&admin, &key.id, &json!({"trust": rules})).await.ok());
    let children = async |run: &str| {
        let now = app.now() / 1000;
        let claims = json!({"iss": issuer.name, "sub": "job", "aud": "tessera", "exp": now + 600, "iat": now,
                            "repository_id": "42", "run": run});
        let id = PrincipalId::parse(&key.id).unwrap();
        let token = issuer.signer.sign(&claims);
        let found = identify(&app.service, &issuers, id, &token, Network::of(None)).await.unwrap();
        let parent = app.service.authenticate_key(found.key, found.warrant, None).await.unwrap();
        let mut tokens = Vec::new();
        for form in [Form::Jwt, Form::Opaque] {
            let wanted = Wanted::everything("https://tessera.example.org".into(), format!("apikey-{}", key.id));
            let minted = mint(&app.service, &parent, None, Wanted { form, ..wanted }).await;
            tokens.push(minted.unwrap_or_else(|error| panic!("{error}")).token.expose());
        }
        tokens
    };
    trust(&[rule("one", "1"), rule("two", "2")]).await;
    let (of_one, of_two) = (children("1").await, children("2").await);
    trust(&[rule("renamed", "1"), rule("two", "2")]).await;
    for token in of_one.iter().chain(&of_two) {
        assert!(works(&app, token).await, "a name decides nothing");
    }
    trust(&[rule("one", "1*"), rule("two", "2")]).await;
    for token in &of_one {
        app.holder_of(token).whoami().await.refused("TESSERA-401-002");
    }
    for token in &of_two {
        assert!(works(&app, token).await);
    }
    trust(&[]).await;
    for token in &of_two {
        app.holder_of(token).whoami().await.refused("TESSERA-401-002");
    }
}

#[actix_web::test]
async fn a_key_gives_up_its_token_and_everything_that_came_from_it() {
    let app = certain().await;
    let admin = app.admin().await.with("idempotency-key", "once");
    let made = admin.create("signing").await;
    let token = made["attributes"]["accessToken"].as_str().unwrap();
    let key =
        Holder { id: made["id"].as_str().unwrap().to_owned(), token: token.to_owned(), client: app.holder_of(token) };
    let signer = Signer::new(7, "first");
    let jwks = json!({"keys": [signer.jwk()]});
    // Something else must prove the key.
    for settings in [json!({"secret": "none"}), json!({"secret": "none", "audiences": ["https://a.example.org"]})] {
        assert!(put(&admin, &key.id, &settings).await.violates("secret").contains("jwks"));
    }
    assert!(
        put(&admin, &key.id, &json!({"secret": "other", "jwks": jwks})).await.violates("secret").contains("`none`")
    );
    let settings = put(&admin, &key.id, &json!({"jwks": jwks})).await.ok();
    assert_eq!(settings["secret"], "token");
    let path = format!("/auth/admin/realms/default/clients/{}/client-secret", key.id);
    let admin = admin.with("host", "tessera.example.org");
    let secret = admin.get(&path).await.ok()["value"].as_str().unwrap().to_owned();
    let grant = [("grant_type", "client_credentials")];
    let asserted = access_token(asserting(&app, &signer, &key, &grant).await);
    let dead = [key.token.clone(), secret, child(&app, &key, &[]).await];
    for token in dead.iter().chain([&asserted]) {
        assert!(works(&app, token).await);
    }
    // A key does not decide about itself, and neither does another program.
    put(&key.client, &key.id, &json!({"secret": "none", "jwks": jwks})).await.refused("TESSERA-403-001");
    let settings = put(&admin, &key.id, &json!({"secret": "none", "jwks": jwks})).await.ok();
    assert_eq!(settings["secret"], "none");
    for token in &dead {
        app.holder_of(token).whoami().await.refused("TESSERA-401-002");
    }
    let basic = post(&as_client(&app, &key), "/oauth/token", &grant).await;
    assert_eq!((basic.status, &basic.json["error"]), (401, &json!("invalid_client")));
    assert!(works(&app, &access_token(asserting(&app, &signer, &key, &grant).await)).await);
    assert_eq!(actions(&app.service).iter().filter(|action| *action == "apikey.token_removed").count(), 1);
    // There is no way back.
    let path = format!("/auth/admin/realms/default/clients/{}/client-secret", key.id);
    admin.get(&path).await.refused("TESSERA-409-001");
    admin.try_create(&json!({"displayName": "signing"})).await.refused("TESSERA-409-001");
    assert!(
        put(&admin, &key.id, &json!({"secret": "token", "jwks": jwks})).await.violates("secret").contains("`none`")
    );
    put(&admin, &key.id, &json!({})).await.violates("secret");
    let settings = put(&admin, &key.id, &json!({"jwks": jwks, "audiences": ["https://a.example.org"]})).await.ok();
    assert_eq!(settings["secret"], "none", "it stays as it is if absent");
    assert_eq!(admin.get(&format!("/api/service/apikeys/{}/oauth", key.id)).await.ok(), settings);
    admin.delete_key(&key.id).await.ok();
}
