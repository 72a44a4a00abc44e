//! What a revocation waits for: until every other node has acknowledged it, or its lease has ended.

mod programs;
mod restores;
mod sessions;

use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::sleep;
use serde_json::Value;
use tessera::directory::Freshness;
use tessera::domain::actor::Actor;
use tessera::domain::error::{Error, Result};
use tessera::domain::ids::PrincipalId;
use tessera::domain::node::{Acknowledgement, Node, RevocationNote, Told};
use tessera::domain::permission::Permission;
use tessera::service::Service;
use tessera::service::keys::api_keys;
use tessera::service::upkeep::follow::Follower;
use tessera::storage::nodes;

use crate::freshness::{is_let_in, strict};
use crate::support::{App, Options, World};

const KEYS: &str = "/api/service/apikeys";

/// Another server on the same database: it has joined, and looks when the test says so.
async fn node(world: &World, name: &str) -> (Service, Follower) {
    let service = world.neighbour_with(&strict());
    let follower = join(&service, name).await;
    (service, follower)
}

async fn join(service: &Service, name: &str) -> Follower {
    let mut follower = Follower::start(service).await.unwrap();
    follower.join(service, name).await.unwrap();
    follower.step(service).await.unwrap();
    follower
}

fn rows(service: &Service) -> Vec<Node> {
    service.database.read(nodes::all).unwrap()
}

/// A deletion under way, and its actor.
struct Deletion {
    actor: Actor,
    running: JoinHandle<Result<()>>,
}

impl Deletion {
    fn start(service: &Service, key: PrincipalId) -> Self {
        let actor = Actor::operator(service.clock.now());
        let (service, asking) = (service.clone(), actor.clone());
        Self { actor, running: actix_web::rt::spawn(async move { api_keys::delete(&service, &asking, key).await }) }
    }

    /// Fails if it is answered within a tenth of a second.
    async fn waits(&self) {
        sleep(Duration::from_millis(100)).await;
        assert!(!self.running.is_finished());
    }

    /// On a slow machine it may commit late, and wait from then on.
    async fn ends_as_time_passes(&self, service: &Service, millis: i64) {
        until(|| {
            service.clock.advance(millis);
            self.running.is_finished()
        })
        .await;
    }

    async fn answered(self) -> (Result<()>, Option<Told>) {
        let outcome = tokio::time::timeout(Duration::from_secs(20), self.running).await.unwrap().unwrap();
        (outcome, self.actor.request.acknowledged.get())
    }

