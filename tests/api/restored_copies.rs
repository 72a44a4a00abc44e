//! Copies of the database that the journal shows to be older, and restores that are run beside a server.

use std::path::Path;
use std::process::{Command, Output};

use diesel::RunQueryDsl;
use diesel::sql_query;
use tessera::domain::error::Error;
use tessera::domain::journal::{Journal, JournalEntry};
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::{restore, time};
use tessera::storage::database::Database;
use uuid::Uuid;

use crate::support::{Options, World};

/// A command on the SQLite database in that folder.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(arguments)
        .args(["--database-url", &format!("sqlite://{}/tessera.db", folder.display())])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The server was killed before it saved what it had seen, or that file was lost. The journal is written before the
/// answer.
#[test]
fn no_command_starts_on_a_copy_that_lacks_what_the_journal_has() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = |name: &str| folder.join(name);
    printed(folder, &["init"]);
    printed(folder, &["keys", "create", "--display-name", "doomed"]);
    let listed = printed(folder, &["keys", "list"]);
    let doomed = listed.lines().find(|line| line.contains("doomed")).unwrap().split('\t').next().unwrap();
    printed(folder, &["backup", "copy.db"]);
    let seen = std::fs::read(file("tessera.seen")).unwrap();
    printed(folder, &["keys", "delete", doomed]);
    for ending in ["-wal", "-shm"] {
        drop(std::fs::remove_file(file(&format!("tessera.db{ending}"))));
    }
    std::fs::copy(file("copy.db"), file("tessera.db")).unwrap();
    std::fs::write(file("tessera.seen"), seen).unwrap();
    for _ in 0..2 {
        let refused = refusal(folder, &["keys", "list"]);
        assert!(refused.contains("older copy") && refused.contains("apikey.deleted"), "{refused}");
        assert!(refused.contains("tessera restore"), "{refused}");
        drop(std::fs::remove_file(file("tessera.seen")));
    }
    let restored = printed(folder, &["restore"]);
    assert!(restored.contains("deleted again") && restored.contains(doomed), "{restored}");
    assert!(!printed(folder, &["keys", "list"]).contains("doomed"));
}

fn journal(installation: Uuid, entries: Vec<JournalEntry>) -> Journal {
    Journal { installation, begins_at: 0, entries }
}

#[actix_web::test]
async fn a_copy_that_lacks_an_entry_of_the_journal_is_refused_until_a_restore_is_accepted() {
    let world = World::new(&Options::default());
    let installation = time::begin(&world.service).await.unwrap().id;
    let mut follower = Follower::start(&world.service).await.unwrap();
    for name in ["a", "b"] {
        let key = world.key(name, &[]).await.api_key.id;
        tessera::service::keys::api_keys::delete(&world.service, &world.operator(), key).await.unwrap();
    }
    let changes = follower.step(&world.service).await.unwrap();
    let entries: Vec<JournalEntry> = changes.iter().filter_map(JournalEntry::of).collect();
    assert_eq!(entries.len(), 2);
    let check = async |entries: &[JournalEntry]| {
        restore::check_journal(&world.service, journal(installation, entries.to_vec())).await
    };
    check(&entries).await.unwrap();
    check(&[]).await.unwrap();
    // More than are looked for at once, with the lost one first.
    let mut long = vec![entries[0].clone()];
    long.extend(vec![entries[1].clone(); 6_000]);
    check(&long).await.unwrap();
    let back = format!("DELETE FROM changes WHERE id = '{}'", entries[0].change);
    world.service.database.write(|connection| Ok(sql_query(&back).execute(connection)?)).unwrap();
    for journal in [&entries, &long] {
        let refused = check(journal).await;
        assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains("apikey.deleted")), "{refused:?}");
    }
    // Not the journal of this database: it is refused by another message when it is to be continued.
    restore::check_journal(&world.service, journal(Uuid::nil(), entries.clone())).await.unwrap();
    world.service.clock.advance(1_000);
    // As on a machine whose journal the restore did not have.
    restore::accept(&world.service, None, [].into()).await.unwrap();
    check(&entries).await.unwrap();
    // What it takes away later counts again.
    let later =
        JournalEntry { change: Uuid::from_u128(1), changed_at: world.service.clock.now(), ..entries[0].clone() };
    assert!(check(&[later]).await.is_err());
}

#[test]
fn a_restore_and_accept_clock_are_refused_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    printed(folder, &["init"]);
    let url = format!("sqlite://{}/tessera.db", folder.display());
    let serving = Database::connect(&url.parse().unwrap(), 1).unwrap().serve().unwrap();
    for name in ["restore", "accept-restored", "accept-clock"] {
        let refused = refusal(folder, &[name]);
        assert!(refused.contains("a process serves") && refused.contains("stop every node first"), "{name}: {refused}");
    }
    drop(serving);
    let accepted = printed(folder, &["accept-clock"]);
    assert!(accepted.starts_with("The time is now 20"), "{accepted}");
    printed(folder, &["restore"]);
}
