//! Authorization decisions: the one implementation that every protocol uses.

use std::sync::Arc;

use crate::directory::Shared;
use crate::domain::actor::{Actor, Standing};
use crate::domain::asset::Relation;
use crate::domain::child::{CALL_TOOL, TOOL};
use crate::domain::effective::concerns;
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::policy::catalogue::category_of;
use crate::domain::policy::engine::{CedarQuestion, Slice};
use crate::domain::policy::{Category, Decision, Ground, Policy, Properties, Question, Resource, Subject};
use crate::service::Service;
use crate::service::authz::inquiry::Inquiry;
use crate::service::authz::narrow::narrowed;
use crate::service::authz::sight;
use crate::storage::database::AnyConnection;
use crate::storage::{policies, search};

impl Service {
    /// Whether a principal may do something. Answered from memory, except for policies not used lately, and for stored
    /// properties of the resource if a policy tests them.
    ///
    /// # Errors
    /// When the storage or the engine fails: the caller must treat that as a denial.
    pub async fn decide(&self, standing: &Standing, inquiry: &Inquiry) -> Result<Decision> {
        if let Some(decision) = self.decide_from_memory(standing, inquiry)? {
            return Ok(decision);
        }
        let (service, standing, inquiry) = (self.clone(), standing.clone(), inquiry.clone());
        let subject = standing.principal.id;
        self.read_of(subject, move |connection, _| service.decide_in(connection, &standing, &inquiry)).await
    }

    /// The decision, if everything that it needs is in memory.
    fn decide_from_memory(&self, standing: &Standing, inquiry: &Inquiry) -> Result<Option<Decision>> {
        if let Some(decision) = inquiry.about_platform(standing) {
            return Ok(Some(decision));
        }
        match self.known_slices(standing)? {
            Some(slices) if !look_at_resource(&slices) => judge(standing, inquiry, &slices).map(Some),
            _ => Ok(None),
        }
    }

    /// The decision about the actor itself, for information only: endpoints enforce access with [`Service::permits`].
    ///
    /// # Errors
    /// Those of [`Service::decide`].
    pub async fn decide_for(&self, asking: &Actor, inquiry: &Inquiry) -> Result<Decision> {
        if let Some(decision) = self.decide_from_memory(asking.standing(), inquiry)? {
            return Ok(decision);
        }
        let (service, asking, inquiry) = (self.clone(), asking.clone(), inquiry.clone());
        self.read_of(asking.id(), move |connection, _| {
            service.decide_for_asker(connection, &asking, asking.standing(), &inquiry)
        })
        .await
    }

    /// Whether an actor may do what it is about to do. Notes the permissions that API keys use.
    ///
    /// # Errors
    /// Those of [`Service::decide`].
    pub async fn permits(&self, actor: &Actor, inquiry: &Inquiry) -> Result<bool> {
        let decision = self.decide(actor.standing(), inquiry).await?;
        // An asset's admin is allowed any action name: note only names that are known or that a policy decided.
        let known = category_of(&inquiry.action).is_some()
            || Permission::find(&inquiry.action).is_some()
            || decision.grounds.iter().any(|ground| matches!(ground, Ground::Policy(_)));
        if known && decision.is_allowed() {
            self.record_permission_use(actor, &inquiry.action);
        }
        Ok(decision.is_allowed())
    }

    /// Whether a principal may call the tool of that name.
    ///
    /// # Errors
    /// Those of [`Service::decide`].
    pub(in crate::service) async fn may_call(&self, standing: &Standing, tool: &str) -> Result<bool> {
        Ok(self.decide(standing, &Inquiry::new(CALL_TOOL, tool, TOOL)).await?.is_allowed())
    }

