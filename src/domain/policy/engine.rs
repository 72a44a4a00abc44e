//! The policy engine: Cedar, over the few policies that may concern the subject.
//!
//! Cedar's cost grows with every policy it is given, whether or not it matches. So policies are compiled in slices (one
//! for each persona, and one for each [`Bucket`](super::Bucket) of the others), and a question is evaluated against the
//! slices of its subject only. How many other policies there are does not matter. Of those, Cedar evaluates only the policies
//! that the name of the resource passes: see `NameTest`.

use std::fmt::Display;
use std::sync::LazyLock;

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request, RestrictedExpression, Schema, ValidationMode, Validator,
};

use super::catalogue::is_reading;
use super::cedar::{schema, translate};
use super::names::NameTest;
use super::{Decision, Ground, Outcome, Policy, Properties, Question, Resource, Subject};
use crate::domain::asset::Relation;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PolicyId;

/// A compiled set of policies that belong together.
#[derive(Debug, Default)]
pub struct Slice {
    parts: Vec<Part>,
    looks_at_resource: bool,
}

/// One policy: what it demands of names, and the rest of it.
#[derive(Debug)]
struct Part {
    names: NameTest,
    set: PolicySet,
}

impl Slice {
    /// Compiles the enabled policies.
    ///
    /// # Errors
    /// When a policy does not pass Cedar's strict validation.
    pub fn compile<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Result<Self> {
        let mut set = PolicySet::new();
        let (mut parts, mut actions) = (Vec::new(), Vec::new());
        let mut looks_at_resource = false;
        for policy in policies.into_iter().filter(|policy| policy.enabled) {
            for rule in policy.rule.applied() {
                let Some(translated) = translate(policy.persona, &rule) else { continue };
                let id = cedar_policy::PolicyId::new(policy.id.to_string());
                let compiled = cedar_policy::Policy::from_json(Some(id), translated).map_err(broken)?;
                // Ids must differ within a set.
                let checked = compiled.new_id(cedar_policy::PolicyId::new(parts.len().to_string()));
                set.add(checked).map_err(broken)?;
                let alone = PolicySet::from_policies([compiled]).map_err(broken)?;
                parts.push(Part { names: NameTest::of(&rule), set: alone });
                actions.extend(rule.actions.iter().cloned());
                looks_at_resource |= rule.looks_at_resource();
            }
        }
        if set.is_empty() {
            return Ok(Self::default());
        }
        let (schema, _) = Schema::from_cedarschema_str(&schema(actions.iter().map(String::as_str))).map_err(broken)?;
        let checked = Validator::new(schema).validate(&set, ValidationMode::Strict);
        match checked.validation_errors().next() {
            Some(error) => Err(broken(error)),
            None => Ok(Self { parts, looks_at_resource }),
        }
    }

    /// Whether any of its policies depends on more of a resource than its name and type.
    #[must_use]
    pub fn looks_at_resource(&self) -> bool {
        self.looks_at_resource
    }
}

/// A question translated for Cedar, to be evaluated against any number of slices.
pub struct CedarQuestion<'a> {
    question: Question<'a>,
    request: Request,
    entities: Entities,
}

impl<'a> CedarQuestion<'a> {
    /// Translates a question for Cedar. A resource without a name is the platform itself.
    ///
    /// # Errors
    /// When Cedar cannot express it.
    pub fn new(question: Question<'a>) -> Result<Self> {
        let types = types()?;
        let Question { subject, action, action_properties, resource } = question;
        let principal = uid(&types.principal, subject.id());
        let call = uid(&types.call, "call");
        let mut entities = vec![
            principal_entity(principal.clone(), subject)?,
            Entity::new_with_tags(call.clone(), [], [], tags(action_properties)).map_err(broken)?,
        ];
        let target = if resource.is_platform() {
            uid(&types.platform, "platform")
        } else {
            let target = uid(&types.asset, &resource.name);
            entities.push(asset_entity(target.clone(), resource)?);
            target
        };
        let context = [("call".to_owned(), RestrictedExpression::new_entity_uid(call))];
        let context = Context::from_pairs(context).map_err(broken)?;
        let action = uid(&types.action, action);
        Ok(Self {
            question,
            request: Request::new(principal, action, target, context, None).map_err(broken)?,
            entities: Entities::from_entities(entities, None).map_err(broken)?,
        })
    }

