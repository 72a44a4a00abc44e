//! The copy of the log in a folder: whole, safe with several nodes, and never overwritten with another history.

use std::fs::File;
use std::path::Path;

use futures_util::future::join_all;
use tempfile::TempDir;
use tessera::commands::log_copy::LogCopy;
use tessera::service::Service;

use super::tamper::{put_back, saved, verify};
use super::{add_keys, append_all, entries, world_with_keys};

fn copy_in(folder: &TempDir) -> LogCopy {
    LogCopy::new(folder.path().join("log"))
}

fn path(folder: &TempDir) -> String {
    folder.path().join("log").to_str().unwrap().to_owned()
}

fn checkpoint(folder: &TempDir) -> Option<String> {
    std::fs::read_to_string(Path::new(&path(folder)).join("checkpoint")).ok()
}

/// How many entries the copy has.
fn size(folder: &TempDir) -> usize {
    checkpoint(folder).unwrap().lines().nth(1).unwrap().parse().unwrap()
}

#[actix_web::test]
async fn nodes_that_share_a_folder_write_one_whole_copy() {
    let (world, folder) = (world_with_keys(2).await, tempfile::tempdir().unwrap());
    let nodes: Vec<Service> = (0..3).map(|_| world.neighbour(&world.pepper)).collect();
    let mut copies: Vec<LogCopy> = nodes.iter().map(|_| copy_in(&folder)).collect();
    for round in 0..5 {
        add_keys(&world, 1 + 150 * (round % 2)).await;
        for node in &nodes {
            append_all(node).await;
        }
        let before = checkpoint(&folder).map_or(0, |_| size(&folder));
        let written = nodes.iter().zip(&mut copies).map(|(node, copy)| copy.follow(node));
        for outcome in join_all(written).await {
            outcome.unwrap();
        }
        assert!(size(&folder) > before);
    }
    assert_eq!(size(&folder), entries(&world.service).len());
    let verified = verify(&world, &["--log-copy", &path(&folder), "--with-database"]);
    assert_eq!((verified.code, verified.named()), (0, vec![]), "{}", verified.text);
}

#[actix_web::test]
async fn a_node_waits_while_another_writes() {
    let (world, folder) = (world_with_keys(2).await, tempfile::tempdir().unwrap());
    std::fs::create_dir(path(&folder)).unwrap();
    let lock = File::create(Path::new(&path(&folder)).join(".lock")).unwrap();
    lock.lock().unwrap();
    let mut copy = copy_in(&folder);
    copy.follow(&world.service).await.unwrap();
    assert_eq!(checkpoint(&folder), None);
    drop(lock);
    copy.follow(&world.service).await.unwrap();
    assert_eq!(size(&folder), 2);
}

#[actix_web::test]
async fn a_copy_is_not_overwritten_with_a_history_that_was_rolled_back_or_rewritten() {
    let (world, folder) = (world_with_keys(3).await, tempfile::tempdir().unwrap());
    let earlier = saved(&world.service);
    add_keys(&world, 3).await;
    append_all(&world.service).await;
    copy_in(&folder).follow(&world.service).await.unwrap();
    let kept = checkpoint(&folder);
    let lost: Vec<String> = entries(&world.service).split_off(3).into_iter().map(|entry| entry.change_id).collect();
    put_back(&world.service, &earlier);
    // As after a restart: it believes the database.
    let restarted = world.neighbour(&world.pepper);
    append_all(&restarted).await;
    let refused = copy_in(&folder).follow(&restarted).await.unwrap_err();
    assert!(refused.contains("rolled back: keep this copy"), "{refused}");
    add_keys(&world, 5).await;
    append_all(&restarted).await;
    let refused = copy_in(&folder).follow(&restarted).await.unwrap_err();
    assert!(refused.contains("rewritten: keep this copy"), "{refused}");
    assert_eq!(checkpoint(&folder), kept);
    let verified = verify(&world, &["--log-copy", &path(&folder), "--with-database"]);
    let mut expected: Vec<String> = lost.iter().map(|id| format!("copy-differs {id}")).collect();
    expected.sort();
    assert_eq!((verified.code, verified.named()), (1, expected), "{}", verified.text);
}

#[actix_web::test]
async fn a_copy_of_another_log_is_not_overwritten() {
    let (world, other, folder) = (world_with_keys(2).await, world_with_keys(3).await, tempfile::tempdir().unwrap());
    copy_in(&folder).follow(&world.service).await.unwrap();
    let refused = copy_in(&folder).follow(&other.service).await.unwrap_err();
    assert!(refused.contains("another log") && refused.contains("keep this copy"), "{refused}");
    std::fs::write(Path::new(&path(&folder)).join("checkpoint"), "x").unwrap();
    let refused = copy_in(&folder).follow(&world.service).await.unwrap_err();
    assert!(refused.contains("no signed note: keep this copy"), "{refused}");
}
