//! Idempotency keys of create requests, and the API keys they made.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::rows::{Existed, parse_id};
use super::schema::create_requests;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

/// A create request with an idempotency key, which the client may repeat.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = create_requests)]
pub struct CreateRequest {
    /// The sender. Idempotency keys of different senders are independent.
    pub owner_id: String,
    /// The idempotency key.
    pub request_key: String,
    /// Digest of the requested API key, to distinguish a repetition from another request.
    pub body_digest: String,
    /// The id of the API key that it created.
    pub api_key_id: String,
    /// Epoch milliseconds.
    pub created_at: i64,
}

impl CreateRequest {
    /// The API key it made.
    ///
    /// # Errors
    /// When the stored id is malformed.
    pub fn api_key(&self) -> Result<PrincipalId> {
        parse_id(&self.api_key_id)
    }
}

/// Stores a request, unless its idempotency key is stored already.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, request: &CreateRequest) -> Result<Existed> {
    // The inner transaction is a savepoint: on PostgreSQL a failed statement would end the outer one.
    let insert = |connection: &mut AnyConnection| {
        diesel::insert_into(create_requests::table).values(request).execute(connection)
    };
    match connection.transaction(insert) {
        Err(error) if is_duplicate(&error) => Ok(Existed::Yes),
        outcome => Ok(outcome.map(|_| Existed::No)?),
    }
}

/// Deletes one request if it is older than `instant`.
///
/// # Errors
/// When the storage fails.
pub fn forget_old(connection: &mut AnyConnection, request: &CreateRequest, instant: i64) -> Result<()> {
    let found = create_requests::table
        .find((&request.owner_id, &request.request_key))
        .filter(create_requests::created_at.lt(instant));
    diesel::delete(found).execute(connection)?;
    Ok(())
}

/// Locks the stored request until the transaction ends, and reads it.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, request: &CreateRequest) -> Result<Option<CreateRequest>> {
    let found = create_requests::table.find((&request.owner_id, &request.request_key));
    diesel::update(found).set(create_requests::request_key.eq(&request.request_key)).execute(connection)?;
    Ok(found.select(CreateRequest::as_select()).get_result(connection).optional()?)
}

/// Deletes every request older than `instant`; returns how many.
///
/// # Errors
/// When the storage fails.
pub fn forget_all_old(connection: &mut AnyConnection, instant: i64) -> Result<usize> {
    Ok(diesel::delete(create_requests::table.filter(create_requests::created_at.lt(instant))).execute(connection)?)
}
