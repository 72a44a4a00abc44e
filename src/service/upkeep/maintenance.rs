//! Background work: saves uses, and removes ended records. `upkeep/follow.rs` follows changes.

use std::time::{Duration, Instant};

use crate::clock::DAY;
use crate::domain::error::{Error, Result};
use crate::service::Service;
use crate::service::authz::effective;
use crate::service::upkeep::time;
use crate::storage::database::unwritable;
use crate::storage::{
    access_tokens, api_keys, create_requests, credentials, device_authorizations, installation, peppers,
};

/// How often uses are saved.
pub const SAVE_USES_EVERY: Duration = Duration::from_secs(5);
/// Saving uses pauses for this many times as long as it took: writing a row costs as much as verifying a token, or
/// more.
pub const PAUSES_BETWEEN_SAVES: u32 = 19;
/// How many keys' uses are saved in one transaction.
const SAVED_AT_ONCE: usize = 5_000;
/// How often ended sessions and old create requests are removed.
pub const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Saves all uses so far: when and how often keys were used, and which permissions they used.
///
/// # Errors
/// When the storage fails.
pub async fn save_uses(service: &Service) -> Result<()> {
    // The first round saves what is queued; the second what was used since the first began.
    for _ in 0..2 {
        while save_some_uses(service).await? == Unsaved::Some {}
    }
    Ok(())
}

/// Saves the uses of a bounded number of keys, so that other writers do not wait, and the permissions that keys used.
///
/// # Errors
/// When the storage fails.
pub async fn save_some_uses(service: &Service) -> Result<Unsaved> {
    let _one_at_a_time = service.saving.lock().await;
    let parts = service.clone();
    let unsaved = service
        .run_upkeep(move |database, task| {
            let uses = parts.directory.take_uses(SAVED_AT_ONCE);
            if !uses.is_empty() {
                database.write_for(task, |connection| api_keys::record_uses(connection, &uses))?;
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

/// Whether unsaved uses are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaved {
    /// More keys were used than are saved at once.
    Some,
    /// All uses from before the round are saved.
    None,
}

/// How long an expired access token stays listed.
const LISTED: i64 = 30 * DAY;

/// Removes sessions that ended more than a day ago, access tokens that expired long ago, expired device authorizations,
/// and idempotency keys of create requests that can no longer be repeated. Also corrects uses that were noted while a clock was wrong.
///
/// # Errors
/// When the storage fails.
pub async fn forget_ended(service: &Service) -> Result<()> {
    time::forget_future_uses(service, service.clock.now()).await?;
    let now = service.clock.now();
    let day_ago = now - DAY;
    service
        .write_upkeep(move |connection| {
            credentials::delete_ended_sessions(connection, day_ago)?;
            device_authorizations::delete_expired(connection, now)?;
            access_tokens::delete_expired(connection, day_ago - LISTED)?;
            create_requests::forget_all_old(connection, day_ago).map(drop)
        })
        .await
}

/// Checks that the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(service: &Service) -> Result<()> {
    service.look_up(|connection| peppers::known(connection).map(drop)).await
}

/// Checks that the database accepts writes, by writing. At most once a second, because anonymous clients can ask.
///
/// # Errors
/// Why it does not.
pub async fn check_writes(service: &Service) -> std::result::Result<(), &'static str> {
    let mut last = service.write_check().lock().await;
    if let Some((at, outcome)) = *last
        && at.elapsed() < CHECK_WRITES_EVERY
    {
        return outcome;
    }
    let writing = tokio::time::timeout(WRITES_WITHIN, service.write_upkeep(installation::check_writable));
    let outcome = match writing.await {
        Ok(Err(Error::Unavailable(source))) => Err(unwritable(&*source).unwrap_or("the database does not answer")),
        Ok(Err(Error::Storage(_))) => Err("the database cannot be written to"),
        // Writers are only waiting for each other.
        Ok(Ok(()) | Err(_)) | Err(_) => Ok(()),
    };
    *last = Some((Instant::now(), outcome));
    outcome
}

const CHECK_WRITES_EVERY: Duration = Duration::from_secs(1);
const WRITES_WITHIN: Duration = Duration::from_millis(1500);
