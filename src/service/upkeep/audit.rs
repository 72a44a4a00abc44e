//! The audit trail.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::fields::ChangeField;
use crate::domain::filter::Filter;
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::domain::state::States;
use crate::service::Service;
use crate::storage::changes;

/// One page of the audit trail.
///
/// # Errors
/// `Forbidden` without `VIEW_AUDIT`; when the storage fails.
pub async fn list(service: &Service, actor: &Actor, query: Query<ChangeField>) -> Result<Page<Change>> {
    service.require(actor, Permission::ViewAudit)?;
    service.page(actor, query, Filter::EVERYTHING).await
}

/// A change, with the states of its subject.
///
/// # Errors
/// `Forbidden` without `VIEW_AUDIT`; `NotFound` for an unknown id; when the storage fails.
pub async fn get(service: &Service, actor: &Actor, id: &str) -> Result<(Change, States)> {
    service.require(actor, Permission::ViewAudit)?;
    let parsed = Change::parse_id(id)?;
    let found = service
        .read(move |connection| {
            let Some((change, _)) = changes::find(connection, parsed)? else { return Ok(None) };
            Ok(changes::states(connection, parsed)?.map(|states| (change, states)))
        })
        .await?;
    found.ok_or_else(|| Change::unknown(id))
}

/// The states of the subjects of these changes, as far as they are kept.
///
/// # Errors
/// `Forbidden` without `VIEW_AUDIT`; when the storage fails.
pub async fn states(service: &Service, actor: &Actor, ids: Vec<Uuid>) -> Result<HashMap<Uuid, States>> {
    service.require(actor, Permission::ViewAudit)?;
    service.read(move |connection| changes::states_of(connection, &ids)).await
}
