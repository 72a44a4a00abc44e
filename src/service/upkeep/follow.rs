//! Following the changes that other processes make: the command line, and other nodes on the same database.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::error::{Error, Result};
use crate::service::Service;
use crate::storage::changes::{self, News};
use crate::storage::feed::{Mark, mark};

/// How often the changes of other processes are looked for: so long can one of their revocations take to arrive.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How long a look may take.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);

/// Follows the changes in the order of their commits; no clock of any process matters for it.
pub struct Follower {
    mark: Mark,
}

impl Follower {
    /// Begins to follow: everything up to now counts as known, as nothing can have been used from memory yet.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn start(service: &Service) -> Result<Self> {
        let began = service.clock.uptime();
        let mark = service.follow(mark).await?;
        service.directory.forget_all();
        service.directory.renew_lease(began);
        Ok(Self { mark })
    }

    /// Looks once, and tells what it found. While storage cannot be read, nothing in memory is used.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn step(&mut self, service: &Service) -> Result<Vec<Change>> {
        if let Some(millis) = service.clock.observe() {
            tracing::warn!(millis, now = service.clock.now(), "the machine's clock was set");
            // The machine may also have been halted in a way that its uptime does not tell.
            service.directory.forget_all();
        }
        // What this look does not find was committed after this.
        let began = service.clock.uptime();
        let known = self.mark.clone();
        let look = service.follow(move |connection| changes::since(connection, &known));
        let outcome =
            tokio::time::timeout(FOLLOW_TIMEOUT, look).await.unwrap_or_else(|late| Err(Error::Storage(late.into())));
        let News { changes, mark } = outcome.inspect_err(|_| service.directory.end_lease())?;
        if mark.is_behind(&self.mark) {
            tracing::error!(
                "the database has gone back: another has taken its place; stop every node and see the manual"
            );
            service.directory.forget_all();
        }
        self.mark = mark;
        for change in &changes {
            if change.decides() {
                service.directory.forget(change.subject);
            }
            service.directory.counts.followed(change, service.clock.now());
        }
        service.directory.renew_lease(began);
        Ok(changes)
    }
}
