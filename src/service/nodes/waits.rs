//! Waits until no other node accepts what was taken away, and silences nodes that do not acknowledge.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{Nodes, Service, locked};
use crate::domain::error::Result;
use crate::domain::node::{Acknowledgement, LONGEST_LEASE, Node, surely_over};
use crate::storage::feed::is_known;
use crate::storage::nodes::{self, Awaited, Change, Existed};

/// The shortest and the longest pause between two reads of what has been acknowledged. One task reads for all waiting
/// requests.
const PAUSES: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(25)];
/// How long one such read may take.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WaitOutcome {
    outcome: &'static str,
}

impl WaitOutcome {
    /// Every node acknowledged.
    const ACKNOWLEDGED: Self = Self { outcome: "acknowledged" };
    /// A node stopped or was deleted meanwhile, and the others acknowledged.
    const GONE: Self = Self { outcome: "gone" };
    /// The lease of a node that did not acknowledge ended.
    const LEASE_ENDED: Self = Self { outcome: "lease_ended" };
}

/// The requests of this process that wait.
#[derive(Default)]
pub(super) struct Waiting {
    requests: Vec<Wait>,
    /// Whether the task that reads for all of them runs.
    is_read: bool,
}

/// A request that waits.
struct Wait {
    /// The uptime at which its commit had returned.
    committed: i64,
    began: Instant,
    awaited: Awaited,
    acknowledged: usize,
    outcome: WaitOutcome,
    done: oneshot::Sender<(usize, WaitOutcome)>,
}

impl Nodes {
    /// Applies a read that began at `began` to every waiting request, and answers the requests that need not wait any
    /// more. Returns the nodes whose leases have ended meanwhile, and whether requests still wait.
    fn settle(&self, read: Option<&[Node]>, began: Instant, uptime: i64) -> (Vec<Node>, bool) {
        let mut overdue = Vec::new();
        let mut waiting = locked(&self.waiting);
        for mut wait in std::mem::take(&mut waiting.requests) {
            let mut nodes = std::mem::take(&mut wait.awaited.nodes);
            nodes.retain_mut(|node| wait.goes_on_for(node, read, began, uptime, &mut overdue));
            wait.awaited.nodes = nodes;
            if !wait.awaited.nodes.is_empty() {
                waiting.requests.push(wait);
            } else if wait.done.send((wait.acknowledged, wait.outcome)).is_err() {
                tracing::debug!("a request did not wait for the nodes to the end");
            }
        }
        waiting.is_read = !waiting.requests.is_empty();
        (overdue, waiting.is_read)
    }
}

impl Wait {
    /// Whether the request has to wait for that node any longer.
    fn goes_on_for(
        &mut self,
        node: &mut Node,
        read: Option<&[Node]>,
        began: Instant,
        uptime: i64,
        overdue: &mut Vec<Node>,
    ) -> bool {
        match read.map(|read| read.iter().find(|found| found.id == node.id)) {
            Some(Some(found)) => node.acknowledged.clone_from(&found.acknowledged),
            // The node may have registered after that read.
            Some(None) if began > self.began => {
                if self.outcome == WaitOutcome::ACKNOWLEDGED {
                    self.outcome = WaitOutcome::GONE;
                }
                return false;
            }
            Some(None) | None => {}
        }
        if self.awaited.positions.iter().all(|position| is_known(*position, &node.acknowledged)) {
            self.acknowledged += 1;
            return false;
        }
        // Uptimes are rounded down, so one millisecond more.
        if uptime - self.committed > surely_over(node.lease) {
            self.outcome = WaitOutcome::LEASE_ENDED;
            overdue.push(node.clone());
            return false;
        }
        true
    }
}

impl Service {
    /// Waits until no other node accepts what a change took away. `committed`: the uptime at which its commit had
    /// returned; `read`: [`nodes::awaited`] after that. `None` if the nodes cannot be read for so long that any lease
    /// has ended, or if there was nothing to wait for.
    pub(in crate::service) async fn wait_for_nodes(
        &self,
        change: Change,
        committed: i64,
        mut read: Result<Awaited>,
    ) -> Option<Acknowledgement> {
        let awaited = loop {
            match read {
                Ok(awaited) => break awaited,
                Err(_) if self.clock.uptime() - committed > surely_over(LONGEST_LEASE) => return None,
                Err(error) => tracing::debug!(%error, "the nodes could not be read"),
            }
            sleep(PAUSES[1]).await;
            let own = self.nodes.own();
            read = self.look_up(move |connection| nodes::awaited(connection, own, change)).await;
        };
        if matches!(change, Change::AnyUntilNow) && awaited.positions.is_empty() {
            return None;
        }
        let nodes = 1 + awaited.nodes.len();
        if awaited.nodes.is_empty() {
            return Some(Acknowledgement { nodes, acknowledged: 1, millis: 0 });
        }
        let (acknowledged, outcome) = loop {
            let (done, settled) = oneshot::channel();
            let outcome = WaitOutcome::ACKNOWLEDGED;
            self.add(Wait {
                committed,
                began: Instant::now(),
                awaited: awaited.clone(),
                acknowledged: 0,
                outcome,
                done,
            });
            // An error: the thread whose task read for this request has ended.
            if let Ok(settled) = settled.await {
                break settled;
            }
        };
        let millis = self.clock.uptime() - committed;
        let seconds = Duration::from_millis(millis.try_into().unwrap_or_default()).as_secs_f64();
        self.nodes.waits.get_or_create(&outcome).observe(seconds);
        Some(Acknowledgement { nodes, acknowledged: 1 + acknowledged, millis })
    }

