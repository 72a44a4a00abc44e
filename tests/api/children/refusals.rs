//! Forged tokens of children, and token requests that are not granted.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{Fixture, TOOLS, as_client, child, exchange, fixture, post, refused, works};

#[actix_web::test]
async fn a_forged_token_is_refused() {
    let Fixture { app, key, .. } = fixture().await;
    let token = child(&app, &key, &[("scope", "VERIFY_TOKENS")]).await;
    let parts: Vec<&str> = token.split('.').collect();
    let head: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(parts[0].as_bytes()).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let encoded = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let with = |json: &Value, name: &str, value: Value| {
        let mut json = json.clone();
        json[name] = value;
        encoded(&json)
    };
    let (message, signature) = (parts[1], parts[2]);
    for forged in [
        format!("{}.{message}.", with(&head, "alg", json!("none"))),
        format!("{}.{message}.{signature}", with(&head, "alg", json!("HS256"))),
        format!("{}.{message}.{signature}", with(&head, "alg", json!("RS256"))),
        format!("{}.{message}.{signature}", with(&head, "typ", json!("JWT"))),
        format!("{}.{message}.{signature}", with(&head, "kid", json!("unknown"))),
        format!("{}.{message}.{signature}", with(&head, "jku", json!("https://evil.example.org"))),
        format!("{}.{}.{signature}", parts[0], with(&claims, "scope", json!("VIEW_USERS"))),
        format!("{}.{}.{signature}", parts[0], with(&claims, "exp", json!(9_999_999_999_i64))),
        format!("{}.{message}.{}", parts[0], &signature[1..]),
        format!("{}.{message}", parts[0]),
        format!("{token}."),
        format!("{token}A"),
    ] {
        assert!(!works(&app, &forged).await, "{forged}");
    }
    assert!(works(&app, &token).await);
    let sealed = child(&app, &key, &[("token_format", "opaque")]).await;
    for place in [0, 4, 50, sealed.len() - 1] {
        let mut forged = sealed.clone().into_bytes();
        forged[place] = if forged[place] == b'a' { b'b' } else { b'a' };
        assert!(!works(&app, std::str::from_utf8(&forged).unwrap()).await, "{place}");
    }
    assert!(works(&app, &sealed).await);
}

#[actix_web::test]
async fn a_request_that_cannot_be_granted_is_told_why() {
    let Fixture { app, key, .. } = fixture().await;
    let long = "60 ".repeat(70);
    for (more, error) in [
        (vec![("scope", "MANAGE_APIKEYS")], "invalid_scope"),
        (vec![("scope", "delete")], "invalid_scope"),
        (vec![("scope", "persona:default/none")], "invalid_scope"),
        (vec![("scope", long.as_str())], "invalid_scope"),
        (vec![("resource", "https://other.example.org")], "invalid_target"),
        (vec![("resource", TOOLS), ("audience", "https://other.example.org")], "invalid_target"),
        (vec![("resource", TOOLS), ("resource", TOOLS)], "invalid_target"),
        (vec![("lifetime", "59")], "invalid_request"),
        (vec![("lifetime", "3601")], "invalid_request"),
        (vec![("lifetime", "soon")], "invalid_request"),
        (vec![("token_format", "xml")], "invalid_request"),
        (vec![("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")], "invalid_request"),
        (vec![("sub", "x")], "invalid_request"),
    ] {
        let form: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(more).collect();
        refused(&post(&as_client(&app, &key), "/oauth/token", &form).await, error);
    }
    refused(&exchange(&app, "x", &[]).await, "invalid_request");
    let form = [("grant_type", super::EXCHANGE), ("subject_token", key.token.as_str())];
    refused(&post(&app.anonymous(), "/oauth/token", &form).await, "invalid_request");
    let own = [("token", key.token.as_str())];
    refused(&post(&as_client(&app, &key), "/oauth/revoke", &own).await, "unsupported_token_type");
    assert!(works(&app, &key.token).await);
}

/// RFC 6749, section 5.2, and RFC 8693, section 2.2.2.
#[actix_web::test]
async fn a_foreign_address_is_a_client_that_is_not_authenticated_or_a_token_that_is_invalid() {
    let Fixture { app, admin, key, .. } = fixture().await;
    let bound = json!({"displayName": "bound", "allowedAddresses": ["198.51.100.0/24"]});
    let bound = admin.try_create(&bound).await.ok();
    let (id, token) = (bound["id"].as_str().unwrap(), bound["attributes"]["accessToken"].as_str().unwrap());
    let own = [("client_id", format!("apikey-{id}")), ("client_secret", token.to_owned())];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let grant = [("grant_type", "client_credentials")];
    for (path, more) in [("/oauth/token", grant), ("/oauth/revoke", [("token", "x")])] {
        let answer = post(&app.anonymous(), path, &[&own[..], &more].concat()).await;
        assert_eq!((answer.status, &answer.json["error"]), (401, &json!("invalid_client")), "{}", answer.text);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    refused(&exchange(&app, token, &[]).await, "invalid_request");
    let acting = [("actor_token", token), ("actor_token_type", super::ACCESS_TOKEN)];
    refused(&exchange(&app, &key.token, &acting).await, "invalid_request");
}

#[actix_web::test]
async fn the_requested_type_of_token_is_issued() {
    let Fixture { app, key, .. } = fixture().await;
    for kind in [super::ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"] {
        let told = exchange(&app, &key.token, &[("requested_token_type", kind)]).await.ok();
        assert_eq!(told["issued_token_type"], kind);
    }
    assert_eq!(exchange(&app, &key.token, &[]).await.ok()["issued_token_type"], super::ACCESS_TOKEN);
}

#[actix_web::test]
async fn an_empty_scope_is_left_out() {
    let Fixture { app, key, .. } = fixture().await;
    for format in ["jwt", "opaque"] {
        let form = [("grant_type", "client_credentials"), ("scope", "openid"), ("token_format", format)];
        let answer = post(&as_client(&app, &key), "/oauth/token", &form).await.ok();
        assert_eq!(answer.get("scope"), None, "{answer}");
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(app.holder_of(token).whoami().await.ok()["permissions"], json!([]), "it carries nothing");
        let told = post(&key.client, "/oauth/introspect", &[("token", token)]).await.ok();
        assert_eq!((&told["active"], told.get("scope")), (&json!(true), None), "{told}");
    }
}
