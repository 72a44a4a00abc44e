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

/// What an API key may do, as far as the asker may read why.
pub struct KeyAccess {
    /// Every permission whose source the asker may read.
    pub permissions: Vec<EffectivePermission>,
    /// The sources that are left out.
    pub hidden: HiddenSources,
}

/// How many sources allow or deny a key something and are not told, because the asker may not read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HiddenSources {
    /// Policies.
    pub policies: usize,
    /// Assets that name the key.
    pub assets: usize,
}

impl HiddenSources {
    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.policies + self.assets
    }
}

/// Every permission of an API key, or those not used since `unused_since`. For the key itself, or for actors that
/// manage keys.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]
pub async fn of_key(service: &Service, actor: &Actor, id: PrincipalId, unused_since: Option<i64>) -> Result<KeyAccess> {
    if actor.id() != id {
        service.require(actor, Permission::ManageApiKeys)?;
    }
    let asking = actor.clone();
    let (mut access, mut used) = service
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
    let permissions = &mut access.permissions;
    record_uses(permissions, &used);
    if let Some(since) = unused_since {
        let idle = |each: &EffectivePermission| each.last_used_at.is_none_or(|last| last < since);
        permissions.retain(|each| each.effect == Effect::Allow && idle(each));
    }
    Ok(access)
}

/// The permissions that an answer may list: all of the actor's own; of another key's, leaves out policies and assets that
/// the actor does not see, and counts them: a key with hidden sources is not one that may do nothing.
fn told(
    connection: &mut AnyConnection,
    asking: &Actor,
    id: PrincipalId,
    mut found: Vec<EffectivePermission>,
) -> Result<KeyAccess> {
    if asking.id() == id {
        return Ok(KeyAccess { permissions: found, hidden: HiddenSources::default() });
    }
    let sight = sight::entities(connection, asking)?;
    let (mut policies, mut assets) = (Vec::new(), BTreeSet::new());
    let (mut hidden_policies, mut hidden_assets) = (BTreeSet::new(), BTreeSet::new());
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
        Source::Policy(policy) => {
            let is_readable = readable.iter().any(|known| known.id == policy.id);
            if !is_readable {
                hidden_policies.insert(policy.id);
            }
            is_readable
        }
        Source::Asset(name, _) => {
            let is_seen = assets.contains(name);
            if !is_seen {
                hidden_assets.insert(name.clone());
            }
            is_seen
        }
        Source::Role | Source::Grant => true,
    });
    let hidden = HiddenSources { policies: hidden_policies.len(), assets: hidden_assets.len() };
    Ok(KeyAccess { permissions: found, hidden })
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
