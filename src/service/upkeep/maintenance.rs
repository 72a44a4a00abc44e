//! Background work: saves uses, and removes ended records. `upkeep/follow.rs` follows changes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::clock::DAY;
use crate::directory::Promptness;
use crate::domain::credential::Use;
use crate::domain::error::{Error, Result};
use crate::domain::usage::{Interval, PrincipalUsage, Usage};
use crate::service::Service;
use crate::service::upkeep::{expired, time};
use crate::storage::database::unwritable;
use crate::storage::{
    access_tokens, api_keys, create_requests, credentials, device_authorizations, installation, key_networks, nodes,
    open_invitations, peppers, permission_uses, usage,
};

/// How often uses are saved.
pub const SAVE_USES_EVERY: Duration = Duration::from_secs(5);
/// Saving uses pauses for this many times as long as it took: writing a row costs as much as verifying a token, or
/// more.
pub const PAUSES_BETWEEN_SAVES: u32 = 19;
/// How many keys' or tokens' uses are saved in one transaction.
const SAVED_AT_ONCE: usize = 5_000;
/// For how many days the uses of each day are kept.
pub const DAILY_USAGE_DAYS: i64 = 400;
/// How many networks of a key are kept: those that were seen last.
pub const NETWORKS: u16 = 100;
/// How often ended sessions and old create requests are removed.
pub const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Saves all uses so far: when and how often keys were used, which permissions they used, and when access tokens were
/// used.
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
            let refusals = parts.directory.refusals.some(SAVED_AT_ONCE);
            let networks = parts.directory.networks.some(SAVED_AT_ONCE);
            if !uses.is_empty() || !refusals.is_empty() || !networks.is_empty() {
                let hours = if parts.hourly_usage_days > 0 { by_hour(&uses, &refusals) } else { Vec::new() };
                database.write_for(task, |connection| {
                    api_keys::record_uses(connection, &uses)?;
                    usage::add_to_hours(connection, &hours)?;
                    key_networks::add(connection, &networks)
                })?;
                parts.directory.uses_saved();
                parts.directory.refusals.saved(&refusals);
                parts.directory.networks.saved(&networks);
            }
            if parts.directory.uses_are_waiting() {
                return Ok(Unsaved::Some);
            }
            parts.directory.sweep();
            Ok(Unsaved::None)
        })
        .await?;
    save_permission_uses(service).await?;
    save_token_uses(service).await?;
    Ok(unsaved)
}

/// Saves when permissions were last used.
async fn save_permission_uses(service: &Service) -> Result<()> {
    let uses = service.directory.permission_uses.all();
    if uses.is_empty() {
        return Ok(());
    }
    let parts = service.clone();
    service
        .run_upkeep(move |database, task| {
            database.write_for(task, |connection| permission_uses::keep(connection, &uses))?;
            parts.directory.permission_uses.saved(&uses);
            Ok(())
        })
        .await
}

/// Uses and refusals by key and hour, in the order of the keys' creation, so that neighbouring rows are written
/// together. Uses since the last save count in the hour of the latest one.
fn by_hour(uses: &[Use], refusals: &[PrincipalUsage]) -> Vec<PrincipalUsage> {
    let accepted = uses.iter().map(|each| PrincipalUsage {
        principal: each.principal,
        usage: Usage { starts_at: Interval::Hour.start(each.last_used_at), uses: each.count, refusals: 0 },
    });
    let mut hours = BTreeMap::<_, Usage>::new();
    for PrincipalUsage { principal, usage } in accepted.chain(refusals.iter().copied()) {
        let sum = hours.entry((principal.uuid(), usage.starts_at));
        let sum = sum.or_insert(Usage { starts_at: usage.starts_at, uses: 0, refusals: 0 });
        sum.uses += usage.uses;
        sum.refusals += usage.refusals;
    }
    hours.into_iter().map(|((principal, _), usage)| PrincipalUsage { principal: principal.into(), usage }).collect()
}

/// Moves counts of old hours to their days, and deletes those of old days, and networks beyond [`NETWORKS`].
///
/// # Errors
/// When the storage fails.
pub async fn forget_old_usage(service: &Service) -> Result<()> {
    let today = Interval::Day.start(service.clock.now());
    let hours_before = today - service.hourly_usage_days * DAY;
    while service.write_upkeep(move |connection| usage::move_to_days(connection, hours_before, SAVED_AT_ONCE)).await?
        > 0
    {
        tokio::task::yield_now().await;
    }
    service.write_upkeep(move |connection| usage::delete_days(connection, today - DAILY_USAGE_DAYS * DAY)).await?;
    for principal in service.read(|connection| key_networks::with_more_than(connection, NETWORKS.into())).await? {
        service
            .write_upkeep(move |connection| key_networks::keep_latest(connection, principal, NETWORKS.into()))
            .await?;
    }
    Ok(())
}

/// Saves when access tokens were last used.
async fn save_token_uses(service: &Service) -> Result<()> {
    for uses in service.directory.token_uses.all().chunks(SAVED_AT_ONCE) {
        let (parts, uses) = (service.clone(), uses.to_vec());
        service
            .run_upkeep(move |database, task| {
                database.write_for(task, |connection| access_tokens::record_uses(connection, &uses))?;
                parts.directory.token_uses.saved(&uses);
                Ok(())
            })
            .await?;
    }
    Ok(())
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

/// Removes sessions and secrets of API keys that ended more than a day ago, access tokens that expired long ago,
/// expired device authorizations and invitations, idempotency keys of create requests that can no longer be repeated, and
/// revoked children that have expired. Also corrects uses that were noted while a clock was wrong.
///
/// The clock may be wrong, and be set right later (`time::accept`). Without its row a credential, an authorization or an
/// invitation is refused, so there it does no harm. A row by which something is refused, or not done twice, stays for a
/// day longer than it is needed: a clock that is ahead by up to a day is believed at once.
///
/// # Errors
/// When the storage fails.
pub async fn forget_ended(service: &Service) -> Result<()> {
    time::forget_future_uses(service, service.clock.now()).await?;
    let now = service.clock.now();
    let day_ago = now - DAY;
    service
        .write_upkeep(move |connection| {
            credentials::delete_ended(connection, day_ago)?;
            device_authorizations::delete_expired(connection, now)?;
            open_invitations::delete_expired(connection, now)?;
            access_tokens::delete_expired(connection, day_ago - LISTED)?;
            create_requests::forget_all_old(connection, day_ago - DAY).map(drop)
        })
        .await?;
    expired::forget_revoked_children(service).await?;
    forget_old_usage(service).await
}

/// Checks that the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(service: &Service) -> Result<()> {
    service.look_up(|connection| peppers::known(connection).map(drop)).await
}

/// How many processes serve this installation, this one among them.
///
/// # Errors
/// When the storage fails.
pub async fn count_nodes(service: &Service) -> Result<usize> {
    Ok(service.look_up(nodes::all).await?.len().max(1))
}

/// How long the latest changes took to come into force in this process; `None` if there was none since its start.
#[must_use]
pub fn promptness(service: &Service) -> Option<Promptness> {
    service.directory.counts.promptness()
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
        Ok(Ok(())) => Ok(()),
        // Where writers only wait for each other, one of them ends.
        Ok(Err(_)) | Err(_) if service.has_written_within(WRITES_WITHIN) => Ok(()),
        Ok(Err(_)) | Err(_) => Err("no write to the database ends"),
    };
    *last = Some((Instant::now(), outcome));
    outcome
}

const CHECK_WRITES_EVERY: Duration = Duration::from_secs(1);
const WRITES_WITHIN: Duration = Duration::from_millis(1500);
