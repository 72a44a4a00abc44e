//! Uses and refusals of API keys per hour, and per day once the hours are old.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Text};

use super::database::AnyConnection;
use super::key_rows::KeyRows;
use super::rows::parse_id;
use super::schema::{daily_uses, hourly_uses};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::usage::{Interval, PrincipalUsage, Usage};

/// A row of `hourly_uses`.
#[derive(QueryableByName)]
struct HourRow {
    #[diesel(sql_type = BigInt)]
    starts_at: i64,
    #[diesel(sql_type = Text)]
    principal_id: String,
    #[diesel(sql_type = BigInt)]
    uses: i64,
    #[diesel(sql_type = BigInt)]
    refusals: i64,
}

/// Adds counts to their hours, with one statement for many keys; those of deleted keys are dropped. No two counts are
/// of the same key and hour.
///
/// # Errors
/// When the storage fails.
pub fn add_to_hours(connection: &mut AnyConnection, counts: &[PrincipalUsage]) -> Result<()> {
    add(connection, "hourly_uses", counts)
}

/// Moves at most that many of the oldest counts before `before` from their hours to their days; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn move_to_days(connection: &mut AnyConnection, before: i64, at_most: usize) -> Result<usize> {
    // RETURNING: each row is moved by one transaction, even if several nodes do this at once.
    let statement = format!(
        "DELETE FROM hourly_uses WHERE (starts_at, principal_id) IN (SELECT starts_at, principal_id FROM hourly_uses \
         WHERE starts_at < {before} ORDER BY starts_at, principal_id LIMIT {at_most}) \
         RETURNING starts_at, principal_id, uses, refusals"
    );
    let rows: Vec<HourRow> = match connection {
        AnyConnection::Postgres(postgres) => sql_query(statement).load(postgres)?,
        AnyConnection::Sqlite(sqlite) => sql_query(statement).load(sqlite)?,
    };
    let mut days = std::collections::BTreeMap::<_, (i64, i64)>::new();
    for row in &rows {
        let sum = days.entry((parse_id(&row.principal_id)?, Interval::Day.start(row.starts_at))).or_default();
        *sum = (sum.0 + row.uses, sum.1 + row.refusals);
    }
    let counts: Vec<PrincipalUsage> = days
        .into_iter()
        .map(|((principal, starts_at), (uses, refusals))| PrincipalUsage {
            principal,
            usage: Usage { starts_at, uses, refusals },
        })
        .collect();
    add(connection, "daily_uses", &counts)?;
    Ok(rows.len())
}

/// Deletes the counts of days before `before`.
///
/// # Errors
/// When the storage fails.
pub fn delete_days(connection: &mut AnyConnection, before: i64) -> Result<()> {
    diesel::delete(daily_uses::table.filter(daily_uses::starts_at.lt(before))).execute(connection)?;
    Ok(())
}

/// Deletes the counts of hours after `later`: a clock was ahead when they were recorded.
///
/// # Errors
/// When the storage fails.
pub fn forget_future(connection: &mut AnyConnection, later: i64) -> Result<()> {
    diesel::delete(hourly_uses::table.filter(hourly_uses::starts_at.gt(later))).execute(connection)?;
    Ok(())
}

/// The counts of a principal that begin within `from..to`: of hours, and of days whose hours are no longer kept.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, principal: PrincipalId, from: i64, to: i64) -> Result<Vec<Usage>> {
    let id = principal.to_string();
    let mut found: Vec<(i64, i64, i64)> = daily_uses::table
        .filter(daily_uses::principal_id.eq(&id))
        .filter(daily_uses::starts_at.ge(from).and(daily_uses::starts_at.lt(to)))
        .select((daily_uses::starts_at, daily_uses::uses, daily_uses::refusals))
        .load(connection)?;
    let hours: Vec<(i64, i64, i64)> = hourly_uses::table
        .filter(hourly_uses::principal_id.eq(&id))
        .filter(hourly_uses::starts_at.ge(from).and(hourly_uses::starts_at.lt(to)))
        .select((hourly_uses::starts_at, hourly_uses::uses, hourly_uses::refusals))
        .load(connection)?;
    found.extend(hours);
    Ok(found.into_iter().map(|(starts_at, uses, refusals)| Usage { starts_at, uses, refusals }).collect())
}

/// The keys that were refused most since `since`, and how often: at most that many, the most refused first.
///
/// # Errors
/// When the storage fails.
pub fn most_refused(connection: &mut AnyConnection, since: i64, at_most: i64) -> Result<Vec<(PrincipalId, i64)>> {
    use diesel::dsl::sql;
    // PostgreSQL sums BIGINT to NUMERIC.
    let total = || sql::<BigInt>("CAST(SUM(refusals) AS BIGINT)");
    let rows: Vec<(String, i64)> = hourly_uses::table
        .filter(hourly_uses::starts_at.ge(since))
        // Not a bound value: only so is the partial index used.
        .filter(sql::<Bool>("refusals > 0"))
        .group_by(hourly_uses::principal_id)
        .select((hourly_uses::principal_id, total()))
        .order((total().desc(), hourly_uses::principal_id))
        .limit(at_most)
        .load(connection)?;
    rows.into_iter().map(|(id, refusals)| Ok((parse_id(&id)?, refusals))).collect()
}

/// The table is `hourly_uses` or `daily_uses`.
fn add(connection: &mut AnyConnection, table: &str, counts: &[PrincipalUsage]) -> Result<()> {
    let values = counts.iter().map(|PrincipalUsage { principal, usage: Usage { starts_at, uses, refusals } }| {
        format!("'{principal}', {starts_at}, {uses}, {refusals}")
    });
    let target = KeyRows {
        table,
        columns: ["principal_id", "starts_at", "uses", "refusals"],
        updates: "uses = kept.uses + excluded.uses, refusals = kept.refusals + excluded.refusals",
    };
    target.add(connection, values)
}
