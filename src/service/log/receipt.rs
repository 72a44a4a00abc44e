//! Signs receipts: which nodes have acknowledged a change, with the proof that it is in the log.

use tlog_tiles::record_hash;
use uuid::Uuid;

use super::{key, read, verifier_key};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::log::receipt::{Acknowledged, Receipt};
use crate::domain::permission::Permission;
use crate::service::Service;
use crate::storage::database::storage;
use crate::storage::log;

/// Signs the receipt of a change. The entry of the log is in it for actors with `VIEW_AUDIT`; others get its hash.
///
/// # Errors
/// [`Error::NotFound`] for an unknown change, [`Error::Conflict`] for one that was not appended yet, or when the log was
/// altered.
pub async fn sign(
    service: &Service,
    actor: &Actor,
    change: Uuid,
    made_at: i64,
    nodes: Vec<Acknowledged>,
) -> Result<String> {
    let signed = service.log.signed();
    let read = move |connection: &mut _| {
        let proof = read::proof_in(connection, change)?;
        let state = log::find(connection)?.ok_or_else(|| storage("the log has gone"))?;
        if let Some(signed) = &signed {
            signed.is_continued_by(connection, &state)?;
        }
        Ok((proof, state))
    };
    let (proof, state) = service.list(actor, read).await?;
    let key = key::open(&state, &service.peppers, service.entropy)?.key;
    let mut receipt = Receipt {
        change,
        made_at,
        nodes,
        leaf_hash: record_hash(proof.leaf.as_bytes()).to_string(),
        entry: proof.leaf,
        leaf_index: proof.leaf_index,
        hashes: proof.hashes.iter().map(ToString::to_string).collect(),
        checkpoint: proof.checkpoint,
    };
    // An attacker who can write the database, but has not the pepper, gets nothing signed about entries that the log
    // does not have.
    receipt.check(&verifier_key(&state)?, &[]).map_err(|message| {
        Error::Conflict(format!("the log was altered, so there is no receipt: {message}; run `tessera audit verify`"))
    })?;
    if !actor.permissions().contains(Permission::ViewAudit) {
        receipt.entry.clear();
    }
    receipt.sign(&key)
}
