//! The networks that users have signed in from: the latest 16 of each user, as marks that do not reveal the network.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::familiar_networks;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

/// How many networks are kept for each user.
const NETWORKS_PER_USER: i64 = 16;

/// Records that a user has signed in from that network. The transaction must hold the lock on the user's row.
///
/// # Errors
/// When the storage fails.
pub fn record(connection: &mut AnyConnection, user: PrincipalId, mark: &str, now: i64) -> Result<()> {
    let seen_at = familiar_networks::seen_at.eq(now);
    let row = familiar_networks::table.find((user.to_string(), mark));
    if diesel::update(row).set(seen_at).execute(connection)? == 0 {
        let key = (familiar_networks::principal_id.eq(user.to_string()), familiar_networks::mark.eq(mark));
        diesel::insert_into(familiar_networks::table).values((key, seen_at)).execute(connection)?;
    }
    let own = familiar_networks::table.filter(familiar_networks::principal_id.eq(user.to_string()));
    let latest = (familiar_networks::seen_at.desc(), familiar_networks::mark);
    let older: Vec<String> = own
        .order(latest)
        .select(familiar_networks::mark)
        .offset(NETWORKS_PER_USER)
        .limit(NETWORKS_PER_USER)
        .load(connection)?;
    for mark in older {
        diesel::delete(familiar_networks::table.find((user.to_string(), mark))).execute(connection)?;
    }
    Ok(())
}

/// The latest marks of all users, at most `most`, the oldest first.
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
