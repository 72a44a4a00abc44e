//! Receipts of revocations, verified by the specification: by RFC 6962, C2SP's `signed-note` and `docs/log.md`.

use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tessera::domain::permission::Permission::{ManageApiKeys, VerifyTokens, ViewAudit};
use tessera::service::upkeep::follow::Follower;

use super::rfc6962::{Hash, includes, leaf_hash, signed_text, verifies};
use super::{append_all, checkpoint_of, tell};
use crate::freshness::strict;
use crate::support::{App, Client};

const REVOCATIONS: &str = "/api/service/revocations";

fn hash(value: &Value) -> Option<Hash> {
    BASE64.decode(value.as_str()?.as_bytes()).ok()?.try_into().ok()
}

/// What a receipt of the log with that origin and that key says, if everything in it is right.
fn opened(note: &str, origin: &str, key: Hash) -> Option<Value> {
    let name = format!("{origin}/receipts");
    let text = signed_text(note, &name, key)?;
    let [first, second] = text.lines().collect::<Vec<_>>().try_into().ok()?;
    let receipt: Value = serde_json::from_str(second).ok()?;
    // `serde_json` sorts the members, and writes no white space.
    let written = receipt.to_string();
    assert!(first == name && written == second, "{text}");
    let checkpoint = verifies(receipt["checkpoint"].as_str()?, key)?;
    let hashes: Option<Vec<Hash>> = receipt["hashes"].as_array()?.iter().map(hash).collect();
    let leaf = hash(&receipt["leafHash"])?;
    let entry = receipt["entry"].as_str()?;
    let is_of_entry = entry.is_empty()
        || leaf_hash(entry.as_bytes()) == leaf && serde_json::from_str::<Value>(entry).ok()?["id"] == receipt["change"];
    let is_in = includes(&hashes?, receipt["leafIndex"].as_u64()?, checkpoint.size, leaf, checkpoint.root);
    (receipt["v"] == 1 && checkpoint.origin == origin && is_of_entry && is_in).then_some(receipt)
}

/// A server that looks when the test says so.
async fn join(app: &App) -> Follower {
    let mut follower = Follower::start(&app.service).await.unwrap();
    follower.join(&app.service, "alpha 0.0.0.0:8585").await.unwrap();
    follower.step(&app.service).await.unwrap();
    follower
}

/// Creates a key and deletes it. Returns the address of the receipt.
async fn revoke(client: &Client) -> String {
    let created = client.create("stolen").await;
    let answer = client.delete_key(created["id"].as_str().unwrap()).await;
    let address = answer.header("tessera-receipt").unwrap().to_owned();
    assert!(answer.header("tessera-revocation").is_some());
    answer.ok();
    address
}

async fn told(client: &Client, address: &str) -> String {
    let answer = client.get(address).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain; charset=utf-8")),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.text
}