    /// Adds a waiting request, and starts the task that reads for all waiting requests unless it runs.
    fn add(&self, wait: Wait) {
        let mut waiting = locked(&self.nodes.waiting);
        waiting.requests.push(wait);
        let is_read = std::mem::replace(&mut waiting.is_read, true);
        drop(waiting);
        self.nodes.arrived.notify_one();
        if !is_read {
            // Made here, so that a task that never runs is noticed, too.
            tokio::spawn(read_for_all(Reading { service: self.clone(), is_done: false }));
        }
    }

    /// Silences a node that did not acknowledge, and deletes it when all its leases have ended.
    fn dismiss(&self, node: Node) {
        if !locked(&self.nodes.leaving).insert(node.id) {
            return;
        }
        let leaving = Leaving { all: Arc::clone(&self.nodes.leaving), id: node.id };
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.silence(&node).await {
                tracing::warn!(node = node.name, %error, "the node could not be taken off the list");
            }
            drop(leaving);
        });
    }

    /// Waits for the nodes although no request does, so that nodes that do not acknowledge are silenced.
    pub(in crate::service) fn wait_unanswered(&self, change: Change, committed: i64, read: Result<Awaited>) {
        // Further ones would silence the same nodes.
        let Ok(place) = Arc::clone(&self.nodes.unanswered).try_acquire_owned() else { return };
        let service = self.clone();
        tokio::spawn(async move {
            service.wait_for_nodes(change, committed, read).await;
            drop(place);
        });
    }

    /// Waits until the nodes that this process has silenced are deleted, so that nothing waits for them any more.
    pub async fn finish_dismissals(&self) {
        while !locked(&self.nodes.leaving).is_empty() {
            sleep(PAUSES[1]).await;
        }
    }

    async fn silence(&self, node: &Node) -> Result<()> {
        let (id, acknowledged) = (node.id, node.acknowledged.clone());
        if self.write_upkeep(move |connection| nodes::silence(connection, id, &acknowledged)).await? == Existed::No {
            return Ok(());
        }
        tracing::warn!(
            node = node.name,
            %id,
            "a node has not acknowledged a change while its lease lasted; it is not waited for until it comes back"
        );
        let silenced = self.clock.uptime();
        while self.clock.uptime() - silenced <= surely_over(node.lease) {
            sleep(PAUSES[1]).await;
        }
        self.write_upkeep(move |connection| nodes::delete(connection, id)).await
    }
}

/// Reads what has been acknowledged, for all waiting requests together, until none waits.
async fn read_for_all(mut reading: Reading) {
    let service = reading.service.clone();
    let [mut pause, longest] = PAUSES;
    loop {
        tokio::select! {
            () = sleep(pause) => pause = longest.min(pause * 5 / 4),
            () = service.nodes.arrived.notified() => {
                pause = PAUSES[0];
                sleep(pause).await;
            }
        }
        let began = Instant::now();
        let read = timeout(READ_TIMEOUT, service.look_up(nodes::all)).await;
        let read = read.ok().and_then(Result::ok);
        let (overdue, goes_on) = service.nodes.settle(read.as_deref(), began, service.clock.uptime());
        for node in overdue {
            service.dismiss(node);
        }
        if !goes_on {
            reading.is_done = true;
            return;
        }
    }
}

/// The running task that reads. If its thread ends before it does, as when the server stops, the waiting requests
/// notice that and start another.
struct Reading {
    service: Service,
    is_done: bool,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_done {
            *locked(&self.service.nodes.waiting) = Waiting::default();
        }
    }
}

/// A node that is being silenced and deleted.
struct Leaving {
    all: Arc<Mutex<HashSet<Uuid>>>,
    id: Uuid,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        locked(&self.all).remove(&self.id);
    }
}
