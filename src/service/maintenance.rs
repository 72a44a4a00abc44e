//! What runs beside the requests: following changes, saving uses, forgetting what has ended.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::{Service, blocking, permissions};
use crate::clock::{DAY, SECOND};
use crate::domain::error::{Error, Result};
use crate::storage::{access_tokens, api_keys, changes, create_requests, credentials, peppers};

/// How often the changes of other processes are looked for: so long can one of their revocations take to arrive.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How long a look may take before nothing cached is trusted any more.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);
/// How far back each look goes: a change is seen if it committed within this time of its own time stamp.
const OVERLAP: i64 = 60 * SECOND;
/// How often uses are saved.
pub const SAVE_USES_EVERY: Duration = Duration::from_secs(5);
/// How often ended sessions and old create requests are removed.
pub const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Follows the changes that other processes make: the command line, and other nodes on the same database.
pub struct Follower {
    seen: HashMap<Uuid, i64>,
    looked_at: i64,
}

impl Follower {
    /// Begins to follow: everything up to now counts as seen, as nothing has been cached yet.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn start(service: &Service) -> Result<Self> {
        let mut follower = Self { seen: HashMap::new(), looked_at: service.clock.now() };
        follower.step(service).await?;
        Ok(follower)
    }

    /// Looks once. When storage cannot be read, nothing cached is trusted any more.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn step(&mut self, service: &Service) -> Result<()> {
        let now = service.clock.now();
        let look = service.look_up(move |connection| changes::since(connection, now - OVERLAP));
        let outcome =
            tokio::time::timeout(FOLLOW_TIMEOUT, look).await.unwrap_or_else(|late| Err(Error::Storage(late.into())));
        let changes = outcome.inspect_err(|_| service.directory.forget_all())?;
        // After a sleep, or a step of the clock, a change may have slipped between two looks.
        if !(0..OVERLAP / 2).contains(&(now - self.looked_at)) {
            service.directory.forget_all();
        }
        self.looked_at = now;
        self.seen.retain(|_, seen_at| *seen_at >= now - 2 * OVERLAP);
        for change in changes {
            if self.seen.insert(change.id, now).is_none() {
                service.directory.forget(change.subject);
            }
        }
        Ok(())
    }
}

/// Saves when keys were last used, and what they made use of.
///
/// # Errors
/// When the storage fails.
pub async fn save_uses(service: &Service) -> Result<()> {
    let _one_at_a_time = service.saving.lock().await;
    permissions::save_uses(service).await?;
    let uses = service.directory.take_uses();
    if uses.is_empty() {
        return Ok(());
    }
    let parts = service.clone();
    blocking(move || {
        parts.database.write(|connection| api_keys::note_uses(connection, &uses))?;
        parts.directory.uses_saved();
        Ok(())
    })
    .await
}

/// How long an access token that has expired can still be listed.
const LISTED: i64 = 30 * DAY;

/// Removes sessions that ended more than a day ago, access tokens that expired long ago, and create requests that cannot
/// be repeated any more.
///
/// # Errors
/// When the storage fails.
pub async fn forget_ended(service: &Service) -> Result<()> {
    let service = service.clone();
    blocking(move || {
        let day_ago = service.clock.now() - DAY;
        service.database.write(|connection| {
            credentials::delete_ended_sessions(connection, day_ago)?;
            access_tokens::delete_expired(connection, day_ago - LISTED)?;
            create_requests::forget_all_old(connection, day_ago).map(drop)
        })
    })
    .await
}

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(service: &Service) -> Result<()> {
    service.look_up(|connection| peppers::known(connection).map(drop)).await
}
