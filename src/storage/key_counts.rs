//! The number of API keys, kept in sharded counters instead of counted.

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

/// The number of rows that share the count, so that few transactions wait for the same row. The migration creates as
/// many.
const SHARDS: u8 = 64;

/// The exact number of API keys in the transaction's snapshot.
///
/// # Errors
/// When the storage fails.
pub(super) fn total(connection: &mut AnyConnection) -> Result<i64> {
    Ok(key_counts::table.select(key_counts::keys).load::<i64>(connection)?.into_iter().sum())
}

/// Counts a key that this transaction adds (1) or removes (-1). Other transactions wait for the same shard until this
/// one ends.
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
