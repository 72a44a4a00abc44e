//! What somebody may do on the platform, and why: for administrators who wonder.

use crate::domain::actor::Actor;
use crate::domain::effective::concerns;
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::Policy;
use crate::domain::principal::Role;
use crate::service::Service;
use crate::storage::{policies, principals, standings};

/// What somebody may do.
#[derive(Debug, Clone)]
pub struct Access {
    /// Their role.
    pub role: Role,
    /// The enabled policies about them, but for those of personas.
    pub policies: Vec<Policy>,
    /// What it comes to.
    pub permissions: Permissions,
}

/// What the principal with that user name may do.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`]
pub async fn get(service: &Service, actor: &Actor, username: String) -> Result<Access> {
    service.require(actor, Permission::ManageUsersAndGroups)?;
    let parts = service.clone();
    service
        .read(move |connection| {
            let found = principals::find_by_username(connection, &username)?;
            let principal = found.ok_or(Error::NotFound { kind: "user", id: username })?;
            let mut policies = policies::shared(connection)?;
            policies.retain(|policy| policy.enabled && concerns(policy, &principal));
            let standing = standings::of(connection, principal)?;
            let standing = parts.with_policies(connection, standing)?;
            Ok(Access { role: standing.principal.role, policies, permissions: standing.permissions })
        })
        .await
}
