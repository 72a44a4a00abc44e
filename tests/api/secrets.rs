//! No secret leaks: into logs at any level, metrics, errors or rows.

use std::collections::BTreeMap;

use actix_web::http::Method;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::json;
use tessera::domain::entropy::Entropy;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::domain::text::DisplayName;
use tessera::domain::token::{ParsedToken, Prefixes, TokenKind};
use tessera::service::Service;
use tessera::service::authn::device_sign_in;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::bootstrap;
use tessera::service::people::open_invitations::{self, NewInvitation};
use tessera::service::people::users::PersonalTokens;
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::{maintenance, time};
use tessera::storage::database::AnyConnection;
use tessera::storage::{nodes, revoked_children, usage};

use crate::create::KEYS;
use crate::log::append_all;
use crate::refusals::examples::{Example, Request};
use crate::refusals::find;
use crate::refusals::rows::{GRAPHQL, REST, Row};
use crate::support::database::on_postgres;
use crate::support::document::document;
use crate::support::rules::{allow, criterion};
use crate::support::{Answer, App, Client, Holder, PASSWORD, log};
use crate::{refresh, sign_in};

const SESSIONS: &str = "/api/service/sessions";

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    cell: String,
}

/// The columns of every table but those of the migrations, by the schema itself.
fn columns(service: &Service) -> BTreeMap<String, Vec<String>> {
    let query = if on_postgres() {
        "SELECT table_name || ' ' || column_name AS cell FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT m.name || ' ' || c.name AS cell FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for cell in cells(service, query) {
        let (table, column) = cell.split_once(' ').unwrap();
        if !table.starts_with("__") && !table.starts_with("sqlite_") {
            tables.entry(table.to_owned()).or_default().push(column.to_owned());
        }
    }
    assert!(tables.len() > 20, "{tables:?}");
    tables
}

fn cells(service: &Service, query: &str) -> Vec<String> {
    let read = |connection: &mut AnyConnection| Ok(sql_query(query).load::<Cell>(connection)?);
    service.database.read(read).unwrap().into_iter().map(|cell| cell.cell).collect()
}

/// Everything in the database, as text.
fn rows(service: &Service) -> String {
    let (mut text, mut empty) = (String::new(), Vec::new());
    for (table, columns) in columns(service) {
        let row: Vec<_> = columns.iter().map(|column| format!("coalesce(CAST(\"{column}\" AS TEXT), '')")).collect();
        let found = cells(service, &format!("SELECT {} AS cell FROM \"{table}\"", row.join(" || ' ' || ")));
        if found.is_empty() {
            empty.push(table.clone());
        }
        text.extend(found.into_iter().map(|row| row + "\n"));
    }
    assert!(empty.is_empty(), "what is empty proves nothing: {empty:?}");
    text
}

/// The secret part of a token, and its digest.
fn secrets_of(app: &App, token: &str) -> Vec<String> {
    let parsed = ParsedToken::parse(token, &Prefixes::default()).unwrap();
    let digest = app.service.peppers.digest(&parsed, app.service.peppers.current()).unwrap().hex();
    vec![token.to_owned(), token[26..70].to_owned(), digest]
}

/// Valid requests to every endpoint of the document and every field of the GraphQL schema.
async fn requests(app: &App, admin: &Client) -> Vec<Request> {
    let document = document();
    let mut requests = Vec::new();
    // The administrator's session goes on; the tour sends these two as a key.
    let goes_on = |row: &&Row| !["delete_current_session", "delete_datahub_session"].contains(&row.operation());
    for row in REST.iter().chain(GRAPHQL).filter(goes_on) {
        let example = Example { app, admin, row, operation: find(&document, row.operation()) };
        requests.push(example.request(admin).await);
    }
    requests
}

