//! A node that starts again signs only what continues the checkpoint that it has kept outside the database.

use tessera::service::Service;
use tessera::service::log::restored::has_ended;
use tessera::service::upkeep::restore;

use super::tamper::{put_back, refusal, saved};
use super::{add_keys, append_all, checkpoint_of, entries, tell, world_with_keys};
use crate::support::World;

/// A node that has kept this checkpoint when it ran before.
fn restarted(world: &World, kept: &str) -> Service {
    let node = world.neighbour(&world.pepper);
    node.log.begin_with(kept).unwrap();
    node
}

#[actix_web::test]
async fn a_restarted_node_goes_on_with_the_log_that_it_signed() {
    let world = world_with_keys(2).await;
    let kept = world.service.log.signed_checkpoint().unwrap();
    add_keys(&world, 1).await;
    append_all(&world.service).await;
    let node = restarted(&world, &kept);
    add_keys(&world, 1).await;
    append_all(&node).await;
    assert_eq!(checkpoint_of(&world.service).size, 4);
    assert_ne!(node.log.signed_checkpoint().unwrap(), kept);
    assert!(node.log.begin_with("x").is_err());
}

#[actix_web::test]
async fn a_restarted_node_signs_no_rewritten_log() {
    let world = world_with_keys(3).await;
    let earlier = saved(&world.service);
    add_keys(&world, 3).await;
    append_all(&world.service).await;
    let kept = world.service.log.signed_checkpoint().unwrap();
    put_back(&world.service, &earlier);
    add_keys(&world, 1).await;
    let refused = refusal(&restarted(&world, &kept)).await;
    assert!(refused.contains("fewer entries"), "{refused}");
    assert_eq!(entries(&world.service).len(), 3);
    // A machine that keeps no checkpoint believes the database.
    add_keys(&world, 3).await;
    append_all(&world.neighbour(&world.pepper)).await;
    add_keys(&world, 1).await;
    let refused = refusal(&restarted(&world, &kept)).await;
    assert!(refused.contains("not those that were signed"), "{refused}");
    assert_eq!(entries(&world.service).len(), 7);
}

#[actix_web::test]
async fn a_restarted_node_goes_on_with_the_log_of_a_restore() {
    let world = world_with_keys(3).await;
    let kept = world.service.log.signed_checkpoint().unwrap();
    assert!(!has_ended(&world.service, &kept).await.unwrap());
    restore::accept(&world.service, None, [].into()).await.unwrap();
    assert!(has_ended(&world.service, &kept).await.unwrap());
    append_all(&restarted(&world, &kept)).await;
    assert_eq!(checkpoint_of(&world.service).size, 4);
}

#[actix_web::test]
async fn no_log_that_has_ended_goes_on() {
    let world = world_with_keys(3).await;
    restore::accept(&world.service, None, [].into()).await.unwrap();
    append_all(&world.service).await;
    tell(&world.service, "UPDATE log_state SET origin = base, checkpoint = ''");
    add_keys(&world, 1).await;
    let refused = refusal(&world.service).await;
    assert!(refused.contains("a log that has ended"), "{refused}");
    assert_eq!(entries(&world.service).len(), 4);
}
