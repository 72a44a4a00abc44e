//! How many API keys there are, without counting them.

use diesel::prelude::*;

use super::database::AnyConnection;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

diesel::table! {
    key_counts (shard) {
        shard -> BigInt,
        keys -> BigInt,
    }
}

/// How many rows share the number, so that few transactions wait for the same one; as many as the migration made.
const SHARDS: u8 = 64;

/// How many API keys there are: exact, at the moment that the transaction sees.
///
/// # Errors
/// When the storage fails.
pub(super) fn total(connection: &mut AnyConnection) -> Result<i64> {
    Ok(key_counts::table.select(key_counts::keys).load::<i64>(connection)?.into_iter().sum())
}

/// Counts a key that this transaction adds (1), or removes (-1). Others of its shard wait until it ends.
///
/// # Errors
/// When the storage fails.
pub(super) fn add(connection: &mut AnyConnection, key: PrincipalId, keys: i64) -> Result<()> {
    let [.., last] = *key.uuid().as_bytes();
    diesel::update(key_counts::table.find(i64::from(last % SHARDS)))
        .set(key_counts::keys.eq(key_counts::keys + keys))
        .execute(connection)?;
    Ok(())
}
