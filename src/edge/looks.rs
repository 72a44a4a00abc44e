//! Registers an edge, looks at the changes, and acknowledges them, as `service/upkeep/follow.rs` does for a server.
//!
//! 1. The clock is read, then the request for a look is sent.
//! 2. The answer is applied as a whole: first the fences, then the lease, which runs from the time in 1.
//! 3. The next request is sent at once, and acknowledges what has been applied.
//!
//! A look that fails ends the lease. An edge that the server does not know, or has given up waiting for, registers anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::Edge;
use super::upstream::Failed;
use crate::domain::edge::Changed;
use crate::domain::node::LONGEST_LEASE;
use crate::http::gateway::edges::{EdgeLook, EdgeLookRequest, RegisteredEdge};

/// The pause after a failure: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// Timeout for deregistering an edge that stops.
const LEAVE: Duration = Duration::from_secs(3);

/// A registered edge.
struct Registration {
    /// The server's answer to the registration.
    own: RegisteredEdge,
    /// The last look that the edge has applied.
    known: Option<String>,
}

/// Looks until `stopped`. Returns the registration that the edge has then, without a lease.
pub async fn follow(edge: Arc<Edge>, mut stopped: oneshot::Receiver<()>) -> Option<RegisteredEdge> {
    let (mut registration, mut replaces) = (None, None);
    let mut pause = PAUSES[0];
    // A look that is under way is waited for: the server may have counted the uses that it reports.
    while stopped.try_recv() == Err(TryRecvError::Empty) {
        let Err(failed) = step(&edge, &mut registration, &mut replaces).await else {
            if edge.note(None) {
                tracing::info!("answers are given from memory");
            }
            pause = PAUSES[0];
            continue;
        };
        edge.memory.end_lease();
        edge.metrics.failed_looks.inc();
        if failed.is_unknown() {
            replaces = registration.take().map(|old: Registration| old.own);
        }
        let reason = failed.to_string();
        if edge.note(Some(reason.clone())) {
            tracing::warn!(reason, "nothing is answered from memory: every request is forwarded");
        }
        tokio::select! {
            _ = &mut stopped => break,
            () = sleep(pause) => pause = PAUSES[1].min(pause * 2),
        }
    }
    edge.memory.end_lease();
    registration.map(|registration: Registration| registration.own).or(replaces)
}

/// Registers the edge unless it is registered, and looks once.
async fn step(
    edge: &Edge,
    registration: &mut Option<Registration>,
    replaces: &mut Option<RegisteredEdge>,
) -> Result<(), Failed> {
    let Registration { own, known } = match registration {
        Some(registration) => registration,
        none => {
            // The edge has no lease: revocations need not wait for its former row.
            let own = edge.upstream.register(&edge.name, replaces.as_ref()).await?;
            *replaces = None;
            none.insert(Registration { own, known: None })
        }
    };
    if let Some(millis) = edge.clock.observe() {
        tracing::warn!(millis, now = edge.clock.now(), "the machine's clock was set");
        // The machine may also have been suspended in a way that its uptime does not show.
        edge.memory.forget_all();
    }
    let report = edge.uses.take();
    // Changes that the answer does not list were committed after this time.
    let sent = edge.clock.uptime();
    let request = EdgeLookRequest { known: known.clone(), uses: report.wire(sent) };
    let EdgeLook { look, everything, changed, pass } = edge.upstream.look(own, &request).await?;
    report.reported();
    let ids: Option<Vec<Uuid>> = changed.iter().map(|id| Uuid::parse_str(id).ok()).collect();
    let changed = match ids {
        Some(ids) if !everything => Changed::Only(ids),
        _ => Changed::Everything,
    };
    edge.memory.apply(changed, pass, sent, own.lease.min(LONGEST_LEASE));
    *known = Some(look);
    Ok(())
}

/// Deregisters an edge that has stopped, so that revocations do not wait for it.
pub async fn leave(edge: &Edge, own: &RegisteredEdge) {
    edge.memory.end_lease();
    let report = edge.uses.take();
    if !report.is_empty() {
        let last = EdgeLookRequest { known: None, uses: report.wire(edge.clock.uptime()) };
        if let Ok(Ok(_)) = timeout(LEAVE, edge.upstream.look(own, &last)).await {
            report.reported();
        } else {
            tracing::warn!("the last uses could not be reported");
        }
    }
    match timeout(LEAVE, edge.upstream.remove(own)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the servers do not know that this edge has stopped"),
        Err(late) => tracing::warn!(%late, "the servers do not know that this edge has stopped"),
    }
}