    /// Evaluates the question against one slice.
    #[must_use]
    pub fn judge(&self, slice: &Slice) -> Decision {
        let name = &self.question.resource.name;
        let passing = slice.parts.iter().filter(|part| part.names.passes(name));
        let mut decision =
            passing.fold(Decision::UNMATCHED, |decision, part| decision.and(self.judge_alone(&part.set)));
        decision.grounds.sort_unstable();
        decision
    }

    fn judge_alone(&self, policy: &PolicySet) -> Decision {
        let response = Authorizer::new().is_authorized(&self.request, policy, &self.entities);
        // Cedar skips a policy that fails. If that was a deny, skipping it would allow what was denied: so deny.
        if let Some(error) = response.diagnostics().errors().next() {
            tracing::error!(%error, "a policy could not be evaluated");
            return Decision { outcome: Outcome::Denied, grounds: Vec::new() };
        }
        let reasons = response.diagnostics().reason();
        let grounds: Vec<Ground> = reasons.filter_map(|id| PolicyId::parse(id.as_ref())).map(Ground::Policy).collect();
        let outcome = match response.decision() {
            CedarDecision::Allow => Outcome::Allowed,
            CedarDecision::Deny if grounds.is_empty() => Outcome::Unmatched,
            CedarDecision::Deny => Outcome::Denied,
        };
        Decision { outcome, grounds }
    }

    /// Evaluates the built-in rules: admins of an asset may do everything with it, its viewers may read it, and
    /// administrators of the platform may do everything.
    #[must_use]
    pub fn judge_built_in(&self) -> Decision {
        let Question { subject, action, resource, .. } = self.question;
        let ground = if resource.is_platform() {
            None
        } else if resource.relation == Some(Relation::Admin) {
            Some("asset-admins")
        } else if resource.relation == Some(Relation::Viewer) && is_reading(action) {
            Some("asset-viewers")
        } else {
            subject.principal.is_administrator().then_some("platform-administrators")
        };
        ground.map_or(Decision::UNMATCHED, |name| Decision {
            outcome: Outcome::Allowed,
            grounds: vec![Ground::BuiltIn(name)],
        })
    }
}

/// The names of the types of [`schema`], parsed once.
struct Types {
    principal: EntityTypeName,
    persona: EntityTypeName,
    role: EntityTypeName,
    everyone: EntityTypeName,
    platform: EntityTypeName,
    asset: EntityTypeName,
    action: EntityTypeName,
    call: EntityTypeName,
}

fn types() -> Result<&'static Types> {
    static TYPES: LazyLock<Result<Types>> = LazyLock::new(|| {
        let name = |name: &str| name.parse().map_err(broken);
        Ok(Types {
            principal: name("Principal")?,
            persona: name("Persona")?,
            role: name("Role")?,
            everyone: name("Everyone")?,
            platform: name("Platform")?,
            asset: name("Asset")?,
            action: name("Action")?,
            call: name("Call")?,
        })
    });
    TYPES.as_ref().map_err(broken)
}

fn principal_entity(id: EntityUid, subject: &Subject<'_>) -> Result<Entity> {
    let types = types()?;
    let role = uid(&types.role, subject.principal.role.name());
    let everyone = subject.principal.is_in_everyone().then(|| uid(&types.everyone, "everyone"));
    let personas = subject.personas.iter().map(|persona| uid(&types.persona, persona));
    let parents = personas.chain(everyone).chain([role]);
    let username = RestrictedExpression::new_string(subject.principal.username().to_string());
    Entity::new_with_tags(id, [("username".to_owned(), username)], parents, tags(&subject.properties)).map_err(broken)
}

fn asset_entity(id: EntityUid, resource: &Resource) -> Result<Entity> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let attributes = [
        ("name".to_owned(), text(&resource.name)),
        ("type".to_owned(), text(&resource.type_name)),
        ("owners".to_owned(), RestrictedExpression::new_set(resource.owners.iter().map(|owner| text(owner)))),
    ];
    Entity::new_with_tags(id, attributes, [], tags(&resource.properties)).map_err(broken)
}

fn tags(properties: &Properties) -> impl Iterator<Item = (String, RestrictedExpression)> {
    properties.iter().map(|(name, value)| (name.clone(), RestrictedExpression::new_string(value.clone())))
}

fn uid(kind: &EntityTypeName, id: impl Display) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id.to_string()))
}

fn broken(error: impl Display) -> Error {
    Error::Internal(format!("the policy engine: {error}").into())
}
