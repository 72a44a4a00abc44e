//! The log after the restore of a backup. The backup's log is shorter than the log that others may have seen, and
//! cannot honestly continue under its origin. So it goes on under another origin, which no witness and no verifier
//! takes for the former log.

use data_encoding::HEXLOWER;

use super::{count, root_of};
use crate::domain::change::Action;
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};
use crate::domain::log::note::unverified;
use crate::service::Service;
use crate::storage::changes;
use crate::storage::database::AnyConnection;
use crate::storage::log::{self, BEGINNING, Fork};

/// Another origin for a log: random, because the same backup may be restored twice.
pub(super) fn another_origin(base: &str, entropy: Entropy) -> Result<String> {
    let mut random = [0; 8];
    entropy.fill(&mut random)?;
    Ok(format!("{base}/{}", HEXLOWER.encode(&random)))
}

/// Whether a restored copy was ever accepted.
pub(super) fn was_ever(connection: &mut AnyConnection) -> Result<bool> {
    changes::is_there_since(connection, Action::RestoreAccepted.name(), -1)
}

/// Whether another log has replaced the log with this checkpoint, as after every restore.
///
/// # Errors
/// [`Error::Conflict`] when it is no checkpoint; when the storage fails.
pub async fn has_ended(service: &Service, kept: &str) -> Result<bool> {
    let kept = unverified(kept).map_err(Error::Conflict)?;
    Ok(service.read(log::find).await?.is_none_or(|state| state.origin != kept.origin()))
}

/// The logs before and after a restore.
pub struct Forked {
    /// The origin of the log that has ended.
    pub ended: String,
    /// How many leaves of the ended log are left.
    pub size: i64,
    /// The origin of the log that goes on.
    pub origin: String,
}

/// Ends the log, and begins another log that continues it. `None` if there is no log. A log that a restore has begun, and
/// that has not been signed since, goes on: its key may have been given out after the first of two runs, and no
/// checkpoint contradicts it.
///
/// # Errors
/// When the storage fails, or there is no randomness.
pub(in crate::service) fn fork(connection: &mut AnyConnection, service: &Service, now: i64) -> Result<Option<Forked>> {
    let Some(mut state) = log::lock(connection)? else { return Ok(None) };
    // A copy that was made just after a restore lacks what the log has signed later; this machine may have kept that.
    let was_signed = service.log.signed().is_some_and(|signed| signed.origin == state.origin);
    if state.checkpoint.is_empty()
        && !was_signed
        && let Some(Fork { origin: ended, size, .. }) = log::forks(connection)?.pop()
        && size == state.size
        && ended != state.origin
    {
        return Ok(Some(Forked { ended, size, origin: state.origin }));
    }
    let size = count(state.size)?;
    // Damaged hashes must not stop a restore; `tessera audit verify` reports them.
    let root = root_of(connection, size)?.map(|root| root.to_string()).unwrap_or_default();
    let ended = std::mem::replace(&mut state.origin, another_origin(&state.base, service.entropy)?);
    log::add_fork(connection, Fork { origin: ended.clone(), size: state.size, root, ended_at: now })?;
    // In a dump of PostgreSQL the positions are those of another cluster: all changes are looked through.
    (state.position, state.change_id) = (BEGINNING, String::new());
    (state.checkpoint, state.witnessed, state.witnessed_at) = (String::new(), String::new(), 0);
    log::save(connection, &state)?;
    Ok(Some(Forked { ended, size: state.size, origin: state.origin }))
}
