//! Client assertions (`private_key_jwt`, RFC 7523) of API keys that registered a public key.

use actix_web::http::Method;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tessera::domain::entropy::Entropy;
use tessera::domain::network::Network;
use tessera::domain::signing::{PrivateKey, SigningAlgorithm, SigningKey};
use tessera::http::oauth::client_assertion::{NotAsserted, authenticate};

use crate::device::send;
use crate::support::issuer::Signer;
use crate::support::{Answer, App, Client, Options};

const ISSUER: &str = "https://tessera.example.org";
const ENDPOINT: &str = "https://tessera.example.org/oauth/token";

struct Scene {
    app: App,
    admin: Client,
    signer: Signer,
    key: String,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let app = App::start_with(options).await;
        let (admin, signer) = (app.admin().await, Signer::new(7, "first"));
        let key = admin.create("signing").await["id"].as_str().unwrap().to_owned();
        let scene = Self { app, admin, signer, key };
        scene.register(&[scene.signer.jwk()]).await;
        scene
    }

    async fn register(&self, keys: &[Value]) {
        let (path, body) = (format!("/api/service/apikeys/{}/oauth", self.key), json!({"jwks": {"keys": keys}}));
        let admin = self.admin.with("content-type", "application/json");
        admin.send(Method::PUT, &path, Some(&body.to_string())).await.ok();
    }

    fn claims(&self, id: &str) -> Value {
        let (client, now) = (format!("apikey-{}", self.key), self.app.now() / 1000);
        json!({"iss": client, "sub": client, "aud": ENDPOINT, "exp": now + 300, "iat": now, "jti": id})
    }

    async fn send(&self, assertion: &str) -> Result<String, NotAsserted> {
        let (key, _) = authenticate(&self.app.service, assertion, &[ISSUER, ENDPOINT], Network::of(None)).await?;
        Ok(key.to_string())
    }
}

#[actix_web::test]
async fn an_assertion_authenticates_its_key_once() {
    let scene = Scene::new().await;
    let first = scene.signer.sign(&scene.claims("1"));
    assert_eq!(scene.send(&first).await.unwrap(), scene.key);
    for _ in 0..2 {
        assert!(matches!(scene.send(&first).await, Err(NotAsserted::Rejected(why)) if why.contains("jti")));
    }
    let mut again = scene.claims("1");
    again["aud"] = json!([ISSUER]);
    assert!(scene.send(&scene.signer.sign(&again)).await.is_err(), "another assertion with the same `jti`");
    again["jti"] = json!("2");
    assert_eq!(scene.send(&scene.signer.sign(&again)).await.unwrap(), scene.key);
    scene.app.advance(300_000);
    assert!(matches!(scene.send(&first).await, Err(NotAsserted::Rejected(why)) if why.contains("expired")));
    assert_eq!(scene.send(&scene.signer.sign(&scene.claims("1"))).await.unwrap(), scene.key, "the old one has expired");
}

/// The Ed25519 key of 32 bytes 7, in PKCS #8.
fn ed25519() -> EncodingKey {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &[7; 32]].concat())
}

#[actix_web::test]
async fn a_key_of_another_kind_signs_too_and_only_with_its_own_algorithm() {
    let scene = Scene::new().await;
    let public = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
    scene.register(&[scene.signer.jwk(), json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": public})]).await;
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let message = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "ed"})), part(&scene.claims("1")));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &ed25519(), Algorithm::EdDSA).unwrap();
    assert_eq!(scene.send(&format!("{message}.{signature}")).await.unwrap(), scene.key);
    scene.send(&scene.signer.sign(&scene.claims("2"))).await.unwrap();
    for kid in ["ed", "first"] {
        let head = json!({"alg": if kid == "ed" { "ES256" } else { "EdDSA" }, "kid": kid});
        let outcome = scene.send(&scene.signer.sign_with(&head, &scene.claims("3"))).await;
        assert!(matches!(outcome, Err(NotAsserted::Stranger)), "{head}: {outcome:?}");
    }
}

