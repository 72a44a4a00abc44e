//! A restore beside a node that runs, which nobody should do.

use std::time::Duration;

use actix_web::rt::time::sleep;
use tessera::domain::change::{Action, ChangeSubject};
use tessera::domain::journal::JournalEntry;
use tessera::service::Service;
use tessera::service::upkeep::restore::{self, Accepted};
use uuid::Uuid;

use super::{node, rows, until};
use crate::freshness::{is_let_in, strict};
use crate::support::World;

/// Begins a restore that ends the key of that id.
fn restoring(service: &Service, key: Uuid) -> actix_web::rt::task::JoinHandle<Accepted> {
    let lost = JournalEntry {
        change: Uuid::from_u128(1),
        changed_at: 1,
        action: Action::ApiKeyDeleted.name().to_owned(),
        subject: ChangeSubject::Principal(key),
        subject_name: "a".to_owned(),
    };
    let service = service.clone();
    actix_web::rt::spawn(async move { restore::accept(&service, None, [vec![lost]].into()).await.unwrap() })
}

async fn until_committed(service: &Service) {
    until(|| rows(service).iter().all(|node| node.acknowledged.is_empty())).await;
}

#[actix_web::test]
async fn a_restore_waits_for_a_node_that_runs() {
    let world = World::new(&strict());
    let key = world.key("a", &[]).await;
    let (there, mut follower) = node(&world, "there").await;
    let (id, token) = (key.api_key.id.uuid(), key.token.expose());
    assert!(is_let_in(&there, &token).await);
    let restoring = restoring(&world.service, id);
    until_committed(&there).await;
    sleep(Duration::from_millis(100)).await;
    assert!(!restoring.is_finished());
    follower.step(&there).await.unwrap();
    assert_eq!(restoring.await.unwrap().reapplied.len(), 1);
    assert!(!is_let_in(&there, &token).await);
    assert_eq!(rows(&there).len(), 1, "it is waited for again");
}

/// What such a node acknowledged before says nothing: in a restored copy that may be a position of another cluster.
#[actix_web::test]
async fn a_restore_silences_a_node_that_does_not_acknowledge() {
    let world = World::new(&strict());
    let key = world.key("a", &[]).await;
    let (there, _) = node(&world, "there").await;
    let further = "UPDATE nodes SET acknowledged = '999999999:999999999:'";
    let further = |connection: &mut _| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(further), connection)?);
    world.service.database.write(further).unwrap();
    let restoring = restoring(&world.service, key.api_key.id.uuid());
    until_committed(&there).await;
    sleep(Duration::from_millis(100)).await;
    assert!(!restoring.is_finished());
    world.service.clock.advance(2_101);
    assert_eq!(restoring.await.unwrap().reapplied.len(), 1);
    until(|| rows(&there).iter().all(|node| node.silenced)).await;
    until(|| {
        world.service.clock.advance(500);
        rows(&there).is_empty()
    })
    .await;
    world.service.finish_dismissals().await;
}