    /// Whether decisions about a principal may depend on what is stored of assets.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::service) fn may_look_at_assets(&self, standing: &Standing) -> Result<bool> {
        Ok(self.known_slices(standing)?.is_none_or(|slices| look_at_resource(&slices)))
    }

    /// Like [`Self::decide`], inside a transaction that reads.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn decide_in(
        &self,
        connection: &mut AnyConnection,
        standing: &Standing,
        inquiry: &Inquiry,
    ) -> Result<Decision> {
        if let Some(decision) = inquiry.about_platform(standing) {
            return Ok(decision);
        }
        let revision = policies::revision(connection)?;
        let slices = self.slices(connection, standing, revision)?;
        if look_at_resource(&slices) {
            return judge(standing, &inquiry.completed(connection)?, &slices);
        }
        judge(standing, inquiry, &slices)
    }

    /// The decision about a principal, limited to what the asking actor may know.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn decide_for_asker(
        &self,
        connection: &mut AnyConnection,
        asking: &Actor,
        standing: &Standing,
        inquiry: &Inquiry,
    ) -> Result<Decision> {
        if let Some(decision) = inquiry.about_platform(standing) {
            return Ok(decision);
        }
        let revision = policies::revision(connection)?;
        let slices = self.slices(connection, standing, revision)?;
        let (inquiry, slices) = self.limit_to_asker(connection, asking, standing, inquiry.clone(), slices)?;
        judge(standing, &inquiry, &slices)
    }

    /// Limits a decision to what the asking actor may know. Stored properties of the resource count only if the actor
    /// sees it or holds `VERIFY_TOKENS`. Otherwise the answer must not reveal whether the asset exists: criteria that
    /// test stored properties then never allow and always deny, so the answer is never a yes that would not be
    /// enforced.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn limit_to_asker(
        &self,
        connection: &mut AnyConnection,
        asking: &Actor,
        standing: &Standing,
        inquiry: Inquiry,
        slices: Vec<Arc<Slice>>,
    ) -> Result<(Inquiry, Vec<Arc<Slice>>)> {
        if !look_at_resource(&slices) {
            return Ok((inquiry, slices));
        }
        if asking.permissions().contains(Permission::VerifyTokens) || sees(connection, asking, &inquiry.resource)? {
            return Ok((inquiry.completed(connection)?, slices));
        }
        let slices = self.without_stored_properties(connection, standing, &inquiry.resource.properties)?;
        Ok((inquiry, slices))
    }

    /// The policies about a principal, adjusted to a resource of which only the properties `known` may be used.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn without_stored_properties(
        &self,
        connection: &mut AnyConnection,
        standing: &Standing,
        known: &Properties,
    ) -> Result<Vec<Arc<Slice>>> {
        let mut about = self.policies_about(connection, standing)?;
        let username = standing.principal.username().to_string();
        about.retain_mut(|policy| policy.rule.reduce_to(known, &username));
        Ok(vec![Arc::new(Slice::compile(&about)?)])
    }

    /// The policies about entities that may concern a principal, in the order of their ids.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn policies_about(
        &self,
        connection: &mut AnyConnection,
        standing: &Standing,
    ) -> Result<Vec<Policy>> {
        let revision = policies::revision(connection)?;
        let shared = self.shared_policies(connection, revision)?;
        policies_in(connection, standing, &shared)
    }

    /// The principal's disabled policies that would allow the action if they were enabled.
    pub(in crate::service) fn disabled_policies_allowing(
        connection: &mut AnyConnection,
        standing: &Standing,
        inquiry: &Inquiry,
    ) -> Result<Vec<Policy>> {
        let mut asleep: Vec<Policy> = policies::shared(connection)?;
        asleep.retain(|policy| policy.rule.category != Category::Platform && concerns(policy, &standing.principal));
        for persona in standing.enabled_personas() {
            asleep.extend(policies::of_persona(connection, persona.id)?);
        }
        asleep.retain(|policy| !policy.enabled);
        let mut allowing = Vec::new();
        for policy in asleep {
            let slice = Slice::compile([&Policy { enabled: true, ..policy.clone() }])?;
            if judge(standing, inquiry, &[Arc::new(slice)])?.is_allowed() {
                allowing.push(policy);
            }
        }
        Ok(allowing)
    }

    /// Adds the permissions that platform policies allow a principal, and removes those that they deny. Fills a cache, so
    /// only for transactions that read.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn with_policies(
        &self,
        connection: &mut AnyConnection,
        standing: Standing,
    ) -> Result<Standing> {
        let shared = self.shared_policies(connection, standing.policy_revision)?;
        let permissions = shared.permissions(&standing.principal, standing.permissions);
        Ok(Standing { permissions, ..standing })
    }

    fn known_slices(&self, standing: &Standing) -> Result<Option<Vec<Arc<Slice>>>> {
        if let Some(restriction) = &standing.restriction {
            return Ok(self.directory.policies.of_restricted(restriction).map(|slice| vec![slice]));
        }
        let (policies, revision) = (&self.directory.policies, standing.policy_revision);
        let Some(shared) = policies.shared(revision) else { return Ok(None) };
        let personas = standing.enabled_personas().map(|persona| policies.of_persona(persona.id, revision));
        let Some(mut slices) = personas.collect::<Option<Vec<_>>>() else { return Ok(None) };
        slices.extend(shared.slices(&standing.principal)?);
        Ok(Some(slices))
    }

    /// The policies about entities that may concern a principal, at this revision, read through the cache by a transaction
    /// that reads.
    ///
    /// # Errors
    /// When the storage or the engine fails.
    pub(in crate::service) fn slices(
        &self,
        connection: &mut AnyConnection,
        standing: &Standing,
        revision: i64,
    ) -> Result<Vec<Arc<Slice>>> {
        let shared = self.shared_policies(connection, revision)?;
        if let Some(restriction) = &standing.restriction {
            let slice = Arc::new(Slice::compile(&policies_in(connection, standing, &shared)?)?);
            if revision == standing.policy_revision {
                self.directory.policies.keep_restricted(restriction, Arc::clone(&slice));
            }
            return Ok(vec![slice]);
        }
        let mut slices = shared.slices(&standing.principal)?;
        for persona in standing.enabled_personas() {
            let known = self.directory.policies.of_persona(persona.id, revision);
            let slice = match known {
                Some(slice) => slice,
                None => Arc::new(Slice::compile(&policies::of_persona(connection, persona.id)?)?),
            };
            self.directory.policies.keep(persona.id, revision, Arc::clone(&slice));
            slices.push(slice);
        }
        Ok(slices)
    }

    /// The policies that belong to no persona, at this revision or later, read through the cache by a transaction that
    /// reads.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn shared_policies(
        &self,
        connection: &mut AnyConnection,
        revision: i64,
    ) -> Result<Arc<Shared>> {
        if let Some(shared) = self.directory.policies.shared(revision) {
            return Ok(shared);
        }
        let shared = Arc::new(Shared::new(revision, policies::shared(connection)?));
        self.directory.policies.keep_shared(Arc::clone(&shared));
        Ok(shared)
    }
}