/// Sends valid and invalid requests to every endpoint, as an administrator and as a key with every permission.
async fn tour(app: &App, requests: &[Request], admin: &Client, key: &Holder, password: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let token = key.token.as_str();
    let altered = format!("{}0", &token[..75]);
    for request in requests {
        answers.push(request.send(admin).await);
        answers.push(request.send(key).await);
        answers.push(request.send(&app.holder_of(&altered)).await);
        answers.push(request.send(&app.anonymous().with("x-api-key", token)).await);
        answers.push(request.send(&key.with("x-api-key", &altered)).await);
        answers.push(request.send(&key.with("authorization", &format!("Bearer {token}"))).await);
        // Revocations would wait for edges that have been registered and do not look.
        if answers.iter().rev().take(6).any(|answer| answer.json["lease"].is_number()) {
            for edge in app.service.database.read(nodes::all).unwrap().iter().filter(|node| node.owner.is_some()) {
                app.service.database.write(|connection| nodes::delete(connection, edge.id)).unwrap();
            }
        }
    }
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{guid}", "x").replace("{urn}", "x").replace("{type}", "x").replace("{file}", "x");
            let path = path.replace("{provider}", "x");
            for body in [json!([token]).to_string(), json!({"displayName": [token]}).to_string(), token.to_owned()] {
                let client = key.with("content-type", "application/json");
                answers.push(client.send(method.clone(), &path, Some(&body)).await);
            }
            answers.push(app.anonymous().send(method.clone(), &format!("{path}?access_token={token}"), None).await);
            let query = format!("{path}?limit={token}&sort={token}&cursor={token}&filter={token}&guid={token}");
            answers.push(key.send(method, &query, None).await);
        }
    }
    answers.push(key.get("/nowhere").await);
    for body in [
        json!({"username": "ada", "password": password}),
        json!({"username": password, "password": "wrong password"}),
        json!({"username": "ada", "password": [password]}),
        json!({"username": {"a": password}, "password": 1}),
        json!({"username": "ada", "password": password, "also": password}),
        json!({"username": "a".repeat(101), "password": password}),
    ] {
        answers.push(app.anonymous().post(SESSIONS, &body).await);
        answers.push(app.anonymous().post("/logIn", &body).await);
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
    answers
}

/// Creates one record of every kind that the examples of the operations do not create. Returns the tokens of one.
async fn populate(app: &App, admin: &Client, key: &Holder) -> [String; 2] {
    let persona = admin.persona("of the key").await;
    let body = json!({"displayName": "linked", "personaQualifiedNames": [persona["qualifiedName"]]});
    admin.try_create(&body).await.ok();
    admin.asset("Connection", "default/snowflake/1").await;
    app.policy(allow(&["ada"], &["VIEW_ENTITY_PAGE"], &[criterion("URN", "EQUALS", &["default/snowflake/1"])])).await;
    sign_in::come_and_go(app).await;
    app.service
        .database
        .write(|connection| revoked_children::insert(connection, uuid::Uuid::from_u128(1), i64::MAX))
        .unwrap();
    device_sign_in::begin(&app.service, "tessera-cli".into(), false, Origin::default()).await.unwrap();
    time::begin(&app.service).await.unwrap();
    append_all(&app.service).await;
    app.service.database.write(restored_before).unwrap();
    bootstrap::check_peppers(&app.service).await.unwrap();
    let new = NewInvitation { role: Role::Guest, note: DisplayName::parse("eve").unwrap(), days: 7 };
    let ada = app.service.actor_without_proof("ada".into()).await.unwrap();
    open_invitations::create(&app.service, &ada, new).await.unwrap();
    key.post("/api/service/explain", &json!({"action": "MANAGE_APIKEYS"})).await.ok();
    key.client.at("203.0.113.9").whoami().await.ok();
    maintenance::save_uses(&app.service).await.unwrap();
    app.service.database.write(|connection| usage::move_to_days(connection, i64::MAX, 1)).unwrap();
    let tokens = refresh::approved_by(app, "rue").await;
    // Last, because from here on changes wait until this node looks.
    Follower::start(&app.service).await.unwrap().join(&app.service, "here").await.unwrap();
    tokens
}