#[actix_web::test]
async fn an_rsa_key_signs_with_both_of_its_algorithms_unless_it_names_one() {
    let scene = Scene::new().await;
    let secret = PrivateKey::generate(SigningAlgorithm::Rs256, Entropy::SYSTEM).unwrap();
    let public = SigningKey::new(&secret, 0, i64::MAX).unwrap().public;
    let signs = EncodingKey::from_rsa_der(&secret.bytes);
    let jwk = |id: &str| json!({"kty": "RSA", "kid": id, "n": public["n"], "e": public["e"]});
    let mut only = jwk("only");
    only["alg"] = json!("PS256");
    scene.register(&[scene.signer.jwk(), jwk("rsa"), only]).await;
    let signed = |kid: &str, named: &str, algorithm: Algorithm| {
        let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let claims = scene.claims(&format!("{kid} {named} {algorithm:?}"));
        let message = format!("{}.{}", part(&json!({"alg": named, "kid": kid})), part(&claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &signs, algorithm).unwrap();
        format!("{message}.{signature}")
    };
    for (kid, named, algorithm) in
        [("rsa", "RS256", Algorithm::RS256), ("rsa", "PS256", Algorithm::PS256), ("only", "PS256", Algorithm::PS256)]
    {
        assert_eq!(scene.send(&signed(kid, named, algorithm)).await.unwrap(), scene.key, "{kid} {named}");
    }
    for (kid, named, algorithm) in [
        ("only", "RS256", Algorithm::RS256),
        ("rsa", "RS256", Algorithm::PS256),
        ("rsa", "PS256", Algorithm::RS256),
        ("rsa", "RS512", Algorithm::RS512),
        ("rsa", "RS384", Algorithm::RS384),
        ("rsa", "ES256", Algorithm::RS256),
        ("first", "RS256", Algorithm::RS256),
    ] {
        let outcome = scene.send(&signed(kid, named, algorithm)).await;
        assert!(matches!(outcome, Err(NotAsserted::Stranger)), "{kid} {named} {algorithm:?}: {outcome:?}");
    }
}

#[actix_web::test]
async fn every_wrong_claim_is_refused() {
    let scene = Scene::new().await;
    let now = scene.app.now() / 1000;
    let other = format!("apikey-{}", scene.admin.create("other").await["id"].as_str().unwrap());
    for (member, wrong) in [
        ("iss", json!(other)),
        ("iss", json!(ISSUER)),
        ("iss", Value::Null),
        ("aud", json!("https://other.example.org/oauth/token")),
        ("aud", json!([ISSUER, ENDPOINT])),
        ("aud", json!([])),
        ("aud", json!(format!("{ENDPOINT}/"))),
        ("aud", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now + 3_661)),
        ("exp", Value::Null),
        ("iat", json!(now + 60)),
        ("nbf", json!(now + 60)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(256))),
        ("jti", json!("a\u{200b}")),
        ("jti", json!(1)),
        ("jti", Value::Null),
    ] {
        let mut claims = scene.claims("1");
        claims[member] = wrong.clone();
        let outcome = scene.send(&scene.signer.sign(&claims)).await;
        assert!(matches!(outcome, Err(NotAsserted::Rejected(_))), "{member} {wrong}: {outcome:?}");
    }
    // None of them has used up the `jti`.
    scene.send(&scene.signer.sign(&scene.claims("1"))).await.unwrap();
}

