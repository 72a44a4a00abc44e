//! The request body of entities: one format for all types, parsed into drafts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::MOST;
use crate::domain::asset::{MEMBERS, PeopleList};
use crate::domain::entity::{
    AssetDraft, Draft, EntityState, Handle, Head, LISTED, PERSONA, POLICY, PersonaDraft, PersonaReference, PolicyDraft,
    is_listed, parse_resources,
};
use crate::domain::error::Violation;
use crate::domain::ids::Id;
use crate::domain::policy::{Category, Effect};
use crate::domain::text::{Description, DisplayName, at, is_hidden};
use crate::http::openapi::{examples, sets};
use crate::http::whole;

/// The longest name of an attribute or a type, in bytes.
const NAME: usize = 255;

/// Entities to create or update.
#[derive(Deserialize, ToSchema)]
#[schema(example = examples::entities_request)]
pub struct EntitiesRequest {
    /// At most 1000 entities.
    #[schema(max_items = 1000)]
    entities: Vec<EntityRequest>,
}

/// An entity to create or update.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = examples::entity_request)]
pub struct EntityRequest {
    /// `Persona`, `AuthPolicy`, `Connection`, `Collection`, or any other type of asset.
    type_name: String,
    /// The id of the entity; or, beginning with `-`, a temporary id for this request, which `guidAssignments` maps to the assigned
    /// one.
    guid: Option<String>,
    /// The attributes by name; `null` clears one.
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
    /// References to other entities, treated like attributes.
    #[schema(value_type = Option<Object>)]
    relationship_attributes: Option<Map<String, Value>>,
    /// Must be absent or empty: custom metadata is not supported.
    #[schema(value_type = Option<Object>)]
    business_attributes: Option<Map<String, Value>>,
    #[schema(schema_with = sets::written_entity_states)]
    status: Option<String>,
    /// Accepted and ignored, like all members that follow: SDKs write back whole entities, as pyatlan does with
    /// policies.
    #[serde(rename = "displayText")]
    _display_text: Option<String>,
    /// Ignored.
    #[serde(rename = "createdBy")]
    _created_by: Option<String>,
    /// Ignored.
    #[serde(rename = "updatedBy")]
    _updated_by: Option<String>,
    /// Ignored.
    #[serde(default, rename = "createTime", deserialize_with = "whole::read_or_null")]
    _create_time: Option<i64>,
    /// Ignored.
    #[serde(default, rename = "updateTime", deserialize_with = "whole::read_or_null")]
    _update_time: Option<i64>,
    /// Ignored.
    #[serde(rename = "deleteHandler")]
    _delete_handler: Option<String>,
    /// Ignored.
    #[serde(rename = "isIncomplete")]
    _is_incomplete: Option<bool>,
}

impl EntitiesRequest {
    pub(super) fn into_drafts(self) -> Result<Vec<Draft>, Violation> {
        if self.entities.len() > MOST {
            return Err(Violation::new("entities", format!("must have at most {MOST} members")));
        }
        let read = |(place, entity): (usize, EntityRequest)| entity.into_draft(format!("entities[{place}]"));
        self.entities.into_iter().enumerate().map(read).collect()
    }
}

impl EntityRequest {
    fn into_draft(self, path: String) -> Result<Draft, Violation> {
        check_type(&self.type_name).map_err(|message| Violation::new(format!("{path}.typeName"), message))?;
        if self.business_attributes.is_some_and(|attributes| !attributes.is_empty()) {
            return Err(Violation::new(
                format!("{path}.businessAttributes"),
                "must be empty: there is no custom metadata",
            ));
        }
        let state = match self.status.as_deref() {
            None => EntityState::Active,
            Some(status) => EntityState::find(status)
                .ok_or_else(|| Violation::new(format!("{path}.status"), "must be `ACTIVE` or `DELETED`"))?,
        };
        let handle = handle(self.guid).map_err(|message| Violation::new(format!("{path}.guid"), message))?;
        let mut members = self.relationship_attributes.unwrap_or_default();
        members.extend(self.attributes.unwrap_or_default());
        let mut members = Members { path, members };
        members.check_names()?;
        match self.type_name.as_str() {
            PERSONA => persona(members, handle).map(Draft::Persona),
            POLICY => policy(members, handle).map(Draft::Policy),
            _ => {
                let mut people = BTreeMap::new();
                for list in PeopleList::ALL {
                    if let Some(names) = members.texts(list.name())? {
                        people.insert(list, names);
                    }
                }
                let head = members.head(handle)?;
                Ok(Draft::Asset(AssetDraft { head, type_name: self.type_name, state, people }))
            }
        }
    }
}

fn check_type(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.len() > NAME || !name.bytes().all(plain) {
        return Err(format!("must be 1 to {NAME} ASCII letters, digits or `_`"));
    }
    match [PERSONA, POLICY].into_iter().find(|known| known.eq_ignore_ascii_case(name) && *known != name) {
        Some(known) => Err(format!("must be written `{known}`")),
        None => Ok(()),
    }
}

fn handle(guid: Option<String>) -> Result<Handle, &'static str> {
    match guid {
        None => Ok(Handle::Unnamed),
        Some(name) if name.starts_with('-') && name.len() <= 64 => Ok(Handle::Temporary(name)),
        Some(guid) => Id::<Uuid>::parse(&guid)
            .map(|id| Handle::Known(id.uuid()))
            .ok_or("must be a GUID, or a name of at most 64 characters that begins with `-`"),
    }
}

