//! The audit trail.

use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::fields::ChangeField;
use crate::domain::filter::Filter;
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::service::Service;

/// One page of the audit trail.
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, query: Query<ChangeField>) -> Result<Page<Change>> {
    service.require(actor, Permission::ViewAudit)?;
    service.page(actor, query, Filter::EVERYTHING).await
}
