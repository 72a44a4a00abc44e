//! DataHub's type `CorpUser`: a user or a service account.

use async_graphql::{Enum, SimpleObject};

use super::scalars::EntityType;
use crate::domain::profile::{AspectName, Profile};
use crate::http::datahub::urn;

/// A user, or a service account.
#[derive(Debug, Clone, SimpleObject)]
pub struct CorpUser {
    /// `urn:li:corpuser:<user name>`
    pub urn: String,
    /// Always `CORP_USER`.
    #[graphql(name = "type")]
    pub entity_type: EntityType,
    /// The user name.
    username: String,
    /// Names and titles.
    properties: Option<CorpUserProperties>,
    /// `properties` under its older name.
    info: Option<CorpUserInfo>,
    /// The properties that the user edited.
    editable_properties: Option<CorpUserEditableProperties>,
    /// Whether the user is suspended.
    status: Option<CorpUserStatus>,
    /// Whether the user has a password here.
    is_native_user: Option<bool>,
    /// Always true.
    exists: Option<bool>,
}

impl From<&Profile> for CorpUser {
    fn from(profile: &Profile) -> Self {
        let info = |member: &str| profile.info(member).map(str::to_owned);
        let email = info("email").or_else(|| Some(profile.email.clone()).filter(|email| !email.is_empty()));
        let properties = CorpUserProperties {
            active: profile.principal.enabled,
            display_name: info("displayName").or_else(|| Some(profile.display_name.clone())),
            email,
            title: info("title"),
            first_name: info("firstName"),
            last_name: info("lastName"),
            full_name: info("fullName"),
            department_name: info("departmentName"),
            country_code: info("countryCode"),
        };
        let edited = profile.aspect(AspectName::CorpUserEditableInfo).map(|aspect| {
            let member = |name: &str| aspect.value[name].as_str().map(str::to_owned);
            CorpUserEditableProperties {
                display_name: member("displayName"),
                title: member("title"),
                email: member("email"),
                about_me: member("aboutMe"),
                picture_link: member("pictureLink"),
            }
        });
        Self {
            urn: urn::of_user(profile.username()),
            entity_type: EntityType::CorpUser,
            username: profile.username(),
            info: Some(CorpUserInfo::from(&properties)),
            properties: Some(properties),
            editable_properties: edited,
            status: Some(if profile.principal.enabled { CorpUserStatus::Active } else { CorpUserStatus::Suspended }),
            is_native_user: Some(!profile.is_service_account()),
            exists: Some(true),
        }
    }
}

/// Names and titles of a user.
#[derive(Debug, Clone, SimpleObject)]
pub struct CorpUserProperties {
    /// Whether the user is not suspended.
    active: bool,
    /// The display name.
    display_name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The job title.
    title: Option<String>,
    /// The first name.
    first_name: Option<String>,
    /// The last name.
    last_name: Option<String>,
    /// The full name.
    full_name: Option<String>,
    /// The department.
    department_name: Option<String>,
    /// The country code.
    country_code: Option<String>,
}

/// `CorpUserProperties` under its older name, with fewer fields.
#[derive(Debug, Clone, SimpleObject)]
pub struct CorpUserInfo {
    /// Whether the user is not suspended.
    active: bool,
    /// The display name.
    display_name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The job title.
    title: Option<String>,
    /// The first name.
    first_name: Option<String>,
    /// The last name.
    last_name: Option<String>,
    /// The full name.
    full_name: Option<String>,
}

impl From<&CorpUserProperties> for CorpUserInfo {
    fn from(properties: &CorpUserProperties) -> Self {
        let CorpUserProperties { active, display_name, email, title, first_name, last_name, full_name, .. } =
            properties.clone();
        Self { active, display_name, email, title, first_name, last_name, full_name }
    }
}

/// Properties that the user edited.
#[derive(Debug, Clone, SimpleObject)]
pub struct CorpUserEditableProperties {
    /// The display name.
    display_name: Option<String>,
    /// The job title.
    title: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// A description by the user.
    about_me: Option<String>,
    /// Where their picture is.
    picture_link: Option<String>,
}

/// Whether a user can authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CorpUserStatus {
    /// The user can authenticate.
    Active,
    /// The user is suspended.
    Suspended,
}

impl CorpUserStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
        }
    }
}
