//! Checks that an actor has a permission, and notes that it was used.

use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::service::Service;

impl Service {
    /// Checks a permission; use cases that need one begin with this. Notes the permissions that API keys use.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission.
    pub(in crate::service) fn require(&self, actor: &Actor, permission: Permission) -> Result<()> {
        actor.require(permission)?;
        self.record_permission_use(actor, permission.name());
        Ok(())
    }

    /// Notes that an API key used a permission.
    pub(in crate::service) fn record_permission_use(&self, actor: &Actor, permission: &str) {
        if actor.client_id().is_some() {
            self.directory.permission_uses.record(actor.id(), permission, self.clock.now());
        }
    }
}
