//! What `tessera audit verify` says of a database that was tampered with: each deed is named.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use data_encoding::HEXLOWER;
use serde_json::Value;
use tempfile::TempDir;
use tessera::domain::log::note::VerifierKey;
use tessera::service::Service;
use tessera::service::log::append::append;
use tessera::service::upkeep::restore;

use super::rfc6962::leaf_hash;
use super::{Entry, add_keys, append_all, ask, checkpoint_origin, entries, tell, world_with_keys};
use crate::support::database::on_postgres;
use crate::support::{Options, World};

/// What a verification found.
pub struct Verified {
    pub code: i32,
    report: Value,
    pub text: String,
}

impl Verified {
    /// Each finding, sorted: its kind, and the change that it is about, or the number of the entry if the change is unknown.
    pub fn named(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().unwrap();
        let name = |finding: &Value| {
            let kind = finding["kind"].as_str().unwrap();
            match (finding["change"].as_str(), finding["index"].as_u64()) {
                (Some(change), _) => format!("{kind} {change}"),
                (None, Some(index)) => format!("{kind} #{index}"),
                (None, None) => kind.to_owned(),
            }
        };
        let mut names: Vec<String> = findings.iter().map(name).collect();
        names.sort();
        names
    }
}

fn run(arguments: &[&str]) -> Verified {
    let output = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(["audit", "verify", "--json"])
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let last = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    Verified { code: output.status.code().unwrap(), report: serde_json::from_str(&last).unwrap_or_default(), text }
}

pub fn verify(world: &World, more: &[&str]) -> Verified {
    let url = world.storage.url();
    run(&[&["--database-url", &url], more].concat())
}

/// Keeps the latest checkpoint in a file.
fn keep(service: &Service, folder: &TempDir, name: &str) -> String {
    let path = folder.path().join(name);
    let note = ask::<super::Note>(service, "SELECT checkpoint, public_key FROM log_state").remove(0).checkpoint;
    std::fs::write(&path, note).unwrap();
    path.to_str().unwrap().to_owned()
}

#[actix_web::test]
async fn an_honest_database_is_right_also_after_growth_and_with_earlier_checkpoints() {
    let (world, folder) = (world_with_keys(4).await, tempfile::tempdir().unwrap());
    let first = keep(&world.service, &folder, "first");
    add_keys(&world, 300).await;
    append_all(&world.service).await;
    let second = keep(&world.service, &folder, "second");
    add_keys(&world, 2).await;
    let verified = verify(&world, &["--checkpoint", &first, "--checkpoint", &second]);
    assert_eq!((verified.code, verified.named()), (0, vec![]), "{}", verified.text);
    assert_eq!((&verified.report["size"], &verified.report["rows"]), (&304.into(), &304.into()), "{}", verified.text);
    assert_eq!(verified.report["rowsNotInLog"], 2);
    let key = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(["audit", "key", "--database-url", &world.storage.url()])
        .output()
        .unwrap();
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let pinned = verify(&world, &["--key", &key]);
    assert_eq!((pinned.code, pinned.report["notes"].as_array().unwrap().len()), (0, 0), "{}", pinned.text);
    let missing = verify(&world, &["--checkpoint", "/nonexistent"]);
    assert_eq!(missing.code, 2, "{}", missing.text);
    let nowhere = run(&["--database-url", "sqlite:///nonexistent/t.db"]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.text);
}

