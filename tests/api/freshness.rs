//! How long changes of other processes may go unseen: not at all after a pause, one poll otherwise, whatever the clocks
//! say and however long a transaction takes.

use std::sync::mpsc;
use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use diesel::prelude::*;
use diesel::sql_query;
use tessera::clock::{Clock, DAY, HOUR, MINUTE, SECOND};
use tessera::directory::Freshness;
use tessera::domain::change::Change;
use tessera::domain::child::Presentation;
use tessera::domain::entropy::Entropy;
use tessera::domain::error::{Error, Refusal};
use tessera::domain::ids::{Id, PrincipalId};
use tessera::domain::state::States;
use tessera::service::Service;
use tessera::service::keys::api_keys;
use tessera::service::upkeep::follow::Follower;
use tessera::storage::changes;

use crate::support::database::on_postgres;
use crate::support::{App, BEGIN, Options, World};

/// The lease as in production.
pub fn strict() -> Options {
    Options { freshness: Freshness::default(), ..Options::default() }
}

pub async fn is_let_in(service: &Service, token: &str) -> bool {
    match service.authenticate(Presentation::bearer(token, None)).await {
        Ok(_) => true,
        Err(Error::Unauthenticated(Refusal::Invalid)) => false,
        Err(error) => panic!("{error}: {error:?}"),
    }
}

#[actix_web::test]
async fn a_node_that_was_paused_refuses_at_once_what_was_revoked_meanwhile() {
    let world = World::new(&strict());
    let mut follower = Follower::start(&world.service).await.unwrap();
    let (gone, stays) = (world.key("gone", &[]).await, world.key("stays", &[]).await);
    let tokens = [gone.token.expose(), stays.token.expose()];
    follower.step(&world.service).await.unwrap();
    for token in &tokens {
        assert!(is_let_in(&world.service, token).await);
    }
    let command_line = world.neighbour(&world.pepper);
    api_keys::delete(&command_line, &world.operator(), gone.api_key.id).await.unwrap();
    world.service.clock.advance(10 * SECOND);
    for _ in 0..3 {
        assert!(!is_let_in(&world.service, &tokens[0]).await);
        assert!(is_let_in(&world.service, &tokens[1]).await, "read through to storage");
    }
    follower.step(&world.service).await.unwrap();
    let misses = world.service.directory.counts.misses.get();
    assert!(is_let_in(&world.service, &tokens[1]).await && !is_let_in(&world.service, &tokens[0]).await);
    assert!(is_let_in(&world.service, &tokens[1]).await);
    let reads = world.service.directory.counts.misses.get() - misses;
    assert_eq!(reads, 1, "of the one that is gone; the other is used from memory again");
}

#[actix_web::test]
async fn every_door_of_a_paused_node_refuses_what_was_revoked_meanwhile() {
    let app = App::start_with(strict()).await;
    Follower::start(&app.service).await.unwrap();
    let (key, gateway) = (app.key_with(&[]).await, app.key_with(&[]).await);
    let forward = || async { key.get("/gateway/verify").await.status };
    key.whoami().await.ok();
    gateway.whoami().await.ok();
    let before = forward().await;
    let other = app.neighbour(&app.pepper);
    api_keys::delete(&other, &app.operator(), PrincipalId::parse(&key.id).unwrap()).await.unwrap();
    app.advance(10 * SECOND);
    assert_ne!(forward().await, before);
    key.whoami().await.refused("TESSERA-401-002");
    gateway.whoami().await.ok();
}

#[actix_web::test]
async fn a_paused_node_that_cannot_read_storage_lets_nobody_in() {
    let app = App::start_with(strict()).await;
    Follower::start(&app.service).await.unwrap();
    let key = app.key_with(&[]).await;
    key.whoami().await.ok();
    app.service.database.revert().unwrap();
    app.advance(2 * SECOND - 1);
    key.whoami().await.ok();
    app.advance(1);
    key.get("/gateway/verify").await.refused("TESSERA-503-001");
    assert!(key.get("/api/service/users/current").await.status >= 500);
}

#[actix_web::test]
async fn a_change_made_by_a_clock_that_is_wrong_arrives_with_the_next_look() {
    for skew in [300 * SECOND, -300 * SECOND, 2 * HOUR, -DAY] {
        let world = World::new(&Options::default());
        let other = world.neighbour_at(Clock::manual(BEGIN + skew));
        for (here, there) in [(&world.service, &other), (&other, &world.service)] {
            let key = world.key("a", &[]).await;
            let token = key.token.expose();
            let mut follower = Follower::start(there).await.unwrap();
            assert!(is_let_in(there, &token).await);
            api_keys::delete(here, &world.operator(), key.api_key.id).await.unwrap();
            follower.step(there).await.unwrap();
            assert!(!is_let_in(there, &token).await, "{skew}");
        }
    }
}

