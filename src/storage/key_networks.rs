//! The networks from which API keys were used and refused.

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::MANY;
use super::database::AnyConnection;
use super::key_rows::KeyRows;
use super::rows::parse_id;
use super::schema::key_networks;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::usage::NetworkUsage;

/// Adds uses from networks, with one statement for many networks; those of deleted keys are dropped. `last_seen_at` may
/// move back, so that a clock that was ahead leaves nothing behind.
///
/// # Errors
/// When the storage fails.
pub fn add(connection: &mut AnyConnection, usages: &[NetworkUsage]) -> Result<()> {
    let values = usages.iter().map(|NetworkUsage { principal, network, first_seen_at, last_seen_at, refusals }| {
        format!("'{principal}', '{network}', {first_seen_at}, {last_seen_at}, {refusals}")
    });
    let target = KeyRows {
        table: "key_networks",
        columns: ["principal_id", "network", "first_seen_at", "last_seen_at", "refusals"],
        updates: "last_seen_at = excluded.last_seen_at, refusals = kept.refusals + excluded.refusals",
    };
    target.add(connection, values)
}

/// The networks of a principal, the one seen last first.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, principal: PrincipalId) -> Result<Vec<NetworkUsage>> {
    let rows: Vec<(String, i64, i64, i64)> = key_networks::table
        .filter(key_networks::principal_id.eq(principal.to_string()))
        .select((
            key_networks::network,
            key_networks::first_seen_at,
            key_networks::last_seen_at,
            key_networks::refusals,
        ))
        .order((key_networks::last_seen_at.desc(), key_networks::network))
        .load(connection)?;
    let usage = |(network, first_seen_at, last_seen_at, refusals)| NetworkUsage {
        principal,
        network,
        first_seen_at,
        last_seen_at,
        refusals,
    };
    Ok(rows.into_iter().map(usage).collect())
}

/// The principals with more than that many networks.
///
/// # Errors
/// When the storage fails.
pub fn with_more_than(connection: &mut AnyConnection, networks: i64) -> Result<Vec<PrincipalId>> {
    let rows: Vec<String> = key_networks::table
        .group_by(key_networks::principal_id)
        .having(count_star().gt(networks))
        .select(key_networks::principal_id)
        .load(connection)?;
    rows.iter().map(|id| parse_id(id)).collect()
}

/// Deletes a principal's networks, except for that many that were seen last.
///
/// # Errors
/// When the storage fails.
pub fn keep_latest(connection: &mut AnyConnection, principal: PrincipalId, networks: usize) -> Result<()> {
    let older: Vec<String> = of(connection, principal)?.into_iter().skip(networks).map(|each| each.network).collect();
    for chunk in older.chunks(MANY) {
        let rows = key_networks::table
            .filter(key_networks::principal_id.eq(principal.to_string()))
            .filter(key_networks::network.eq_any(chunk));
        diesel::delete(rows).execute(connection)?;
    }
    Ok(())
}
