//! What a user may do on the platform, and why, for administrators.

use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::effective::concerns;
use crate::domain::error::{Error, Result};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::Policy;
use crate::domain::principal::Role;
use crate::service::Service;
use crate::service::authz::sight;
use crate::storage::{policies, principals, standings};

/// What a user may do on the platform.
#[derive(Debug, Clone)]
pub struct Access {
    /// The user's role.
    pub role: Role,
    /// The enabled policies about the user, except those of personas and those that the asking actor may not read.
    pub policies: Vec<Policy>,
    /// The resulting permissions.
    pub permissions: Permissions,
}

/// What the principal with this user name may do.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], also for a principal that the actor does not see.
pub async fn get(service: &Service, actor: &Actor, username: String) -> Result<Access> {
    service.require(actor, Permission::ManageUsersAndGroups)?;
    let (began, parts, asking) = (Instant::now(), service.clone(), actor.clone());
    let outcome = service
        .read(move |connection| {
            let found = principals::find_seen(connection, &username, &sight::principals(&asking))?;
            let principal = found.ok_or(Error::NotFound { kind: "user", id: username })?;
            let mut policies = policies::shared(connection)?;
            policies.retain(|policy| policy.enabled && concerns(policy, &principal));
            let policies = sight::readable(connection, &asking, principal.id == asking.id(), policies)?;
            let standing = standings::of(connection, principal)?;
            let standing = parts.with_policies(connection, standing)?;
            Ok(Access { role: standing.principal.role, policies, permissions: standing.permissions })
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}
