//! Actors: the principal that makes a request, with what it may do.

use std::net::IpAddr;
use std::sync::Arc;

use super::asset::{AssetGrant, Relation, is_within};
use super::child::Child;
use super::error::{Error, Result};
use super::ids::{PersonaId, PrincipalId};
use super::limits::Allowance;
use super::node::RevocationNote;
use super::oauth_client::Warrant;
use super::permission::{Permission, Permissions};
use super::persona::PersonaRef;
use super::principal::{ClientId, Principal, PrincipalKind, Username};
use super::token::{KeyId, TokenKind};

/// A principal with its permissions, personas and asset grants, valid until one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The principal.
    pub principal: Principal,
    /// The platform permissions from its role, its own grants and platform policies; never from its creator.
    pub permissions: Permissions,
    /// The personas it is linked to, enabled or not.
    pub personas: Arc<[PersonaRef]>,
    /// The grants of assets that name it or its role.
    pub assets: Arc<[AssetGrant]>,
    /// The revision of the policies that this was computed with.
    pub policy_revision: i64,
    /// For a restricted child: the standing that it was narrowed from.
    pub restriction: Option<Arc<Restriction>>,
}

/// The standing that a restricted child was narrowed from, and the tools that it may call.
#[derive(Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The standing of its parent, whose denies bind the child, too.
    pub whole: Standing,
    /// The names of the tools that the child may call if its parent may.
    pub tools: Vec<String>,
}

impl Standing {
    /// A principal with only the permissions of its role.
    #[must_use]
    pub fn new(principal: Principal) -> Self {
        Self {
            permissions: principal.role.permissions(),
            principal,
            personas: Arc::default(),
            assets: Arc::default(),
            policy_revision: 0,
            restriction: None,
        }
    }

    /// The standing whose denies apply: for a restricted child its parent's, otherwise this one.
    #[must_use]
    pub fn whole(&self) -> &Self {
        self.restriction.as_ref().map_or(self, |restriction| &restriction.whole)
    }

    /// The principal's strongest relation (admin or viewer) to the asset with that qualified name, granted by the asset
    /// or an ancestor.
    #[must_use]
    pub fn relation_to(&self, qualified_name: &str) -> Option<Relation> {
        let covers = |grant: &&AssetGrant| is_within(qualified_name, &grant.qualified_name);
        Relation::strongest(self.assets.iter().filter(covers).map(|grant| grant.relation))
    }

    /// The enabled personas.
    pub fn enabled_personas(&self) -> impl Iterator<Item = &PersonaRef> {
        self.personas.iter().filter(|persona| persona.enabled)
    }
}

/// The principal of a request, and how it authenticated.
#[derive(Debug, Clone)]
pub struct Actor {
    holder: Arc<dyn Holder>,
    /// The credential that authenticated the actor; `None` for the operator at the terminal.
    pub credential: Option<PresentedCredential>,
    /// The child whose token authenticated the actor, if the token was a child's.
    pub child: Option<Arc<Child>>,
    /// The warrant with which the actor authenticated as an API key, if not with a token.
    pub warrant: Option<Warrant>,
    /// The remaining allowance of the actor's rate limit, if it has one.
    pub allowance: Option<Allowance>,
    /// The client address of its request, if known.
    pub address: Option<IpAddr>,
    /// The request.
    pub request: Request,
}

/// The identity of a request. The operator at the terminal has the number 0 and an empty id.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The number of the request, unique in this process.
    pub number: u64,
    /// The id of the request for the log and the audit trail. Clients may choose it and it need not be unique, so
    /// nothing is decided by it.
    pub id: Arc<str>,
    /// The outcome of the request's revocations.
    pub acknowledged: RevocationNote,
}

impl Request {
    /// This request with another id.
    #[must_use]
    pub fn named(&self, id: &str) -> Self {
        Self { id: id.into(), ..self.clone() }
    }
}

/// The source of an actor's standing: a record in memory, shared by all its requests, or a standing that is trusted
/// without a credential.
pub trait Holder: std::fmt::Debug + Send + Sync {
    /// The standing of the principal.
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
    /// The kind of its token.
    pub kind: TokenKind,
    /// The key id of its token; of a child, that of the token's parent.
    pub key_id: KeyId,
    /// When it expires, in epoch milliseconds.
    pub expires_at: i64,
}