#[actix_web::test]
async fn only_a_registered_key_of_the_named_client_signs() {
    let scene = Scene::new().await;
    let claims = scene.claims("1");
    let mut of_other = claims.clone();
    let other = format!("apikey-{}", scene.admin.create("other").await["id"].as_str().unwrap());
    (of_other["sub"], of_other["iss"]) = (json!(other), json!(other));
    let mut of_user = claims.clone();
    (of_user["sub"], of_user["iss"]) = (json!("admin"), json!("admin"));
    let signer = &scene.signer;
    for wrong in [
        Signer::new(8, "first").sign(&claims),
        Signer::new(7, "second").sign(&claims),
        signer.sign(&of_other),
        signer.sign(&of_user),
        signer.sign_with(&json!({"alg": "HS256", "kid": "first"}), &claims),
        signer.sign_with(&json!({"alg": "none"}), &claims),
        signer.sign_with(&json!({"alg": "RS256", "kid": "first"}), &claims),
        signer.sign_with(&json!({"alg": "ES256", "kid": "first", "typ": "at+jwt"}), &claims),
        signer.sign_with(&json!({"alg": "ES256", "kid": "first", "crit": ["x"]}), &claims),
        String::new(),
        "a.b.c".to_owned(),
    ] {
        let outcome = scene.send(&wrong).await;
        assert!(matches!(outcome, Err(NotAsserted::Stranger)), "{wrong}: {outcome:?}");
    }
    scene.send(&signer.sign_with(&json!({"alg": "ES256"}), &claims)).await.unwrap();
    scene.register(&[Signer::new(8, "second").jwk()]).await;
    assert!(matches!(scene.send(&signer.sign(&scene.claims("2"))).await, Err(NotAsserted::Stranger)), "it was removed");
}

/// Sends an assertion for that audience to that address, with these parameters.
async fn sent_to(scene: &Scene, host: &str, path: &str, audience: &str, more: &[(&str, &str)]) -> Answer {
    let mut claims = scene.claims(&format!("{host} {path} {audience}"));
    claims["aud"] = json!(audience);
    let assertion = scene.signer.sign(&claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let own = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
    send(&scene.app.anonymous().with("host", host), path, &[&own[..], more].concat()).await
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const REALM: &str = "/auth/realms/default/protocol/openid-connect/token";

#[actix_web::test]
async fn an_assertion_for_the_token_endpoint_is_taken_at_every_endpoint() {
    let options = Options { public_url: Some(ISSUER.to_owned()), ..Options::default() };
    let scene = Scene::with(options).await;
    for path in ["/oauth/token", REALM, "/oauth/revoke"] {
        let own = format!("{ISSUER}{path}");
        for audience in [ISSUER, ENDPOINT].into_iter().chain((own != ENDPOINT).then_some(own.as_str())) {
            let answer = sent_to(&scene, "any.example.org", path, audience, &[GRANT, ("token", "tsc_unknown")]).await;
            assert_eq!(answer.status, 200, "{path} {audience}: {}", answer.text);
        }
        for wrong in ["https://any.example.org", "https://tessera.example.org/oauth/introspect"] {
            let answer = sent_to(&scene, "any.example.org", path, wrong, &[GRANT, ("token", "x")]).await;
            assert_eq!((answer.status, &answer.json["error"]), (401, &json!("invalid_client")), "{}", answer.text);
            assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="tessera", charset="UTF-8""#));
            assert!(answer.json["error_description"].as_str().unwrap().contains("`aud`"), "{}", answer.text);
        }
    }
    // The key is authenticated at introspection, too, where it may not ask about others.
    let answer = sent_to(&scene, "any.example.org", "/oauth/introspect", ENDPOINT, &[("token", "tsc_unknown")]).await;
    assert_eq!((answer.status, &answer.json["error"]), (403, &json!("insufficient_scope")), "{}", answer.text);
}

#[actix_web::test]
async fn an_assertion_is_refused_while_clients_choose_what_the_server_is_called() {
    let scene = Scene::new().await;
    let answer = sent_to(&scene, "evil.example.org", "/oauth/token", "https://evil.example.org", &[GRANT]).await;
    assert_eq!((answer.status, &answer.json["error"]), (401, &json!("invalid_client")), "{}", answer.text);
    assert!(answer.json["error_description"].as_str().unwrap().contains("TESSERA_PUBLIC_URL"), "{}", answer.text);
    for host in ["127.0.0.1:8585", "localhost", "[::1]:8585"] {
        sent_to(&scene, host, "/oauth/token", &format!("http://{host}/oauth/token"), &[GRANT]).await.ok();
    }
}
