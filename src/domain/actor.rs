//! The principal making this request.

use std::net::IpAddr;
use std::sync::Arc;

use super::asset::{AssetGrant, Relation, is_within};
use super::error::{Error, Result};
use super::ids::{PersonaId, PrincipalId};
use super::limits::Allowance;
use super::permission::{Permission, Permissions};
use super::persona::PersonaRef;
use super::principal::{ClientId, Principal, PrincipalKind, Username};
use super::token::{KeyId, TokenKind};

/// A principal with what it may do, until something about it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub principal: Principal,
    /// From its role, its own grants and the policies of the platform, never from its creator.
    pub permissions: Permissions,
    /// The personas it is linked to, enabled or not.
    pub personas: Arc<[PersonaRef]>,
    /// The assets that name it.
    pub assets: Arc<[AssetGrant]>,
    /// Which state of the policies this is true of.
    pub policy_revision: i64,
}

impl Standing {
    /// A principal with what its role gives it, and nothing else.
    #[must_use]
    pub fn new(principal: Principal) -> Self {
        Self {
            permissions: principal.role.permissions(),
            principal,
            personas: Arc::default(),
            assets: Arc::default(),
            policy_revision: 0,
        }
    }

    /// As what the asset of that qualified name, or one that it lies beneath, names it.
    #[must_use]
    pub fn relation_to(&self, qualified_name: &str) -> Option<Relation> {
        let covers = |grant: &&AssetGrant| is_within(qualified_name, &grant.qualified_name);
        let found = self.assets.iter().filter(covers).map(|grant| grant.relation);
        found.max_by_key(|relation| *relation == Relation::Admin)
    }

    /// Whether it is the same principal with the same permissions, personas and assets. The revision of the policies is
    /// left out: what they permit on the platform is among the permissions.
    #[must_use]
    pub fn reaches_as(&self, other: &Self) -> bool {
        let Self { principal, permissions, personas, assets, policy_revision: _ } = self;
        *principal == other.principal
            && *permissions == other.permissions
            && *personas == other.personas
            && *assets == other.assets
    }

    /// The personas that grant it anything.
    pub fn enabled_personas(&self) -> impl Iterator<Item = &PersonaRef> {
        self.personas.iter().filter(|persona| persona.enabled)
    }
}

/// Who is asking, and how they authenticated.
#[derive(Debug, Clone)]
pub struct Actor {
    holder: Arc<dyn Holder>,
    /// The credential that authenticated it; `None` for the operator at the terminal.
    pub credential: Option<PresentedCredential>,
    /// What is left of its rate limit, if it has one.
    pub allowance: Option<Allowance>,
    /// Where its request comes from, if that is known.
    pub address: Option<IpAddr>,
    /// The request it is making.
    pub request: Request,
}

/// A request, as what is done for it knows it. That of the operator at the terminal has the number 0 and no name.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Its number in this process, which no other request has.
    pub number: u64,
    /// Its name for the log and the audit trail. Clients may choose it, and two may choose the same: nothing is decided
    /// by it.
    pub id: Arc<str>,
}

impl Request {
    /// The same request under another name.
    #[must_use]
    pub fn named(&self, id: &str) -> Self {
        Self { number: self.number, id: id.into() }
    }
}

/// Who an actor is known to be: a credential in memory, which all its requests share, or somebody taken at their word.
pub trait Holder: std::fmt::Debug + Send + Sync {
    /// What it may do.
    fn standing(&self) -> &Standing;
}

impl Holder for Standing {
    fn standing(&self) -> &Standing {
        self
    }
}

/// The credential of a request.
#[derive(Debug, Clone, Copy)]
pub struct PresentedCredential {
    /// What kind of token.
    pub kind: TokenKind,
    /// Which.
    pub key_id: KeyId,
    /// When it stops, in epoch milliseconds.
    pub expires_at: i64,
}

impl Actor {
    /// Whom that holder stands for, with nothing known of its request.
    #[must_use]
    pub fn of(holder: Arc<dyn Holder>) -> Self {
        Self { holder, credential: None, allowance: None, address: None, request: Request::default() }
    }

    /// This actor, with its request coming from there.
    #[must_use]
    pub fn from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The same, with so much left of its rate limit.
    #[must_use]
    pub fn allowed(self, allowance: Allowance) -> Self {
        Self { allowance: Some(allowance), ..self }
    }

    /// The same, making that request.
    #[must_use]
    pub fn requesting(self, request: Request) -> Self {
        Self { request, ..self }
    }

    /// A user who has just proved who they are and has no credential yet.
    #[must_use]
    pub fn user(principal: Principal) -> Self {
        Self::trusted(Standing::new(principal))
    }

    /// Somebody who is taken at their word.
    #[must_use]
    pub fn trusted(standing: Standing) -> Self {
        Self::of(Arc::new(standing))
    }

    /// The operator at the terminal, who may do everything.
    #[must_use]
    pub fn operator(now: i64) -> Self {
        Self::built_in(OPERATOR, now)
    }

    /// Somebody with a reserved name who is nowhere in the database and may do everything.
    #[must_use]
    pub fn built_in(name: &str, now: i64) -> Self {
        let principal = Principal {
            id: PrincipalId::from(uuid::Uuid::nil()),
            kind: PrincipalKind::User,
            chosen_name: Some(name.into()),
            role: super::principal::Role::Admin,
            enabled: true,
            created_at: now,
        };
        Self::user(principal)
    }

    /// What it may do.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        self.holder.standing()
    }

    /// The principal.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.standing().principal
    }

    /// The principal's id.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        self.standing().principal.id
    }

    /// The principal's user name.
    #[must_use]
    pub fn username(&self) -> Username<'_> {
        self.standing().principal.username()
    }

    /// Everything it may do on the platform.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.standing().permissions
    }

    /// The client id of an API key; `None` for a user.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId> {
        self.standing().principal.client_id()
    }

    /// The qualified names of the personas that grant it anything.
    pub fn enabled_personas(&self) -> impl Iterator<Item = &str> {
        self.standing().enabled_personas().map(|persona| persona.qualified_name.as_str())
    }

    /// The personas it is linked to.
    #[must_use]
    pub fn personas(&self) -> &[PersonaRef] {
        &self.standing().personas
    }

    /// When the credential of this request stops, in epoch milliseconds; `None` for never.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.credential.map(|credential| credential.expires_at).filter(|instant| *instant != i64::MAX)
    }

    /// Whether it is linked to that persona.
    #[must_use]
    pub fn has_persona(&self, persona: PersonaId) -> bool {
        self.standing().personas.iter().any(|link| link.id == persona)
    }

    /// The first line of a use case that not everybody may do.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions().contains(permission) { Ok(()) } else { Err(self.lacks(permission)) }
    }

    /// The error of an actor without a permission.
    #[must_use]
    pub fn lacks(&self, permission: Permission) -> Error {
        Error::Forbidden(format!("`{}` lacks the permission `{}`", self.username(), permission.name()))
    }
}

/// What the operator at the terminal is called; no user can have the name.
pub const OPERATOR: &str = "operator";
