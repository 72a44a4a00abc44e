//! Databases that are read-only or that this version must not use.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::json;

use tessera::storage::database::AnyConnection;
use tessera::storage::installation;

use crate::given_up::Lock;
use crate::support::App;
use crate::support::database::{Storage, on_postgres};

/// On PostgreSQL the database becomes read-only for every new connection, and the present ones end. On SQLite nothing but
/// the mode of the file would do, which does not hold for root: so its words come from triggers.
async fn stop_writes(app: &App) {
    let statements = if on_postgres() {
        vec![
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
            // Its own connection last, or others would be left.
            "DO $$ BEGIN \
                PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid(); \
                PERFORM pg_terminate_backend(pg_backend_pid()); END $$",
        ]
    } else {
        vec![
            "CREATE TRIGGER a BEFORE UPDATE ON revisions BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END",
            "CREATE TRIGGER b BEFORE INSERT ON principals BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END",
        ]
    };
    for statement in statements {
        // Terminating its own connection fails, as intended.
        let database = app.service.database.clone();
        let ended = actix_web::web::block(move || {
            database.write(|connection| Ok(sql_query(statement).execute(connection).map(drop)?))
        });
        let _ended = ended.await.unwrap();
    }
}

#[actix_web::test]
async fn a_database_that_takes_no_writes_is_not_ready_and_says_why() {
    let app = App::start().await;
    tessera::service::upkeep::time::begin(&app.service).await.unwrap();
    let (admin, anonymous) = (app.admin().await, app.anonymous());
    assert_eq!(anonymous.get("/readyz").await.text, "ok\n");
    stop_writes(&app).await;
    let mut told = String::new();
    for _ in 0..50 {
        let answer = anonymous.get("/readyz").await;
        told = answer.text.clone();
        if answer.status == 503 && told.contains("read-only") {
            assert_eq!(answer.header("content-type"), Some("text/plain"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(told, "not ready: the database is read-only\n");
    // Every write gives the same error, and reads continue.
    let create = "mutation { createServiceAccount(input: {}) { urn } }";
    admin.try_create(&json!({"displayName": "x"})).await.refused("TESSERA-503-001");
    assert_eq!(admin.post("/api/graphql", &json!({"query": create})).await.status, 503);
    admin.whoami().await.ok();
    admin.keys(&[]).await.ok();
    assert_eq!(anonymous.get("/livez").await.status, 200);
}

#[actix_web::test]
async fn a_database_in_which_no_write_ends_is_not_ready() {
    let app = App::start().await;
    let (admin, anonymous) = (app.admin().await, app.anonymous());
    assert_eq!(anonymous.get("/readyz").await.text, "ok\n");
    let lock = Lock::of(&app);
    // What was written a moment ago does not count for long.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answer = anonymous.get("/readyz").await;
    assert_eq!((answer.status, answer.text.as_str()), (503, "not ready: no write to the database ends\n"));
    lock.release();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(anonymous.get("/readyz").await.text, "ok\n");
    admin.create("now").await;
}

/// SQLite writes nothing for an update that changes nothing, so such a check would pass on a full disk. On a real one:
/// `tests/clients/crash/test_unwritable.py`.
#[actix_web::test]
async fn the_check_for_writes_changes_what_is_stored() {
    let app = App::start().await;
    let written = |connection: &mut AnyConnection| {
        let query = "SELECT CAST(revision AS TEXT) AS revision FROM revisions WHERE name = 'writes'";
        Ok(sql_query(query).get_result::<Written>(connection)?.revision)
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        app.service.database.write(installation::check_writable).unwrap();
        seen.push(app.service.database.read(written).unwrap());
    }
    assert_ne!(seen[0], seen[1]);
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = Text)]
    revision: String,
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let storage = Storage::fresh();
    let database = storage.connect();
    assert!(!database.is_set_up().unwrap());
    database.migrate().unwrap();
    assert!(database.is_set_up().unwrap());
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    database.write(|connection| Ok(sql_query(newer).execute(connection)?)).unwrap();
    let refused = format!("{:?}", database.migrate().unwrap_err());
    assert!(refused.contains("`99991231000000`") && refused.contains("too old"), "{refused}");
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused() {
    if !on_postgres() {
        return;
    }
    let storage = Storage::fresh_with("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'");
    let refused = format!("{:?}", storage.connect().migrate().unwrap_err());
    assert!(refused.contains("SQL_ASCII") && refused.contains("must be UTF8"), "{refused}");
}
