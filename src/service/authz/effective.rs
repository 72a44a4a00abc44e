//! What an API key may do: every permission, where it comes from, and when it was last used.

use std::collections::{BTreeSet, HashMap};

use crate::domain::actor::{Actor, Standing};
use crate::domain::effective::{self, EffectivePermission, Source};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::policy::Effect;
use crate::service::Service;
use crate::service::authz::sight;
use crate::storage::database::AnyConnection;
use crate::storage::{permission_uses, policies, principals, search, standings};

/// Every permission of an API key, or those not used since `unused_since`. For the key itself, or for actors that
/// manage keys.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]
pub async fn of_key(
    service: &Service,
    actor: &Actor,
    id: PrincipalId,
    unused_since: Option<i64>,
) -> Result<Vec<EffectivePermission>> {
    if actor.id() != id {
        service.require(actor, Permission::ManageApiKeys)?;
    }
    let asking = actor.clone();
    let (mut permissions, mut used) = service
        .read(move |connection| {
            let standing = standings::find(connection, id)?;
            let standing = standing.filter(|found| found.principal.client_id().is_some());
            let standing = standing.ok_or_else(|| Error::NotFound { kind: "API key", id: id.to_string() })?;
            let found = of(connection, &standing)?;
            Ok((told(connection, &asking, id, found)?, permission_uses::of(connection, id)?))
        })
        .await?;
    used.extend(
        service.directory.permission_uses.unsaved(id).into_iter().map(|each| (each.permission, each.last_used_at)),
    );
    record_uses(&mut permissions, &used);
    if let Some(since) = unused_since {
        let idle = |each: &EffectivePermission| each.last_used_at.is_none_or(|last| last < since);
        permissions.retain(|each| each.effect == Effect::Allow && idle(each));
    }
    Ok(permissions)
}

/// The permissions that an answer may list: all of the actor's own; of another key's, leaves out policies and assets that
/// the actor does not see.
fn told(
    connection: &mut AnyConnection,
    asking: &Actor,
    id: PrincipalId,
    mut found: Vec<EffectivePermission>,
) -> Result<Vec<EffectivePermission>> {
    if asking.id() == id {
        return Ok(found);
    }
    let sight = sight::entities(connection, asking)?;
    let (mut policies, mut assets) = (Vec::new(), BTreeSet::new());
    for each in &found {
        match &each.source {
            Source::Policy(policy) => policies.push((**policy).clone()),
            Source::Asset(name, _) if search::find_asset(connection, name, &sight)?.is_some() => {
                assets.insert(name.clone());
            }
            Source::Asset(..) | Source::Role | Source::Grant => {}
        }
    }
    let readable = sight::readable(connection, asking, false, policies)?;
    found.retain(|each| match &each.source {
        Source::Policy(policy) => readable.iter().any(|known| known.id == policy.id),
        Source::Asset(name, _) => assets.contains(name),
        Source::Role | Source::Grant => true,
    });
    Ok(found)
}

/// Everything that permits or denies a principal something.
pub(in crate::service) fn of(connection: &mut AnyConnection, standing: &Standing) -> Result<Vec<EffectivePermission>> {
    let principal = &standing.principal;
    let granted = principals::granted_to(connection, principal.id)?;
    let mut found: Vec<_> = effective::of_permissions(principal.role.permissions(), &Source::Role).collect();
    found.extend(effective::of_permissions(granted, &Source::Grant));
    for policy in policies::shared(connection)?.iter().filter(|policy| effective::concerns(policy, principal)) {
        found.extend(effective::of_policy(policy));
    }
    for persona in standing.enabled_personas() {
        for policy in policies::of_persona(connection, persona.id)? {
            found.extend(effective::of_policy(&policy));
        }
    }
    for grant in &*standing.assets {
        found.extend(effective::of_asset(&grant.qualified_name, grant.relation));
    }
    Ok(found)
}

fn record_uses(permissions: &mut [EffectivePermission], used: &HashMap<String, i64>) {
    for each in permissions {
        each.last_used_at = used.get(&each.action).copied();
    }
}

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

/// Saves when permissions were last used.
///
/// # Errors
/// When the storage fails.
pub async fn save_uses(service: &Service) -> Result<()> {
    let uses = service.directory.permission_uses.all();
    if uses.is_empty() {
        return Ok(());
    }
    let parts = service.clone();
    service
        .run_upkeep(move |database, task| {
            database.write_for(task, |connection| permission_uses::keep(connection, &uses))?;
            parts.directory.permission_uses.saved(&uses);
            Ok(())
        })
        .await
}
