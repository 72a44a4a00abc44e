//! Restored backups: a process notices that the database is older than what it saw.

use diesel::RunQueryDsl;
use diesel::sql_query;
use tessera::domain::error::Error;
use tessera::domain::installation::Seen;
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::{restore, time};

use crate::support::{App, Options, World};

/// The state that a process remembers after some changes.
async fn seen_of(world: &World) -> Seen {
    let installation = time::begin(&world.service).await.unwrap();
    let mut follower = Follower::start(&world.service).await.unwrap();
    world.key("a", &[]).await;
    let changes = follower.step(&world.service).await.unwrap();
    assert_eq!(changes.len(), 1);
    Seen::of(installation.id, &changes)
}

/// Removes the last change, like a backup from before it.
fn go_back(world: &World, seen: &Seen) {
    let back = format!("DELETE FROM changes WHERE id = '{}'", seen.changes[0]);
    let gone = world.service.database.write(|connection| Ok(sql_query(&back).execute(connection)?));
    assert_eq!(gone.unwrap(), 1);
}

fn is_refused(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Err(Error::Conflict(_)))
}

#[actix_web::test]
async fn the_database_and_later_states_of_it_are_taken() {
    let world = World::new(&Options::default());
    world.user("ada", tessera::domain::principal::Role::Member).await;
    let seen = seen_of(&world).await;
    assert!(restore::check(&world.service, seen.clone()).await.is_ok());
    world.key("b", &[]).await;
    assert!(restore::check(&world.service, seen).await.is_ok());
    let empty = World::new(&Options::default());
    let elsewhere = seen_of(&world).await;
    assert!(restore::check(&empty.service, elsewhere).await.is_ok(), "nothing has happened there");
}

#[actix_web::test]
async fn an_older_copy_is_refused_also_if_much_has_been_done_with_it_since() {
    let world = World::new(&Options::default());
    world.user("ada", tessera::domain::principal::Role::Member).await;
    let seen = seen_of(&world).await;
    go_back(&world, &seen);
    assert!(is_refused(&restore::check(&world.service, seen.clone()).await));
    world.service.clock.advance(1000);
    for _ in 0..3 {
        world.key("b", &[]).await;
    }
    assert!(is_refused(&restore::check(&world.service, seen).await));
}

#[actix_web::test]
async fn another_database_is_refused() {
    let (world, other) = (World::new(&Options::default()), World::new(&Options::default()));
    let seen = seen_of(&world).await;
    seen_of(&other).await;
    assert!(is_refused(&restore::check(&other.service, seen).await));
}

#[actix_web::test]
async fn accepting_a_copy_ends_every_session_tells_what_is_unknown_and_holds_for_every_machine() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let seen = seen_of(&app).await;
    go_back(&app, &seen);
    let accepted = restore::accept(&app.service, Some(seen.clone())).await.unwrap();
    assert_eq!((accepted.sessions, accepted.unknown.len()), (1, 2));
    assert!(accepted.unknown.iter().any(|each| each.principal == key.id && each.display_name.is_some()));
    admin.whoami().await.refused("TESSERA-401-002");
    key.whoami().await.ok();
    assert!(restore::check(&app.service, seen.clone()).await.is_ok());
    let later = Seen { at: app.now() + 1, ..seen };
    assert!(is_refused(&restore::check(&app.service, later).await), "it was accepted before that was seen");
    assert!(crate::storage::actions(&app.service).contains(&"installation.restore_accepted".to_owned()));
}

#[actix_web::test]
async fn what_is_kept_reads_as_it_was_written_and_nothing_else_does() {
    let world = World::new(&Options::default());
    let seen = seen_of(&world).await;
    assert_eq!(Seen::parse(&seen.to_string()), Some(seen.clone()));
    let installation = time::begin(&world.service).await.unwrap();
    assert_eq!(restore::latest_seen(&world.service, &installation).await.unwrap(), seen);
    let text = seen.to_string();
    for length in 0..text.len() - 1 {
        assert_eq!(Seen::parse(&text[..length]), None, "{length}");
    }
    assert_eq!(Seen::parse(&text[1..]), None);
}