fn persona(mut members: Members, handle: Handle) -> Result<PersonaDraft, Violation> {
    // SDKs write back `policies`, but policies are entities of their own.
    members.members.remove("policies");
    Ok(PersonaDraft {
        display_name: members.parsed("displayName", DisplayName::parse)?,
        description: members.description()?,
        enabled: members.flag("isAccessControlEnabled")?,
        users: members.texts("personaUsers")?,
        head: members.head(handle)?,
    })
}

fn policy(mut members: Members, handle: Handle) -> Result<PolicyDraft, Violation> {
    let category = |name: &str| {
        let found = Category::find(name).filter(|category| category.is_personas());
        found.ok_or_else(|| "must be `metadata`, `data`, `glossary` or `domain`".to_owned())
    };
    let effect = |name: &str| Effect::find(name).ok_or_else(|| "must be `allow` or `deny`".to_owned());
    let personas = |kind: &str| if kind == "persona" { Ok(()) } else { Err("must be `persona`".to_owned()) };
    members.parsed("policyCategory", personas)?;
    let resources = members.texts("policyResources")?;
    let resources = resources.map(|patterns| at(&members.place("policyResources"), parse_resources(&patterns)));
    Ok(PolicyDraft {
        persona: members.persona()?,
        description: members.description()?,
        category: members.parsed("policySubCategory", category)?,
        effect: members.parsed("policyType", effect)?,
        actions: members.texts("policyActions")?,
        resources: resources.transpose()?,
        enabled: members.flag("isPolicyEnabled")?,
        head: members.head(handle)?,
    })
}

/// The attributes of an entity that have not been parsed yet.
struct Members {
    path: String,
    members: Map<String, Value>,
}

impl Members {
    fn place(&self, name: &str) -> String {
        format!("{}.attributes.{name}", self.path)
    }

    fn violation(&self, name: &str, message: impl Into<String>) -> Violation {
        Violation::new(self.place(name), message)
    }

    /// Checks the names of attributes; those that begin with `__` are reserved for the server.
    fn check_names(&self) -> Result<(), Violation> {
        let odd = |name: &&String| {
            name.is_empty() || name.len() > NAME || name.starts_with("__") || name.chars().any(is_hidden)
        };
        match self.members.keys().find(odd) {
            Some(name) => {
                Err(self.violation(&crate::domain::listing::clip(name), "is not an attribute that a client may set"))
            }
            None => Ok(()),
        }
    }

    /// The members that all drafts have; remaining attributes are stored as they are.
    fn head(mut self, handle: Handle) -> Result<Head, Violation> {
        let name = self.parsed("name", DisplayName::parse)?;
        let qualified_name = self.parsed("qualifiedName", |name| {
            crate::domain::entity::check_qualified_name(name).map(|()| name.to_owned())
        })?;
        Ok(Head { path: self.path, handle, qualified_name, name, attributes: self.members })
    }

    /// Removes and parses a text attribute that cannot be cleared.
    fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, Violation> {
        match self.members.remove(name) {
            None => Ok(None),
            // SDKs send an empty `displayName` with every policy.
            Some(Value::String(text)) if text.is_empty() && name == "displayName" => Ok(None),
            Some(Value::String(text)) => at(&self.place(name), parse(&text)).map(Some),
            Some(_) => Err(self.violation(name, "must be text")),
        }
    }

    fn description(&mut self) -> Result<Option<Description>, Violation> {
        if self.members.get("description").is_some_and(Value::is_null) {
            self.members.remove("description");
            return Ok(Some(Description::default()));
        }
        self.parsed("description", Description::parse)
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, Violation> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.violation(name, "must be `true` or `false`")),
        }
    }

    /// Removes and parses a list of texts, without duplicates; `null` is the empty list.
    fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Violation> {
        let list = match self.members.remove(name) {
            None => return Ok(None),
            Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) if list.len() <= MEMBERS => list,
            Some(_) => return Err(self.violation(name, format!("must be an array of at most {MEMBERS} texts"))),
        };
        let mut texts = Vec::with_capacity(list.len());
        for value in list {
            match value {
                Value::String(text) if is_listed(&text) => texts.push(text),
                _ => return Err(self.violation(name, LISTED)),
            }
        }
        let mut once = std::collections::HashSet::new();
        texts.retain(|text| once.insert(text.clone()));
        Ok(Some(texts))
    }

    /// The persona of a policy: `accessControl` names it by `guid` or by `uniqueAttributes.qualifiedName`.
    fn persona(&mut self) -> Result<Option<PersonaReference>, Violation> {
        let Some(reference) = self.members.remove("accessControl").filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let guid = text(reference.get("guid"));
        let name =
            text(reference.pointer("/uniqueAttributes/qualifiedName")).or_else(|| text(reference.get("qualifiedName")));
        match (guid.map(|guid| handle(Some(guid))), name) {
            (Some(Ok(Handle::Known(id))), _) => Ok(Some(PersonaReference::Id(id))),
            (Some(Ok(Handle::Temporary(name))), _) => Ok(Some(PersonaReference::Temporary(name))),
            (None, Some(name)) if !name.contains('\0') => Ok(Some(PersonaReference::QualifiedName(name))),
            _ => Err(self.violation("accessControl", "must name a persona by its `guid`")),
        }
    }
}
