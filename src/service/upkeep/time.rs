//! The latest time that this installation has seen, kept in the database: nothing that has expired becomes valid again
//! when a machine's clock is set back while no process runs. `clock/line.rs` shows how a running process follows its
//! clock.

use std::time::Duration;

use crate::clock::{MINUTE, SECOND};
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::installation::Installation;
use crate::service::Service;
use crate::storage::{access_tokens, api_keys, installation, permission_uses, usage};

/// How often the time is saved.
pub const SYNCHRONISE_EVERY: Duration = Duration::from_secs(5);

/// Starts the clock no earlier than the latest time that this installation has seen. Every process calls this before it
/// checks any expiry. Returns the installation, created if there is none.
///
/// # Errors
/// When the machine's clock is before 1970 and no time is known, or the storage fails.
pub async fn begin(service: &Service) -> Result<Installation> {
    let known = match service.read(installation::find).await? {
        Some(known) => known,
        None if service.clock.wall() < 0 => {
            return Err(Error::Conflict("the machine's clock says that it is before 1970; set it".to_owned()));
        }
        None => create_installation(service).await?,
    };
    let behind = known.latest_time - service.clock.wall();
    if behind > SECOND {
        tracing::warn!(
            behind_millis = behind,
            "the machine's clock is behind the latest time that this installation has seen; nothing that has expired \
             revives. If that time is wrong, run `tessera accept-clock`"
        );
    }
    service.clock.begin_at(known.latest_time);
    if service.clock.latest().is_none() {
        tracing::info!(
            ahead_millis = -behind,
            "the machine's clock is more than a day ahead of the latest time that this installation has seen, as after \
             a long stop; it is believed, and kept after ten minutes"
        );
    }
    synchronise(service).await?;
    Ok(known)
}

async fn create_installation(service: &Service) -> Result<Installation> {
    let latest_time = service.clock.now();
    let id = Id::<Installation>::new(latest_time, service.entropy)?.uuid();
    service
        .write_upkeep(move |connection| {
            installation::begin(connection, Installation { id, latest_time })?;
            let begun = installation::find(connection)?;
            begun.ok_or_else(|| Error::Internal("the installation has no row".into()))
        })
        .await
}

/// Saves the time, and reads what other processes of the installation saved.
///
/// # Errors
/// When the storage fails.
pub async fn synchronise(service: &Service) -> Result<()> {
    let Some(latest) = service.clock.latest() else { return Ok(()) };
    let known = service.write_upkeep(move |connection| {
        installation::raise_time(connection, latest)?;
        installation::find(connection)
    });
    if let Some(known) = known.await? {
        service.clock.catch_up_with(known.latest_time);
    }
    Ok(())
}

/// Accepts the machine's clock as right on the operator's word, although later times have been seen. Returns the time.
///
/// # Errors
/// When the storage fails.
pub async fn accept(service: &Service) -> Result<i64> {
    let wall = service.clock.wall();
    service.write_upkeep(move |connection| installation::set_time(connection, wall)).await?;
    forget_future_uses(service, wall).await?;
    Ok(wall)
}

/// Corrects uses noted while a clock was wrong: times later than `now` are set to `now`, and counts of hours after it
/// are dropped.
///
/// # Errors
/// When the storage fails.
pub async fn forget_future_uses(service: &Service, now: i64) -> Result<()> {
    service
        .write_upkeep(move |connection| {
            // Tolerance: other nodes' clocks may be a little ahead.
            api_keys::forget_future_uses(connection, now, now + MINUTE)?;
            usage::forget_future(connection, now + MINUTE)?;
            access_tokens::forget_future_uses(connection, now, now + MINUTE)?;
            permission_uses::forget_future(connection, now, now + MINUTE)
        })
        .await
}
