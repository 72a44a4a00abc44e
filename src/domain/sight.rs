//! Sight: which records an actor may see, as storage queries need it. The rules are in `service/authz/sight.rs`.

use super::ids::{PersonaId, PrincipalId};
use super::policy::Rule;
use super::principal::{Principal, PrincipalKind, SERVICE_ACCOUNT_PREFIX};

/// The entities and principals that an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The assets, without policy rules.
    pub assets: SeenAssets,
    /// The policies.
    pub policies: SeenPolicies,
    /// The personas.
    pub personas: SeenPersonas,
    /// The principals: of the users linked to a persona only these are shown.
    pub principals: SeenPrincipals,
    /// The policy rules about the actor: assets that one allows to read are seen too; assets that one denies are not.
    pub rules: Vec<Rule>,
    /// The policy rules that apply only to assets the actor owns.
    pub owned: OwnerRules,
}

/// The policy rules about owners, for one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRules {
    /// The user name of the actor.
    pub username: String,
    /// The rules, which apply only to assets the actor owns.
    pub rules: Vec<Rule>,
}

/// Which assets an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenAssets {
    /// All assets.
    All,
    /// Assets that name it or its role, and what lies beneath those.
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
    /// All policies.
    All,
    /// Policies of some personas, and policies about assets that it administers.
    Of {
        /// The personas.
        personas: Vec<PersonaId>,
        /// The user name to look for in the assets' admin lists.
        username: String,
        /// The role id to look for in the assets' admin lists.
        role_id: &'static str,
    },
}

/// Which personas an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenPersonas {
    /// All personas.
    All,
    /// These personas.
    Of(Vec<PersonaId>),
}

impl SeenPersonas {
    /// Whether the actor sees that persona.
    #[must_use]
    pub fn contains(&self, persona: PersonaId) -> bool {
        match self {
            Self::All => true,
            Self::Of(personas) => personas.contains(&persona),
        }
    }
}

/// Which principals an actor sees: itself, and every principal of some categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPrincipals {
    /// Its own id.
    pub own: PrincipalId,
    /// Its own user name.
    pub username: String,
    /// The categories of which it sees every principal.
    pub categories: Vec<PrincipalCategory>,
}

/// A kind of principal, with API keys apart from other service accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalCategory {
    /// A user.
    User,
    /// The service account of an API key.
    ApiKey,
    /// Any other service account.
    ServiceAccount,
}

impl PrincipalCategory {
    /// The category of a principal, by its kind and user name; the name distinguishes API keys.
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
    /// Sees every principal: for internal checks that do not depend on the actor.
    #[must_use]
    pub fn everybody() -> Self {
        Self {
            own: uuid::Uuid::nil().into(),
            username: String::new(),
            categories: vec![PrincipalCategory::User, PrincipalCategory::ApiKey, PrincipalCategory::ServiceAccount],
        }
    }

    /// Whether the actor sees every principal of a category.
    #[must_use]
    pub fn every(&self, category: PrincipalCategory) -> bool {
        self.categories.contains(&category)
    }

    /// Whether the actor sees the principal of that kind with that user name.
    #[must_use]
    pub fn contains(&self, kind: PrincipalKind, username: &str) -> bool {
        self.username == username || self.every(PrincipalCategory::of(kind, username))
    }

    /// Whether the actor sees a principal.
    #[must_use]
    pub fn sees(&self, principal: &Principal) -> bool {
        self.contains(principal.kind, &principal.username().to_string())
    }
}
