//! Subjects, actions and resources in the wire format of `AuthZEN` (sections 5 and 7.1.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::error::Violation;
use crate::domain::policy::{Properties, Resource, property};
use crate::http::openapi::examples;
use crate::http::present;
use crate::service::authz::evaluation::{About, Evaluation};
use crate::service::authz::inquiry::Inquiry;

/// The longest type, id or name, in bytes.
const LONGEST: usize = 4096;
/// The most properties of a subject, an action or a resource, and the most bytes of their names and values. One request
/// may have 1000 evaluations with the same properties, and each copies them.
const PROPERTIES: usize = 100;
const PROPERTIES_LENGTH: usize = 8192;

/// A subject or a resource. A member that a default omits must be in each evaluation.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
pub struct AccessEntity {
    /// For a subject `user`, `api_token`, or `identity` for either; for a resource the name of its type, or `platform`.
    #[serde(default, deserialize_with = "present::read")]
    #[schema(required = true, value_type = String, example = "user")]
    pub r#type: Option<String>,
    /// For a subject its id, user name or client id (`apikey-…`); for a resource its qualified name or URN.
    #[serde(default, deserialize_with = "present::read")]
    #[schema(required = true, value_type = String, example = "admin")]
    pub id: Option<String>,
    /// Properties for conditions of policies; they take precedence over stored ones.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// The type to search for; an id is ignored.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct AccessTarget {
    /// The type, as in `AccessEntity`.
    #[schema(example = "Table")]
    pub r#type: String,
    /// Properties for conditions of policies.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
pub struct AccessAction {
    /// An action of a policy, a DataHub privilege, or for `platform` a permission.
    #[serde(default, deserialize_with = "present::read")]
    #[schema(required = true, value_type = String, example = "VIEW_ENTITY_PAGE")]
    pub name: Option<String>,
    /// Properties for conditions of policies.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// One evaluation, possibly without members that have defaults.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(example = examples::access_evaluation)]
pub struct AccessEvaluation {
    /// The subject.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(required = true, value_type = AccessEntity)]
    pub subject: Option<AccessEntity>,
    /// The action of the subject.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(required = true, value_type = AccessAction)]
    pub action: Option<AccessAction>,
    /// The resource of the action.
    #[serde(default, deserialize_with = "present::read_object")]
    #[schema(required = true, value_type = AccessEntity)]
    pub resource: Option<AccessEntity>,
    /// Ignored: no policy uses it.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Map<String, Value>>,
}

impl AccessEvaluation {
    /// Fills in defaults: for missing members, and for missing required fields of present members.
    pub fn or(self, defaults: &Self) -> Self {
        let entity = |own: Option<AccessEntity>, default: &Option<AccessEntity>| match (own, default) {
            (Some(own), Some(default)) => Some(AccessEntity {
                r#type: own.r#type.or_else(|| default.r#type.clone()),
                id: own.id.or_else(|| default.id.clone()),
                properties: own.properties,
            }),
            (own, default) => own.or_else(|| default.clone()),
        };
        let action = match (self.action, &defaults.action) {
            (Some(own), Some(default)) => Some(AccessAction { name: own.name.or_else(|| default.name.clone()), ..own }),
            (own, default) => own.or_else(|| default.clone()),
        };
        Self {
            subject: entity(self.subject, &defaults.subject),
            action,
            resource: entity(self.resource, &defaults.resource),
            context: self.context,
        }
    }

    /// Checks the size of the properties of the defaults, which every evaluation may copy.
    ///
    /// # Errors
    /// A violation that names the properties that are too large.
    pub fn check_defaults(&self) -> Result<(), Violation> {
        let of = |entity: &Option<AccessEntity>| entity.as_ref().and_then(|entity| entity.properties.clone());
        properties(of(&self.subject), "subject")?;
        properties(of(&self.resource), "resource")?;
        properties(self.action.as_ref().and_then(|action| action.properties.clone()), "action")?;
        Ok(())
    }

    /// Converts the evaluation to a question.
    ///
    /// # Errors
    /// A violation that names the missing or invalid member.
    pub fn question(self) -> Result<Evaluation, Violation> {
        let (subject, action) = (given(self.subject, "subject")?, given(self.action, "action")?);
        let (about, subject_properties) = read_subject(subject)?;
        let resource = read_resource(given(self.resource, "resource")?)?;
        let (action, action_properties) = read_action(action)?;
        Ok(Evaluation { about, inquiry: Inquiry { action, action_properties, subject_properties, resource } })
    }
}

/// Requires a member to be present.
pub fn given<T>(member: Option<T>, name: &str) -> Result<T, Violation> {
    member.ok_or_else(|| Violation::new(name, "must be there"))
}

/// Parses a subject: which principal, and its properties.
pub fn read_subject(subject: AccessEntity) -> Result<(About, Properties), Violation> {
    let kind = text(subject.r#type, "subject.type")?;
    let id = text(subject.id, "subject.id")?;
    Ok((About::new(&kind, &id), properties(subject.properties, "subject")?))
}

/// Parses a resource.
pub fn read_resource(resource: AccessEntity) -> Result<Resource, Violation> {
    Ok(Resource {
        type_name: text(resource.r#type, "resource.type")?,
        name: text(resource.id, "resource.id")?,
        properties: properties(resource.properties, "resource")?,
        ..Resource::default()
    })
}

/// Parses an action: its name and its properties.
pub fn read_action(action: AccessAction) -> Result<(String, Properties), Violation> {
    Ok((text(action.name, "action.name")?, properties(action.properties, "action")?))
}

fn text(member: Option<String>, name: &str) -> Result<String, Violation> {
    let text = given(member, name)?;
    match text.len() {
        _ if text.contains('\0') => Err(Violation::new(name, "must not contain a zero character")),
        0 => Err(Violation::new(name, "must not be empty")),
        1..=LONGEST => Ok(text),
        _ => Err(Violation::new(name, format!("must be at most {LONGEST} bytes long"))),
    }
}

/// Parses a search target: its type and its properties.
pub fn read_target(target: AccessTarget, name: &str) -> Result<(String, Properties), Violation> {
    Ok((text(Some(target.r#type), &format!("{name}.type"))?, properties(target.properties, name)?))
}

/// Converts properties to the form that policies use, and checks their size.
fn properties(members: Option<Map<String, Value>>, name: &str) -> Result<Properties, Violation> {
    let members = members.unwrap_or_default();
    let properties: Properties = members.iter().map(|(name, value)| (name.clone(), property(value))).collect();
    let length: usize = properties.iter().map(|(name, value)| name.len() + value.len()).sum();
    if properties.len() > PROPERTIES || length > PROPERTIES_LENGTH {
        let message = format!("must have at most {PROPERTIES} members and {PROPERTIES_LENGTH} bytes");
        return Err(Violation::new(format!("{name}.properties"), message));
    }
    Ok(properties)
}