    async fn told(self) -> (usize, usize) {
        let (outcome, acknowledgement) = self.answered().await;
        outcome.unwrap();
        match acknowledgement.unwrap() {
            Told::Final(_, Acknowledgement { nodes, acknowledged, .. }) => (nodes, acknowledged),
            Told::Pending(_) => panic!("it has not waited"),
        }
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("it has not come to that");
}

#[actix_web::test]
async fn a_revocation_is_answered_when_every_node_knows_of_it() {
    let world = World::new(&strict());
    let mut own = join(&world.service, "here").await;
    let (there, mut follower) = node(&world, "there").await;
    let (elsewhere, mut other) = node(&world, "elsewhere").await;
    let key = world.key("a", &[]).await;
    let token = key.token.expose();
    assert!(is_let_in(&there, &token).await && is_let_in(&elsewhere, &token).await);
    let deletion = Deletion::start(&world.service, key.api_key.id);
    deletion.waits().await;
    assert!(!is_let_in(&world.service, &token).await && is_let_in(&there, &token).await);
    follower.step(&there).await.unwrap();
    own.step(&world.service).await.unwrap();
    deletion.waits().await;
    other.step(&elsewhere).await.unwrap();
    assert_eq!(deletion.told().await, (3, 3));
    assert!(!is_let_in(&there, &token).await && !is_let_in(&elsewhere, &token).await);
}

#[actix_web::test]
async fn a_node_that_does_not_acknowledge_is_waited_for_while_its_lease_lasts_and_then_forgotten() {
    let world = World::new(&strict());
    join(&world.service, "here").await;
    let (there, mut follower) = node(&world, "there").await;
    let (first, second) = (world.key("a", &[]).await, world.key("b", &[]).await);
    let token = first.token.expose();
    assert!(is_let_in(&there, &token).await);
    let before = rows(&there);
    let deletion = Deletion::start(&world.service, first.api_key.id);
    deletion.waits().await;
    world.service.clock.advance(2_100);
    deletion.waits().await;
    assert!(!is_let_in(&there, &token).await, "its lease has ended");
    deletion.ends_as_time_passes(&world.service, 500).await;
    assert_eq!(deletion.told().await, (2, 1));
    until(|| rows(&there).iter().any(|node| node.silenced)).await;
    let deletion = Deletion::start(&world.service, second.api_key.id);
    deletion.waits().await;
    deletion.ends_as_time_passes(&world.service, 500).await;
    assert_eq!(deletion.told().await, (2, 1), "until it is deleted it counts");
    until(|| {
        world.service.clock.advance(500);
        rows(&there).len() == 1
    })
    .await;
    follower.step(&there).await.unwrap();
    let after = rows(&there);
    assert_eq!(after.len(), 2, "it has come back");
    assert!(after.iter().filter(|node| before.iter().any(|old| old.id == node.id)).count() == 1 && !after[1].silenced);
    assert!(!is_let_in(&there, &token).await && !is_let_in(&there, &second.token.expose()).await);
}

#[actix_web::test]
async fn a_silenced_node_registers_anew_before_it_uses_its_memory() {
    let world = World::new(&strict());
    let mut own = join(&world.service, "here").await;
    let token = world.key("a", &[]).await.token.expose();
    own.step(&world.service).await.unwrap();
    assert!(is_let_in(&world.service, &token).await);
    let [before] = rows(&world.service).try_into().unwrap();
    let silence = |connection: &mut _| nodes::silence(connection, before.id, &before.acknowledged);
    assert_eq!(world.service.database.write(silence).unwrap(), nodes::Existed::Yes);
    own.step(&world.service).await.unwrap();
    let [after] = rows(&world.service).try_into().unwrap();
    assert!(after.id != before.id && !after.silenced && after.name == before.name);
    let misses = world.service.directory.counts.misses.get();
    assert!(is_let_in(&world.service, &token).await);
    assert_eq!(world.service.directory.counts.misses.get(), misses, "what has not changed is still known");
}

#[actix_web::test]
async fn a_late_acknowledgement_saves_a_node_from_being_silenced() {
    let world = World::new(&strict());
    let mut own = join(&world.service, "here").await;
    let [before] = rows(&world.service).try_into().unwrap();
    world.key("a", &[]).await;
    own.step(&world.service).await.unwrap();
    let silence = |connection: &mut _| nodes::silence(connection, before.id, &before.acknowledged);
    assert_eq!(world.service.database.write(silence).unwrap(), nodes::Existed::No);
}

#[actix_web::test]
async fn a_single_node_waits_for_nothing() {
    let world = World::new(&strict());
    join(&world.service, "here").await;
    let key = world.key("a", &[]).await;
    assert_eq!(Deletion::start(&world.service, key.api_key.id).told().await, (1, 1));
}

#[actix_web::test]
async fn a_node_that_stops_or_comes_later_is_not_waited_for() {
    let world = World::new(&strict());
    let (there, _) = node(&world, "there").await;
    let key = world.key("a", &[]).await;
    let token = key.token.expose();
    assert!(is_let_in(&there, &token).await);
    let deletion = Deletion::start(&world.service, key.api_key.id);
    deletion.waits().await;
    let (late, _) = node(&world, "late").await;
    assert!(!is_let_in(&late, &token).await);
    deletion.waits().await;
    there.leave().await.unwrap();
    assert_eq!(deletion.told().await, (2, 1));
    assert!(!is_let_in(&there, &token).await, "it does not use its memory any more");
}

#[actix_web::test]
async fn what_only_gives_waits_for_nobody() {
    let world = World::new(&strict());
    let (there, _) = node(&world, "there").await;
    let key = world.key("a", &[]).await;
    world.user("ada", tessera::domain::principal::Role::Member).await;
    assert!(is_let_in(&there, &key.token.expose()).await, "it works there at once");
}

#[actix_web::test]
async fn a_repeated_revocation_waits_for_the_first() {
    let world = World::new(&strict());
    let (there, mut follower) = node(&world, "there").await;
    let key = world.key("a", &[]).await;
    let first = Deletion::start(&world.service, key.api_key.id);
    first.waits().await;
    let again = Deletion::start(&world.neighbour(&world.pepper), key.api_key.id);
    again.waits().await;
    follower.step(&there).await.unwrap();
    assert_eq!(first.told().await, (2, 2));
    let (outcome, acknowledgement) = again.answered().await;
    assert!(matches!(outcome, Err(Error::NotFound { .. })), "{outcome:?}");
    assert!(acknowledgement.is_none(), "nothing is told of another request's change");
    let later = Deletion::start(&world.service, key.api_key.id).answered().await;
    assert!(matches!(later, (Err(Error::NotFound { .. }), None)), "{later:?}");
}

/// The servers' threads end one after the other.
#[actix_web::test]
async fn a_request_waits_on_when_the_thread_ends_that_reads_for_all() {
    let world = World::new(&strict());
    let (there, mut follower) = node(&world, "there").await;
    let (first, second) = (world.key("a", &[]).await, world.key("b", &[]).await);
    let (service, operator) = (world.service.clone(), world.operator());
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = tokio::spawn(async move { api_keys::delete(&service, &operator, first.api_key.id).await });
            sleep(Duration::from_millis(300)).await;
            assert!(!running.is_finished());
        });
        runtime.shutdown_background();
    });
    sleep(Duration::from_millis(150)).await;
    let deletion = Deletion::start(&world.service, second.api_key.id);
    deletion.waits().await;
    actix_web::rt::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    deletion.waits().await;
    follower.step(&there).await.unwrap();
    assert_eq!(deletion.told().await, (2, 2));
}

