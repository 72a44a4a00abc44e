//! A request that timed out has changed nothing, if the storage was slower than its time limit.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::{spawn, time::sleep};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{Connection, PgConnection, SqliteConnection, sql_query};
use serde_json::json;
use tessera::storage::schema::{access_tokens, api_keys, changes, credentials};

use crate::datahub;
use crate::support::database::on_postgres;
use crate::support::upload::upload;
use crate::support::{App, Options};

/// A lock that blocks every change, held by another connection until it is dropped.
pub enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    pub fn of(app: &App) -> Self {
        let url = app.storage.url();
        if let Some(path) = url.strip_prefix("sqlite://") {
            let mut sqlite = SqliteConnection::establish(path).unwrap();
            sqlite.batch_execute("BEGIN IMMEDIATE").unwrap();
            return Self::Sqlite(sqlite);
        }
        let mut postgres = PgConnection::establish(&url).unwrap();
        // The last thing that a transaction writes, and what the check for writes changes.
        let lock = "BEGIN; LOCK TABLE changes IN ACCESS EXCLUSIVE MODE; LOCK TABLE revisions IN EXCLUSIVE MODE";
        postgres.batch_execute(lock).unwrap();
        Self::Postgres(postgres)
    }

    pub fn release(self) {
        match self {
            Self::Sqlite(mut sqlite) => sqlite.batch_execute("ROLLBACK").unwrap(),
            Self::Postgres(mut postgres) => postgres.batch_execute("ROLLBACK").unwrap(),
        }
    }
}

/// The numbers of keys, tokens, credentials and changes, once no write is running any more.
fn rows(app: &App) -> [i64; 4] {
    let count = |connection: &mut _| {
        if on_postgres() {
            let lock = "LOCK TABLE api_keys, access_tokens, credentials, changes IN ACCESS EXCLUSIVE MODE";
            sql_query(lock).execute(connection)?;
        }
        Ok([
            api_keys::table.count().get_result(connection)?,
            access_tokens::table.count().get_result(connection)?,
            credentials::table.count().get_result(connection)?,
            changes::table.count().get_result(connection)?,
        ])
    };
    app.service.database.write(count).unwrap()
}

#[actix_web::test]
async fn a_create_that_was_refused_for_its_time_has_made_nothing() {
    let app = App::start_with(Options { timeout: Duration::from_millis(1_500), ..Options::default() }).await;
    let admin = app.admin().await;
    admin.whoami().await.ok();
    let before = rows(&app);
    let lock = Lock::of(&app);
    admin.try_create(&json!({"displayName": "never"})).await.refused("TESSERA-504-001");
    let input = json!({"type": "PERSONAL", "actorUrn": datahub::urn("admin"), "name": "never", "duration": "ONE_HOUR"});
    let query = "mutation c($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }";
    let body = json!({"query": query, "variables": {"input": input}});
    assert_eq!(admin.post("/api/graphql", &body).await.status, 504);
    lock.release();
    assert_eq!(rows(&app), before);
    admin.create("now").await;
    assert_eq!(rows(&app)[0], before[0] + 1);
}

#[actix_web::test]
async fn a_commit_that_was_first_is_answered_although_the_time_is_over() {
    if !on_postgres() {
        return;
    }
    let app = App::start_with(Options { timeout: Duration::from_millis(1_500), ..Options::default() }).await;
    let admin = app.admin().await;
    let slow_commits = "
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON api_keys DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait()";
    PgConnection::establish(&app.storage.url()).unwrap().batch_execute(slow_commits).unwrap();
    let created = admin.try_create(&json!({"displayName": "late"})).await.ok();
    app.holder_of(created["attributes"]["accessToken"].as_str().unwrap()).whoami().await.ok();
}

#[actix_web::test]
async fn a_request_that_bears_the_same_name_gives_up_nobody_elses_write() {
    let app = App::start_with(Options { timeout: Duration::from_millis(1_500), ..Options::default() }).await;
    let admin = app.admin().await.with("x-request-id", "job-1");
    admin.whoami().await.ok();
    let stranger = app.anonymous().with("x-request-id", "job-1").with("content-type", "application/json");
    let (mut uploader, body) = upload();
    let trickling = spawn(async move { stranger.upload(Method::POST, "/logIn", body).await });
    uploader.asked_for().await;
    sleep(Duration::from_millis(700)).await;
    let lock = Lock::of(&app);
    let write = spawn(async move { admin.try_create(&json!({"displayName": "job"})).await });
    assert_eq!(trickling.await.unwrap().status, 504);
    lock.release();
    write.await.unwrap().ok();
}