#[actix_web::test]
async fn a_kind_of_subject_that_only_a_later_version_knows_is_logged_as_it_is_stored() {
    let world = World::new(&Options::default());
    add_keys(&world, 2).await;
    // As a node of a later version writes a row during a rolling upgrade, when it has changed the schema.
    let schema = if on_postgres() {
        "ALTER TABLE changes DROP CONSTRAINT IF EXISTS changes_subject_kind_known"
    } else {
        "PRAGMA ignore_check_constraints = ON"
    };
    let unchecked = format!("{schema}; UPDATE changes SET subject_kind = 'gadget'");
    tell(&world.service, &unchecked);
    append_all(&world.service).await;
    for entry in entries(&world.service) {
        assert!(entry.entry.contains(r#""subjectKind":"gadget","#), "{}", entry.entry);
    }
    let verified = verify(&world, &[]);
    assert_eq!((verified.code, verified.named()), (0, vec![]), "{}", verified.text);
    tell(&world.service, &unchecked.replace("gadget", "widget"));
    let verified = verify(&world, &[]);
    assert_eq!(verified.code, 1, "another kind is a changed row: {}", verified.text);
    assert!(verified.report["findings"][0]["text"].as_str().unwrap().ends_with(": subjectKind"), "{}", verified.text);
}

/// A deed against a database with six entries, and all that is to be named: `%N` stands for the change of the entry N.
struct Deed {
    done: &'static str,
    named: &'static [&'static str],
}

const DEEDS: [Deed; 19] = [
    Deed {
        done: "UPDATE changes SET actor_name = 'mallory', request_id = 'x' WHERE id = '%2'",
        named: &["row-changed %2"],
    },
    Deed { done: "UPDATE changes SET changed_at = changed_at + 1 WHERE id = '%3'", named: &["row-changed %3"] },
    Deed { done: "DELETE FROM changes WHERE id = '%0'", named: &["row-removed %0"] },
    Deed {
        done: "INSERT INTO changes SELECT 'aaaaaaaa-0000-7000-8000-000000000000', changed_at, actor_id, actor_name, action, \
               subject_kind, subject_id, subject_name, request_id, position, subject_name_folded, acted_by, \
               authenticated_by, address, state_before, state_after FROM changes WHERE id = '%1'",
        named: &["row-inserted aaaaaaaa-0000-7000-8000-000000000000"],
    },
    Deed {
        done: "UPDATE changes SET position = (SELECT position FROM changes WHERE id = '%4') WHERE id = '%1'",
        named: &["row-reordered %2", "row-reordered %3"],
    },
    Deed { done: "UPDATE changes SET position = 0 WHERE id = '%3'", named: &["row-reordered %3"] },
    Deed { done: "UPDATE changes SET position = 999999999999 WHERE id = '%5'", named: &["row-reordered %5"] },
    Deed { done: "UPDATE changes SET position = 999999999999 WHERE id = '%2'", named: &["row-reordered %2"] },
    Deed {
        done: "UPDATE log_leaves SET entry = replace(entry, 'key 2', 'key 9') WHERE place = 2",
        named: &["entry-changed %2", "row-changed %2"],
    },
    Deed { done: "DELETE FROM log_leaves WHERE place = 3", named: &["entry-missing #3", "row-inserted %3"] },
    Deed {
        done: "UPDATE log_leaves SET place = -1 WHERE place = 1; UPDATE log_leaves SET place = 1 WHERE place = 4; \
               UPDATE log_leaves SET place = 4 WHERE place = -1",
        named: &[
            "entry-reordered %1",
            "entry-reordered %4",
            "row-reordered %1",
            "row-reordered %2",
            "row-reordered %3",
        ],
    },
    Deed { done: "UPDATE log_tiles SET hashes = '0000' || substr(hashes, 5) WHERE level = 0", named: &["tile"] },
    Deed { done: "UPDATE log_tiles SET hashes = 'x' WHERE level = 0", named: &["tile"] },
    Deed { done: "DELETE FROM log_tiles WHERE level = 0", named: &["tile"] },
    Deed {
        done: "DELETE FROM log_tiles WHERE level = 0; DELETE FROM log_leaves WHERE place = 3",
        named: &["entry-missing #3", "root", "row-inserted %3", "tile"],
    },
    Deed {
        done: "UPDATE log_leaves SET change_id = 'x' WHERE place = 2",
        named: &["entry-changed %2", "row-inserted %2"],
    },
    Deed {
        done: "UPDATE changes SET subject_name = 'b', state_after = replace(state_after, 'key 5', 'b') WHERE id = '%5'; \
               UPDATE log_leaves SET entry = replace(entry, 'key 5', 'b') WHERE place = 5",
        named: &["entry-changed %5"],
    },
    Deed {
        done: "DELETE FROM log_leaves WHERE place = 5; DELETE FROM changes WHERE id = '%5'",
        named: &["entry-missing #5"],
    },
    Deed {
        done: "UPDATE log_state SET public_key = CASE WHEN substr(public_key, 1, 1) = '0' THEN '1' ELSE '0' END || \
               substr(public_key, 2)",
        named: &["checkpoint"],
    },
];

#[actix_web::test]
async fn each_deed_is_named_and_nothing_else() {
    for Deed { done, named } in DEEDS {
        let world = world_with_keys(6).await;
        let entries = entries(&world.service);
        let filled = |text: &str| {
            entries.iter().fold(text.to_owned(), |text, entry: &Entry| {
                text.replace(&format!("%{}", entry.place), &entry.change_id)
            })
        };
        tell(&world.service, &filled(done));
        let verified = verify(&world, &[]);
        let mut expected: Vec<String> = named.iter().map(|named| filled(named)).collect();
        expected.sort();
        assert_eq!((verified.code, verified.named()), (1, expected), "{done}: {}", verified.text);
    }
}

#[actix_web::test]
async fn a_checkpoint_of_another_tree_is_named() {
    let world = world_with_keys(6).await;
    let text = format!("replace(checkpoint, '{}', '{}')", "\n6\n", "\n5\n");
    tell(&world.service, &format!("UPDATE log_state SET checkpoint = {text}"));
    let verified = verify(&world, &[]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["checkpoint", "root"])), "{}", verified.text);
}