#[actix_web::test]
async fn the_answer_and_the_metrics_tell_how_many_nodes_know() {
    let app = App::start_with(strict()).await;
    let mut own = join(&app.service, "here").await;
    let there = app.neighbour_with(&strict());
    let mut other = join(&there, "there").await;
    let key = app.key_with(&[Permission::ManageApiKeys]).await;
    let created = key.create("a").await;
    let looking = there.clone();
    let looks = actix_web::rt::spawn(async move {
        loop {
            other.step(&looking).await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
    });
    let answer = key.delete_key(created["id"].as_str().unwrap()).await;
    let told = answer.header("tessera-revocation").unwrap().to_owned();
    answer.ok();
    assert!(told.starts_with("nodes=2, acknowledged=2, took=") && told.ends_with("ms"), "{told}");
    looks.abort();
    own.step(&app.service).await.unwrap();
    let metrics = app.anonymous().get("/metrics").await.text;
    for expected in ["tessera_nodes 2", r#"tessera_revocation_wait_seconds_count{outcome="acknowledged"} 1"#] {
        assert!(metrics.contains(expected), "{expected}: {metrics}");
    }
}

#[actix_web::test]
async fn a_client_that_does_not_wait_is_told_where_to_ask() {
    let app = App::start_with(strict()).await;
    let mut own = join(&app.service, "here").await;
    let there = app.neighbour_with(&strict());
    let mut other = join(&there, "there").await;
    let key = app.key_with(&[Permission::ManageApiKeys, Permission::ViewAudit]).await;
    let blind = app.key_with(&[Permission::ManageApiKeys]).await;
    for (client, query) in [
        (key.with("prefer", "handling=strict, respond-async; wait=10"), ""),
        (key.with("prefer", "wait=10"), "?wait=0"),
    ] {
        let created = key.create("a").await;
        let answer = client.delete(&format!("{KEYS}/{}{query}", created["id"].as_str().unwrap())).await;
        assert_eq!((answer.status, answer.header("tessera-revocation")), (202, None), "{}", answer.text);
        let place = answer.header("location").unwrap().to_owned();
        own.step(&app.service).await.unwrap();
        let before = key.get(&place).await.ok();
        let knows = |told: &Value, name: &str| {
            told["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()["isAcknowledged"]
                == true
        };
        assert!(knows(&before, "here") && !knows(&before, "there") && before["isFinal"] == false, "{before}");
        other.step(&there).await.unwrap();
        let after = key.get(&place).await.ok();
        assert!(knows(&after, "there") && after["isFinal"] == true, "{after}");
        app.key_with(&[]).await.get(&place).await.refused("TESSERA-404-001");
    }
    // Where the nodes run is not for everybody.
    let created = blind.create("b").await;
    let answer = blind.delete(&format!("{KEYS}/{}?wait=0", created["id"].as_str().unwrap())).await;
    let told = blind.get(answer.header("location").unwrap()).await.ok();
    assert!(told["nodes"].as_array().unwrap().iter().all(|node| node["name"] == ""), "{told}");
    key.get("/api/service/revocations/x").await.refused("TESSERA-404-001");
}

#[actix_web::test]
async fn a_silent_node_is_forgotten_also_if_the_client_does_not_wait() {
    let world = World::new(&strict());
    let (there, _) = node(&world, "there").await;
    let key = world.key("a", &[]).await;
    let mut actor = world.operator();
    actor.request.acknowledged = RevocationNote::of(true);
    api_keys::delete(&world.service, &actor, key.api_key.id).await.unwrap();
    assert!(matches!(actor.request.acknowledged.get(), Some(Told::Pending(_))));
    world.service.clock.advance(2_101);
    until(|| rows(&there).iter().all(|node| node.silenced)).await;
    until(|| {
        world.service.clock.advance(500);
        rows(&there).is_empty()
    })
    .await;
}

#[actix_web::test]
async fn a_lease_that_is_longer_than_the_writers_own_is_waited_for() {
    let world = World::new(&strict());
    let longer = Options { freshness: Freshness { lease: 10_000, ..Freshness::default() }, ..strict() };
    let there = world.neighbour_with(&longer);
    join(&there, "there").await;
    let key = world.key("a", &[]).await;
    let token = key.token.expose();
    assert!(is_let_in(&there, &token).await);
    let deletion = Deletion::start(&world.service, key.api_key.id);
    deletion.waits().await;
    world.service.clock.advance(9_999);
    assert!(is_let_in(&there, &token).await);
    deletion.waits().await;
    deletion.ends_as_time_passes(&world.service, 502).await;
    assert_eq!(deletion.told().await, (2, 1));
    assert!(!is_let_in(&there, &token).await);
}
