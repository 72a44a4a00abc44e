//! No secret is where it should not be: logs at every level, metrics, errors, rows.

use std::fmt::Write as _;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::json;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::domain::token::{ParsedToken, Prefixes};
use tessera::service::Service;
use tessera::service::people::users::PersonalTokens;

use crate::create::KEYS;
use crate::support::{App, Holder, PASSWORD, log};

const SESSIONS: &str = "/api/service/sessions";

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    cell: String,
}

/// Everything in the database, as text.
fn rows(service: &Service) -> String {
    let tables = [
        ("principals", "id || kind || username || role"),
        ("users", "id || display_name || email || password_hash"),
        ("api_keys", "id || display_name || display_name_folded || description || created_by"),
        ("credentials", "key_id || kind || principal_id || digest || pepper"),
        ("principal_permissions", "principal_id || permission"),
        ("personas", "id || qualified_name || name || display_name || description || created_by"),
        ("create_requests", "owner_id || request_key || body_digest || api_key_id"),
        ("changes", "id || actor_id || actor_name || action || subject_id || subject_name || request_id"),
        ("peppers", "id"),
    ];
    let mut text = String::new();
    for (table, columns) in tables {
        let query = sql_query(format!("SELECT {columns} AS cell FROM {table}"));
        let cells: Vec<Cell> = service.database.read(|connection| Ok(query.load(connection)?)).unwrap();
        for cell in cells {
            writeln!(text, "{}", cell.cell).unwrap();
        }
    }
    text
}

/// The secret part of a token, and its digest.
fn secrets_of(app: &App, token: &str) -> Vec<String> {
    let parsed = ParsedToken::parse(token, &Prefixes::default()).unwrap();
    let digest = app.service.peppers.digest(&parsed, app.service.peppers.current()).unwrap().hex();
    vec![token.to_owned(), token[26..70].to_owned(), digest]
}

/// Every endpoint, rightly and wrongly used, by a key with every permission; the texts of all errors.
async fn tour(app: &App, key: &Holder, password: &str) -> Vec<String> {
    let mut answers = Vec::new();
    let token = key.token.as_str();
    let altered = format!("{}0", &token[..75]);
    for path in [
        "/api/service/apikeys",
        "/api/service/apikeys/x",
        "/api/service/personas",
        "/api/service/users",
        "/api/service/users/current",
        "/api/service/whoami",
        "/api/service/roles",
        "/api/service/v2/groups",
        "/api/service/audit",
        "/nowhere",
        "/livez",
        "/readyz",
        "/metrics",
        "/api-docs/openapi.json",
    ] {
        for client in
            [key.client.clone(), app.anonymous(), app.holder_of(&altered), app.anonymous().with("x-api-key", token)]
        {
            answers.push(client.get(path).await);
        }
        answers.push(key.with("x-api-key", &altered).get(path).await);
        answers.push(key.with("authorization", &format!("Bearer {token}")).get(path).await);
        answers.push(app.anonymous().get(&format!("{path}?access_token={token}")).await);
        answers.push(key.get(&format!("{path}?limit={token}&sort={token}&cursor={token}")).await);
    }
    for body in [
        json!({"username": "ada", "password": password}),
        json!({"username": password, "password": "wrong password"}),
        json!({"username": "ada", "password": [password]}),
        json!({"username": {"a": password}, "password": 1}),
        json!({"username": "ada", "password": password, "also": password}),
        json!({"username": "a".repeat(101), "password": password}),
    ] {
        answers.push(app.anonymous().post(SESSIONS, &body).await);
    }
    answers
        .push(app.anonymous().post_text(SESSIONS, &format!("{{\"username\":\"ada\",\"password\":\"{password}")).await);
    answers.push(app.anonymous().post_text(SESSIONS, password).await);
    for body in [
        json!({"displayName": "a", "validitySeconds": token}),
        json!({"displayName": "a", "description": [token]}),
        json!({"displayName": "a", "workspacePermissions": token}),
    ] {
        answers.push(key.try_create(&body).await);
        answers.push(key.try_update(&key.id, &body).await);
    }
    answers.push(key.try_update(&key.id, &json!({"displayName": "b"})).await);
    answers.push(key.delete(&format!("{SESSIONS}/current")).await);
    answers.push(key.delete_key("x").await);
    answers.into_iter().filter(|answer| answer.status >= 400).map(|answer| answer.text).collect()
}

