//! Statements that PostgreSQL cancels or refuses.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, sql_query};
use serde_json::json;
use tessera::domain::error::Error;
use tessera::storage::database::AnyConnection;

use crate::support::App;
use crate::support::database::on_postgres;

#[actix_web::test]
async fn a_session_that_is_read_only_is_not_used_again() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    let forbid = |connection: &mut AnyConnection| {
        Ok(connection.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")?)
    };
    app.service.database.write(forbid).unwrap();
    assert_ne!(admin.try_create(&json!({"displayName": "x"})).await.status, 200);
    admin.create("x").await;
}

#[actix_web::test]
async fn a_statement_that_postgres_ends_took_too_long_whatever_it_does() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let slow = |connection: &mut AnyConnection| {
        connection.batch_execute("SET LOCAL statement_timeout = 50")?;
        Ok(sql_query("SELECT pg_sleep(5)").execute(connection)?)
    };
    assert!(matches!(app.service.database.write(slow), Err(Error::TooSlow)));
    assert!(matches!(app.service.database.read(slow), Err(Error::TooSlow)));
}

#[actix_web::test]
async fn a_lock_in_the_way_of_a_change_for_too_long_is_a_504() {
    if !on_postgres() {
        return;
    }
    let app = App::start().await;
    let admin = app.admin().await;
    let mut operator = PgConnection::establish(&app.storage.url()).unwrap();
    // Set on the only connection so far; the default is 20 s.
    let shorter = |connection: &mut AnyConnection| Ok(connection.batch_execute("SET statement_timeout = 300")?);
    app.service.database.write(shorter).unwrap();
    operator.batch_execute("BEGIN; LOCK TABLE changes IN ACCESS EXCLUSIVE MODE").unwrap();
    let refused = admin.try_create(&json!({"displayName": "x"})).await;
    operator.batch_execute("ROLLBACK").unwrap();
    assert_eq!(refused.status, 504, "{}", refused.text);
}
