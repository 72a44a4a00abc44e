//! Acknowledged changes: a request that takes something away is answered when no node accepts it any more.
//!
//! 1. A node registers before its first look, so a writer that does not find it need not wait for it: that look shows
//!    the writer's change.
//! 2. Every look shows, in the same snapshot, whether the node is still registered. If it is not, or is silenced, it
//!    does not renew its lease, and registers anew.
//! 3. After a look, and after everything that it showed has been applied, the node acknowledges its position.
//! 4. A writer commits, wakes the other nodes, reads who they are, and waits until each has acknowledged, or until the
//!    lease that it had has certainly ended: `surely_over` by the writer's monotonic clock.
//! 5. A node that did not acknowledge in that time is silenced, and deleted after as much time again: then every lease
//!    has ended that it renewed by a look before it was silenced.
//!
//! `docs/revocation.md` says why that is enough. `upkeep/follow.rs` looks; `transaction.rs` commits; `waits.rs` waits.

mod waits;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

pub use self::waits::WaitOutcome;
use self::waits::Waiting;
use super::{Service, blocking};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::node::{Node, Spread};
use crate::domain::permission::Permission;
use crate::storage::feed::FeedPosition;
use crate::storage::nodes;

/// Maximum number of waits that no request waits for.
const MOST_UNANSWERED: usize = 64;

/// The other nodes, as this process knows them.
pub struct Nodes {
    /// The row of this node; `None` for a command.
    own: Mutex<Option<Uuid>>,
    waiting: Mutex<Waiting>,
    /// Signals that a request has begun to wait.
    arrived: Notify,
    /// Signals that another node has changed something.
    woken: Notify,
    /// The nodes that this process has given up waiting for, until they are deleted.
    leaving: Arc<Mutex<HashSet<Uuid>>>,
    /// Places for waits that no request waits for.
    unanswered: Arc<Semaphore>,
    /// How long requests waited after their commit, in seconds, by the outcome of the wait.
    pub waits: Family<WaitOutcome, Histogram>,
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
            unanswered: Arc::new(Semaphore::new(MOST_UNANSWERED)),
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

    /// Notes that the node with that id says that it has changed something.
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
        let position = position.clone();
        self.write_follower(move |connection| {
            // Nothing is used from memory since the lease was ended.
            old.map_or(Ok(()), |old| nodes::delete(connection, old))?;
            nodes::insert(connection, &node)?;
            if position.is_of_living_session(connection)? {
                Ok(())
            } else {
                Err(Error::Unavailable("the connection of the last look has ended".into()))
            }
        })
        .await?;
        *locked(&self.nodes.own) = Some(id);
        self.looks.name_source(id);
        Ok(id)
    }

    /// Writes that this node has applied every change before that position, while the session of that look lives.
    pub(super) async fn acknowledge(&self, id: Uuid, position: FeedPosition) -> Result<()> {
        let now = self.clock.now();
        self.write_follower(move |connection| nodes::acknowledge(connection, id, &position, now)).await
    }

    /// Removes the rows of servers that were killed, if that can be known: on SQLite, when no server runs. Edges stay:
    /// their leases may still run.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn forget_killed_nodes(&self) -> Result<()> {
        let database = self.database.clone();
        blocking(move || database.if_unserved(|database| database.write(nodes::delete_servers))).await
    }

    /// Removes the row of this node, which must not accept requests any more.
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
}

/// The nodes that have acknowledged a change of the actor.
///
/// # Errors
/// [`Error::NotFound`], also for a change of another actor, except with the permission to see the audit trail.
pub async fn spread_of(service: &Service, actor: &Actor, id: Uuid) -> Result<Spread> {
    let found = service.read(move |connection| nodes::spread(connection, id)).await?;
    let sees_all = actor.permissions().contains(Permission::ViewAudit);
    let spread = found.filter(|(change, _)| sees_all || change.actor_id == actor.id().uuid());
    let told = spread.map(|(_, mut spread)| {
        if !sees_all {
            for (node, _) in &mut spread.nodes {
                // The numbers of edges and servers are public anyway; their ids and names are for auditors.
                (node.id, node.name) = (Uuid::nil(), String::new());
            }
        }
        spread
    });
    told.ok_or_else(|| Error::NotFound { kind: "revocation", id: id.to_string() })
}
