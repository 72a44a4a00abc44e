//! Issues receipts of revocations: reads which nodes have acknowledged a change (`nodes/`), and has `log/receipt.rs`
//! sign that. It lies above both, so that neither depends on the other.

use uuid::Uuid;

use super::Service;
use super::log::receipt;
use super::nodes;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};

/// The receipt of a change: a signed note that names every node, each of which has acknowledged the change, and proves that
/// the change is in the log.
///
/// # Errors
/// [`Error::NotFound`], also for a change of another actor, except with the permission to see the audit trail;
/// [`Error::Conflict`] while a registered node has not acknowledged the change, or while the change is not in the log.
pub async fn receipt_of(service: &Service, actor: &Actor, change: Uuid) -> Result<String> {
    let nodes = nodes::spread_of(service, actor, change).await?.nodes;
    // After the nodes were read: a node that registers later knows the change.
    let made_at = service.clock.now();
    let behind = nodes.iter().filter(|(_, knows)| !knows).count();
    if behind > 0 {
        return Err(Error::Conflict(format!(
            "{behind} of {} nodes have not acknowledged this change, and may still have a lease: try again in a few seconds",
            nodes.len()
        )));
    }
    let nodes = nodes.into_iter().map(|(node, _)| node.into()).collect();
    receipt::sign(service, actor, change, made_at, nodes).await
}
