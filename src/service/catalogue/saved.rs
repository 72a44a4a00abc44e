//! What writing and deleting any entity has in common.

use uuid::Uuid;

use crate::domain::error::{Error, Result};
use crate::service::Transaction;
use crate::service::authz::sight;
use crate::storage::search as found;

/// How an entity is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// For good.
    Purge,
    /// It stays and is marked; the next write revives it.
    Soft,
}

/// What became of one draft.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) enum Saved {
    /// A new entity.
    Created(Uuid),
    /// One that was there.
    Updated(Uuid),
}

/// Ends a transaction that has locked an entity which the actor does not see, or which is not there.
pub(in crate::service) fn must_see(transaction: &mut Transaction<'_>, id: Uuid) -> Result<()> {
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    if found::is_seen(transaction.connection, &id.to_string(), &sight)? { Ok(()) } else { Err(not_found(id)) }
}

/// The error for an entity that is not there, or not seen.
pub(in crate::service) fn not_found(id: Uuid) -> Error {
    Error::NotFound { kind: "entity", id: id.to_string() }
}
