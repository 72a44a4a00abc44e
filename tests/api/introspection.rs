//! Introspection by OAuth clients, with every authentication method.

use actix_web::http::Method;
use data_encoding::BASE64;
use tessera::domain::permission::Permission;

use crate::support::{Answer, App, Client};

const PATH: &str = "/oauth/introspect";

async fn post(client: &Client, form: &str) -> Answer {
    client.with("content-type", "application/x-www-form-urlencoded").send(Method::POST, PATH, Some(form)).await
}

fn basic(client: &Client, id: &str, secret: &str) -> Client {
    client.with("authorization", &format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes())))
}

/// Encodes like strict clients: everything except letters and digits.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json["error"].as_str()), (status, Some(error)), "{}", answer.text);
    let description = answer.json["error_description"].as_str().unwrap();
    assert!(description.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte)), "{description}");
    assert!(
        answer.json["errorCode"].as_str().is_some_and(|code| code.contains(&status.to_string())),
        "{}",
        answer.text
    );
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").map(|value| value.to_str().unwrap()).collect();
    let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.split(' ').next().unwrap()).collect();
    match (status, error) {
        (401, "invalid_client") => assert_eq!(schemes.first(), Some(&"Basic"), "{challenges:?}"),
        (401, _) | (403, "insufficient_scope") => assert_eq!(schemes, ["Bearer"], "{challenges:?}"),
        _ => assert!(schemes.is_empty(), "{challenges:?}"),
    }
}

#[actix_web::test]
async fn every_way_to_authenticate_of_rfc_6749_is_taken() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::VerifyTokens]).await;
    let (id, token) = (format!("apikey-{}", key.id), key.token.clone());
    let (strict_id, strict_token) = (encoded(&id), encoded(&token));
    assert!(strict_id.contains("%2D") && strict_token.contains("%5F"));
    let nobody = app.anonymous();
    let form = format!("token={token}");
    for client in [basic(&nobody, &id, &token), basic(&nobody, &strict_id, &strict_token)] {
        assert_eq!(post(&client, &form).await.ok()["client_id"], id);
    }
    for (id, token) in [(&id, &token), (&strict_id, &strict_token)] {
        let form = format!("{form}&token_type_hint=access_token&client_id={id}&client_secret={token}");
        assert_eq!(post(&nobody, &form).await.ok()["active"], true);
    }
    assert_eq!(post(&key, &form).await.ok()["active"], true);
    // A client that authenticates in the head may name itself in the form.
    assert_eq!(post(&key, &format!("{form}&client_id={id}")).await.ok()["active"], true);
}

#[actix_web::test]
async fn who_is_refused_is_told_as_oauth_has_it() {
    let app = App::start().await;
    let key = app.key_with(&[Permission::VerifyTokens]).await;
    let other = app.key_with(&[]).await;
    let (id, token) = (format!("apikey-{}", key.id), key.token.clone());
    let nobody = app.anonymous();
    let form = format!("token={token}");
    refused(&post(&nobody, &form).await, 401, "invalid_client");
    let schemes = |answer: &Answer| -> Vec<String> {
        let challenges = answer.headers.get_all("www-authenticate");
        challenges.map(|each| each.to_str().unwrap().split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(schemes(&post(&nobody, &form).await), ["Basic", "Bearer"]);
    for (path, form) in [("/oauth/token", "grant_type=client_credentials"), ("/oauth/revoke", "token=x")] {
        let client = nobody.with("content-type", "application/x-www-form-urlencoded");
        let answer = client.send(Method::POST, path, Some(form)).await;
        assert_eq!((answer.status, schemes(&answer)), (401, vec!["Basic".to_owned()]), "{path} takes no bearer token");
    }
    // As at `/oauth/token`, a client is one and the same in the head and in the form.
    let contradicting = format!("{form}&client_id=apikey-{}", other.id);
    refused(&post(&basic(&nobody, &id, &token), &contradicting).await, 401, "invalid_client");
    refused(&post(&nobody, &format!("{form}&client_id={id}")).await, 401, "invalid_client");
    for secret in ["", "x", other.token.as_str()] {
        refused(&post(&basic(&nobody, &id, secret), &form).await, 401, "invalid_client");
        refused(&post(&nobody, &format!("{form}&client_id={id}&client_secret={secret}")).await, 401, "invalid_client");
    }
    refused(&post(&nobody.with("authorization", "Basic é"), &form).await, 401, "invalid_client");
    refused(&post(&nobody.with("authorization", "Basic !"), &form).await, 401, "invalid_client");
    refused(&post(&app.holder_of("x"), &form).await, 401, "invalid_token");
    refused(&post(&other, &form).await, 403, "insufficient_scope");
    for form in ["", "token=", "token=&token_type_hint=access_token", "token=a&token=b", "tokens=a"] {
        refused(&post(&key, form).await, 400, "invalid_request");
        refused(&post(&basic(&nobody, &id, &token), form).await, 400, "invalid_request");
    }
    refused(&post(&key, &format!("{form}&client_id={id}&client_secret={token}")).await, 400, "invalid_request");
    refused(&post(&basic(&key, &id, &token), &form).await, 400, "invalid_request");
    for client in [key.with("x-nothing", ""), basic(&nobody, &id, &token)] {
        let answer = client.with("content-type", "application/json").post_text(PATH, "{\"token\":\"x\"}").await;
        refused(&answer, 400, "invalid_request");
        assert!(
            answer.json["error_description"].as_str().unwrap().contains("x-www-form-urlencoded"),
            "{}",
            answer.text
        );
    }
    refused(&post(&nobody, &format!("token={}", "x".repeat(20_000))).await, 413, "invalid_request");
    let answer = key.send(Method::GET, PATH, None).await;
    assert_eq!((answer.status, &answer.json["error"]), (405, &"invalid_request".into()));
}
