//! From where users have signed in: of each the latest few networks, by marks that tell nobody which they are.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::familiar_networks;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

/// How many networks of one user are kept.
const KEPT: i64 = 16;

/// Keeps that a user, whose row the transaction has locked, has signed in from there.
///
/// # Errors
/// When the storage fails.
pub fn note(connection: &mut AnyConnection, user: PrincipalId, mark: &str, now: i64) -> Result<()> {
    let seen_at = familiar_networks::seen_at.eq(now);
    let row = familiar_networks::table.find((user.to_string(), mark));
    if diesel::update(row).set(seen_at).execute(connection)? == 0 {
        let key = (familiar_networks::principal_id.eq(user.to_string()), familiar_networks::mark.eq(mark));
        diesel::insert_into(familiar_networks::table).values((key, seen_at)).execute(connection)?;
    }
    let own = familiar_networks::table.filter(familiar_networks::principal_id.eq(user.to_string()));
    let latest = (familiar_networks::seen_at.desc(), familiar_networks::mark);
    let older: Vec<String> =
        own.order(latest).select(familiar_networks::mark).offset(KEPT).limit(KEPT).load(connection)?;
    for mark in older {
        diesel::delete(familiar_networks::table.find((user.to_string(), mark))).execute(connection)?;
    }
    Ok(())
}

/// The latest of all, at most so many, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn latest(connection: &mut AnyConnection, most: i64) -> Result<Vec<String>> {
    let order = (familiar_networks::seen_at.desc(), familiar_networks::mark);
    let mut marks: Vec<String> =
        familiar_networks::table.order(order).select(familiar_networks::mark).limit(most).load(connection)?;
    marks.reverse();
    Ok(marks)
}
