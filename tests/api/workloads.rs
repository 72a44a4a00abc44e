//! Workload identity: ID tokens of an issuer that API keys trust.

use std::time::Duration;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tessera::domain::ids::PrincipalId;
use tessera::domain::network::Network;
use tessera::http::oauth::workload::{Issuers, NotRecognised, WorkloadSettings, identify};
use tessera::service::authn::workload::Workload;

use crate::support::issuer::{Issuer, Signer};
use crate::support::{App, Client};

const DISCOVERY: &str = "/.well-known/openid-configuration";

struct Scene {
    app: App,
    admin: Client,
    issuer: Issuer,
    issuers: Issuers,
    key: String,
}

impl Scene {
    /// A key that trusts one job of the issuer.
    async fn new() -> Self {
        let (app, issuer) = (App::start().await, Issuer::start());
        let admin = app.admin().await;
        let key = admin.create("ci").await["id"].as_str().unwrap().to_owned();
        let settings = WorkloadSettings { private_issuers: vec![issuer.name.clone()], ..WorkloadSettings::default() };
        let issuers = Issuers::new(settings, &app.service.clock);
        let scene = Self { app, admin, issuer, issuers, key };
        scene.trust(&[scene.rule("job", &json!({"repository_id": "42", "ref": "refs/heads/*"}))]).await;
        scene
    }

    fn rule(&self, name: &str, claims: &Value) -> Value {
        json!({"name": name, "issuer": self.issuer.name, "audience": "tessera", "claims": claims})
    }

    async fn trust(&self, rules: &[Value]) {
        put(&self.admin, &self.key, &json!({"trust": rules})).await;
    }

    fn now(&self) -> i64 {
        self.app.now() / 1000
    }

    fn claims(&self) -> Value {
        json!({"iss": self.issuer.name, "sub": "repo:o/r:ref:refs/heads/main", "aud": "tessera", "exp": self.now() + 300,
               "iat": self.now(), "nbf": self.now() - 10, "jti": "j", "repository_id": "42", "ref": "refs/heads/main"})
    }

    async fn identify(&self, token: &str) -> Result<Workload, NotRecognised> {
        let key = PrincipalId::parse(&self.key).unwrap();
        identify(&self.app.service, &self.issuers, key, token, Network::of(None)).await
    }

    async fn claiming(&self, claims: &Value) -> Result<Workload, NotRecognised> {
        self.identify(&self.issuer.signer.sign(claims)).await
    }
}

async fn put(client: &Client, key: &str, body: &Value) -> Value {
    let client = client.with("content-type", "application/json");
    client.send(Method::PUT, &format!("/api/service/apikeys/{key}/oauth"), Some(&body.to_string())).await.ok()
}

/// The claims with others: `null` removes one.
fn with(claims: &Value, others: &Value) -> Value {
    let mut claims = claims.as_object().unwrap().clone();
    for (name, value) in others.as_object().unwrap() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    claims.into()
}

#[actix_web::test]
async fn a_token_of_a_trusted_workload_is_recognised_until_it_expires() {
    let scene = Scene::new().await;
    let expected = Workload {
        key: PrincipalId::parse(&scene.key).unwrap(),
        expires_at: (scene.now() + 300) * 1000,
        rule: "job".into(),
        warrant: scene.claiming(&scene.claims()).await.unwrap().warrant,
        issuer: scene.issuer.name.clone(),
        subject: "repo:o/r:ref:refs/heads/main".into(),
    };
    let claims = scene.claims();
    assert_eq!(scene.claiming(&claims).await.unwrap(), expected);
    assert_eq!(scene.claiming(&with(&claims, &json!({"aud": ["tessera"], "nbf": null}))).await.unwrap(), expected);
    scene.app.advance(299_000);
    assert_eq!(scene.claiming(&claims).await.unwrap(), expected);
    scene.app.advance(1_000);
    assert!(matches!(scene.claiming(&claims).await, Err(NotRecognised::Rejected(_))));
    assert_eq!([scene.issuer.asked(DISCOVERY), scene.issuer.asked("/jwks")], [1, 1]);
}

