//! The keys that sign child tokens, sealed.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::rows::{Existed, corrupt};
use super::schema::signing_keys;
use crate::domain::error::Result;
use crate::domain::pepper::PepperId;
use crate::domain::signing::SigningAlgorithm;

/// A stored key.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// Its id.
    pub id: String,
    /// Its algorithm.
    pub algorithm: SigningAlgorithm,
    /// The sealed private key, in hexadecimal digits.
    pub sealed: String,
    /// The pepper that the seal is derived from.
    pub pepper: PepperId,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// When it begins to sign, in epoch milliseconds.
    pub signs_from: i64,
    /// When it is no longer published, in epoch milliseconds.
    pub retires_at: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
struct Row {
    id: String,
    algorithm: String,
    sealed: String,
    pepper: String,
    created_at: i64,
    signs_from: i64,
    retires_at: i64,
}

/// Every key, the latest to sign first.
///
/// # Errors
/// When the storage fails.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<SealedKey>> {
    let order = (signing_keys::signs_from.desc(), signing_keys::id);
    let rows: Vec<Row> = signing_keys::table.order(order).select(Row::as_select()).load(connection)?;
    let read = |row: Row| {
        Ok(SealedKey {
            algorithm: SigningAlgorithm::find(&row.algorithm).ok_or_else(|| corrupt("algorithm", &row.algorithm))?,
            pepper: PepperId::parse(&row.pepper).ok_or_else(|| corrupt("pepper", &row.pepper))?,
            id: row.id,
            sealed: row.sealed,
            created_at: row.created_at,
            signs_from: row.signs_from,
            retires_at: row.retires_at,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Adds a key.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, key: SealedKey) -> Result<()> {
    let row = Row {
        id: key.id,
        algorithm: key.algorithm.name().to_owned(),
        sealed: key.sealed,
        pepper: key.pepper.to_string(),
        created_at: key.created_at,
        signs_from: key.signs_from,
        retires_at: key.retires_at,
    };
    diesel::insert_into(signing_keys::table).values(row).execute(connection)?;
    Ok(())
}

/// Sets when a key is no longer published.
///
/// # Errors
/// When the storage fails.
pub fn retire(connection: &mut AnyConnection, id: &str, at: i64) -> Result<()> {
    diesel::update(signing_keys::table.find(id)).set(signing_keys::retires_at.eq(at)).execute(connection)?;
    Ok(())
}

/// Removes a key.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: &str) -> Result<Existed> {
    Ok(Existed::from(diesel::delete(signing_keys::table.find(id)).execute(connection)?))
}

/// Removes the keys that are no longer published at `now`.
///
/// # Errors
/// When the storage fails.
pub fn delete_retired(connection: &mut AnyConnection, now: i64) -> Result<()> {
    diesel::delete(signing_keys::table.filter(signing_keys::retires_at.le(now))).execute(connection)?;
    Ok(())
}
