//! Shared parts of writing and deleting entities of any kind.

use uuid::Uuid;

use crate::domain::error::{Error, Result};
use crate::service::Transaction;
use crate::service::authz::sight;
use crate::storage::search as found;

/// How an entity is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Permanently.
    Purge,
    /// The entity is only marked as deleted; the next write restores it.
    Soft,
}

/// The result of saving one draft.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) enum Saved {
    /// The entity was created.
    Created(Uuid),
    /// An existing entity was updated.
    Updated(Uuid),
}

/// Fails, and so ends the transaction, if the locked entity is missing or the actor does not see it.
pub(in crate::service) fn must_see(transaction: &mut Transaction<'_>, id: Uuid) -> Result<()> {
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    if found::is_seen(transaction.connection, &id.to_string(), &sight)? { Ok(()) } else { Err(not_found(id)) }
}

/// The error for a missing or unseen entity.
pub(in crate::service) fn not_found(id: Uuid) -> Error {
    Error::NotFound { kind: "entity", id: id.to_string() }
}
