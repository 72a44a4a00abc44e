//! Copies of the database that the journal shows to be older, and restores that are run beside a server.

use std::path::Path;
use std::process::{Command, Output};

use diesel::RunQueryDsl;
use diesel::sql_query;
use tessera::clock::{DAY, HOUR};
use tessera::domain::change::{Action, ChangeSubject};
use tessera::domain::error::Error;
use tessera::domain::journal::{Journal, JournalEntry};
use tessera::service::upkeep::{maintenance, restore, time};
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

/// Two machines with one pepper: the restore on one of them did not have the journal of the other.
#[test]
fn a_machine_whose_journal_a_restore_did_not_have_starts_only_after_one_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let a = |arguments: &[&str]| printed(folder, &[arguments, &["--seen-file", "a/tessera.seen"]].concat());
    let b = |arguments: &[&str]| printed(folder, &[arguments, &["--seen-file", "b/tessera.seen"]].concat());
    for machine in ["a", "b"] {
        std::fs::create_dir(folder.join(machine)).unwrap();
    }
    a(&["init"]);
    for name in ["doomed", "kept"] {
        a(&["keys", "create", "--display-name", name]);
    }
    let listed = b(&["keys", "list"]);
    let doomed = listed.lines().find(|line| line.contains("doomed")).unwrap().split('\t').next().unwrap();
    a(&["backup", "copy.db"]);
    b(&["keys", "delete", doomed]);
    let lose = || {
        for ending in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(folder.join(format!("tessera.db{ending}"))));
        }
        std::fs::copy(folder.join("copy.db"), folder.join("tessera.db")).unwrap();
    };
    let with_journal = || a(&["restore", "--journal", "b/tessera.journal"]);
    let there = || b(&["restore"]);
    for restore in [&with_journal as &dyn Fn() -> String, &there] {
        lose();
        assert!(!a(&["restore"]).contains("deleted again"));
        for command in [&["keys", "list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let refused = refusal(folder, &[command, &["--seen-file", "b/tessera.seen"]].concat());
            assert!(refused.contains("restored without the journal of this machine"), "{refused}");
            assert!(refused.contains("apikey.deleted") && refused.contains("--journal"), "{refused}");
        }
        let restored = restore();
        assert!(restored.contains("deleted again") && restored.contains(doomed), "{restored}");
        for machine in [&b as &dyn Fn(&[&str]) -> String, &a] {
            let listed = machine(&["keys", "list"]);
            assert!(listed.contains("kept") && !listed.contains("doomed"), "{listed}");
        }
        // Both journals have the entry now: the next restore needs one of them only.
        lose();
        assert!(a(&["restore"]).contains("deleted again"));
        b(&["keys", "list"]);
        std::fs::remove_file(folder.join("a/tessera.journal")).unwrap();
    }
}

/// A machine that keeps a journal, as [`check_journal`](restore::check_journal) reads it.
struct Machine(Journal);

impl Machine {
    async fn new(world: &World) -> Self {
        let installation = time::begin(&world.service).await.unwrap().id;
        Self(Journal { installation, begins_at: world.service.clock.now(), entries: Vec::new() })
    }

    /// As at a start.
    async fn catch_up(&mut self, world: &World) {
        let missed = restore::not_in(&world.service, &self.0).await.unwrap();
        self.0.entries.extend(missed.iter().filter_map(JournalEntry::of));
    }

    fn knows(&self, key: Uuid) -> bool {
        self.0.entries.iter().any(|entry| entry.subject.id() == key)
    }

    async fn is_refused(&self, world: &World, text: &str) {
        let refused = restore::check_journal(&world.service, &self.0).await;
        assert!(matches!(&refused, Err(Error::Conflict(told)) if told.contains(text)), "{text}: {refused:?}");
    }

    async fn starts(&self, world: &World) {
        restore::check_journal(&world.service, &self.0).await.unwrap();
    }
}

/// A key that is created and deleted again.
async fn deleted_key(world: &World, name: &str) -> Uuid {
    let key = world.key(name, &[]).await.api_key.id;
    tessera::service::keys::api_keys::delete(&world.service, &world.operator(), key).await.unwrap();
    key.uuid()
}

/// Makes the database a copy of that time.
fn go_back(world: &World, to: i64) {
    let back = format!("DELETE FROM changes WHERE changed_at > {to}");
    world.service.database.write(|connection| Ok(sql_query(&back).execute(connection)?)).unwrap();
}

async fn restore_with(world: &World, machines: &[&Machine]) {
    world.service.clock.advance(HOUR);
    let entries: Vec<Vec<JournalEntry>> = machines.iter().map(|machine| machine.0.entries.clone()).collect();
    restore::accept(&world.service, None, entries.into()).await.unwrap();
}

