//! Follows the changes of other processes: the command line, and other nodes on the same database. A node acknowledges
//! the changes that it has applied: see `service/nodes/mod.rs`.

use std::time::Duration;

use crate::domain::change::{Action, Change};
use crate::domain::error::{Error, Result};
use crate::domain::node::Node;
use crate::service::Service;
use crate::service::children::signing_keys;
use crate::service::edges;
use crate::service::looks::Continues;
use crate::storage::changes::{self, NewChanges};
use crate::storage::feed::{FeedPosition, position};
use crate::storage::nodes;

/// How often other processes' changes are read. Bounds how late one of their revocations takes effect here.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How long one read may take.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one acknowledgement may take; the next look tries again.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Follows changes in the order of their commits. Does not depend on the clock of any process.
pub struct Follower {
    position: FeedPosition,
    /// The name of the node. `None` for a command: it accepts no requests, so no revocation waits for it.
    node: Option<String>,
    /// Whether changes have been applied that other nodes may wait for.
    is_unacknowledged: bool,
}

impl Follower {
    /// Starts to follow from now on. Earlier changes need no reading, because nothing has been used from memory yet.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn start(service: &Service) -> Result<Self> {
        let began = service.clock.uptime();
        let position = service.follow(position).await?;
        service.directory.forget_all();
        service.directory.renew_lease(began);
        Ok(Self { position, node: None, is_unacknowledged: false })
    }

    /// Becomes a node, which others wait for. The next [`Follower::step`] is its first look.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn join(&mut self, service: &Service, name: &str) -> Result<()> {
        self.node = Some(name.to_owned());
        service.register(name, &self.position).await.map(drop)
    }

    /// Reads new changes once, acknowledges them, and returns them. While the storage cannot be read, nothing in memory is
    /// used.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn step(&mut self, service: &Service) -> Result<Vec<Change>> {
        self.step_keeping(service, |_| {}).await
    }

    /// Like [`Follower::step`], with the changes given to `keep` before they are acknowledged.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn step_keeping(&mut self, service: &Service, keep: impl FnOnce(&[Change])) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        if self.look(service, &mut changes).await? == NodeStatus::Dismissed
            && let Some(name) = &self.node
        {
            tracing::warn!(node = name, "other nodes have given up waiting for this one; it registers anew");
            service.register(name, &self.position).await?;
            self.look(service, &mut changes).await?;
        }
        keep(&changes);
        self.acknowledge(service).await;
        Ok(changes)
    }

    /// Reads new changes, applies them, and renews the lease if this process may.
    async fn look(&mut self, service: &Service, seen: &mut Vec<Change>) -> Result<NodeStatus> {
        let number = service.looks.begin();
        if let Some(millis) = service.clock.observe() {
            tracing::warn!(millis, now = service.clock.now(), "the machine's clock was set");
            // The machine may also have been suspended in a way that its uptime does not show.
            service.directory.forget_all();
        }
        // Changes that this read does not find were committed after this time, and so was the silencing of this node.
        let began = service.clock.uptime();
        let known = self.position.clone();
        let look = service.follow(move |connection| Ok((changes::since(connection, &known)?, nodes::all(connection)?)));
        let outcome =
            tokio::time::timeout(FOLLOW_TIMEOUT, look).await.unwrap_or_else(|late| Err(Error::Storage(late.into())));
        let (NewChanges { changes, position }, nodes) = outcome.inspect_err(|_| service.directory.end_lease())?;
        let is_continued = position.continues(&self.position);
        let is_behind = position.is_behind(&self.position);
        if is_continued && is_behind {
            tracing::error!(
                "the database has gone back in time: an older copy has replaced it; stop every node and see docs/operations.md"
            );
        } else if is_behind {
            tracing::warn!(
                "the database has restarted at an earlier position: transactions that were not on disk are lost, or an older \
                 copy has replaced it; in the second case stop every node and see docs/operations.md"
            );
        } else if !is_continued {
            tracing::info!("the connection to the database was renewed: what is in memory is read again");
        }
        let mut continues = Continues::Yes;
        if !is_continued || is_behind {
            service.directory.forget_all();
            continues = Continues::No;
        }
        if continues == Continues::No || changes.iter().any(|change| change.action == Action::SigningKeyChanged.name())
        {
            let read = signing_keys::load(service).await;
            read.inspect_err(|_| service.directory.end_lease())?;
        }
        self.position = position;
        for change in &changes {
            if change.impact().concerns_records() {
                service.directory.forget(change.subject());
            }
            service.directory.counts.observe_followed_change(change, service.clock.now());
        }
        // Only now: requests of edges from here on are answered with these changes applied.
        let names = edges::names(service);
        service.looks.finish(number, &changes, &self.position, &nodes, continues, &names);
        service.edges.retain(&nodes);
        // What was to be acknowledged in the session before is not any more.
        self.is_unacknowledged |= !changes.is_empty() || !is_continued;
        seen.extend(changes);
        let status = if self.node.is_some() { NodeStatus::among(&nodes, service) } else { NodeStatus::Bystander };
        match status {
            NodeStatus::Dismissed => service.directory.end_lease(),
            NodeStatus::Registered | NodeStatus::Bystander => service.directory.renew_lease(began),
        }
        Ok(status)
    }

    /// Acknowledges what has been applied. After a failure, the next look does.
    async fn acknowledge(&mut self, service: &Service) {
        let Some(own) = service.nodes.own().filter(|_| self.node.is_some() && self.is_unacknowledged) else { return };
        let writing = service.acknowledge(own, self.position.clone());
        match tokio::time::timeout(ACKNOWLEDGE_TIMEOUT, writing).await {
            // If the row is gone, the next look registers anew.
            Ok(Ok(())) => self.is_unacknowledged = false,
            Ok(Err(error)) => tracing::debug!(%error, "the changes could not be acknowledged"),
            Err(late) => tracing::debug!(%late, "the changes could not be acknowledged"),
        }
    }
}

/// Whether this process may renew its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeStatus {
    /// The process is a command, which is no node.
    Bystander,
    /// The process is registered: revocations wait for it.
    Registered,
    /// The process is silenced or removed: revocations do not wait for it any more.
    Dismissed,
}

impl NodeStatus {
    fn among(nodes: &[Node], service: &Service) -> Self {
        let own = service.nodes.own();
        let is_there = nodes.iter().any(|node| Some(node.id) == own && !node.silenced);
        if is_there { Self::Registered } else { Self::Dismissed }
    }
}