#[actix_web::test]
async fn every_wrong_claim_is_refused() {
    let scene = Scene::new().await;
    let (claims, now) = (scene.claims(), scene.now());
    for wrong in [
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"sub": "a\u{200b}"}),
        json!({"sub": "s".repeat(1025)}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"aud": ["tessera", "other"]}),
        json!({"aud": ["tessera", "tessera"]}),
        json!({"exp": null}),
        json!({"exp": now}),
        json!({"exp": "tomorrow"}),
        json!({"exp": now + 86_401}),
        json!({"iat": null}),
        json!({"iat": now + 61}),
        json!({"iat": now + 300}),
        json!({"nbf": now + 61}),
    ] {
        let outcome = scene.claiming(&with(&claims, &wrong)).await;
        assert!(matches!(outcome, Err(NotRecognised::Rejected(_))), "{wrong}: {outcome:?}");
    }
    for other in [
        json!({"aud": "other"}),
        json!({"aud": ""}),
        json!({"repository_id": "421"}),
        json!({"repository_id": null}),
        json!({"ref": "refs/tags/1"}),
        json!({"ref": null}),
        json!({"ref": ["refs/heads/main"]}),
    ] {
        let outcome = scene.claiming(&with(&claims, &other)).await;
        assert!(matches!(outcome, Err(NotRecognised::NoRule)), "{other}: {outcome:?}");
    }
    for stranger in [json!({"iss": "https://id.example.org"}), json!({"iss": null}), json!({"iss": 1})] {
        let outcome = scene.claiming(&with(&claims, &stranger)).await;
        assert!(matches!(outcome, Err(NotRecognised::Stranger)), "{stranger}: {outcome:?}");
    }
    scene.claiming(&claims).await.unwrap();
}

#[actix_web::test]
async fn a_token_that_the_issuer_did_not_sign_as_an_id_token_is_refused() {
    let scene = Scene::new().await;
    let (claims, signer) = (scene.claims(), &scene.issuer.signer);
    let right = signer.sign(&claims);
    scene.identify(&right).await.unwrap();
    let (message, signature) = right.rsplit_once('.').unwrap();
    for head in [
        json!({"alg": "ES256", "kid": "second"}),
        json!({"alg": "ES256", "kid": "first", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "first", "typ": "logout+jwt"}),
        json!({"alg": "RS256", "kid": "first"}),
        json!({"alg": "EdDSA", "kid": "first"}),
    ] {
        let outcome = scene.identify(&signer.sign_with(&head, &claims)).await;
        assert!(matches!(outcome, Err(NotRecognised::Rejected(_))), "{head}: {outcome:?}");
    }
    for head in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "kid": "first"}),
        json!({"alg": "ES384", "kid": "first"}),
        json!({"alg": "ES256", "kid": "first", "crit": ["exp"]}),
        json!({"alg": "ES256", "kid": "first", "b64": false}),
        json!({"kid": "first"}),
    ] {
        let outcome = scene.identify(&signer.sign_with(&head, &claims)).await;
        assert!(matches!(outcome, Err(NotRecognised::Stranger)), "{head}: {outcome:?}");
    }
    let foreign = Signer::new(8, "first").sign(&claims);
    let other = signer.sign(&with(&claims, &json!({"ref": "refs/heads/x"})));
    let (other, _) = other.rsplit_once('.').unwrap();
    for token in [foreign, format!("{message}."), format!("{message}.AAAA"), format!("{other}.{signature}")] {
        let outcome = scene.identify(&token).await;
        assert!(matches!(outcome, Err(NotRecognised::Rejected(_))), "{token}: {outcome:?}");
    }
    for token in ["", "a", "a.b.c", message, &format!("{right}.a"), &format!("{right}=")] {
        assert!(scene.identify(token).await.is_err(), "{token}");
    }
}

#[actix_web::test]
async fn nothing_is_fetched_for_an_issuer_that_no_rule_of_the_key_names() {
    let scene = Scene::new().await;
    let token = scene.issuer.signer.sign(&scene.claims());
    let other = scene.admin.create("other").await["id"].as_str().unwrap().to_owned();
    for key in [other.as_str(), "018f0000-0000-7000-8000-000000000000"] {
        let key = PrincipalId::parse(key).unwrap();
        let outcome = identify(&scene.app.service, &scene.issuers, key, &token, Network::of(None)).await;
        assert!(matches!(outcome, Err(NotRecognised::Stranger)), "{outcome:?}");
    }
    put(&scene.admin, &scene.key, &json!({})).await;
    assert!(matches!(scene.identify(&token).await, Err(NotRecognised::Stranger)), "a removed rule ends at once");
    assert_eq!(scene.issuer.served.lock().unwrap().asked, [""; 0]);
}

#[actix_web::test]
async fn an_issuer_in_a_private_network_must_be_allowed() {
    let scene = Scene::new().await;
    let scene = Scene { issuers: Issuers::new(WorkloadSettings::default(), &scene.app.service.clock), ..scene };
    let outcome = scene.claiming(&scene.claims()).await;
    assert!(matches!(&outcome, Err(NotRecognised::Unavailable(why)) if why.contains("private network")), "{outcome:?}");
    assert_eq!(scene.issuer.served.lock().unwrap().asked, [""; 0]);
}

