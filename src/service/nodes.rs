//! Acknowledged changes: a request that takes something away is answered when no node lets it in any more.
//!
//! 1. A node registers before its first look, so a writer that does not find it need not wait for it: that look shows
//!    the writer's change.
//! 2. Every look shows, in the same snapshot, whether the node is still registered. If it is not, or is silenced, it
//!    does not renew its lease, and registers anew.
//! 3. After a look, and after everything that it showed has been applied, the node acknowledges its position.
//! 4. A writer commits, wakes the other nodes, reads who they are, and waits until each has acknowledged, or until the
//!    lease that it had has certainly ended: [`surely_over`] by the writer's monotonic clock.
//! 5. A node that did not acknowledge in that time is silenced, and deleted after as much time again: then every lease
//!    has ended that it renewed by a look before it was silenced.
//!
//! `docs/revocation.md` says why that is enough. `upkeep/follow.rs` looks; `transaction.rs` commits.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::Service;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::node::{Acknowledgement, LONGEST_LEASE, Node, Spread, surely_over};
use crate::domain::permission::Permission;
use crate::storage::feed::{FeedPosition, is_known};
use crate::storage::nodes::{self, Awaited, Change, Existed};

/// The shortest and the longest pause between two reads of what has been acknowledged. One task reads for all waiting
/// requests.
const PAUSES: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(25)];
/// How long one such read may take.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// The other nodes, as this process knows them.
pub struct Nodes {
    /// The row of this node; `None` for a command.
    own: Mutex<Option<Uuid>>,
    waiting: Mutex<Waiting>,
    /// A request has begun to wait.
    arrived: Notify,
    /// Another node says that it has changed something.
    woken: Notify,
    /// The nodes that this process has given up waiting for, until they are deleted.
    leaving: Arc<Mutex<HashSet<Uuid>>>,
    /// How long requests waited, in seconds, by how that ended.
    pub waits: Family<Outcome, Histogram>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

impl Outcome {
    /// Every node acknowledged.
    const ACKNOWLEDGED: Self = Self { outcome: "acknowledged" };
    /// A node stopped or was deleted meanwhile, and the others acknowledged.
    const GONE: Self = Self { outcome: "gone" };
    /// The lease of a node that did not acknowledge ended.
    const LEASE_ENDED: Self = Self { outcome: "lease_ended" };
}

#[derive(Default)]
struct Waiting {
    requests: Vec<Wait>,
    /// Whether the task runs that reads for all of them.
    is_read: bool,
}

/// A request that waits.
struct Wait {
    /// The uptime at which its commit had returned.
    committed: i64,
    began: Instant,
    awaited: Awaited,
    acknowledged: usize,
    outcome: Outcome,
    done: oneshot::Sender<(usize, Outcome)>,
}

impl Default for Nodes {
    fn default() -> Self {
        let buckets = || Histogram::new([0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]);
        Self {
            own: Mutex::default(),
            waiting: Mutex::default(),
            arrived: Notify::new(),
            woken: Notify::new(),
            leaving: Arc::default(),
            waits: Family::new_with_constructor(buckets),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Nodes {
    /// The row of this node; `None` for a command, and before it registers.
    #[must_use]
    pub fn own(&self) -> Option<Uuid> {
        *locked(&self.own)
    }

    /// Takes the word of the node with that id that it has changed something.
    pub fn wake(&self, by: &str) {
        if self.own().is_none_or(|own| own.to_string() != by) {
            self.woken.notify_one();
        }
    }

    /// Lets this node look at once.
    pub(super) fn look(&self) {
        self.woken.notify_one();
    }

    /// Waits until this node has to look at once, because something has been changed elsewhere.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Applies a read that began at `began` to every waiting request, and answers those that need not wait any more.
    /// Returns the nodes whose leases have ended meanwhile, and whether requests still wait.
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
            // It may have registered after that read.
            Some(None) if began > self.began => {
                if self.outcome == Outcome::ACKNOWLEDGED {
                    self.outcome = Outcome::GONE;
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
            self.outcome = Outcome::LEASE_ENDED;
            overdue.push(node.clone());
            return false;
        }
        true
    }
}

impl Service {
    /// Registers this node, under a new id. Its next look begins after that. The lease has ended before.
    pub(super) async fn register(&self, name: &str, position: &FeedPosition) -> Result<Uuid> {
        self.directory.end_lease();
        let now = self.clock.now();
        let id = Id::<Node>::new(now, self.entropy)?.uuid();
        let node = Node {
            id,
            name: name.to_owned(),
            started_at: now,
            lease: self.directory.lease_millis(),
            acknowledged: position.text(),
            acknowledged_at: now,
            silenced: false,
            owner: None,
        };
        let old = self.nodes.own();
        self.write_follower(move |connection| {
            // Nothing is used from memory since the lease was ended.
            old.map_or(Ok(()), |old| nodes::delete(connection, old))?;
            nodes::insert(connection, &node)
        })
        .await?;
        *locked(&self.nodes.own) = Some(id);
        self.looks.name_source(id);
        Ok(id)
    }

    /// Writes that this node has applied every change before that position.
    pub(super) async fn acknowledge(&self, id: Uuid, position: FeedPosition) -> Result<()> {
        let now = self.clock.now();
        self.write_follower(move |connection| nodes::acknowledge(connection, id, &position, now)).await
    }

    /// Takes this node off the list. It must not accept requests any more.
    ///
    /// # Errors
    /// When the storage fails: then others wait for it once more.
    pub async fn leave(&self) -> Result<()> {
        self.directory.end_lease();
        let own = locked(&self.nodes.own).take();
        match own {
            None => Ok(()),
            Some(own) => self.write_follower(move |connection| nodes::delete(connection, own)).await,
        }
    }

    /// Waits until no other node lets in what a change took away. `committed`: the uptime at which its commit had
    /// returned; `read`: [`nodes::awaited`] after that. `None` if the nodes cannot be read for so long that any lease has
    /// ended, or if there was nothing to wait for.
    pub(super) async fn wait_for_nodes(
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
        let began = Instant::now();
        let (acknowledged, outcome) = loop {
            let (done, settled) = oneshot::channel();
            let outcome = Outcome::ACKNOWLEDGED;
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
        let elapsed = began.elapsed();
        self.nodes.waits.get_or_create(&outcome).observe(elapsed.as_secs_f64());
        let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Some(Acknowledgement { nodes, acknowledged: 1 + acknowledged, millis })
    }

    /// Adds a request to those that wait, and starts the task that reads for all of them unless it runs.
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

    /// Silences a node that did not acknowledge, and deletes it when every lease has ended that it had.
    fn dismiss(&self, node: Node) {
        if !locked(&self.nodes.leaving).insert(node.id) {
            return;
        }
        tracing::warn!(
            node = node.name,
            id = %node.id,
            "a node has not acknowledged a change while its lease lasted; it is not waited for until it comes back"
        );
        let leaving = Leaving { all: Arc::clone(&self.nodes.leaving), id: node.id };
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.silence(&node).await {
                tracing::warn!(node = node.name, %error, "the node could not be taken off the list");
            }
            drop(leaving);
        });
    }

    async fn silence(&self, node: &Node) -> Result<()> {
        let (id, acknowledged) = (node.id, node.acknowledged.clone());
        if self.write_upkeep(move |connection| nodes::silence(connection, id, &acknowledged)).await? == Existed::No {
            return Ok(());
        }
        let silenced = self.clock.uptime();
        while self.clock.uptime() - silenced <= surely_over(node.lease) {
            sleep(PAUSES[1]).await;
        }
        self.write_upkeep(move |connection| nodes::delete(connection, id)).await
    }
}

/// How far a change has spread that the actor has made.
///
/// # Errors
/// [`Error::NotFound`], also for a change of another actor, except with the permission to see the audit trail.
pub async fn spread_of(service: &Service, actor: &Actor, id: Uuid) -> Result<Spread> {
    let found = service.read(move |connection| nodes::spread(connection, id)).await?;
    let sees_all = actor.permissions().contains(Permission::ViewAudit);
    let spread = found.filter(|(change, _)| sees_all || change.actor_id == actor.id().uuid());
    let told = spread.map(|(_, mut spread)| {
        if !sees_all {
            spread.nodes.iter_mut().for_each(|(node, _)| node.name.clear());
        }
        spread
    });
    told.ok_or_else(|| Error::NotFound { kind: "revocation", id: id.to_string() })
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

/// The running task that reads. If its thread ends before it does, as when the server stops, the waiting requests are
/// told, and start another.
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

/// A node that is being taken off the list.
struct Leaving {
    all: Arc<Mutex<HashSet<Uuid>>>,
    id: Uuid,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        locked(&self.all).remove(&self.id);
    }
}
