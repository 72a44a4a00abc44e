//! Alerts of GitHub's secret scanning.

use actix_web::http::Method;
use data_encoding::BASE64;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Value, json};

use crate::support::{Answer, App, Options};

const DOOR: &str = "/gateway/github-secret-scanning";

struct Github(SigningKey);

impl Github {
    fn new() -> Self {
        Self(SigningKey::from_slice(&[7; 32]).unwrap())
    }

    async fn app(&self) -> App {
        let key = self.0.verifying_key().to_public_key_pem(LineEnding::default()).unwrap();
        let keys = json!({"public_keys": [{"key_identifier": "k", "key": key, "is_current": true}]}).to_string();
        App::start_with(Options { github_keys: keys.leak(), ..Options::default() }).await
    }

    async fn alert(&self, app: &App, body: &str) -> Answer {
        let signature: Signature = self.0.sign(body.as_bytes());
        let signature = BASE64.encode(signature.to_der().as_bytes());
        let github = app.anonymous().with("github-public-key-identifier", "k");
        github.with("github-public-key-signature", &signature).send(Method::POST, DOOR, Some(body)).await
    }
}

fn alerts<'a>(tokens: impl Iterator<Item = &'a str>) -> String {
    let alert = |token| json!({"token": token, "type": "tessera", "url": "x".repeat(500), "source": "commit"});
    tokens.map(alert).collect::<Value>().to_string()
}

#[actix_web::test]
async fn ten_thousand_alerts_are_labelled_in_one_answer_and_one_more_is_refused() {
    let github = Github::new();
    let app = github.app().await;
    let keys = [app.key_with(&[]).await, app.key_with(&[]).await];
    let live = keys.iter().map(|key| key.token.as_str()).cycle().take(4);
    let body = alerts(live.chain(std::iter::repeat("nonsense")).take(10_000));
    assert!(body.len() > 5_000_000);
    let labels = github.alert(&app, &body).await.ok();
    let label = |index: usize| labels[index]["label"].as_str().unwrap();
    assert_eq!(labels.as_array().unwrap().len(), 10_000);
    assert_eq!(
        [0, 1, 2, 3, 4, 9_999].map(label),
        [["true_positive"; 4].as_slice(), &["false_positive"; 2]].concat()[..]
    );
    for key in keys {
        key.whoami().await.refused("TESSERA-401-002");
    }
    github.alert(&app, &alerts(std::iter::repeat_n("nonsense", 10_001))).await.refused("TESSERA-400-002");
}

#[actix_web::test]
async fn a_large_body_is_read_only_from_who_names_a_key() {
    let github = Github::new();
    let app = github.app().await;
    let body = alerts(std::iter::repeat_n("nonsense", 1_000));
    app.anonymous().send(Method::POST, DOOR, Some(&body)).await.refused("TESSERA-413-001");
    github.alert(&app, &" ".repeat((8 << 20) + 1)).await.refused("TESSERA-413-001");
    let forged = app.anonymous().with("github-public-key-identifier", "k");
    forged.send(Method::POST, DOOR, Some(&body)).await.refused("TESSERA-400-002");
}
