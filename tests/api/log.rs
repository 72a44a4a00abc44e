//! The log of the changes: every committed change is in it once, in order, and proved.

mod copy;
mod receipts;
mod restart;
mod restored;
mod rfc6962;
mod tamper;

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use data_encoding::BASE64;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use serde_json::Value;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::service::Service;
use tessera::service::log::append::{append, append_some};
use tessera::service::upkeep::{restore, time};

use self::rfc6962::{Checkpoint, includes, leaf_hash, tree_hash, verifies};
use crate::support::database::on_postgres;
use crate::support::{App, Options, World};

const LOG: &str = "/audit/log";
const AUDIT: &str = "/api/service/audit";

/// An entry as the database has it.
#[derive(QueryableByName, Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct Entry {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Text)]
    change_id: String,
    #[diesel(sql_type = Text)]
    entry: String,
}

/// Asks either database.
fn ask<T>(service: &Service, query: &str) -> Vec<T>
where
    T: QueryableByName<diesel::sqlite::Sqlite> + QueryableByName<diesel::pg::Pg> + Send + 'static,
{
    use tessera::storage::database::AnyConnection;
    let rows = service.database.read(|connection| {
        Ok(match connection {
            AnyConnection::Postgres(postgres) => sql_query(query).load(postgres)?,
            AnyConnection::Sqlite(sqlite) => sql_query(query).load(sqlite)?,
        })
    });
    rows.unwrap()
}

fn tell(service: &Service, statements: &str) {
    service
        .database
        .write(|connection| {
            connection.batch_execute(statements)?;
            Ok(())
        })
        .unwrap();
}

/// The id of the change of the first entry.
pub fn first_in_log(service: &Service) -> String {
    entries(service).remove(0).change_id
}