#[actix_web::test]
async fn each_change_is_news_once() {
    let world = World::new(&Options::default());
    let mut follower = Follower::start(&world.service).await.unwrap();
    for made in [0, 1, 0, 3, 0, 0, 1] {
        for _ in 0..made {
            world.key("a", &[]).await;
        }
        world.service.clock.advance(HOUR);
        assert_eq!(follower.step(&world.service).await.unwrap().len(), made);
    }
}

/// A slow transaction: it writes, waits for a signal, and commits.
fn slow_transaction(
    service: &Service,
    change: Change,
) -> (actix_web::rt::task::JoinHandle<()>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (wrote, has_written) = mpsc::channel();
    let (go_on, told) = mpsc::channel::<()>();
    let (database, told) = (service.database.clone(), std::sync::Mutex::new(told));
    let running = spawn_blocking(move || {
        database
            .write(|connection| {
                changes::append(connection, &change, &States::default())?;
                sql_query("DELETE FROM credentials").execute(connection)?;
                wrote.send(()).unwrap();
                told.lock().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
                Ok(())
            })
            .unwrap();
    });
    (running, has_written, go_on)
}

#[actix_web::test]
async fn a_transaction_that_took_long_to_commit_is_noticed_by_the_next_look() {
    let world = World::new(&Options::default());
    let other = world.neighbour(&world.pepper);
    let key = world.key("a", &[]).await;
    let token = key.token.expose();
    let mut follower = Follower::start(&other).await.unwrap();
    let change = Change {
        id: Id::<Change>::new(world.service.clock.now(), Entropy::SYSTEM).unwrap().uuid(),
        changed_at: world.service.clock.now(),
        actor_id: key.api_key.id.uuid(),
        actor_name: String::new(),
        acted_by: String::new(),
        action: "apikey.deleted".into(),
        subject_kind: "principal".into(),
        subject_id: key.api_key.id.uuid(),
        subject_name: String::new(),
        request_id: String::new(),
        authenticated_by: String::new(),
        address: String::new(),
    };
    let (running, has_written, go_on) = slow_transaction(&world.service, change.clone());
    spawn_blocking(move || has_written.recv().unwrap()).await.unwrap();
    // SQLite has one writer: no other transaction commits meanwhile.
    for round in 0..3 {
        if on_postgres() {
            world.user(&format!("user-{round}"), tessera::domain::principal::Role::Member).await;
        }
        assert!(follower.step(&other).await.unwrap().iter().all(|each| each.id != change.id));
        assert!(is_let_in(&other, &token).await);
    }
    world.service.clock.advance(66 * SECOND);
    go_on.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(follower.step(&other).await.unwrap(), [change]);
    assert!(!is_let_in(&other, &token).await);
    assert!(follower.step(&other).await.unwrap().is_empty());
}

#[actix_web::test]
async fn a_record_is_read_again_within_an_hour_although_nobody_says_that_it_changed() {
    let world = World::new(&strict());
    let mut follower = Follower::start(&world.service).await.unwrap();
    let token = world.key("a", &[]).await.token.expose();
    follower.step(&world.service).await.unwrap();
    assert!(is_let_in(&world.service, &token).await);
    // A manual change, without an entry in the change feed.
    let forget = |connection: &mut _| Ok(sql_query("DELETE FROM credentials").execute(connection)?);
    assert_eq!(world.service.database.write(forget).unwrap(), 1);
    for minute in 0..60 {
        follower.step(&world.service).await.unwrap();
        assert!(is_let_in(&world.service, &token).await, "{minute}");
        world.service.clock.advance(MINUTE);
    }
    follower.step(&world.service).await.unwrap();
    assert!(!is_let_in(&world.service, &token).await);
}

#[actix_web::test]
async fn changes_that_came_with_a_dump_of_another_cluster_are_not_news() {
    let world = World::new(&Options::default());
    world.key("a", &[]).await;
    let foreign = i64::MAX / 4;
    let statement = format!("UPDATE changes SET position = {foreign}");
    world.service.database.write(|connection| Ok(sql_query(&statement).execute(connection)?)).unwrap();
    world.service.database.migrate().unwrap();
    let mut follower = Follower::start(&world.service).await.unwrap();
    assert!(follower.step(&world.service).await.unwrap().is_empty());
    world.key("b", &[]).await;
    assert_eq!(follower.step(&world.service).await.unwrap().len(), 1);
    assert!(follower.step(&world.service).await.unwrap().is_empty());
}