/// The policies about entities that may concern a standing, in the order of their ids.
pub(super) fn policies_in(connection: &mut AnyConnection, standing: &Standing, shared: &Shared) -> Result<Vec<Policy>> {
    let whole = standing.whole();
    let mut about: Vec<Policy> = shared.about(&whole.principal).cloned().collect();
    for persona in whole.enabled_personas() {
        about.extend(policies::of_persona(connection, persona.id)?);
    }
    about.sort_unstable_by_key(|policy| policy.id);
    about.dedup_by_key(|policy| policy.id);
    Ok(about.into_iter().filter_map(|policy| narrowed(standing, policy)).collect())
}

/// Whether an actor sees the asset that a resource stands for.
fn sees(connection: &mut AnyConnection, asking: &Actor, resource: &Resource) -> Result<bool> {
    // PostgreSQL rejects NUL characters in text.
    if resource.type_name.contains('\0') || resource.name.contains('\0') {
        return Ok(false);
    }
    let sight = sight::entities(connection, asking)?;
    Ok(search::find_id(connection, &resource.type_name, &resource.name, &sight)?.is_some())
}

pub(super) fn look_at_resource(slices: &[Arc<Slice>]) -> bool {
    slices.iter().any(|slice| slice.looks_at_resource())
}

/// The decision for a completed inquiry by policies already read.
///
/// # Errors
/// When the engine fails.
pub(in crate::service) fn answer(standing: &Standing, inquiry: &Inquiry, slices: &[Arc<Slice>]) -> Result<Decision> {
    inquiry.about_platform(standing).map_or_else(|| judge(standing, inquiry, slices), Ok)
}

pub(super) fn judge(standing: &Standing, inquiry: &Inquiry, slices: &[Arc<Slice>]) -> Result<Decision> {
    judge_related(standing, inquiry, standing.relation_to(&inquiry.resource.name), slices)
}

pub(super) fn judge_related(
    standing: &Standing,
    inquiry: &Inquiry,
    relation: Option<Relation>,
    slices: &[Arc<Slice>],
) -> Result<Decision> {
    let resource = Resource { relation, ..inquiry.resource.clone() };
    let subject = Subject {
        principal: &standing.principal,
        // Denies of personas that a restricted child does not carry bind it, too.
        personas: standing.whole().enabled_personas().map(|persona| persona.id).collect(),
        properties: inquiry.subject_properties.clone(),
    };
    let question = Question {
        subject: &subject,
        action: &inquiry.action,
        action_properties: &inquiry.action_properties,
        resource: &resource,
    };
    let asked = CedarQuestion::new(question)?;
    Ok(slices.iter().fold(asked.judge_built_in(), |decision, slice| decision.and(asked.judge(slice))))
}
