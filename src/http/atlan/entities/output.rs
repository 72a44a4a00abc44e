//! The response bodies of entities. An empty member is omitted where `null` makes an SDK fail.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::domain::asset::Asset;
use crate::domain::entity::{Entity, EntityState, LinkedPersona, Mutation, PERSONA, POLICY};
use crate::domain::policy::Policy;
use crate::http::openapi::{examples, sets};

/// A persona, a policy or an asset.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entity, example = examples::entity)]
pub struct EntityView {
    /// The type, in its exact case, by which clients choose a class.
    type_name: String,
    /// The id.
    guid: String,
    /// `ACTIVE` or `DELETED`.
    #[schema(schema_with = sets::entity_states)]
    status: &'static str,
    /// The name.
    display_text: String,
    /// The attributes by name, with at least `name` and `qualifiedName`.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// References to other entities; only in answers with a single entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    relationship_attributes: Option<Map<String, Value>>,
    /// The user name of its creator.
    created_by: String,
    /// The user name of its last writer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<String>,
    /// Epoch milliseconds.
    create_time: i64,
    /// Epoch milliseconds.
    update_time: i64,
    /// How it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = sets::delete_handlers)]
    delete_handler: Option<&'static str>,
}

/// One entity.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityDetail {
    /// Always empty: referred entities need requests of their own.
    #[schema(value_type = Object)]
    referred_entities: Map<String, Value>,
    /// The entity.
    entity: EntityView,
}

/// The result of a bulk request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mutation)]
pub struct MutationView {
    /// The entities, by the kind of change.
    mutated_entities: MutatedEntities,
    /// The ids that were assigned to temporary ones.
    guid_assignments: BTreeMap<String, String>,
}

/// Entities by the kind of change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
struct MutatedEntities {
    /// Created entities.
    create: Vec<EntityView>,
    /// Existing entities of the request, and those that changed as a consequence.
    update: Vec<EntityView>,
    /// Deleted entities.
    delete: Vec<EntityView>,
}

impl From<Mutation> for MutationView {
    fn from(mutation: Mutation) -> Self {
        let views = |entities: Vec<Entity>| entities.into_iter().map(EntityView::from).collect();
        Self {
            mutated_entities: MutatedEntities {
                create: views(mutation.created),
                update: views(mutation.updated),
                delete: views(mutation.deleted),
            },
            guid_assignments: mutation.assigned.into_iter().map(|(name, id)| (name, id.to_string())).collect(),
        }
    }
}

impl MutationView {
    /// The result of a deletion, with the way of deleting in `deleteHandler`.
    pub(super) fn deleted(mutation: Mutation, handler: &'static str) -> Self {
        let mut view = Self::from(mutation);
        for entity in &mut view.mutated_entities.delete {
            entity.status = EntityState::Deleted.name();
            entity.delete_handler = Some(handler);
        }
        view
    }
}

impl From<Entity> for EntityDetail {
    fn from(entity: Entity) -> Self {
        let references = references(&entity);
        let entity = EntityView { relationship_attributes: Some(references), ..EntityView::from(entity) };
        Self { referred_entities: Map::new(), entity }
    }
}

impl EntityView {
    /// Removes all attributes except those, `name` and `qualifiedName`.
    #[must_use]
    pub fn with_only(mut self, names: &[String]) -> Self {
        self.attributes.retain(|name, _| ["name", "qualifiedName"].contains(&name.as_str()) || names.contains(name));
        self
    }
}

impl From<Entity> for EntityView {
    fn from(entity: Entity) -> Self {
        let mut attributes = references(&entity);
        attributes.extend(attributes_of(&entity));
        let guid = entity.id().to_string();
        let view = |type_name: &str, status: EntityState, name: String| Self {
            type_name: type_name.to_owned(),
            guid: guid.clone(),
            status: status.name(),
            display_text: name,
            attributes: attributes.clone(),
            relationship_attributes: None,
            created_by: String::new(),
            updated_by: None,
            create_time: 0,
            update_time: 0,
            delete_handler: None,
        };
        match entity {
            Entity::Persona(LinkedPersona { persona, .. }) => Self {
                created_by: persona.created_by,
                create_time: persona.created_at,
                update_time: persona.updated_at,
                ..view(PERSONA, EntityState::Active, persona.display_name)
            },
            Entity::Policy(policy) => Self {
                created_by: policy.created_by,
                create_time: policy.created_at,
                update_time: policy.updated_at,
                ..view(POLICY, EntityState::Active, policy.name)
            },
            Entity::Asset(asset) => Self {
                created_by: asset.created_by,
                updated_by: Some(asset.updated_by),
                create_time: asset.created_at,
                update_time: asset.updated_at,
                ..view(&asset.type_name, asset.state, asset.name)
            },
            Entity::Identity(unseen) => view(&unseen.type_name, EntityState::Active, unseen.qualified_name),
        }
    }
}

fn references(entity: &Entity) -> Map<String, Value> {
    let reference = |type_name: &str, id: &str| json!({"typeName": type_name, "guid": id});
    match entity {
        Entity::Persona(linked) => {
            let policies: Vec<Value> = linked.policies.iter().map(|id| reference(POLICY, id)).collect();
            object(json!({"policies": policies}))
        }
        Entity::Policy(Policy { persona: Some(persona), .. }) => {
            object(json!({"accessControl": reference(PERSONA, &persona.to_string())}))
        }
        Entity::Policy(_) | Entity::Asset(_) | Entity::Identity(_) => Map::new(),
    }
}

fn attributes_of(entity: &Entity) -> Map<String, Value> {
    let none = Map::new();
    let (kept, own) = match entity {
        Entity::Persona(LinkedPersona { persona, users, .. }) => (
            &persona.attributes,
            json!({
                "name": persona.name,
                "qualifiedName": persona.qualified_name,
                "displayName": persona.display_name,
                "description": persona.description,
                "isAccessControlEnabled": persona.enabled,
                "personaUsers": users,
            }),
        ),
        Entity::Policy(policy) => (&policy.attributes, policy_attributes(policy)),
        Entity::Asset(asset) => (&asset.attributes, asset_attributes(asset)),
        Entity::Identity(unseen) => (&none, json!({"qualifiedName": unseen.qualified_name})),
    };
    let mut attributes = kept.clone();
    attributes.extend(object(own));
    attributes
}

fn policy_attributes(policy: &Policy) -> Value {
    json!({
        "name": policy.name,
        "qualifiedName": policy.qualified_name,
        "description": policy.description,
        "policyType": policy.rule.effect.name(),
        "policyCategory": "persona",
        "policySubCategory": policy.rule.category.name(),
        "policyActions": policy.rule.actions,
        "policyResources": policy.wire_resources(),
        "isPolicyEnabled": policy.enabled,
    })
}

fn asset_attributes(asset: &Asset) -> Value {
    let mut own = json!({"name": asset.name, "qualifiedName": asset.qualified_name});
    for (list, members) in &asset.people {
        own[list.name()] = json!(members);
    }
    own
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
