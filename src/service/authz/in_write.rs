//! Policies as a writing transaction reads them. Nothing is cached: the transaction may roll back, and another one then
//! commits other policies under the same revision.

use std::collections::HashSet;
use std::sync::Arc;

use crate::directory::Shared;
use crate::domain::actor::Standing;
use crate::domain::asset::Relation;
use crate::domain::child::{CALL_TOOL, TOOL};
use crate::domain::error::Result;
use crate::domain::ids::PolicyId;
use crate::domain::policy::engine::Slice;
use crate::domain::policy::{Decision, Policy, Rule, Scope};
use crate::service::Service;
use crate::service::authz::decide::{judge_related, look_at_resource, policies_in};
use crate::service::authz::inquiry::Inquiry;
use crate::storage::database::AnyConnection;
use crate::storage::{assets, policies};

impl Service {
    /// Like [`Service::with_policies`], for a standing that the same writing transaction has read.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn with_policies_in_write(
        &self,
        connection: &mut AnyConnection,
        standing: Standing,
    ) -> Result<Standing> {
        let permissions = self
            .shared_policies_in_write(connection, standing.policy_revision)?
            .permissions(&standing.principal, standing.permissions);
        Ok(Standing { permissions, ..standing })
    }

    /// Like [`Service::shared_policies`], at the revision that the writing transaction sees.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn shared_policies_in_write(
        &self,
        connection: &mut AnyConnection,
        revision: i64,
    ) -> Result<Arc<Shared>> {
        match self.directory.policies.shared(revision) {
            Some(known) => Ok(known),
            None => Ok(Arc::new(Shared::new(revision, policies::shared(connection)?))),
        }
    }

    /// Like [`Service::may_call`] for each of the tools, in a writing transaction, by a principal that is no restricted child.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn may_call_in_write<'a>(
        connection: &mut AnyConnection,
        standing: &Standing,
        tools: impl Iterator<Item = &'a str>,
    ) -> Result<bool> {
        let mut rules = None;
        for tool in tools {
            let rules = match &mut rules {
                Some(rules) => rules,
                unread => unread.insert(Rules::read(connection, standing)?),
            };
            let inquiry = Inquiry::new(CALL_TOOL, tool, TOOL);
            let inquiry = if look_at_resource(&rules.slice) { inquiry.completed(connection)? } else { inquiry };
            let (username, role) = (standing.principal.username().to_string(), standing.principal.role.id());
            let relation = assets::relation_to(connection, tool, &username, role)?;
            if !rules.decide(standing, &inquiry, relation)?.is_allowed() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The policies about a principal, read by a writing transaction.
pub(in crate::service) struct Rules {
    policies: Vec<Policy>,
    slice: [Arc<Slice>; 1],
}

impl Rules {
    /// Reads and compiles the policies about the principal with this standing.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn read(connection: &mut AnyConnection, standing: &Standing) -> Result<Self> {
        let policies = read(connection, standing)?;
        let slice = [Arc::new(Slice::compile(&policies)?)];
        Ok(Self { policies, slice })
    }

    /// Whether the principal may do something with an asset, given its `relation` to the asset within the transaction.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::service) fn decide(
        &self,
        standing: &Standing,
        inquiry: &Inquiry,
        relation: Option<Relation>,
    ) -> Result<Decision> {
        judge_related(standing, inquiry, relation, &self.slice)
    }

    /// Whether the policies say the same now about resources whose names, with all names above them, are these.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn still_say(
        &self,
        connection: &mut AnyConnection,
        standing: &Standing,
        paths: &HashSet<String>,
    ) -> Result<bool> {
        let own = standing.principal.username().to_string();
        let now = read(connection, standing)?;
        Ok(concerning(&self.policies, &own, paths).eq(concerning(&now, &own, paths)))
    }
}

/// The policies about a principal, in the order of their ids.
fn read(connection: &mut AnyConnection, standing: &Standing) -> Result<Vec<Policy>> {
    let shared = Shared::new(0, policies::shared(connection)?);
    policies_in(connection, standing, &shared)
}

/// What the enabled policies among these say about resources at these paths. Of the users that they name, only the principal
/// itself counts: others are left out when they are deleted.
fn concerning(policies: &[Policy], own: &str, paths: &HashSet<String>) -> impl Iterator<Item = (PolicyId, Rule)> {
    let concerning = policies.iter().filter(|policy| match policy.rule.scope() {
        _ if !policy.enabled => false,
        Scope::Within(names) => names.iter().any(|name| paths.contains(name)),
        Scope::Unbounded => true,
    });
    concerning.map(move |policy| {
        let mut rule = policy.rule.clone();
        rule.subjects.users.retain(|user| user == own);
        (policy.id, rule)
    })
}
