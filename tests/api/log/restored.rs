//! Which log goes on after a restore that is run twice.

use tessera::domain::change::{Action, ChangeSubject};
use tessera::domain::journal::JournalEntry;
use tessera::service::upkeep::restore;
use uuid::Uuid;

use super::tamper::{put_back, saved, verify};
use super::{append_all, checkpoint_origin, world_with_keys};

/// A second run, for the journal of another machine: the key of the log was given out after the first.
#[actix_web::test]
async fn a_restore_that_is_run_again_before_a_node_serves_keeps_the_log_of_the_first_run() {
    let world = world_with_keys(3).await;
    let first = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    let waiting = verify(&world, &[]);
    assert_eq!(waiting.code, 2, "{}", waiting.text);
    assert!(waiting.text.contains("3 entries that a restore has left"), "{}", waiting.text);
    let lost = JournalEntry {
        change: Uuid::from_u128(1),
        changed_at: 1,
        action: Action::ApiKeyDeleted.name().to_owned(),
        subject: ChangeSubject::Principal(Uuid::from_u128(2)),
        subject_name: "it".to_owned(),
    };
    let again = restore::accept(&world.service, None, [vec![lost]].into()).await.unwrap().log.unwrap();
    assert_eq!((&again.origin, &again.ended, again.size), (&first.origin, &first.ended, 3));
    append_all(&world.service).await;
    assert_eq!(checkpoint_origin(&world.service), first.origin);
    let verified = verify(&world, &[]);
    assert_eq!((verified.code, verified.named()), (0, vec![]), "{}", verified.text);
    // It has been signed now: a later restore ends it.
    let later = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    assert_eq!(later.ended, first.origin);
}

/// A backup that was made between the restore and the first signature, and is restored after it.
#[actix_web::test]
async fn a_log_that_this_machine_has_signed_ends_also_if_the_copy_does_not_know_that() {
    let world = world_with_keys(2).await;
    let first = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    let (copy, node) = (saved(&world.service), world.neighbour(&world.pepper));
    append_all(&world.service).await;
    node.log.begin_with(&world.service.log.signed_checkpoint().unwrap()).unwrap();
    put_back(&world.service, &copy);
    let again = restore::accept(&node, None, [].into()).await.unwrap().log.unwrap();
    assert_eq!(again.ended, first.origin);
    assert_ne!(again.origin, first.origin);
}
