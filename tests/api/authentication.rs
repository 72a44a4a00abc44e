//! What counts as a bearer token, and which actor it authenticates.

use serde_json::json;
use tessera::domain::entropy::Entropy;
use tessera::domain::token::{ParsedToken, Prefixes, TokenKind};

use crate::support::document::is_public;
use crate::support::{Answer, App, Client, Options};

/// The challenge for requests without a credential.
const CHALLENGE: &str = r#"Bearer realm="tessera""#;

fn parse(token: &str) -> ParsedToken {
    ParsedToken::parse(token, &Prefixes::default()).unwrap()
}

fn plaintext(token: &ParsedToken) -> String {
    token.plaintext(&Prefixes::default()).unwrap().expose()
}

fn stranger() -> ParsedToken {
    ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap()
}

/// Any refusal of the credential: not authenticated, and no server error.
#[track_caller]
fn refused(answer: &Answer) {
    assert!(matches!(answer.status, 400 | 401), "{} {}", answer.status, answer.text);
    assert!(answer.json["errorCode"].is_string());
}

#[actix_web::test]
async fn every_operation_but_the_public_ones_needs_a_credential() {
    let app = App::start().await;
    let document = app.anonymous().get("/api-docs/openapi.json").await.ok();
    let mut public = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if is_public(operation) {
                public.push(path.clone());
                continue;
            }
            let client = app.anonymous().with("content-type", "application/json");
            let answer = client.send(method.to_uppercase().parse().unwrap(), path, Some("{}")).await;
            let challenges: Vec<_> = answer.headers.get_all("www-authenticate").collect();
            // OAuth clients authenticate with Basic, too (RFC 6749, section 5.2).
            assert_eq!(challenges.len(), if path.starts_with("/oauth/") { 2 } else { 1 }, "{method} {path}");
            assert_eq!(challenges.last().unwrap().to_str().unwrap(), CHALLENGE, "{method} {path}");
            if operation["tags"] == json!(["DataHub"]) {
                assert_eq!(answer.status, 401, "{method} {path}");
                assert_eq!(answer.json["message"], "Unauthorized to perform this action.");
                continue;
            }
            answer.refused("TESSERA-401-001");
        }
    }
    let datahub = ["/admin", "/authenticate", "/config", "/health", "/logIn", "/logOut", "/signUp"];
    assert!(datahub.iter().all(|path| public.iter().any(|each| each == path)));
    public.retain(|path| path.starts_with("/api/service"));
    assert_eq!(
        public,
        ["/api/service/apikeys/revoke-leaked", "/api/service/oauth-clients/token", "/api/service/sessions"]
    );
}

#[actix_web::test]
async fn a_body_that_names_a_user_is_no_credential() {
    let app = App::start().await;
    app.admin().await;
    let body = json!({"displayName": "a", "userId": "admin"});
    app.anonymous().try_create(&body).await.refused("TESSERA-401-001");
}

#[actix_web::test]
async fn the_scheme_is_bearer_in_any_case_and_nothing_else() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.anonymous().with("authorization", &format!("{scheme} {}", key.token)).whoami().await.ok();
    }
    for value in ["", "Bearer", "Basic YTpi", "Token x", &key.token, "Bearer\tx", "Digest"] {
        app.anonymous().with("authorization", value).whoami().await.refused("TESSERA-401-001");
    }
}

#[actix_web::test]
async fn what_is_no_token_gets_the_challenge_of_an_invalid_one() {
    let app = App::start().await;
    let session = app.admin().await;
    session.whoami().await.ok();
    for token in ["null", "", "x", "' OR '1'='1", "admin", "tsk_", "%00", "../../etc/passwd"] {
        let answer = app.holder_of(token).whoami().await;
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                r#"Bearer realm="tessera", error="invalid_token", error_description="the token is malformed, unknown or revoked""#
            ),
            "{token}"
        );
        answer.refused("TESSERA-401-002");
    }
}

#[actix_web::test]
async fn truncated_extended_and_altered_tokens_are_refused() {
    let app = App::start().await;
    let token = app.key_with(&[]).await.token;
    for length in 1..token.len() {
        app.holder_of(&token[..length]).whoami().await.refused("TESSERA-401-002");
    }
    for tail in ["0", "=", "_", "00000000", &"x".repeat(8192), &"x".repeat(65536), ".", ";"] {
        app.holder_of(&format!("{token}{tail}")).whoami().await.refused("TESSERA-401-002");
    }
    for (index, byte) in token.bytes().enumerate() {
        let other = if byte == b'a' { 'b' } else { 'a' };
        let altered = format!("{}{other}{}", &token[..index], &token[index + 1..]);
        app.holder_of(&altered).whoami().await.refused("TESSERA-401-002");
    }
}

#[actix_web::test]
async fn letters_of_the_other_case_are_other_letters() {
    let app = App::start().await;
    let token = app.key_with(&[]).await.token;
    for (index, byte) in token.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphabetic()) {
        let mut flipped = token.clone().into_bytes();
        flipped[index] = byte ^ 0x20;
        app.holder_of(std::str::from_utf8(&flipped).unwrap()).whoami().await.refused("TESSERA-401-002");
    }
    for all in [token.to_ascii_uppercase(), token.to_ascii_lowercase()] {
        app.holder_of(&all).whoami().await.refused("TESSERA-401-002");
    }
}

