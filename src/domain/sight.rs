//! What an actor sees, as far as storage must know it. The rules are in `service/authz/sight.rs`.

use super::ids::{PersonaId, PrincipalId};
use super::policy::Rule;
use super::principal::{Principal, PrincipalKind, SERVICE_ACCOUNT_PREFIX};

/// Which entities an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Which assets.
    pub assets: SeenAssets,
    /// Which policies.
    pub policies: SeenPolicies,
    /// Which personas.
    pub personas: SeenPersonas,
    /// Which of the users that are linked to those personas.
    pub principals: SeenPrincipals,
    /// The rules about the actor: assets that one of them allows to be read are seen too, and those that one denies are not.
    pub rules: Vec<Rule>,
    /// The same for what the actor owns.
    pub owned: OwnerRules,
}

/// The rules about owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRules {
    /// The user name of the actor, who owns some assets.
    pub username: String,
    /// What counts for those assets only.
    pub rules: Vec<Rule>,
}

/// Which assets an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenAssets {
    /// All.
    All,
    /// Those whose people it is among, and what lies beneath those.
    Of {
        /// Its user name.
        username: String,
        /// The id of its role.
        role_id: &'static str,
    },
}

/// Which policies an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenPolicies {
    /// All.
    All,
    /// Those of some personas, and those about assets that it administers.
    Of {
        /// The personas.
        personas: Vec<PersonaId>,
        /// The user name that the assets' lists of admins may hold.
        username: String,
        /// The id of the role that they may hold.
        role_id: &'static str,
    },
}

/// Which personas an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenPersonas {
    /// All.
    All,
    /// These.
    Of(Vec<PersonaId>),
}

impl SeenPersonas {
    /// Whether it sees that persona.
    #[must_use]
    pub fn contains(&self, persona: PersonaId) -> bool {
        match self {
            Self::All => true,
            Self::Of(personas) => personas.contains(&persona),
        }
    }
}

/// Which principals an actor sees: itself, and every one of some species.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPrincipals {
    /// Its own id.
    pub own: PrincipalId,
    /// Its own user name.
    pub username: String,
    /// What else it sees.
    pub species: Vec<Species>,
}

/// A kind of principal, with API keys apart from other service accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Species {
    /// A user.
    User,
    /// The service account of an API key.
    ApiKey,
    /// Any other service account.
    ServiceAccount,
}

impl Species {
    /// The species of the principal with that user name, which tells an API key.
    #[must_use]
    pub fn of(kind: PrincipalKind, username: &str) -> Self {
        match kind {
            PrincipalKind::User => Self::User,
            PrincipalKind::ServiceAccount if username.starts_with(SERVICE_ACCOUNT_PREFIX) => Self::ApiKey,
            PrincipalKind::ServiceAccount => Self::ServiceAccount,
        }
    }
}

impl SeenPrincipals {
    /// Every principal, for a rule that must look at each, whoever asks.
    #[must_use]
    pub fn everybody() -> Self {
        Self {
            own: uuid::Uuid::nil().into(),
            username: String::new(),
            species: vec![Species::User, Species::ApiKey, Species::ServiceAccount],
        }
    }

    /// Whether it sees every principal of a species.
    #[must_use]
    pub fn every(&self, species: Species) -> bool {
        self.species.contains(&species)
    }

    /// Whether it sees the principal of that kind with that user name.
    #[must_use]
    pub fn contains(&self, kind: PrincipalKind, username: &str) -> bool {
        self.username == username || self.every(Species::of(kind, username))
    }

    /// Whether it sees a principal.
    #[must_use]
    pub fn sees(&self, principal: &Principal) -> bool {
        self.contains(principal.kind, &principal.username().to_string())
    }
}