#[actix_web::test]
async fn an_entry_that_was_rewritten_with_its_row_and_its_hash_is_shown_by_the_root() {
    let world = world_with_keys(6).await;
    let Entry { change_id, entry, .. } = entries(&world.service).swap_remove(2);
    let entry = entry.replace(r#""requestId":""#, r#""requestId":"x"#);
    let hash = HEXLOWER.encode(&leaf_hash(entry.as_bytes()));
    tell(
        &world.service,
        &format!(
            "UPDATE changes SET request_id = 'x' || request_id WHERE id = '{change_id}'; \
             UPDATE log_leaves SET entry = '{entry}' WHERE place = 2; \
             UPDATE log_tiles SET hashes = substr(hashes, 1, 128) || '{hash}' || substr(hashes, 193)"
        ),
    );
    let verified = verify(&world, &[]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["root"])), "{}", verified.text);
}

#[actix_web::test]
async fn a_key_that_is_not_the_one_that_was_kept_is_named() {
    let world = world_with_keys(2).await;
    let other = VerifierKey::of_log(&checkpoint_origin(&world.service), [7; 32]).to_string();
    let verified = verify(&world, &["--key", &other]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["checkpoint", "key"])), "{}", verified.text);
}

#[actix_web::test]
async fn a_log_that_cannot_be_read_is_not_called_altered() {
    let world = world_with_keys(2).await;
    tell(&world.service, "ALTER TABLE log_tiles RENAME TO elsewhere");
    let verified = verify(&world, &[]);
    assert_eq!((verified.code, &verified.report), (2, &Value::Null), "{}", verified.text);
    assert!(verified.text.contains("log_tiles"), "{}", verified.text);
}

#[actix_web::test]
async fn damaged_hashes_do_not_stop_a_restore() {
    let world = world_with_keys(3).await;
    tell(&world.service, "UPDATE log_tiles SET hashes = 'x'");
    let log = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    assert_eq!(log.size, 3);
}

#[actix_web::test]
async fn the_members_that_were_changed_are_named() {
    let world = world_with_keys(3).await;
    let id = entries(&world.service)[1].change_id.clone();
    tell(&world.service, &format!("UPDATE changes SET actor_name = 'm', subject_name = 's' WHERE id = '{id}'"));
    let verified = verify(&world, &[]);
    let text = verified.report["findings"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("actor, subject"), "{text}");
}

#[actix_web::test]
async fn a_rollback_is_named_by_a_checkpoint_that_was_kept() {
    let (world, folder) = (world_with_keys(3).await, tempfile::tempdir().unwrap());
    let earlier = keep(&world.service, &folder, "earlier");
    let saved = saved(&world.service);
    add_keys(&world, 3).await;
    append_all(&world.service).await;
    let kept = keep(&world.service, &folder, "kept");
    put_back(&world.service, &saved);
    assert_eq!(verify(&world, &["--checkpoint", &earlier]).code, 0, "nothing but the kept checkpoint shows it");
    let verified = verify(&world, &["--checkpoint", &kept]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["rolled-back"])), "{}", verified.text);
    // And goes on from there: a fork, which no node signs that was running meanwhile.
    add_keys(&world, 5).await;
    let refused = refusal(&world.service).await;
    assert!(refused.contains("fewer entries"), "{refused}");
    append_all(&world.neighbour(&world.pepper)).await;
    let verified = verify(&world, &["--checkpoint", &kept]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["inconsistent"])), "{}", verified.text);
}