#[actix_web::test]
async fn a_receipt_proves_by_the_specifications_alone_what_was_revoked_and_who_had_acknowledged_it() {
    let app = App::start_with(strict()).await;
    let mut own = join(&app).await;
    let auditor = app.key_with(&[ManageApiKeys, ViewAudit]).await;
    let edge = app.key_with(&[VerifyTokens]).await;
    let address = revoke(&auditor).await;
    let refused = auditor.get(&address).await.refused("TESSERA-409-001").to_string();
    assert!(refused.contains("1 of 1 nodes have not acknowledged this change"), "{refused}");
    own.step(&app.service).await.unwrap();
    let refused = auditor.get(&address).await.refused("TESSERA-409-001").to_string();
    assert!(refused.contains("not in the log yet"), "{refused}");
    append_all(&app.service).await;
    // An edge that registers later knows the change from the beginning.
    let registered = edge.post("/api/service/edges", &json!({"name": "gateway\u{1b}[2J\u{9b} \"1\""})).await.ok();
    let note = told(&auditor, &address).await;
    let signed = checkpoint_of(&app.service);
    let receipt = opened(&note, &signed.origin, signed.key).unwrap();
    let id = address.split('/').nth(4).unwrap();
    assert_eq!((&receipt["change"], &receipt["madeAt"]), (&id.into(), &app.now().into()));
    let entry: Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&entry["action"], entry["before"].as_str().unwrap().contains("stolen")),
        (&"apikey.deleted".into(), true)
    );
    let mut nodes = receipt["nodes"].as_array().unwrap().clone();
    nodes.sort_by_key(|node| node["kind"].to_string());
    assert_eq!((&nodes[0]["kind"], &nodes[0]["id"]), (&"edge".into(), &registered["id"]), "{receipt}");
    assert_eq!((&nodes[1]["kind"], &nodes[1]["name"]), (&"server".into(), &"alpha 0.0.0.0:8585".into()), "{receipt}");
    assert_eq!((nodes.len(), &nodes[1]["isSilenced"]), (2, &false.into()), "{receipt}");

    // The command line says the same, on a machine that has nothing but the key.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("receipt");
    let key = app.anonymous().get("/audit/log/key").await.ok()["verifierKey"].as_str().unwrap().to_owned();
    let verify = |text: &str, key: &str| {
        std::fs::write(&file, text).unwrap();
        let command = ["audit", "verify-receipt", file.to_str().unwrap(), "--key", key];
        let output = Command::new(env!("CARGO_BIN_EXE_tessera")).args(command).current_dir(&folder).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = verify(&note, &key);
    assert_eq!(code, 0, "{text}");
    for expected in [
        id,
        &format!("\"apikey.deleted\" of {}", entry["subject"]),
        "\"alpha 0.0.0.0:8585\"",
        r#""gateway\u{1b}[2J\u{9b} \"1\"""#,
        "all is right",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.chars().all(|each| each == '\n' || !each.is_control()), "{text:?}");

    // No byte can be changed.
    let step = note.len() / 40 + 1;
    for at in (0..note.len()).step_by(step).filter(|at| note.as_bytes()[*at].is_ascii_alphanumeric()) {
        let other = if note.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &note[..at], &note[at + 1..]);
        assert_eq!(opened(&changed, &signed.origin, signed.key), None, "{at}");
    }
    let changed = note.replacen("stolen", "shared", 1);
    let (code, text) = verify(&changed, &key);
    assert!(code == 1 && text.contains("NOT all is right"), "{code} {text}");
    let (code, text) = verify(&app.anonymous().get("/audit/log/checkpoint").await.text, &key);
    assert!(code == 1 && text.contains("another kind"), "{code} {text}");
    let command = ["audit", "verify-receipt", "absent", "--key", &key];
    let output = Command::new(env!("CARGO_BIN_EXE_tessera")).args(command).current_dir(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[actix_web::test]
async fn a_receipt_is_for_who_revoked_and_for_auditors_and_only_these_learn_entry_and_nodes() {
    let app = App::start_with(strict()).await;
    let mut own = join(&app).await;
    let (blind, other) = (app.key_with(&[ManageApiKeys]).await, app.key_with(&[ManageApiKeys]).await);
    let auditor = app.key_with(&[ViewAudit]).await;
    let address = revoke(&blind).await;
    own.step(&app.service).await.unwrap();
    append_all(&app.service).await;
    let signed = checkpoint_of(&app.service);
    let mine = opened(&told(&blind, &address).await, &signed.origin, signed.key).unwrap();
    assert_eq!((&mine["entry"], mine["nodes"].as_array().unwrap().len()), (&"".into(), 1), "{mine}");
    assert_eq!((&mine["nodes"][0]["id"], &mine["nodes"][0]["name"]), (&"".into(), &"".into()), "{mine}");
    let whole = opened(&told(&auditor, &address).await, &signed.origin, signed.key).unwrap();
    assert_eq!(leaf_hash(whole["entry"].as_str().unwrap().as_bytes()), hash(&mine["leafHash"]).unwrap());
    assert!(whole["nodes"][0]["name"] == "alpha 0.0.0.0:8585" && whole["nodes"][0]["id"] != "", "{whole}");
    other.get(&address).await.refused("TESSERA-404-001");
    app.anonymous().get(&address).await.refused("TESSERA-401-001");
    for unknown in ["01a205f3-fb6b-7054-a09c-1dac28a6cf2f", "x"] {
        auditor.get(&format!("{REVOCATIONS}/{unknown}/receipt")).await.refused("TESSERA-404-001");
    }
}

#[actix_web::test]
async fn a_client_that_does_not_wait_is_told_of_the_receipt_too() {
    let app = App::start_with(strict()).await;
    let admin = app.admin().await;
    let created = admin.create("a").await;
    let answer = admin.with("prefer", "respond-async").delete_key(created["id"].as_str().unwrap()).await;
    let (place, receipt) = (answer.header("location").unwrap(), answer.header("tessera-receipt").unwrap());
    assert_eq!((answer.status, receipt), (202, format!("{place}/receipt").as_str()));
    append_all(&app.service).await;
    let signed = checkpoint_of(&app.service);
    let receipt = opened(&told(&admin, receipt).await, &signed.origin, signed.key).unwrap();
    assert_eq!(receipt["nodes"], json!([]), "no node is registered");
    // What takes nothing away has none.
    let created = admin.try_create(&json!({"displayName": "b"})).await;
    assert_eq!(created.header("tessera-receipt"), None);
}

/// Whoever can write the database, but has not the pepper, gets nothing signed that the log does not have.
#[actix_web::test]
async fn no_receipt_is_signed_over_a_log_that_was_altered() {
    let app = App::start_with(strict()).await;
    let admin = app.admin().await;
    let address = revoke(&admin).await;
    append_all(&app.service).await;
    told(&admin, &address).await;
    let change = address.split('/').nth(4).unwrap();
    for alteration in [
        format!("UPDATE log_leaves SET entry = replace(entry, 'stolen', 'shared') WHERE change_id = '{change}'"),
        "UPDATE log_state SET checkpoint = replace(checkpoint, '\n— ', '\nx\n\n— ')".to_owned(),
        "UPDATE log_state SET origin = 'another'".to_owned(),
        "UPDATE log_state SET checkpoint = 'x'".to_owned(),
    ] {
        tell(&app.service, &alteration);
        let refused = admin.get(&address).await.refused("TESSERA-409-001").to_string();
        assert!(refused.contains("the log was altered"), "{alteration}: {refused}");
    }
}
