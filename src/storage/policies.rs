//! Policies, and the revision number that every write to them raises.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::{AnyConnection, is_duplicate, storage};
use super::rows::{Existed, corrupt, parse_id};
use super::schema::{policies, policy_objects, revisions};
use super::{policy_users, search_terms};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::policy::{Category, Criterion, Effect, Extent, Facet, Policy, Rule};

/// A row of `policies`.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = policies)]
#[diesel(treat_none_as_null = true)]
struct PolicyRow {
    id: String,
    qualified_name: String,
    persona_id: Option<String>,
    category: String,
    name: String,
    description: String,
    effect: String,
    actions: String,
    resources: String,
    subjects: String,
    enabled: bool,
    editable: bool,
    attributes: String,
    created_by: String,
    created_at: i64,
    updated_at: i64,
}

impl PolicyRow {
    fn of(policy: &Policy) -> Result<Self> {
        Ok(Self {
            id: policy.id.to_string(),
            qualified_name: policy.qualified_name.clone(),
            persona_id: policy.persona.map(|persona| persona.to_string()),
            category: policy.rule.category.name().to_owned(),
            name: policy.name.clone(),
            description: policy.description.clone(),
            effect: policy.rule.effect.name().to_owned(),
            actions: json(&policy.rule.actions)?,
            resources: json(&policy.rule.resources)?,
            subjects: json(&policy.rule.subjects)?,
            enabled: policy.enabled,
            editable: policy.editable,
            attributes: json(&policy.attributes)?,
            created_by: policy.created_by.clone(),
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        })
    }