/// The state of a log with fewer than 256 entries.
#[derive(diesel::QueryableByName)]
pub struct Saved {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    size: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    checkpoint: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    position: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    change_id: String,
}

pub fn saved(service: &Service) -> Saved {
    ask(service, "SELECT size, checkpoint, position, change_id FROM log_state").remove(0)
}

/// What somebody does who can write the database, and wants it to forget the changes since.
pub fn put_back(service: &Service, saved: &Saved) {
    let Saved { size, checkpoint, position, change_id } = saved;
    tell(
        service,
        &format!(
            "DELETE FROM changes WHERE id IN (SELECT change_id FROM log_leaves WHERE place >= {size}); \
             DELETE FROM log_leaves WHERE place >= {size}; \
             UPDATE log_tiles SET hashes = substr(hashes, 1, {}); \
             UPDATE log_state SET size = {size}, checkpoint = '{checkpoint}', position = {position}, \
             change_id = '{change_id}'",
            64 * size
        ),
    );
}

pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[actix_web::test]
async fn what_a_restore_has_lost_is_said_and_what_it_has_left_is_proved() {
    let (world, folder) = (world_with_keys(3).await, tempfile::tempdir().unwrap());
    let within = keep(&world.service, &folder, "within");
    let forked = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    append_all(&world.service).await;
    assert_eq!(checkpoint_origin(&world.service), forked.origin);
    let verified = verify(&world, &["--checkpoint", &within]);
    assert_eq!((verified.code, verified.named()), (0, vec![]), "{}", verified.text);
    // As if the backup had been taken when there were two entries: the third is lost.
    tell(&world.service, "UPDATE log_forks SET size = 2, root = ''");
    let verified = verify(&world, &["--checkpoint", &within]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["fork"])), "{}", verified.text);
    assert!(verified.text.contains("the last 1 were lost in a restore"), "{}", verified.text);
}

#[actix_web::test]
async fn a_log_of_another_installation_is_not_taken_for_this_one() {
    let (world, other, folder) = (world_with_keys(2).await, world_with_keys(2).await, tempfile::tempdir().unwrap());
    let foreign = keep(&other.service, &folder, "foreign");
    let verified = verify(&world, &["--checkpoint", &foreign]);
    assert_eq!((verified.code, verified.named()), (1, strings(&["checkpoint"])), "{}", verified.text);
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, "x").unwrap();
    assert_eq!(verify(&world, &["--checkpoint", path(&damaged)]).code, 1);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Why a node does not append. On PostgreSQL transactions of other tests, which share the server, let it wait.
pub async fn refusal(node: &Service) -> String {
    let began = Instant::now();
    loop {
        match append(node, None).await {
            Err(error) => return error.to_string(),
            Ok(()) => assert!(began.elapsed() < Duration::from_mins(1), "nothing is refused"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn nothing_is_signed_over_a_log_that_was_altered() {
    for alteration in [
        "UPDATE log_tiles SET hashes = substr(hashes, 1, length(hashes) - 1) || '0' WHERE level = 0",
        "UPDATE log_tiles SET hashes = substr(hashes, 65)",
        "DELETE FROM log_tiles",
        "UPDATE log_state SET size = 1",
        "UPDATE log_state SET checkpoint = 'x'",
        "UPDATE log_state SET checkpoint = ''",
        "UPDATE log_state SET origin = 'another'",
        "DELETE FROM log_state",
        "DELETE FROM log_leaves WHERE place < 0; DELETE FROM log_tiles; \
         UPDATE log_state SET size = 0, position = -1, change_id = '', checkpoint = ''",
    ] {
        let world = world_with_keys(3).await;
        // The last digit may be 0 already.
        tell(
            &world.service,
            &alteration.replace("|| '0'", "|| CASE WHEN substr(hashes, length(hashes)) = '0' THEN '1' ELSE '0' END"),
        );
        add_keys(&world, 1).await;
        let refused = refusal(&world.service).await;
        assert!(refused.contains("tessera audit verify"), "{alteration}: {refused}");
        assert_eq!(entries(&world.service).len(), 3, "{alteration}");
    }
}
