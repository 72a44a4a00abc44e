//! What a node believes after its connection to PostgreSQL has ended.

use std::time::Duration;

use actix_web::rt::time::sleep;
use diesel::{RunQueryDsl as _, sql_query};
use tessera::storage::database::Lane;
use tessera::storage::feed::{FeedPosition, position};
use tessera::storage::nodes;
use tessera::storage::task::DatabaseTask;

use super::{join, rows};
use crate::freshness::{is_let_in, strict};
use crate::support::World;
use crate::support::database::on_postgres;

/// After a crash PostgreSQL gives ids of lost transactions once more, so a node cannot tell which changes it has seen.
#[actix_web::test]
async fn a_node_whose_connection_to_postgres_is_new_reads_again_what_it_knew() {
    if !on_postgres() {
        return;
    }
    let world = World::new(&strict());
    let mut own = join(&world.service, "here").await;
    let token = world.key("a", &[]).await.token.expose();
    own.step(&world.service).await.unwrap();
    assert!(is_let_in(&world.service, &token).await);
    let misses = || world.service.directory.counts.misses.get();
    let before = misses();
    assert!(is_let_in(&world.service, &token).await);
    assert_eq!(misses(), before);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    world.neighbour(&world.pepper).database.write(|connection| Ok(sql_query(end).execute(connection)?)).unwrap();
    while own.step(&world.service).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(is_let_in(&world.service, &token).await);
    assert_eq!(misses(), before + 1);
}

/// PostgreSQL could have crashed between the look and the acknowledgement.
#[actix_web::test]
async fn what_was_read_in_a_session_that_has_ended_is_not_acknowledged() {
    if !on_postgres() {
        return;
    }
    let world = World::new(&strict());
    join(&world.service, "here").await;
    let [before] = rows(&world.service).try_into().unwrap();
    let database = &world.service.database;
    let acknowledge = |position: FeedPosition| {
        database.write(|connection| nodes::acknowledge(connection, before.id, &position, 1)).unwrap();
        rows(&world.service)[0].acknowledged_at
    };
    // This lane has one connection, so both are of one session.
    let task = || DatabaseTask::within(Lane::Follows.limit());
    let read = || database.read_for(Lane::Follows, &task(), position).unwrap();
    let [ended, living] = [read(), read()];
    assert_eq!((acknowledge(living), ended.continues(&read())), (1, true));
    database.write(|connection| nodes::acknowledge(connection, before.id, &ended, 2)).unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    world.neighbour(&world.pepper).database.write(|connection| Ok(sql_query(end).execute(connection)?)).unwrap();
    let acknowledged = "UPDATE nodes SET acknowledged_at = 3";
    while database.write(|connection| Ok(sql_query(acknowledged).execute(connection)?)).is_err() {
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(acknowledge(ended), 3);
}