impl Actor {
    /// An actor with the standing of that holder, without data of its request.
    #[must_use]
    pub fn of(holder: Arc<dyn Holder>) -> Self {
        Self {
            holder,
            credential: None,
            child: None,
            warrant: None,
            allowance: None,
            address: None,
            request: Request::default(),
        }
    }

    /// This actor, with another source of its standing.
    #[must_use]
    pub fn holding(self, holder: Arc<dyn Holder>) -> Self {
        Self { holder, ..self }
    }

    /// This actor, with its client address.
    #[must_use]
    pub fn from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// This actor, with the remaining allowance of its rate limit.
    #[must_use]
    pub fn allowed(self, allowance: Allowance) -> Self {
        Self { allowance: Some(allowance), ..self }
    }

    /// This actor, with the warrant that it authenticated with instead of a token.
    #[must_use]
    pub fn vouched_by(self, warrant: Warrant) -> Self {
        Self { warrant: Some(warrant), ..self }
    }

    /// This actor, with that request.
    #[must_use]
    pub fn requesting(self, request: Request) -> Self {
        Self { request, ..self }
    }

    /// A user who has just authenticated and has no credential yet.
    #[must_use]
    pub fn user(principal: Principal) -> Self {
        Self::trusted(Standing::new(principal))
    }

    /// An actor that is trusted without a credential.
    #[must_use]
    pub fn trusted(standing: Standing) -> Self {
        Self::of(Arc::new(standing))
    }

    /// The operator at the terminal, who may do everything.
    #[must_use]
    pub fn operator(now: i64) -> Self {
        Self::built_in(OPERATOR, now)
    }

    /// A built-in actor with a reserved name: not in the database, with the role `$admin`.
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

    /// The standing of its principal.
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

    /// The user name and the id of the role by which assets may grant it something. Both are empty for a restricted
    /// child, to which assets grant nothing; no principal has an empty name.
    #[must_use]
    pub fn granted_as(&self) -> (String, &'static str) {
        match &self.standing().restriction {
            Some(_) => (String::new(), ""),
            None => (self.username().to_string(), self.principal().role.id()),
        }
    }

    /// Its platform permissions.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.standing().permissions
    }

    /// The client id of an API key; `None` for a user.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId> {
        self.standing().principal.client_id()
    }

    /// The qualified names of its enabled personas.
    pub fn enabled_personas(&self) -> impl Iterator<Item = &str> {
        self.standing().enabled_personas().map(|persona| persona.qualified_name.as_str())
    }

    /// The personas it is linked to, enabled or not.
    #[must_use]
    pub fn personas(&self) -> &[PersonaRef] {
        &self.standing().personas
    }

    /// When the credential of this request expires, in epoch milliseconds; `None` for never.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.credential.map(|credential| credential.expires_at).filter(|instant| *instant != i64::MAX)
    }

    /// How the actor authenticated, in parts with spaces between: `child:` and the id of the child; `warrant:` and the
    /// digest of the public key or trust rule that it proved itself with; the kind and the key id of the credential
    /// that it, or the child, comes from, as `session:6fYQ…`. Empty without a credential.
    #[must_use]
    pub fn authenticated_by(&self) -> String {
        let child = self.child.iter().map(|child| format!("child:{}", child.id));
        let warrant = self.warrant.iter().map(|warrant| format!("warrant:{warrant}"));
        let credential = self.credential.iter().map(|known| format!("{}:{}", known.kind.name(), known.key_id));
        child.chain(warrant).chain(credential).collect::<Vec<_>>().join(" ")
    }

    /// Whether the actor is linked to that persona.
    #[must_use]
    pub fn has_persona(&self, persona: PersonaId) -> bool {
        self.standing().personas.iter().any(|link| link.id == persona)
    }

    /// Fails unless the actor has the permission: the first line of every restricted use case.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions().contains(permission) { Ok(()) } else { Err(self.lacks(permission)) }
    }

    /// Fails for a restricted child: it may not end what its parent has.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub fn require_unrestricted(&self) -> Result<()> {
        match self.standing().restriction {
            Some(_) => Err(Error::Forbidden(format!("`{}` acts with a token of a smaller scope", self.username()))),
            None => Ok(()),
        }
    }

    /// The error of an actor without a permission.
    #[must_use]
    pub fn lacks(&self, permission: Permission) -> Error {
        Error::Forbidden(format!("`{}` lacks the permission `{}`", self.username(), permission.name()))
    }
}

/// The user name of the operator at the terminal; no user can have it.
pub const OPERATOR: &str = "operator";
