//! Principals: users and service accounts.

use std::fmt;

use super::ids::PrincipalId;
use super::permission::{Permission, Permissions};

/// The prefix of user names of API keys' service accounts, followed by the client id.
pub const SERVICE_ACCOUNT_PREFIX: &str = "service-account-";
/// The prefix of API keys' client ids, followed by the key's id.
pub const CLIENT_ID_PREFIX: &str = "apikey-";
/// The prefix of the other client id of an API key, by which Atlan's SDKs know OAuth clients.
pub const OAUTH_CLIENT_PREFIX: &str = "oauth-client-";

/// A user or a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its immutable id.
    pub id: PrincipalId,
    /// Person or program.
    pub kind: PrincipalKind,
    /// Its user name; `None` for an API key, whose name is derived from its id to save memory.
    pub chosen_name: Option<Box<str>>,
    /// Its role, a built-in bundle of permissions.
    pub role: Role,
    /// A disabled principal keeps its data and can do nothing.
    pub enabled: bool,
    /// Epoch milliseconds.
    pub created_at: i64,
}

/// Whether a principal is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalState {
    /// The principal can act.
    Enabled,
    /// The principal keeps its data, but cannot act.
    Disabled,
}

impl Principal {
    /// Its user name, unique among all principals.
    #[must_use]
    pub fn username(&self) -> Username<'_> {
        self.chosen_name.as_deref().map_or(Username::Made(ClientId(self.id)), Username::Chosen)
    }

    /// Whether it has the role `$admin` and may do everything. API keys never have it.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether policies about everyone apply to it: to all principals except API keys, which have only what they were
    /// granted.
    #[must_use]
    pub fn is_in_everyone(&self) -> bool {
        self.client_id().is_none()
    }

    /// Whether `name` is the principal's id, in either case, its user name, or an API key's client id.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.username().to_string() == name
            || PrincipalId::parse(name) == Some(self.id)
            || self.client_id().is_some_and(|client_id| client_id.to_string() == name)
    }

    /// The client id of an API key; `None` for a user.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId> {
        self.chosen_name.is_none().then_some(ClientId(self.id))
    }
}

/// A user name, formatted on demand.
#[derive(Debug, Clone, Copy)]
pub enum Username<'a> {
    /// A chosen one.
    Chosen(&'a str),
    /// One derived from an API key's id.
    Made(ClientId),
}

impl fmt::Display for Username<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen(name) => formatter.write_str(name),
            Self::Made(client_id) => write!(formatter, "{SERVICE_ACCOUNT_PREFIX}{client_id}"),
        }
    }
}

/// The client id of an API key, formatted on demand.
#[derive(Debug, Clone, Copy)]
pub struct ClientId(PrincipalId);

impl ClientId {
    /// Whether `text` is this client id, or the one with [`OAUTH_CLIENT_PREFIX`].
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        parse_client_id(text).is_some_and(|id| id == self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{CLIENT_ID_PREFIX}{}", self.0)
    }
}

/// Person or program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program; an API key's own actor.
    ServiceAccount,
}

impl PrincipalKind {
    const ALL: [Self; 2] = [Self::User, Self::ServiceAccount];

    /// The name in the database and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServiceAccount => "service_account",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A built-in bundle of permissions. The names are Atlan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Admin,
    /// An ordinary user.
    Member,
    /// A user with the fewest permissions.
    Guest,
    /// The role of every API key: it may see, use and delete only itself.
    ApiToken,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Member, Self::Guest, Self::ApiToken];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "$admin",
            Self::Member => "$member",
            Self::Guest => "$guest",
            Self::ApiToken => "$api-token-default-access",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::Member => "Member",
            Self::Guest => "Guest",
            Self::ApiToken => "API token default access",
        }
    }

    /// Its id, the same in every installation, so that clients may store it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Admin => "5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d1c01",
            Self::Member => "5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d1c02",
            Self::Guest => "5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d1c03",
            Self::ApiToken => "5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d1c04",
        }
    }

    /// The roles whose permissions an OAuth client can be given, from the most to none.
    pub const OF_OAUTH_CLIENTS: [Self; 3] = [Self::Admin, Self::Member, Self::Guest];

    /// The first of [`Role::OF_OAUTH_CLIENTS`] of which `permissions` holds everything.
    #[must_use]
    pub fn within(permissions: Permissions) -> Self {
        let held = |role: &Self| role.permissions().without(permissions) == Permissions::NONE;
        Self::OF_OAUTH_CLIENTS.into_iter().find(held).unwrap_or(Self::Guest)
    }

    /// The role of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The permissions that it bundles.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        match self {
            Self::Admin => Permissions::all(),
            Self::Member => [Permission::ViewApiKeys, Permission::ViewUsers].into_iter().collect(),
            Self::Guest | Self::ApiToken => Permissions::NONE,
        }
    }
}

/// The id of the API key with that client id.
#[must_use]
pub fn parse_client_id(text: &str) -> Option<PrincipalId> {
    let id = text.strip_prefix(CLIENT_ID_PREFIX).or_else(|| text.strip_prefix(OAUTH_CLIENT_PREFIX))?;
    PrincipalId::parse(id)
}

/// The client id of the API key with that id.
#[must_use]
pub fn client_id(id: PrincipalId) -> String {
    ClientId(id).to_string()
}

/// The user name of the service account of the API key with that id.
#[must_use]
pub fn service_account_username(id: PrincipalId) -> String {
    Username::Made(ClientId(id)).to_string()
}
