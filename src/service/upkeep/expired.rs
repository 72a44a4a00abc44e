//! Deletes the rows of revoked children that have expired.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::clock::DAY;
use crate::domain::child::LONGEST_LIFE;
use crate::domain::error::Result;
use crate::service::Service;
use crate::storage::revoked_children;

/// The rows of revoked children that this process has found expired.
#[derive(Default)]
pub struct ExpiredRevocations(Mutex<Option<Found>>);

struct Found {
    /// The uptime at which they were found.
    at: i64,
    ids: Vec<Uuid>,
}

/// How long this process has known the row of a revoked child before it deletes the row, by the uptime: no child lives for
/// so long. Two clocks may differ in rate by a twentieth.
const KNOWN_FOR: i64 = LONGEST_LIFE + LONGEST_LIFE / 20;
/// How many rows are noted. Memory: 16 bytes for each.
const MOST_NOTED: i64 = 500_000;
/// How many rows are deleted in one transaction.
const FORGOTTEN_AT_ONCE: usize = 5_000;

/// Deletes the rows of revoked children that have expired.
///
/// If the clock is wrong, a row that seems to have expired may still be needed once the clock is set right. So a row stays
/// until it has been known for longer than a child lives, whatever the clock says; and for a day after its expiry,
/// because a child that was made by a clock that is ahead by a day expires that much later.
///
/// # Errors
/// When the storage fails.
pub(super) async fn forget_revoked_children(service: &Service) -> Result<()> {
    let reading = service.clock.read();
    let day_ago = reading.now - DAY;
    let found = {
        let mut known = service.expired_revocations.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| reading.uptime - known.at <= KNOWN_FOR) {
            return Ok(());
        }
        known.take()
    };
    for some in found.iter().flat_map(|found| found.ids.chunks(FORGOTTEN_AT_ONCE)) {
        let some = some.to_vec();
        let delete = move |connection: &mut _| revoked_children::delete_expired(connection, &some, day_ago);
        service.write_upkeep(delete).await?;
    }
    let ids = service.read(move |connection| revoked_children::expired(connection, day_ago, MOST_NOTED)).await?;
    let mut known = service.expired_revocations.0.lock().unwrap_or_else(PoisonError::into_inner);
    *known = Some(Found { at: reading.uptime, ids });
    Ok(())
}
