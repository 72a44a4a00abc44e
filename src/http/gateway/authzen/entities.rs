//! Subjects, actions and resources as the protocol writes them (sections 5 and 7.1.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::error::Violation;
use crate::domain::policy::{Properties, Resource, property};
use crate::service::authz::decide::Inquiry;
use crate::service::authz::evaluation::{About, Question};

/// The longest type, id or name, in bytes.
const LONGEST: usize = 4096;
/// The most properties of a subject, an action or a resource, and how many bytes their names and values have. One request
/// may put a thousand questions about the same properties, and each takes a copy.
const PROPERTIES: usize = 100;
const PROPERTIES_LENGTH: usize = 8192;

/// A subject or a resource. What a default leaves out, each evaluation says.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
pub struct AccessEntity {
    /// Of a subject `user`, `api_token`, or `identity` for either; of a resource the name of its type, or `platform`.
    #[schema(required = true, value_type = String, example = "user")]
    pub r#type: Option<String>,
    /// Of a subject its id, user name or client id (`apikey-…`); of a resource the qualified name or URN.
    #[schema(required = true, value_type = String, example = "admin")]
    pub id: Option<String>,
    /// What policies may look at; it counts more than what is stored.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// What is searched for: it has a type, and an id is ignored.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct AccessTarget {
    /// As in `AccessEntity`.
    #[schema(example = "Table")]
    pub r#type: String,
    /// What policies may look at.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
pub struct AccessAction {
    /// An action of a policy, a DataHub privilege, or for `platform` a permission.
    #[schema(required = true, value_type = String, example = "VIEW_ENTITY_PAGE")]
    pub name: Option<String>,
    /// What policies may look at.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Map<String, Value>>,
}

/// One question, as far as it is put.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct AccessEvaluation {
    /// Who would do it.
    #[schema(required = true, value_type = AccessEntity)]
    pub subject: Option<AccessEntity>,
    /// What they would do.
    #[schema(required = true, value_type = AccessAction)]
    pub action: Option<AccessAction>,
    /// With what.
    #[schema(required = true, value_type = AccessEntity)]
    pub resource: Option<AccessEntity>,
    /// Taken, and looked at by no policy.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Map<String, Value>>,
}

impl AccessEvaluation {
    /// The same, with defaults for what it leaves out: whole members, and in those that it has only what is required.
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

    /// Checks the size of what every evaluation may take a copy of.
    ///
    /// # Errors
    /// A violation that names the properties that are too many.
    pub fn check_defaults(&self) -> Result<(), Violation> {
        let of = |entity: &Option<AccessEntity>| entity.as_ref().and_then(|entity| entity.properties.clone());
        properties(of(&self.subject), "subject")?;
        properties(of(&self.resource), "resource")?;
        properties(self.action.as_ref().and_then(|action| action.properties.clone()), "action")?;
        Ok(())
    }

    /// The question.
    ///
    /// # Errors
    /// A violation that names the member that is not there.
    pub fn question(self) -> Result<Question, Violation> {
        let (subject, action) = (given(self.subject, "subject")?, given(self.action, "action")?);
        let (about, subject_properties) = read_subject(subject)?;
        let resource = read_resource(given(self.resource, "resource")?)?;
        let (action, action_properties) = read_action(action)?;
        Ok(Question { about, inquiry: Inquiry { action, action_properties, subject_properties, resource } })
    }
}

/// A member that must be there.
pub fn given<T>(member: Option<T>, name: &str) -> Result<T, Violation> {
    member.ok_or_else(|| Violation::new(name, "must be there"))
}

/// Whom it is about, and the properties.
pub fn read_subject(subject: AccessEntity) -> Result<(About, Properties), Violation> {
    let kind = text(subject.r#type, "subject.type")?;
    let id = text(subject.id, "subject.id")?;
    Ok((About::new(&kind, &id), properties(subject.properties, "subject")?))
}

/// The resource.
pub fn read_resource(resource: AccessEntity) -> Result<Resource, Violation> {
    Ok(Resource {
        type_name: text(resource.r#type, "resource.type")?,
        name: text(resource.id, "resource.id")?,
        properties: properties(resource.properties, "resource")?,
        ..Resource::default()
    })
}

/// The action's name, and its properties.
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

/// The type that is searched for, and the properties.
pub fn read_target(target: AccessTarget, name: &str) -> Result<(String, Properties), Violation> {
    Ok((text(Some(target.r#type), &format!("{name}.type"))?, properties(target.properties, name)?))
}

/// Properties as policies see them.
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
