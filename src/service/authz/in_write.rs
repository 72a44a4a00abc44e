//! Policies as a writing transaction reads them. Nothing is cached: the transaction may roll back, and another one then
//! commits other policies under the same revision.

use std::sync::Arc;

use crate::directory::Shared;
use crate::domain::actor::Standing;
use crate::domain::asset::Relation;
use crate::domain::child::{CALL_TOOL, TOOL};
use crate::domain::error::Result;
use crate::domain::policy::Decision;
use crate::domain::policy::engine::Slice;
use crate::service::Service;
use crate::service::authz::decide::{judge, judge_related, look_at_resource, policies_in};
use crate::service::authz::inquiry::Inquiry;
use crate::storage::database::AnyConnection;
use crate::storage::policies;

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

    /// Like [`Service::may_call`] for each of the tools, in a writing transaction.
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
            let inquiry = if look_at_resource(&rules.slices) { inquiry.completed(connection)? } else { inquiry };
            if !judge(standing, &inquiry, &rules.slices)?.is_allowed() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The policies about a principal, read by a writing transaction.
pub(in crate::service) struct Rules {
    standing: Standing,
    slices: Vec<Arc<Slice>>,
}

impl Rules {
    /// Reads and compiles the policies.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn read(connection: &mut AnyConnection, standing: &Standing) -> Result<Self> {
        let shared = Shared::new(0, policies::shared(connection)?);
        if standing.restriction.is_some() {
            let slices = vec![Arc::new(Slice::compile(&policies_in(connection, standing, &shared)?)?)];
            return Ok(Self { standing: standing.clone(), slices });
        }
        let mut slices = shared.slices(&standing.principal)?;
        for persona in standing.enabled_personas() {
            slices.push(Arc::new(Slice::compile(&policies::of_persona(connection, persona.id)?)?));
        }
        Ok(Self { standing: standing.clone(), slices })
    }

    /// Whether the principal may do something with an asset, given its `relation` to the asset within the transaction.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::service) fn decide(&self, inquiry: &Inquiry, relation: Option<Relation>) -> Result<Decision> {
        judge_related(&self.standing, inquiry, relation, &self.slices)
    }
}
