//! The audit trail.

use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::cursor::Cursor;
use crate::domain::error::Result;
use crate::domain::fields::ChangeField;
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::service::{Service, page};
use crate::storage::changes;

/// One page of what was changed, by whom.
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, query: Query<ChangeField>) -> Result<Page<Change>> {
    service.require(actor, Permission::ViewAudit)?;
    let now = service.clock.now();
    let (sort, limit) = (query.sort.clone(), query.limit);
    let (records, counts) = service
        .list(actor, move |connection| {
            Ok((changes::page(connection, &query, now)?, changes::counts(connection, &query, now)?))
        })
        .await?;
    Ok(page(records, limit, counts, |last| Cursor {
        values: sort.0.iter().map(|(field, _)| last.sort_value(*field)).collect(),
        id: last.id.to_string(),
    }))
}