#[actix_web::test]
async fn unknown_key_ids_fetch_the_keys_again_but_not_often() {
    let scene = Scene::new().await;
    let claims = scene.claims();
    scene.claiming(&claims).await.unwrap();
    for second in 0..12 {
        for kid in ["x", "y", "z"] {
            let head = json!({"alg": "ES256", "kid": format!("{kid}{second}")});
            assert!(scene.identify(&scene.issuer.signer.sign_with(&head, &claims)).await.is_err());
        }
        scene.claiming(&claims).await.unwrap();
        scene.app.advance(1_000);
    }
    assert_eq!([scene.issuer.asked(DISCOVERY), scene.issuer.asked("/jwks")], [1, 3]);
    // A new key of the issuer is found.
    let second = Signer::new(9, "second");
    scene.issuer.serve("/jwks", 200, &json!({"keys": [scene.issuer.signer.jwk(), second.jwk()]}));
    scene.app.advance(5_000);
    scene.identify(&second.sign(&claims)).await.unwrap();
}

#[actix_web::test]
async fn an_invented_key_id_keeps_nobody_waiting() {
    let scene = Scene::new().await;
    let claims = scene.claims();
    scene.claiming(&claims).await.unwrap();
    scene.app.advance(5_000);
    scene.issuer.served.lock().unwrap().delay = Duration::from_secs(3);
    let invented = scene.issuer.signer.sign_with(&json!({"alg": "ES256", "kid": "x"}), &claims);
    let invented = scene.identify(&invented);
    let known = async {
        while scene.issuer.asked("/jwks") < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::timeout(Duration::from_secs(2), scene.claiming(&claims)).await
    };
    let (invented, known) = futures_util::future::join(invented, known).await;
    assert!(matches!(invented, Err(NotRecognised::Rejected(_))), "{invented:?}");
    known.unwrap().unwrap();
}

#[actix_web::test]
async fn many_tokens_at_once_fetch_the_documents_once() {
    let scene = Scene::new().await;
    let claims = scene.claims();
    let outcomes = join_all((0..20).map(|_| scene.claiming(&claims))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!([scene.issuer.asked(DISCOVERY), scene.issuer.asked("/jwks")], [1, 1]);
}

#[actix_web::test]
async fn a_failed_fetch_refuses_until_a_later_one_succeeds() {
    let right = Scene::new().await;
    let metadata = right.issuer.metadata();
    let other_issuer = with(&metadata, &json!({"issuer": "https://id.example.org"}));
    let elsewhere = with(&metadata, &json!({"jwks_uri": "http://id.example.org/jwks"}));
    let other_algorithms = with(&metadata, &json!({"id_token_signing_alg_values_supported": ["HS256", "ES384"]}));
    let large = json!({"keys": [], "x": "x".repeat(600 * 1024)});
    for (path, status, body) in [
        (DISCOVERY, 500, json!({})),
        (DISCOVERY, 302, json!({})),
        (DISCOVERY, 200, json!({})),
        (DISCOVERY, 200, other_issuer),
        (DISCOVERY, 200, elsewhere),
        (DISCOVERY, 200, other_algorithms),
        ("/jwks", 404, json!({})),
        // The server sends on to `/jwks`.
        ("/jwks", 307, json!({})),
        ("/jwks", 200, json!([])),
        ("/jwks", 200, large),
    ] {
        let scene = Scene::new().await;
        let body = body.to_string().replace(&right.issuer.name, &scene.issuer.name);
        let served = scene.issuer.served.lock().unwrap().answers.insert(path.to_owned(), (status, body)).unwrap();
        let claims = scene.claims();
        for _ in 0..3 {
            let outcome = scene.claiming(&claims).await;
            assert!(matches!(outcome, Err(NotRecognised::Unavailable(_))), "{path} {status}: {outcome:?}");
        }
        assert_eq!(scene.issuer.asked(path), 1);
        scene.issuer.served.lock().unwrap().answers.insert(path.to_owned(), served);
        scene.app.advance(5_000);
        scene.claiming(&claims).await.unwrap();
    }
}

#[actix_web::test]
async fn the_first_rule_that_matches_counts() {
    let scene = Scene::new().await;
    let claims = scene.claims();
    let rules = [
        scene.rule("tags", &json!({"repository_id": "42", "ref": "refs/tags/*"})),
        scene.rule("main", &json!({"repository_id": "42", "ref": "refs/heads/main"})),
        scene.rule("all", &json!({"repository_id": "42"})),
    ];
    scene.trust(&rules).await;
    for (reference, rule) in [("refs/heads/main", "main"), ("refs/tags/1", "tags"), ("refs/heads/x", "all")] {
        assert_eq!(scene.claiming(&with(&claims, &json!({"ref": reference}))).await.unwrap().rule, rule);
    }
}