    fn into_domain(self) -> Result<Policy> {
        let rule = Rule {
            category: Category::find(&self.category).ok_or_else(|| corrupt("policy category", &self.category))?,
            effect: Effect::find(&self.effect).ok_or_else(|| corrupt("policy effect", &self.effect))?,
            actions: parse(&self.actions)?,
            resources: parse(&self.resources)?,
            subjects: parse(&self.subjects)?,
        };
        Ok(Policy {
            id: parse_id(&self.id)?,
            qualified_name: self.qualified_name,
            persona: self.persona_id.as_deref().map(parse_id).transpose()?,
            name: self.name,
            description: self.description,
            rule,
            enabled: self.enabled,
            editable: self.editable,
            attributes: parse(&self.attributes)?,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// The policies of these rows. The names of deleted users are left out, even if another user has the
/// name now.
fn into_domain(connection: &mut AnyConnection, rows: Vec<PolicyRow>) -> Result<Vec<Policy>> {
    let mut found = rows.into_iter().map(PolicyRow::into_domain).collect::<Result<Vec<_>>>()?;
    let with_users = found.iter().filter(|policy| !policy.rule.subjects.users.is_empty());
    let ids: Vec<String> = with_users.map(|policy| policy.id.to_string()).collect();
    let mut bearers = policy_users::names(connection, &ids)?;
    for policy in found.iter_mut().filter(|policy| !policy.rule.subjects.users.is_empty()) {
        let named = bearers.remove(&policy.id.to_string()).unwrap_or_default();
        policy.rule.subjects.users.retain(|user| named.contains(user));
    }
    Ok(found)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.into()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(storage)
}

/// The current revision of all policies.
///
/// # Errors
/// When the storage fails.
pub fn revision(connection: &mut AnyConnection) -> Result<i64> {
    Ok(revisions::table.find("policies").select(revisions::revision).get_result(connection)?)
}

/// Raises the revision. It is the first statement of every transaction that writes policies, so that such transactions
/// are serialised.
///
/// # Errors
/// When the storage fails.
pub fn raise_revision(connection: &mut AnyConnection) -> Result<()> {
    let row = revisions::table.find("policies");
    diesel::update(row).set(revisions::revision.eq(revisions::revision + 1)).execute(connection)?;
    Ok(())
}

/// Adds a policy.
///
/// # Errors
/// [`Error::Conflict`] when its qualified name is taken.
pub fn insert(connection: &mut AnyConnection, policy: &Policy) -> Result<()> {
    match diesel::insert_into(policies::table).values(PolicyRow::of(policy)?).execute(connection) {
        Err(error) if is_duplicate(&error) => {
            return Err(Error::Conflict(format!("there is a policy `{}` already", policy.qualified_name)));
        }
        outcome => outcome?,
    };
    policy_users::replace(connection, policy.id, &policy.rule.subjects.users)?;
    search_terms::replace(connection, policy.id.uuid(), &policy.terms())
}

/// Replaces a policy.
///
/// # Errors
/// When the storage fails.
pub fn update(connection: &mut AnyConnection, policy: &Policy) -> Result<Existed> {
    let row = PolicyRow::of(policy)?;
    let existed = diesel::update(policies::table.find(row.id.clone())).set(row).execute(connection)?;
    if existed > 0 {
        policy_users::replace(connection, policy.id, &policy.rule.subjects.users)?;
        search_terms::replace(connection, policy.id.uuid(), &policy.terms())?;
    }
    Ok(existed.into())
}

/// Stores the qualified name of the asset that a policy is about, so that the asset's admins find the policy.
///
/// # Errors
/// When the storage fails.
pub fn set_object(connection: &mut AnyConnection, id: PolicyId, object: Option<&str>) -> Result<()> {
    diesel::delete(policy_objects::table.find(id.to_string())).execute(connection)?;
    if let Some(object) = object {
        let row = (policy_objects::policy_id.eq(id.to_string()), policy_objects::qualified_name.eq(object));
        diesel::insert_into(policy_objects::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// The asset that a policy was about when it was written; `None` if it was about none.
///
/// # Errors
/// When the storage fails.
pub fn object_of(connection: &mut AnyConnection, id: PolicyId) -> Result<Option<String>> {
    let found = policy_objects::table.find(id.to_string()).select(policy_objects::qualified_name);
    Ok(found.get_result(connection).optional()?)
}

/// The resources of each policy that is about no stored asset.
///
/// # Errors
/// When the storage fails.
pub fn resources_without_object(connection: &mut AnyConnection) -> Result<Vec<Vec<Criterion>>> {
    let with_object = policy_objects::table.select(policy_objects::policy_id);
    let resources: Vec<String> = policies::table
        .filter(policies::category.ne(Category::Platform.name()))
        .filter(policies::id.ne_all(with_object))
        .select(policies::resources)
        .distinct()
        .load(connection)?;
    resources.iter().map(|resources| parse(resources)).collect()
}

/// The rules of the policies that allow something with entities, enabled or not.
///
/// # Errors
/// When the storage fails.
pub fn allowing(connection: &mut AnyConnection) -> Result<Vec<Rule>> {
    let rows: Vec<PolicyRow> = policies::table
        .filter(policies::effect.eq(Effect::Allow.name()))
        .filter(policies::category.ne(Category::Platform.name()))
        .select(PolicyRow::as_select())
        .load(connection)?;
    rows.into_iter().map(|row| Ok(row.into_domain()?.rule)).collect()
}

/// What the policies of a persona are about, as far as they are about stored assets.
///
/// # Errors
/// When the storage fails.
pub fn objects_of_persona(connection: &mut AnyConnection, persona: PersonaId) -> Result<BTreeMap<PolicyId, String>> {
    let rows: Vec<(String, String)> = policy_objects::table
        .inner_join(policies::table)
        .filter(policies::persona_id.eq(persona.to_string()))
        .select((policy_objects::policy_id, policy_objects::qualified_name))
        .load(connection)?;
    rows.into_iter().map(|(id, object)| Ok((parse_id(&id)?, object))).collect()
}

/// The policies about the asset with that qualified name, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn of_object(connection: &mut AnyConnection, qualified_name: &str) -> Result<Vec<Policy>> {
    let rows: Vec<PolicyRow> = policies::table
        .inner_join(policy_objects::table)
        .filter(policy_objects::qualified_name.eq(qualified_name))
        .order(policies::id)
        .select(PolicyRow::as_select())
        .load(connection)?;
    rows.into_iter().map(PolicyRow::into_domain).collect()
}

/// Removes a policy.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: PolicyId) -> Result<Existed> {
    search_terms::delete(connection, id.uuid())?;
    Ok(Existed::from(diesel::delete(policies::table.find(id.to_string())).execute(connection)?))
}

/// One policy.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PolicyId) -> Result<Option<Policy>> {
    let row: Option<PolicyRow> =
        policies::table.find(id.to_string()).select(PolicyRow::as_select()).get_result(connection).optional()?;
    into_domain(connection, row.into_iter().collect()).map(|mut found| found.pop())
}

/// The policy with that qualified name.
///
/// # Errors
/// When the storage fails.
pub fn find_by_qualified_name(connection: &mut AnyConnection, name: &str) -> Result<Option<Policy>> {
    let named = policies::table.filter(policies::qualified_name.eq(name));
    let row: Option<PolicyRow> = named.select(PolicyRow::as_select()).get_result(connection).optional()?;
    into_domain(connection, row.into_iter().collect()).map(|mut found| found.pop())
}

/// The policies with these ids, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn find_many(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Policy>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(super::MANY) {
        let rows: Vec<PolicyRow> =
            policies::table.filter(policies::id.eq_any(chunk)).select(PolicyRow::as_select()).load(connection)?;
        found.extend(into_domain(connection, rows)?);
    }
    Ok(found)
}

/// The ids of the policies of these personas, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn ids_of(connection: &mut AnyConnection, personas: &[String]) -> Result<HashMap<String, Vec<String>>> {
    let mut ids: HashMap<String, Vec<String>> = HashMap::new();
    for chunk in personas.chunks(super::MANY) {
        let rows: Vec<(Option<String>, String)> = policies::table
            .filter(policies::persona_id.eq_any(chunk))
            .order(policies::id)
            .select((policies::persona_id, policies::id))
            .load(connection)?;
        for (persona, id) in rows {
            ids.entry(persona.unwrap_or_default()).or_default().push(id);
        }
    }
    Ok(ids)
}

/// The policies of a persona, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn of_persona(connection: &mut AnyConnection, persona: PersonaId) -> Result<Vec<Policy>> {
    let rows: Vec<PolicyRow> = policies::table
        .filter(policies::persona_id.eq(persona.to_string()))
        .order(policies::id)
        .select(PolicyRow::as_select())
        .load(connection)?;
    into_domain(connection, rows)
}

