//! A transaction of another process that others wait for. PostgreSQL only: SQLite has one writer at a time.

use std::time::Duration;

use actix_web::rt::time::sleep;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, sql_query};

use super::World;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// Holds its locks until it is dropped.
pub struct Blocker {
    holding: PgConnection,
    watching: PgConnection,
}

impl Blocker {
    /// A transaction that has run this statement.
    pub fn begin(world: &World, statement: &str) -> Self {
        let [mut holding, watching] = [(), ()].map(|()| PgConnection::establish(&world.storage.url()).unwrap());
        holding.batch_execute(&format!("BEGIN; {statement}")).unwrap();
        Self { holding, watching }
    }

    /// Waits until so many transactions wait for a lock.
    pub async fn until_awaited(&mut self, transactions: i64) {
        let query = "SELECT count(*) AS waiting FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..500 {
            let found: Waiting = sql_query(query).get_result(&mut self.watching).unwrap();
            if found.waiting >= transactions {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody waits");
    }

    pub fn end(mut self) {
        self.holding.batch_execute("ROLLBACK").unwrap();
    }

    pub fn commit(mut self) {
        self.holding.batch_execute("COMMIT").unwrap();
    }
}