fn entries(service: &Service) -> Vec<Entry> {
    ask(service, "SELECT place, change_id, entry FROM log_leaves ORDER BY place")
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The changes in the order of their commits.
fn changes(service: &Service) -> Vec<String> {
    let rows: Vec<Id> = ask(service, "SELECT id FROM changes ORDER BY position, id");
    rows.into_iter().map(|row| row.id).collect()
}

fn assert_all_are_in_order(service: &Service) {
    let entries = entries(service);
    assert_eq!(entries.iter().map(|entry| entry.change_id.clone()).collect::<Vec<_>>(), changes(service));
    assert!(entries.iter().zip(0..).all(|(entry, place)| entry.place == place));
}

/// Appends every change. On PostgreSQL transactions of other tests, which share the server, hold the horizon back.
pub async fn append_all(service: &Service) {
    time::begin(service).await.unwrap();
    let began = Instant::now();
    loop {
        append(service, None).await.unwrap();
        if entries(service).len() == changes(service).len() {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "not everything is appended");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn world_with_keys(count: usize) -> World {
    let world = World::new(&Options::default());
    add_keys(&world, count).await;
    append_all(&world.service).await;
    world
}

async fn add_keys(world: &World, count: usize) {
    for number in 0..count {
        world.service.clock.advance(1);
        world.key(&format!("key {number}"), &[]).await;
    }
}

#[actix_web::test]
async fn every_change_is_appended_once_in_the_order_of_the_commits() {
    let world = world_with_keys(5).await;
    assert_all_are_in_order(&world.service);
    let before = entries(&world.service);
    append_all(&world.service).await;
    assert_eq!(entries(&world.service), before, "nothing is appended twice");
    add_keys(&world, 3).await;
    append_all(&world.service).await;
    assert_all_are_in_order(&world.service);
    assert_eq!(entries(&world.service)[..5], before, "what is appended stays as it is");
}

#[actix_web::test]
async fn nodes_that_append_at_the_same_time_append_every_change_once() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    let nodes: Vec<Service> = (0..3).map(|_| world.neighbour(&world.pepper)).collect();
    for round in 0..4 {
        add_keys(&world, 5 + round).await;
        let both = nodes.iter().map(|node| append(node, None));
        for outcome in futures_util::future::join_all(both).await {
            outcome.unwrap();
        }
    }
    append_all(&world.service).await;
    assert_all_are_in_order(&world.service);
}

#[actix_web::test]
async fn a_change_that_is_committed_late_is_appended_late_and_nothing_overtakes_it() {
    if !on_postgres() {
        return; // SQLite has one writer.
    }
    let world = world_with_keys(2).await;
    let mut slow = PgConnection::establish(&world.storage.url()).unwrap();
    let copied = "INSERT INTO changes SELECT 'aaaaaaaa-0000-7000-8000-000000000000', changed_at, actor_id, actor_name, action, \
                  subject_kind, subject_id, subject_name, request_id, pg_current_xact_id()::text::bigint, \
                  subject_name_folded, acted_by, authenticated_by, address, state_before, state_after FROM changes LIMIT 1";
    slow.batch_execute(&format!("BEGIN; {copied}")).unwrap();
    add_keys(&world, 2).await;
    append(&world.service, None).await.unwrap();
    assert_eq!(entries(&world.service).len(), 2, "what was committed after it waits for it");
    slow.batch_execute("COMMIT").unwrap();
    append_all(&world.service).await;
    assert_all_are_in_order(&world.service);
    let entries = entries(&world.service);
    assert_eq!((entries.len(), entries[2].change_id.as_str()), (5, "aaaaaaaa-0000-7000-8000-000000000000"));
}

#[actix_web::test]
async fn a_log_with_thousands_of_older_changes_catches_up_in_batches() {
    let world = World::new(&Options::default());
    world.key("first", &[]).await;
    // As an upgrade finds them: made before there were positions.
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1400) \
                INSERT INTO changes SELECT substr('00000000', 1, 8 - length(CAST(i AS TEXT))) || i || '-0000-7000-8000-000000000000', \
                changed_at, actor_id, actor_name, action, subject_kind, subject_id, subject_name, request_id, 0, \
                subject_name_folded, acted_by, authenticated_by, address, state_before, state_after FROM n, changes";
    tell(&world.service, many);
    time::begin(&world.service).await.unwrap();
    append_some(&world.service, None).await.unwrap();
    append_some(&world.service, None).await.unwrap();
    assert_eq!(entries(&world.service).len(), 250, "one batch");
    append_all(&world.service).await;
    assert_all_are_in_order(&world.service);
    let hashes: Vec<_> = entries(&world.service).iter().map(|entry| leaf_hash(entry.entry.as_bytes())).collect();
    let state = checkpoint_of(&world.service);
    assert_eq!((state.size, state.root), (1401, tree_hash(&hashes)));
}

#[derive(QueryableByName)]
struct Note {
    #[diesel(sql_type = Text)]
    checkpoint: String,
    #[diesel(sql_type = Text)]
    public_key: String,
}

/// The checkpoint, verified.
fn checkpoint_of(service: &Service) -> Checkpoint {
    let Note { checkpoint, public_key } = ask(service, "SELECT checkpoint, public_key FROM log_state").remove(0);
    let key: [u8; 32] = data_encoding::HEXLOWER.decode(public_key.as_bytes()).unwrap().try_into().unwrap();
    verifies(&checkpoint, key).unwrap()
}

#[actix_web::test]
async fn positions_of_another_cluster_lose_no_change_and_repeat_none() {
    if !on_postgres() {
        return; // Copies of SQLite keep their positions.
    }
    let world = world_with_keys(3).await;
    add_keys(&world, 2).await;
    // As a dump has them that was taken before these two were appended, from a cluster with far more transactions.
    tell(
        &world.service,
        "UPDATE changes SET position = position + 4000000000000; UPDATE log_state SET position = position + 4000000000000",
    );
    world.service.database.migrate().unwrap();
    add_keys(&world, 2).await;
    append_all(&world.service).await;
    let appended: Vec<String> = entries(&world.service).into_iter().map(|entry| entry.change_id).collect();
    let mut sorted = (appended.clone(), changes(&world.service));
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    add_keys(&world, 1).await;
    append_all(&world.service).await;
}

#[actix_web::test]
async fn every_entry_is_proved_to_whoever_may_read_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    for number in 0..9 {
        admin.create(&format!("key {number}")).await;
    }
    append_all(&app.service).await;
    let key = checkpoint_of(&app.service);
    let auditor = app.key_with(&[Permission::ViewAudit]).await.client;
    for id in entries(&app.service).iter().map(|entry| entry.change_id.clone()) {
        let proof = auditor.get(&format!("{AUDIT}/{id}/proof")).await.ok();
        let hashes: Vec<[u8; 32]> = proof["hashes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| BASE64.decode(hash.as_str().unwrap().as_bytes()).unwrap().try_into().unwrap())
            .collect();
        let leaf = proof["leaf"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(leaf).unwrap()["id"], id.as_str());
        let (index, size) = (proof["leafIndex"].as_u64().unwrap(), proof["treeSize"].as_u64().unwrap());
        let checkpoint = verifies(proof["checkpoint"].as_str().unwrap(), key.key).unwrap();
        assert_eq!(checkpoint.size, size);
        assert!(includes(&hashes, index, size, leaf_hash(leaf.as_bytes()), checkpoint.root), "{proof}");
        assert!(!includes(&hashes, index, size, leaf_hash(b"another"), checkpoint.root));
    }
    // Made after the last of them.
    app.advance(1);
    app.key("late", &[]).await;
    let change = auditor.list(AUDIT, &[("limit", "1")]).await.column("id")[0].clone();
    auditor.get(&format!("{AUDIT}/{change}/proof")).await.refused("TESSERA-409-001");
    auditor.get(&format!("{AUDIT}/01a205f3-fb6b-7054-a09c-1dac28a6cf2f/proof")).await.refused("TESSERA-404-001");
    auditor.get(&format!("{AUDIT}/x/proof")).await.refused("TESSERA-404-001");
    let other = app.key_with(&[Permission::ManageApiKeys]).await.client;
    other.get(&format!("{AUDIT}/{change}/proof")).await.refused("TESSERA-403-001");
    other.get(&format!("{AUDIT}/x/proof")).await.refused("TESSERA-403-001");
}

#[actix_web::test]
async fn an_entry_says_what_the_audit_trail_says() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.advance(1);
    admin.with("x-request-id", "first").create("ä \"quoted\"").await;
    append_all(&app.service).await;
    let mut shown = admin.list(AUDIT, &[("limit", "1")]).await.ok()["records"][0].clone();
    let detail = admin.get(&format!("{AUDIT}/{}", shown["id"].as_str().unwrap())).await.ok();
    for (member, value) in [("before", &detail["before"]), ("after", &detail["after"])] {
        shown[member] = value.to_string().into();
    }
    shown["v"] = 1.into();
    let id = shown["id"].as_str().unwrap();
    let entry = entries(&app.service).into_iter().find(|entry| entry.change_id == id).unwrap().entry;
    assert_eq!(serde_json::from_str::<Value>(&entry).unwrap(), shown);
    assert!(entry.starts_with(r#"{"actedBy":"","action":"apikey.created","actor":"admin","actorId":""#), "{entry}");
    assert!(entry.contains(r#""subject":"ä \"quoted\"","#) && entry.ends_with(r#""subjectKind":"principal","v":1}"#));
}

#[actix_web::test]
async fn the_served_log_is_complete_and_its_entries_are_for_auditors() {
    let app = App::start().await;
    let stranger = app.anonymous();
    stranger.get(&format!("{LOG}/checkpoint")).await.refused("TESSERA-404-001");
    stranger.get(&format!("{LOG}/key")).await.refused("TESSERA-404-001");
    let admin = app.admin().await;
    admin.create("a").await;
    append_all(&app.service).await;
    let keys = stranger.get(&format!("{LOG}/key")).await.ok();
    let answer = stranger.get(&format!("{LOG}/checkpoint")).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let verifier = keys["verifierKey"].as_str().unwrap();
    let key = BASE64.decode(verifier.splitn(3, '+').last().unwrap().as_bytes()).unwrap();
    let checkpoint = verifies(&answer.text, key[1..].try_into().unwrap()).unwrap();
    assert_eq!(keys["origin"], checkpoint.origin.as_str());
    assert!(checkpoint.origin.starts_with("tessera/"), "{}", checkpoint.origin);
    let size = checkpoint.size;
    let tile = stranger.get(&format!("{LOG}/tile/0/000.p/{size}")).await;
    assert_eq!((tile.status, tile.header("content-type")), (200, Some("application/octet-stream")));
    assert!(tile.header("cache-control").unwrap().contains("immutable"));
    let hashes: Vec<[u8; 32]> = tile.bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect();
    assert_eq!(tree_hash(&hashes), checkpoint.root);
    let bundle = format!("{LOG}/tile/entries/000.p/{size}");
    stranger.get(&bundle).await.refused("TESSERA-401-001");
    app.key_with(&[Permission::ManageApiKeys]).await.client.get(&bundle).await.refused("TESSERA-403-001");
    let auditor = app.key_with(&[Permission::ViewAudit]).await.client;
    let bundle = auditor.get(&bundle).await;
    assert!(bundle.header("cache-control").unwrap().starts_with("private"));
    let found = rfc6962::unbundle(&bundle.bytes);
    assert_eq!(found.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>(), hashes);
    for absent in ["0/000", "0/001", "1/000.p/1", "8/000", "0/0", "x", "0/000.p/0", "0/x999/x999/x999/x999/x999/999"] {
        stranger.get(&format!("{LOG}/tile/{absent}")).await.refused("TESSERA-404-001");
    }
    let beyond = format!("0/000.p/{}", size + 1);
    stranger.get(&format!("{LOG}/tile/{beyond}")).await.refused("TESSERA-404-001");
    for absent in ["000", "x", "000.p/0"] {
        auditor.get(&format!("{LOG}/tile/entries/{absent}")).await.refused("TESSERA-404-001");
    }
    stranger.get(&format!("{LOG}/witnessed")).await.refused("TESSERA-404-001");
    let metrics = stranger.get("/metrics").await.text;
    assert!(metrics.contains(&format!("tessera_log_size {size}")), "{metrics}");
}

#[actix_web::test]
async fn the_origin_is_chosen_once() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    world.key("a", &[]).await;
    append(&world.service, Some("example.org/audit")).await.unwrap();
    assert_eq!(checkpoint_origin(&world.service), "example.org/audit");
    let refused = append(&world.service, Some("example.org/other")).await.unwrap_err().to_string();
    assert!(refused.contains("example.org/audit") && refused.contains("example.org/other"), "{refused}");
    append(&world.service, None).await.unwrap();
}

#[derive(QueryableByName)]
struct Origin {
    #[diesel(sql_type = Text)]
    origin: String,
}

fn checkpoint_origin(service: &Service) -> String {
    ask::<Origin>(service, "SELECT origin FROM log_state").remove(0).origin
}

#[actix_web::test]
async fn a_rotated_pepper_seals_the_key_anew_and_the_log_goes_on() {
    let world = world_with_keys(2).await;
    let key = checkpoint_of(&world.service).key;
    let new = tessera::domain::pepper::Peppers::generate(tessera::domain::entropy::Entropy::SYSTEM).unwrap();
    let rotated = world.neighbour(&format!("{new},{}", world.pepper));
    append(&rotated, None).await.unwrap();
    let only_new = world.neighbour(&new);
    add_keys(&world, 1).await;
    append_all(&only_new).await;
    assert_eq!((checkpoint_of(&only_new).key, checkpoint_of(&only_new).size), (key, 3));
    let refused = append(&world.service, None).await.unwrap_err().to_string();
    assert!(refused.contains("pepper"), "{refused}");
}

#[actix_web::test]
async fn a_restore_ends_the_log_and_another_goes_on_from_it() {
    let world = world_with_keys(3).await;
    let before = (checkpoint_origin(&world.service), checkpoint_of(&world.service));
    let accepted = restore::accept(&world.service, None, [].into()).await.unwrap();
    let forked = accepted.log.unwrap();
    assert_eq!((forked.ended.as_str(), forked.size), (before.0.as_str(), 3));
    append_all(&world.service).await;
    assert_all_are_in_order(&world.service);
    let after = checkpoint_of(&world.service);
    assert_eq!((after.origin.as_str(), after.key), (forked.origin.as_str(), before.1.key));
    assert!(after.origin.starts_with(&format!("{}/", before.0)), "{}", after.origin);
    let again = restore::accept(&world.service, None, [].into()).await.unwrap().log.unwrap();
    assert!(again.origin != forked.origin && again.origin.starts_with(&format!("{}/", before.0)), "{}", again.origin);
}

#[actix_web::test]
async fn a_backup_from_before_the_log_begins_one_with_another_origin() {
    let world = World::new(&Options::default());
    time::begin(&world.service).await.unwrap();
    world.user("ada", Role::Member).await;
    assert!(restore::accept(&world.service, None, [].into()).await.unwrap().log.is_none());
    append_all(&world.service).await;
    let origin = checkpoint_origin(&world.service);
    assert_eq!(origin.split('/').count(), 3, "{origin}");
}
