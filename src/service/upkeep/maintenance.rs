//! What runs beside the requests: following changes, saving uses, forgetting what has ended.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::clock::{DAY, SECOND};
use crate::domain::error::{Error, Result};
use crate::service::authz::effective;
use crate::service::{Service, blocking};
use crate::storage::{access_tokens, api_keys, changes, create_requests, credentials, peppers};

/// How often the changes of other processes are looked for: so long can one of their revocations take to arrive.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How long a look may take before nothing cached is trusted any more.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);
/// How far back each look goes: a change is seen if it committed within this time of its own time stamp.
const OVERLAP: i64 = 60 * SECOND;
/// How often uses are saved.
pub const SAVE_USES_EVERY: Duration = Duration::from_secs(5);
/// For each second of saving uses so many pass without: to write a row costs as much as to verify a token, or more.
pub const PAUSES_BETWEEN_SAVES: u32 = 19;
/// Of how many keys uses are saved in one transaction.
const SAVED_AT_ONCE: usize = 5_000;
/// How often ended sessions and old create requests are removed.
pub const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Follows the changes that other processes make: the command line, and other nodes on the same database.
pub struct Follower {
    seen: HashMap<Uuid, i64>,
    started_at: i64,
    looked_at: i64,
}

impl Follower {
    /// Begins to follow: everything up to now counts as seen, as nothing has been cached yet.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn start(service: &Service) -> Result<Self> {
        let now = service.clock.now();
        let mut follower = Self { seen: HashMap::new(), started_at: now, looked_at: now };
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
                if change.changed_at > self.started_at {
                    service.directory.counts.followed(&change, service.clock.now());
                }
            }
        }
        Ok(())
    }
}

/// Saves every use there has been until now: when and how often keys were used, and what they made use of.
///
/// # Errors
/// When the storage fails.
pub async fn save_uses(service: &Service) -> Result<()> {
    // Those whose turn is still to come, and then those that were used since that round began.
    for _ in 0..2 {
        while save_some_uses(service).await? == Unsaved::Some {}
    }
    Ok(())
}

/// Saves what keys made use of, and the uses of so many keys that it does not keep other writers waiting.
///
/// # Errors
/// When the storage fails.
pub async fn save_some_uses(service: &Service) -> Result<Unsaved> {
    let _one_at_a_time = service.saving.lock().await;
    let parts = service.clone();
    let unsaved = blocking(move || {
        let uses = parts.directory.take_uses(SAVED_AT_ONCE);
        if !uses.is_empty() {
            parts.database.write(|connection| api_keys::note_uses(connection, &uses))?;
            parts.directory.uses_saved();
        }
        if parts.directory.uses_are_waiting() {
            return Ok(Unsaved::Some);
        }
        parts.directory.sweep();
        Ok(Unsaved::None)
    })
    .await?;
    effective::save_uses(service).await?;
    Ok(unsaved)
}

/// Whether uses wait for their turn to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaved {
    /// More keys were used than are saved at once.
    Some,
    /// All that were used when the round began are saved.
    None,
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
