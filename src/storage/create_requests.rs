//! Which API key a create request made.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::rows::{Existed, parse_id};
use super::schema::create_requests;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

/// A create request that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = create_requests)]
pub struct CreateRequest {
    /// Who sent it; another's request with the same key is another request.
    pub owner_id: String,
    /// What the client calls it.
    pub request_key: String,
    /// What it asked for.
    pub body_digest: String,
    /// What it made.
    pub api_key_id: String,
    /// Epoch milliseconds.
    pub created_at: i64,
}

impl CreateRequest {
    /// The API key it made.
    ///
    /// # Errors
    /// When the database holds no id.
    pub fn api_key(&self) -> Result<PrincipalId> {
        parse_id(&self.api_key_id)
    }
}

/// Remembers a request, unless it is known already.
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

/// Forgets one request if it is older than `instant`.
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

/// Locks the remembered request for the rest of the transaction and reads it.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, request: &CreateRequest) -> Result<Option<CreateRequest>> {
    let found = create_requests::table.find((&request.owner_id, &request.request_key));
    diesel::update(found).set(create_requests::request_key.eq(&request.request_key)).execute(connection)?;
    Ok(found.select(CreateRequest::as_select()).get_result(connection).optional()?)
}

/// Forgets every request older than `instant`; tells how many.
///
/// # Errors
/// When the storage fails.
pub fn forget_all_old(connection: &mut AnyConnection, instant: i64) -> Result<usize> {
    Ok(diesel::delete(create_requests::table.filter(create_requests::created_at.lt(instant))).execute(connection)?)
}
