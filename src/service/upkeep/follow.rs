//! Follows the changes of other processes: the command line, and other nodes on the same database.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::error::{Error, Result};
use crate::service::Service;
use crate::storage::changes::{self, NewChanges};
use crate::storage::feed::{FeedPosition, position};

/// How often other processes' changes are read. Bounds how late one of their revocations takes effect here.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How long one read may take.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);

/// Follows changes in the order of their commits. Does not depend on the clock of any process.
pub struct Follower {
    position: FeedPosition,
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
        Ok(Self { position })
    }

    /// Reads new changes once, and returns them. While the storage cannot be read, nothing in memory is used.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn step(&mut self, service: &Service) -> Result<Vec<Change>> {
        if let Some(millis) = service.clock.observe() {
            tracing::warn!(millis, now = service.clock.now(), "the machine's clock was set");
            // The machine may also have been suspended in a way that its uptime does not show.
            service.directory.forget_all();
        }
        // Changes that this read does not find were committed after this time.
        let began = service.clock.uptime();
        let known = self.position.clone();
        let look = service.follow(move |connection| changes::since(connection, &known));
        let outcome =
            tokio::time::timeout(FOLLOW_TIMEOUT, look).await.unwrap_or_else(|late| Err(Error::Storage(late.into())));
        let NewChanges { changes, position } = outcome.inspect_err(|_| service.directory.end_lease())?;
        if position.is_behind(&self.position) {
            tracing::error!(
                "the database has gone back in time: an older copy has replaced it; stop every node and see docs/operations.md"
            );
            service.directory.forget_all();
        }
        self.position = position;
        for change in &changes {
            if change.decides() {
                service.directory.forget(change.subject);
            }
            service.directory.counts.observe_followed_change(change, service.clock.now());
        }
        service.directory.renew_lease(began);
        Ok(changes)
    }
}