#[actix_web::test]
async fn a_copy_that_lacks_an_entry_of_the_journal_is_refused_until_a_restore_has_that_journal() {
    let world = World::new(&Options::default());
    let mut machine = Machine::new(&world).await;
    deleted_key(&world, "a").await;
    let copied_at = world.service.clock.now();
    world.service.clock.advance(1_000);
    deleted_key(&world, "b").await;
    machine.starts(&world).await;
    machine.catch_up(&world).await;
    machine.starts(&world).await;
    let [before, lost] = &machine.0.entries[..] else { panic!("{:?}", machine.0.entries) };
    // More than are looked for at once, with the lost one first.
    let mut long = vec![lost.clone()];
    long.extend(vec![before.clone(); 6_000]);
    let long = Machine(Journal { entries: long, ..machine.0.clone() });
    long.starts(&world).await;
    go_back(&world, copied_at);
    for machine in [&machine, &long] {
        machine.is_refused(&world, "older copy").await;
        machine.is_refused(&world, "apikey.deleted").await;
    }
    // Not the journal of this database: it is refused by another message when it is to be continued.
    Machine(Journal { installation: Uuid::nil(), ..machine.0.clone() }).starts(&world).await;
    restore_with(&world, &[]).await;
    for machine in [&machine, &long] {
        machine.is_refused(&world, "restored without the journal of this machine").await;
    }
    restore_with(&world, &[&machine]).await;
    machine.starts(&world).await;
    long.starts(&world).await;
}

/// Two machines saw other revocations than one another, and one that both saw.
#[actix_web::test]
async fn a_machine_starts_after_restores_in_any_order_if_one_of_them_had_its_journal() {
    for order in ["AB", "BA", "A B", "B A", "A AB", "A BAC", "C A B", "A", "B", "C", ""] {
        let world = World::new(&Options::default());
        let [mut a, mut b, mut c] =
            [Machine::new(&world).await, Machine::new(&world).await, Machine::new(&world).await];
        deleted_key(&world, "before").await;
        for machine in [&mut a, &mut b, &mut c] {
            machine.catch_up(&world).await;
        }
        let copied_at = world.service.clock.now();
        world.service.clock.advance(1_000);
        let [both, only_a, only_b] =
            [deleted_key(&world, "x").await, deleted_key(&world, "a").await, deleted_key(&world, "b").await];
        world.service.clock.advance(3 * HOUR);
        deleted_key(&world, "last").await;
        for (machine, unseen) in [(&mut a, only_b), (&mut b, only_a)] {
            machine.catch_up(&world).await;
            machine.0.entries.retain(|entry| entry.subject.id() != unseen);
        }
        go_back(&world, copied_at);
        for restored in order.split(' ').filter(|_| !order.is_empty()) {
            let named = restored.chars().map(|name| match name {
                'A' => &a,
                'B' => &b,
                _ => &c,
            });
            restore_with(&world, &named.collect::<Vec<_>>()).await;
        }
        for (name, machine) in [('A', &a), ('B', &b), ('C', &c)] {
            if order.contains(name) || name == 'C' {
                machine.starts(&world).await;
            } else {
                machine.is_refused(&world, if order.is_empty() { "older copy" } else { "restored without" }).await;
            }
        }
        if !(order.contains('A') && order.contains('B')) {
            continue;
        }
        // What the restores made again is in every journal after a start, also long after.
        world.service.clock.advance(30 * DAY);
        let later = deleted_key(&world, "later").await;
        maintenance::forget_ended(&world.service).await.unwrap();
        maintenance::forget_old_usage(&world.service).await.unwrap();
        for machine in [&mut a, &mut b, &mut c] {
            machine.starts(&world).await;
            machine.catch_up(&world).await;
            assert!([both, only_a, only_b, later].into_iter().all(|key| machine.knows(key)), "{order}");
        }
        // So each of them alone suffices for the next restore.
        go_back(&world, copied_at);
        c.is_refused(&world, "older copy").await;
        restore_with(&world, &[&c]).await;
        for machine in [&a, &b, &c] {
            machine.starts(&world).await;
        }
    }
}

#[actix_web::test]
async fn a_restore_enters_every_entry_whatever_it_can_do_about_it() {
    let world = World::new(&Options::default());
    let mut machine = Machine::new(&world).await;
    let key = world.key("a", &[]).await.api_key.id.uuid();
    let names = Action::ALL.into_iter().filter(|action| action.revocation().is_some()).map(Action::name);
    for action in names.chain(["something.of_a_later_version"]) {
        for subject in ChangeSubject::KINDS {
            for id in [key, Uuid::nil()] {
                machine.0.entries.push(JournalEntry {
                    change: Uuid::from_u128(machine.0.entries.len() as u128 + 1),
                    changed_at: 1,
                    action: action.to_owned(),
                    subject: ChangeSubject::parse(subject, id).unwrap(),
                    subject_name: "it".to_owned(),
                });
            }
        }
    }
    machine.is_refused(&world, "older copy").await;
    restore_with(&world, &[&machine]).await;
    machine.starts(&world).await;
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