/// What a policy of a persona allows or denies.
#[derive(Debug, Clone)]
pub struct PersonaExtent {
    /// The persona.
    pub persona: PersonaId,
    /// The effect of the policy.
    pub effect: Effect,
    /// What it allows or denies.
    pub extent: Extent,
}

/// What the policies of these personas allow and deny, enabled or not, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn extents_of_personas(connection: &mut AnyConnection, personas: &[String]) -> Result<Vec<PersonaExtent>> {
    let mut extents = Vec::new();
    for chunk in personas.chunks(super::MANY) {
        let rows: Vec<(String, String, String, String)> = policies::table
            .filter(policies::persona_id.eq_any(chunk))
            .order(policies::id)
            .select((policies::persona_id.assume_not_null(), policies::effect, policies::actions, policies::resources))
            .load(connection)?;
        for (persona, effect, actions, resources) in rows {
            extents.push(PersonaExtent {
                persona: parse_id(&persona)?,
                effect: Effect::find(&effect).ok_or_else(|| corrupt("policy effect", &effect))?,
                extent: Extent::of(&parse::<Vec<String>>(&actions)?, &parse::<Vec<Criterion>>(&resources)?),
            });
        }
    }
    Ok(extents)
}

/// The policies that belong to no persona, the oldest first.
///
/// # Errors
/// When the storage fails.
pub fn shared(connection: &mut AnyConnection) -> Result<Vec<Policy>> {
    let rows: Vec<PolicyRow> = policies::table
        .filter(policies::persona_id.is_null())
        .order(policies::id)
        .select(PolicyRow::as_select())
        .load(connection)?;
    into_domain(connection, rows)
}

/// Removes a deleted principal from every policy that named it, and raises the revision so that cached policies are
/// read again.
///
/// # Errors
/// When the storage fails.
pub(super) fn forget_user(connection: &mut AnyConnection, principal: PrincipalId) -> Result<()> {
    let naming = policy_users::naming(connection, principal)?;
    if naming.is_empty() {
        return Ok(());
    }
    raise_revision(connection)?;
    for policy in find_many(connection, &naming)? {
        update(connection, &policy)?;
    }
    Ok(())
}

/// The resource attributes that the criteria of enabled policies look at.
///
/// # Errors
/// When the storage fails.
pub fn tested_attributes(connection: &mut AnyConnection) -> Result<BTreeSet<String>> {
    let looking: Vec<String> = policies::table
        .filter(policies::enabled.eq(true))
        // `Facet::Resource` as serialised to JSON.
        .filter(policies::resources.like("%{\"resource\":%"))
        .select(policies::resources)
        .distinct()
        .load(connection)?;
    let mut attributes = BTreeSet::new();
    for resources in looking {
        for criterion in parse::<Vec<Criterion>>(&resources)? {
            if let Facet::Resource(attribute) = criterion.field {
                attributes.insert(attribute);
            }
        }
    }
    Ok(attributes)
}