#[actix_web::test]
async fn white_space_look_alikes_and_escapes_make_no_token() {
    let app = App::start().await;
    let token = app.key_with(&[]).await.token;
    let wide: String = token.chars().map(|each| char::from_u32(u32::from(each) + 0xfee0).unwrap()).collect();
    let escaped: String = token.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    for spelling in [
        format!("{token} "),
        format!("\t{token}"),
        format!("{token}\t"),
        format!("{token}\u{a0}"),
        format!("\u{feff}{token}"),
        format!("{token}\u{301}"),
        format!("\"{token}\""),
        token.replace('_', "%5F"),
        wide,
        escaped,
        format!("{token}, Bearer {token}"),
        format!("{token},{token}"),
    ] {
        refused(&app.holder_of(&spelling).whoami().await);
        refused(&app.anonymous().with("x-api-key", &spelling).whoami().await);
    }
    refused(&app.anonymous().with("x-api-key", &format!(" {token}")).whoami().await);
    app.anonymous().with_bytes("authorization", b"Bearer \xff\xfe").whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn an_unknown_token_a_wrong_secret_and_another_kind_look_the_same() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let genuine = parse(&key.token);
    for forged in [
        stranger(),
        ParsedToken { secret: stranger().secret, ..genuine },
        ParsedToken { key_id: stranger().key_id, ..genuine },
        ParsedToken { kind: TokenKind::Session, ..genuine },
        ParsedToken { kind: TokenKind::Personal, ..genuine },
    ] {
        app.holder_of(&plaintext(&forged)).whoami().await.refused("TESSERA-401-002");
    }
    key.whoami().await.ok();
}

#[actix_web::test]
async fn a_wrong_secret_learns_nothing_of_an_expired_key() {
    let app = App::start().await;
    let created = app.admin().await.try_create(&json!({"displayName": "a", "validitySeconds": 1})).await.ok();
    let token = created["attributes"]["accessToken"].as_str().unwrap();
    app.advance(1000);
    let answer = app.holder_of(token).whoami().await;
    assert!(answer.header("www-authenticate").unwrap().contains("the token has expired"));
    answer.refused("TESSERA-401-003");
    let forged = ParsedToken { secret: stranger().secret, ..parse(token) };
    app.holder_of(&plaintext(&forged)).whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn a_key_works_to_the_last_millisecond() {
    let app = App::start().await;
    let created = app.admin().await.try_create(&json!({"displayName": "a", "validitySeconds": 1})).await.ok();
    let holder = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    app.advance(999);
    holder.whoami().await.ok();
    app.advance(1);
    holder.whoami().await.refused("TESSERA-401-003");
}

#[actix_web::test]
async fn a_token_may_come_in_x_api_key() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    app.anonymous().with("x-api-key", &key.token).whoami().await.ok();
    key.with("x-api-key", &key.token).whoami().await.ok();
}

#[actix_web::test]
async fn two_different_credentials_are_refused_in_every_order() {
    let app = App::start().await;
    let (key, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    for second in [other.token.as_str(), "x", ""] {
        key.with("x-api-key", second).whoami().await.refused("TESSERA-400-003");
        let invalid = app.holder_of(second);
        invalid.with("x-api-key", &key.token).whoami().await.refused("TESSERA-400-003");
        invalid.with("Authorization", &format!("Bearer {}", key.token)).whoami().await.refused("TESSERA-400-003");
        key.with("AUTHORIZATION", &format!("Bearer {second}")).whoami().await.refused("TESSERA-400-003");
    }
    let anonymous = app.anonymous();
    let twice = anonymous.with("x-api-key", &key.token).with("x-api-key", &key.token);
    twice.whoami().await.refused("TESSERA-400-003");
}

#[actix_web::test]
async fn a_token_in_the_query_string_is_refused_with_and_without_a_header() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    for client in [app.anonymous(), key.client.clone()] {
        let path = format!("/api/service/whoami?a=b&access_token={}", key.token);
        let answer = client.get(&path).await;
        assert!(!answer.text.contains(&key.token));
        answer.refused("TESSERA-400-003");
    }
}

#[actix_web::test]
async fn a_session_is_an_actor_like_a_key() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created = admin.create("etl").await;
    assert_eq!(created["attributes"]["createdBy"], "admin");
}

#[actix_web::test]
async fn a_flood_of_unknown_tokens_waits_in_bounded_places_and_keeps_nobody_out_who_is_known() {
    let app = App::start_with(Options { look_ups: 8, ..Options::default() }).await;
    let known = app.key_with(&[]).await;
    known.whoami().await.ok();
    let unknown = || {
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        app.holder_of(&token.plaintext(&Prefixes::default()).unwrap().expose())
    };
    let clients: Vec<_> = (0..300).map(|_| unknown()).collect();
    let flood: Vec<_> = clients.iter().map(Client::whoami).collect();
    let (answers, hot) = tokio::join!(futures_util::future::join_all(flood), known.whoami());
    hot.ok();
    let overloaded = answers.iter().filter(|answer| answer.status == 503).count();
    assert!((1..300).contains(&overloaded), "{overloaded}");
    for answer in answers {
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            answer.refused("TESSERA-503-002");
        } else {
            answer.refused("TESSERA-401-002");
        }
    }
    assert_eq!(app.service.look_ups.waiting(), 0);
    unknown().whoami().await.refused("TESSERA-401-002");
}