/// Adds a log that a restore has ended.
fn restored_before(connection: &mut AnyConnection) -> tessera::domain::error::Result<()> {
    let fork = tessera::storage::log::Fork { origin: "before".to_owned(), size: 1, root: String::new(), ended_at: 1 };
    tessera::storage::log::add_fork(connection, fork)
}

/// The tokens in a text, wherever they are.
fn tokens(text: &str) -> Vec<String> {
    let is_digit = |character: char| character == '_' || character.is_ascii_alphanumeric();
    let words = text.split(|character: char| !is_digit(character));
    let kinds = ["tsk_", "tsp_", "tss_", "tsr_"];
    words
        .filter(|word| word.len() == 76 && kinds.iter().any(|kind| word.starts_with(kind)))
        .map(str::to_owned)
        .collect()
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

    let admin = app.session_with("admin", Role::Admin).await;
    let requests = requests(&app, &admin).await;
    let answers = tour(&app, &requests, &admin, &key, password).await;
    let successes: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    let holders = |token: &str| successes.iter().filter(|answer| answer.text.contains(token)).count();
    for token in successes.iter().flat_map(|answer| tokens(&answer.text)) {
        if ParsedToken::parse(&token, &Prefixes::default()).is_some() {
            assert_eq!(holders(&token), 1, "a token is in one answer and nowhere else");
            secrets.extend(secrets_of(&app, &token));
        }
    }
    // The document has this password in an example.
    for secret in secrets.iter().filter(|secret| *secret != PASSWORD) {
        let holding: Vec<_> = successes.iter().filter(|answer| answer.text.contains(secret)).collect();
        assert!(holding.len() <= 1, "`{secret}` is in {holding:#?}");
    }
    // Creates again what the tour has deleted.
    self::requests(&app, &admin).await;
    secrets.extend(populate(&app, &admin, &key).await);
    let metrics = app.anonymous().get("/metrics").await.text;
    maintenance::save_uses(&app.service).await.unwrap();
    let rows = rows(&app.service);
    app.service.database.revert().unwrap();
    let broken = tour(&app, &requests, &admin, &key, password).await;
    let texts = |answers: Vec<Answer>| -> Vec<String> {
        answers.into_iter().filter(|answer| answer.status >= 400).map(|answer| answer.text).collect()
    };
    let (errors, broken) = (texts(answers), texts(broken));
    assert!(errors.len() > 300 && broken.len() > errors.len(), "{} {}", errors.len(), broken.len());
    assert!(secrets.len() > 30, "{}", secrets.len());
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
    // Half a secret is of no use to an attacker, but must not leak either.
    let part = &token[..50];
    assert!(!logs.contains(part), "{:?}", logs.lines().find(|line| line.contains(part)));
}

/// Key ids, digests and revocations rely on it: tokens are unique, and their bytes uniformly distributed.
#[test]
fn tokens_are_unique_and_their_bytes_are_uniform() {
    const TOKENS: u32 = 200_000;
    let mut seen = std::collections::HashSet::new();
    let mut counts = vec![[0_u32; 256]; 16];
    for _ in 0..TOKENS {
        let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
        for (position, byte) in token.key_id.0.into_iter().enumerate() {
            counts[position][usize::from(byte)] += 1;
        }
        let text = token.plaintext(&Prefixes::default()).unwrap().expose();
        let (key_id, secret) = text[4..70].split_at(22);
        assert!(seen.insert(key_id.to_owned()) && seen.insert(secret.to_owned()));
    }
    let expected = f64::from(TOKENS) / 256.0;
    for (position, counts) in counts.iter().enumerate() {
        let deviation: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // Chi-square of 255 degrees of freedom: beyond 420 less than once in a thousand million runs.
        assert!((120.0..420.0).contains(&deviation), "byte {position}: {deviation}");
    }
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