#[actix_web::test]
async fn no_secret_is_in_logs_metrics_errors_or_rows() {
    let app = App::start().await;
    let key = app.key_with(&Permission::ALL).await;
    let password = "hunter2 of the deep blue sea";
    app.user("ada", Role::Admin).await;
    let operator = app.operator();
    tessera::service::people::users::set_password(
        &app.service,
        &operator,
        "ada".into(),
        Some(password.into()),
        PersonalTokens::Keep,
    )
    .await
    .unwrap();
    let session = app.anonymous().post(SESSIONS, &json!({"username": "ada", "password": password})).await.ok();
    let ada = app.holder_of(session["token"].as_str().unwrap());
    let created = ada.with("idempotency-key", "k").create("child").await;
    let replaced = ada.with("idempotency-key", "k").create("child").await;
    let mut secrets = vec![password.to_owned(), app.pepper.clone(), PASSWORD.to_owned()];
    for token in [&session["token"], &created["attributes"]["accessToken"], &replaced["attributes"]["accessToken"]] {
        secrets.extend(secrets_of(&app, token.as_str().unwrap()));
    }
    secrets.extend(secrets_of(&app, &key.token));

    let errors = tour(&app, &key, password).await;
    let metrics = app.anonymous().get("/metrics").await.text;
    let rows = rows(&app.service);
    app.service.database.revert().unwrap();
    let broken = tour(&app, &key, password).await;
    assert!(errors.len() > 60 && broken.len() > errors.len(), "{} {}", errors.len(), broken.len());
    assert!(rows.contains(&key.id));
    let logs = log::text();
    assert!(logs.contains("answered") && logs.contains("refused") && logs.contains("the storage failed"));

    let is_digest = |secret: &str| secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    for secret in &secrets {
        assert!(!logs.contains(secret), "`{secret}` was logged: {:?}", logs.lines().find(|line| line.contains(secret)));
        assert!(!metrics.contains(secret), "`{secret}` is in the metrics");
        for error in errors.iter().chain(&broken) {
            assert!(!error.contains(secret), "`{secret}` is in {error}");
        }
        assert!((is_digest(secret) && *secret != app.pepper) || !rows.contains(secret), "`{secret}` is in a row");
    }
}

#[actix_web::test]
async fn a_token_in_the_wrong_place_is_not_logged() {
    let app = App::start().await;
    let key = app.key_with(&Permission::ALL).await;
    let token = key.token.as_str();
    key.key(token).await.refused("TESSERA-404-001");
    key.delete_key(token).await.refused("TESSERA-404-001");
    key.keys(&[("filter", &json!({token: "a"}).to_string())]).await.violates("filter");
    key.keys(&[("filter", token)]).await.violates("filter");
    key.keys(&[("sort", token)]).await.violates("sort");
    key.try_create(&json!({"displayName": "a", "personaQualifiedNames": [token]}))
        .await
        .violates("personaQualifiedNames");
    key.try_create(&json!({"displayName": "a", "workspacePermissions": [token]}))
        .await
        .violates("workspacePermissions");
    key.try_create(&json!({"displayName": "a", token: 1})).await.refused("TESSERA-400-001");
    key.get(&format!("{KEYS}/{token}/{token}")).await.refused("TESSERA-404-002");
    let logs = log::text();
    assert!(logs.contains("refused"));
    // Half of a secret is as good as all of it to nobody, but near enough to be kept out.
    let part = &token[..50];
    assert!(!logs.contains(part), "{:?}", logs.lines().find(|line| line.contains(part)));
}

#[test]
fn what_holds_a_secret_shows_none_of_it() {
    let token = ParsedToken::mint(tessera::domain::token::TokenKind::ApiKey, tessera::domain::entropy::Entropy::SYSTEM);
    let token = token.unwrap();
    let plaintext = token.plaintext(&Prefixes::default()).unwrap().expose();
    assert!(!format!("{token:?}").contains(&plaintext[26..70]));
    assert!(format!("{token:?}").contains("redacted"));
}

#[actix_web::test]
async fn the_database_file_holds_no_token() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    key.whoami().await.ok();
    let crate::support::database::Storage::Sqlite(directory) = &app.storage else { return };
    let fold = |connection: &mut tessera::storage::database::AnyConnection| {
        Ok(connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?)
    };
    app.service.database.read(fold).unwrap();
    let parsed = ParsedToken::parse(&key.token, &Prefixes::default()).unwrap();
    let bytes = std::fs::read(directory.path().join("t.db")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&parsed.key_id.to_string()), "it is there that is looked");
    assert!(!holds(&key.token) && !holds(&key.token[26..70]));
}
