//! Profiles and aspects: what DataHub's clients read of a principal and write about it.

use serde_json::Value as Json;

use super::filter::{Described, Direction, Field, Kind, filtered};
use super::principal::{Principal, PrincipalKind, PrincipalState};
use super::text::Description;

/// An aspect: what a client wrote about a principal under one name, stored unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aspect {
    /// `corpUserInfo`
    pub name: String,
    /// A JSON object.
    pub value: Json,
    /// The user name of its writer.
    pub created_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
}

/// The aspects that clients may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AspectName {
    /// `{"removed": true}` disables the principal until it is set to `false`.
    Status,
    /// `{"status": "SUSPENDED"}` disables the principal; any other text enables it.
    CorpUserStatus,
    /// Names and titles.
    CorpUserInfo,
    /// Names and titles, as edited by people.
    CorpUserEditableInfo,
    /// Groups. Tessera has none, so it has no effect.
    GroupMembership,
    /// DataHub's own groups. It has no effect.
    NativeGroupMembership,
    /// The directory that the user comes from.
    Origin,
}

impl AspectName {
    /// Every name.
    pub const ALL: [Self; 7] = [
        Self::Status,
        Self::CorpUserStatus,
        Self::CorpUserInfo,
        Self::CorpUserEditableInfo,
        Self::GroupMembership,
        Self::NativeGroupMembership,
        Self::Origin,
    ];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::CorpUserStatus => "corpUserStatus",
            Self::CorpUserInfo => "corpUserInfo",
            Self::CorpUserEditableInfo => "corpUserEditableInfo",
            Self::GroupMembership => "groupMembership",
            Self::NativeGroupMembership => "nativeGroupMembership",
            Self::Origin => "origin",
        }
    }

    /// Whether writing it creates a user that does not exist yet.
    #[must_use]
    pub fn creates_user(self) -> bool {
        matches!(self, Self::CorpUserInfo | Self::CorpUserEditableInfo)
    }

    /// The aspect with that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }

    /// Checks the value, in particular the parts that decide about access.
    fn check(self, value: &Json) -> Result<(), String> {
        match self {
            _ if !value.is_object() => Err(format!("the aspect `{}` must be a JSON object", self.name())),
            Self::Status if !value["removed"].is_boolean() => {
                Err("the aspect `status` needs `removed`, which is `true` or `false`".to_owned())
            }
            Self::CorpUserStatus if !value["status"].is_string() => {
                Err("the aspect `corpUserStatus` needs `status`, which is a string".to_owned())
            }
            _ => texts(value).try_for_each(|text| Description::parse(text).map(drop)),
        }
    }
}

/// A checked aspect that a client writes about one principal.
#[derive(Debug, Clone)]
pub struct AspectWrite {
    /// The user name of the principal.
    pub username: String,
    /// The name of the aspect.
    pub name: AspectName,
    /// The value of the aspect.
    pub value: Json,
}

impl AspectWrite {
    /// Checks the value.
    ///
    /// # Errors
    /// A message that says what is needed.
    pub fn new(username: String, name: AspectName, value: Json) -> Result<Self, String> {
        name.check(&value)?;
        Ok(Self { username, name, value })
    }
}

/// Every string in a JSON value, at any depth.
fn texts(value: &Json) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Json::String(text) => Box::new(std::iter::once(text.as_str())),
        Json::Array(values) => Box::new(values.iter().flat_map(texts)),
        Json::Object(members) => Box::new(members.values().flat_map(texts)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The state of a principal with those aspects: disabled if removed or suspended.
#[must_use]
pub fn state(aspects: &[Aspect]) -> PrincipalState {
    let is = |name: AspectName, member: &str, value: Json| {
        aspects.iter().any(|aspect| aspect.name == name.name() && aspect.value[member] == value)
    };
    if is(AspectName::Status, "removed", Json::Bool(true))
        || is(AspectName::CorpUserStatus, "status", Json::from("SUSPENDED"))
    {
        PrincipalState::Disabled
    } else {
        PrincipalState::Enabled
    }
}

/// A principal with its names and aspects.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The principal.
    pub principal: Principal,
    /// For people; defaults to the user name.
    pub display_name: String,
    /// Empty if unknown.
    pub email: String,
    /// The aspects that clients wrote.
    pub aspects: Vec<Aspect>,
}

impl Profile {
    /// Its user name.
    #[must_use]
    pub fn username(&self) -> String {
        self.principal.username().to_string()
    }

    /// The aspect with that name.
    #[must_use]
    pub fn aspect(&self, name: AspectName) -> Option<&Aspect> {
        self.aspects.iter().find(|aspect| aspect.name == name.name())
    }

    /// A string member of the aspect `corpUserInfo`.
    #[must_use]
    pub fn info(&self, member: &str) -> Option<&str> {
        self.aspect(AspectName::CorpUserInfo)?.value[member].as_str()
    }

    /// Whether it is a service account, but not an API key's.
    #[must_use]
    pub fn is_service_account(&self) -> bool {
        self.principal.kind == PrincipalKind::ServiceAccount && self.principal.chosen_name.is_some()
    }
}

/// The fields that profiles can be searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileField {
    /// The URN, which is the user name.
    Urn,
    /// The user name.
    Username,
    /// Whether it is removed: `true` or `false`.
    Removed,
    /// `SERVICE_ACCOUNT`, or nothing.
    TypeNames,
}

impl Field for ProfileField {
    type Record = Profile;
    const ALL: &'static [Self] = &[Self::Urn, Self::Username, Self::Removed, Self::TypeNames];
    const DEFAULT_SORT: (Self, Direction) = (Self::Username, Direction::Ascending);

    fn described(self) -> Described<Profile> {
        match self {
            Self::Urn => filtered("urn", Kind::Exact),
            Self::Username => filtered("username", Kind::Text),
            Self::Removed => filtered("removed", Kind::Exact).one_of(&["true", "false"]),
            Self::TypeNames => filtered("typeNames", Kind::Exact),
        }
    }

    fn id_of(record: &Profile) -> String {
        record.principal.id.to_string()
    }
}
