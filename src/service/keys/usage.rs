//! How often API keys are used and refused, over time.

use crate::clock::DAY;
use crate::domain::actor::Actor;
use crate::domain::api_key::ApiKey;
use crate::domain::error::{Result, Violation};
use crate::domain::ids::PrincipalId;
use crate::domain::usage::{Interval, MOST_INTERVALS, NetworkUsage, Usage, series};
use crate::service::Service;
use crate::service::authz::sight;
use crate::service::keys::api_keys;
use crate::service::upkeep::maintenance::{DAILY_USAGE_DAYS, NETWORKS};
use crate::storage;
use crate::storage::database::AnyConnection;

/// The period of a series: from the interval that contains `from` to the one that contains the instant before `to`.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// Epoch milliseconds; `None` for the usual number of intervals before `to`.
    pub from: Option<i64>,
    /// Epoch milliseconds; `None` for now.
    pub to: Option<i64>,
    /// The length of the intervals.
    pub by: Interval,
}

/// How often and from where an API key was used and refused.
#[derive(Debug, Clone)]
pub struct KeyUsage {
    /// The uses and refusals in every interval of the period, in ascending order.
    pub series: Vec<Usage>,
    /// The networks at any time, the one seen last first.
    pub networks: Vec<NetworkUsage>,
}

/// How often an API key was used and refused in a period, and from where at any time. What this node has not saved yet is
/// included.
///
/// # Errors
/// [`NotFound`](crate::domain::error::Error::NotFound), also for a key that the actor does not see; violations for a
/// period that is empty, too long, or older than what is kept.
pub async fn of_key(service: &Service, actor: &Actor, id: PrincipalId, period: Period) -> Result<KeyUsage> {
    let starts = starts(service, period)?;
    api_keys::get(service, actor, id).await?;
    let reading = service.clone();
    service
        .read(move |connection| {
            let networks = networks(&reading, connection, id)?;
            let (Some(from), Some(last)) = (starts.first(), starts.last()) else {
                return Ok(KeyUsage { series: Vec::new(), networks });
            };
            let end = period.by.next(*last);
            let mut counts = storage::usage::of(connection, id, *from, end)?;
            counts.extend(reading.directory.refusals.unsaved(id));
            counts.extend(reading.directory.unsaved_use(id).map(|unsaved| Usage {
                starts_at: Interval::Hour.start(unsaved.last_used_at),
                uses: unsaved.count,
                refusals: 0,
            }));
            let series = series(&starts, counts.into_iter().filter(|count| count.starts_at < end));
            Ok(KeyUsage { series, networks })
        })
        .await
}

fn starts(service: &Service, Period { from, to, by }: Period) -> Result<Vec<i64>> {
    let now = service.clock.now();
    let days = match by {
        Interval::Hour => service.hourly_usage_days,
        Interval::Day | Interval::Month => DAILY_USAGE_DAYS,
    };
    let oldest = Interval::Day.start(now) - days * DAY;
    let to = to.unwrap_or(now + 1);
    let usual = match by {
        Interval::Hour => DAY,
        Interval::Day => 30 * DAY,
        Interval::Month => 365 * DAY,
    };
    let from = from.unwrap_or_else(|| (to - usual).max(oldest));
    if to > now + 1 {
        return Err(Violation::new("to", "must not be in the future").into());
    }
    if from < oldest {
        let message = format!("must be at least {oldest}: by {}, uses are kept for {days} days", by.name());
        return Err(Violation::new("from", message).into());
    }
    if from >= to {
        return Err(Violation::new("from", "must be before `to`").into());
    }
    let too_long = || Violation::new("from", format!("must be at most {MOST_INTERVALS} intervals before `to`"));
    by.starts(from, to).ok_or_else(|| too_long().into())
}

/// The networks from which an API key was used or refused, the one seen last first.
fn networks(service: &Service, connection: &mut AnyConnection, id: PrincipalId) -> Result<Vec<NetworkUsage>> {
    let mut networks = storage::key_networks::of(connection, id)?;
    for new in service.directory.networks.unsaved(id) {
        match networks.iter_mut().find(|known| known.network == new.network) {
            Some(known) => {
                known.last_seen_at = known.last_seen_at.max(new.last_seen_at);
                known.refusals += new.refusals;
            }
            None => networks.push(new),
        }
    }
    networks.sort_by_key(|each| std::cmp::Reverse(each.last_seen_at));
    networks.truncate(NETWORKS.into());
    Ok(networks)
}

/// The keys that the actor sees and that were refused most in the last 24 hours, with the number of refusals.
///
/// # Errors
/// When the storage fails.
pub async fn most_refused(service: &Service, actor: &Actor) -> Result<Vec<(ApiKey, i64)>> {
    /// How many keys are looked at, whether or not the actor sees them.
    const LOOKED_AT: i64 = 50;
    const SHOWN: usize = 5;
    let (seen, now) = (sight::api_keys(service, actor), service.clock.now());
    service
        .list(actor, move |connection| {
            let mut found = Vec::new();
            for (id, refusals) in storage::usage::most_refused(connection, now - DAY, LOOKED_AT)? {
                if let Some(key) = storage::api_keys::find_seen(connection, id, &seen, now)? {
                    found.push((key, refusals));
                }
                if found.len() == SHOWN {
                    break;
                }
            }
            Ok(found)
        })
        .await
}
