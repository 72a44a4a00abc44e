//! Makes children.

use uuid::Uuid;

use crate::clock::{MINUTE, SECOND};
use crate::domain::actor::Actor;
use crate::domain::child::{Child, ChildScope, Delegate, LONGEST_LIFE, MOST_ACTORS, MOST_ANCESTORS, USUAL_LIFE};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::Thumbprint;
use crate::domain::oauth_client::Warrant;
use crate::domain::seal::Seal;
use crate::domain::token::{KeyId, Token, sealed_plaintext};
use crate::service::Service;
use crate::service::children::{JWT_TYPE, SEAL, signing_keys};

/// The form of a child's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A JWT, which resource servers can check themselves.
    #[default]
    Jwt,
    /// An opaque token, which only Tessera can read.
    Opaque,
}

/// A requested child.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The URL of this server.
    pub issuer: String,
    /// The audience of the child; `None` for this server, or for the audience of the child that it is derived from.
    pub audience: Option<String>,
    /// The audiences that are registered for the client.
    pub registered: Vec<String>,
    /// What it carries; `None` for everything that its parent carries.
    pub scope: Option<ChildScope>,
    /// The lifetime of the child in seconds; `None` for the default.
    pub lifetime: Option<i64>,
    /// The form of its token.
    pub form: Form,
    /// The thumbprint of the key that it is bound to.
    pub proof_key: Option<Thumbprint>,
    /// The client that it is issued to.
    pub client: String,
    /// The actor, if it impersonates the subject.
    pub impersonator: Option<PrincipalId>,
}

impl Wanted {
    /// A child that carries everything, for the server that issues it.
    #[must_use]
    pub fn everything(issuer: String, client: String) -> Self {
        Self {
            issuer,
            audience: None,
            registered: Vec::new(),
            scope: None,
            lifetime: None,
            form: Form::default(),
            proof_key: None,
            client,
            impersonator: None,
        }
    }
}

/// A new child and its token.
pub struct Minted {
    /// The child.
    pub child: Child,
    /// Its token.
    pub token: Token,
}

/// Why no child was made.
#[derive(Debug, thiserror::Error)]
pub enum NotMinted {
    /// The scope names something that the parent does not carry.
    #[error("{0}")]
    Scope(String),
    /// The audience is not registered for the client, or not that of the child that it is derived from.
    #[error("{0}")]
    Target(String),
    /// The chain of delegation or of exchanges is too long, the lifetime is out of range, or the proof is missing.
    #[error("{0}")]
    Request(String),
    /// Any other error.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Makes a child of the credential that authenticated `parent`. With `actor`, the actor acts for its subject.
///
/// # Errors
/// See [`NotMinted`].
pub async fn mint(
    service: &Service,
    parent: &Actor,
    actor: Option<&Actor>,
    wanted: Wanted,
) -> Result<Minted, NotMinted> {
    let origin = parent.child.as_deref();
    let scope = scope(service, parent, wanted.scope.as_ref()).await?;
    let audience = audience(origin, &wanted)?;
    let actors = actors(parent, actor)?;
    let ancestors = ancestors(parent, actor)?;
    let bound = [origin, actor.and_then(|actor| actor.child.as_deref())];
    let bound = bound.into_iter().flatten().find_map(|child| child.proof_key);
    if bound.is_some() && bound != wanted.proof_key {
        return Err(NotMinted::Request("the token is bound to a key: send a `DPoP` proof of that key".to_owned()));
    }
    let now = service.clock.now();
    let lifetime = lifetime(wanted.lifetime)?;
    let ends = [parent.expires_at(), actor.and_then(Actor::expires_at)];
    let expires_at = ends.into_iter().flatten().fold(now.saturating_add(lifetime), i64::min);
    let child = Child {
        id: uuid::Builder::from_random_bytes(random(service)?).into_uuid(),
        ancestors,
        issuer: wanted.issuer,
        subject: parent.id(),
        client: wanted.client,
        audience,
        parent: credential(parent)?,
        warrant: warrant(parent),
        issued_at: now / SECOND,
        expires_at: expires_at / SECOND,
        scope,
        actors,
        proof_key: wanted.proof_key,
        impersonator: wanted.impersonator.or_else(|| origin.and_then(|origin| origin.impersonator)),
    };
    let token = written(service, &child, wanted.form).await?;
    Ok(Minted { child, token })
}

/// The token of a child.
async fn written(service: &Service, child: &Child, form: Form) -> Result<Token> {
    let claims = child.claims();
    match form {
        Form::Jwt => signing_keys::sign(service, JWT_TYPE, &claims).await.map(Token::signed),
        Form::Opaque => {
            let mut content = serde_json::to_vec(&claims).map_err(|error| Error::Internal(error.into()))?;
            // Sealed bytes are written eight by eight; white space at the end of JSON means nothing.
            let filled = (content.len() + Seal::OVERHEAD).next_multiple_of(8) - Seal::OVERHEAD;
            content.resize(filled, b' ');
            let seal = service.peppers.seal(SEAL, service.peppers.current())?;
            let seal = seal.ok_or_else(|| Error::Internal("no pepper".into()))?;
            sealed_plaintext(&seal.seal(&content, &[], service.entropy)?, &service.prefixes)
        }
    }
}

/// The scope: the requested one, or that of the child that it is derived from.
async fn scope(
    service: &Service,
    parent: &Actor,
    wanted: Option<&ChildScope>,
) -> Result<Option<ChildScope>, NotMinted> {
    let held = parent.child.as_deref().and_then(|child| child.scope.as_ref());
    let Some(wanted) = wanted else { return Ok(held.cloned()) };
    if held.is_some_and(|held| !wanted.is_within(held)) {
        return Err(NotMinted::Scope("`scope` exceeds that of the token".to_owned()));
    }
    if let Some(name) = parent.standing().lacks(wanted) {
        return Err(NotMinted::Scope(format!("`{}` does not have `{name}`", parent.username())));
    }
    for tool in &wanted.tools {
        if !service.may_call(parent.standing(), tool).await? {
            let message = format!("`{tool}` is no permission, and no policy allows `{}` to call it", parent.username());
            return Err(NotMinted::Scope(message));
        }
    }
    Ok(Some(wanted.clone()))
}

/// The audience: a child for one audience never becomes one for another.
fn audience(origin: Option<&Child>, wanted: &Wanted) -> Result<String, NotMinted> {
    let asked = wanted.audience.as_deref();
    if let Some(origin) = origin.filter(|origin| !origin.is_for_its_issuer()) {
        return match asked {
            Some(asked) if asked != origin.audience => {
                Err(NotMinted::Target(format!("the token is for `{}` only", origin.audience)))
            }
            _ => Ok(origin.audience.clone()),
        };
    }
    match asked {
        None => Ok(wanted.issuer.clone()),
        Some(asked) if asked == wanted.issuer || wanted.registered.iter().any(|known| known == asked) => {
            Ok(asked.to_owned())
        }
        Some(asked) => {
            Err(NotMinted::Target(format!("`{asked}` is not registered as an audience of `{}`", wanted.client)))
        }
    }
}

/// The chain of delegation: `actor`, then those who acted before.
fn actors(parent: &Actor, actor: Option<&Actor>) -> Result<Vec<Delegate>, NotMinted> {
    let earlier = |it: &Actor| it.child.as_ref().map(|child| child.actors.clone()).unwrap_or_default();
    let mut chain = Vec::new();
    if let Some(actor) = actor.filter(|actor| actor.id() != parent.id()) {
        chain.push(Delegate {
            principal: actor.id(),
            username: actor.username().to_string(),
            credential: credential(actor)?,
            warrant: warrant(actor),
        });
        chain.extend(earlier(actor));
    }
    chain.extend(earlier(parent));
    if chain.len() > MOST_ACTORS {
        return Err(NotMinted::Request(format!("a chain of delegation has at most {MOST_ACTORS} actors")));
    }
    Ok(chain)
}

/// The children whose revocation also revokes the new child: those that `parent` and `actor` authenticated with, and
/// the ancestors of those.
fn ancestors(parent: &Actor, actor: Option<&Actor>) -> Result<Vec<Uuid>, NotMinted> {
    let children = [Some(parent), actor].into_iter().flatten().filter_map(|it| it.child.as_deref());
    let mut ids: Vec<Uuid> = children.flat_map(Child::ids).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MOST_ANCESTORS {
        return Err(NotMinted::Request(format!("a token descends from at most {MOST_ANCESTORS} others")));
    }
    Ok(ids)
}

fn lifetime(seconds: Option<i64>) -> Result<i64, NotMinted> {
    let millis = seconds.map_or(USUAL_LIFE, |seconds| seconds.saturating_mul(SECOND));
    if (MINUTE..=LONGEST_LIFE).contains(&millis) {
        return Ok(millis);
    }
    let (least, most) = (MINUTE / SECOND, LONGEST_LIFE / SECOND);
    Err(NotMinted::Request(format!("`lifetime` must be {least} to {most} seconds")))
}

fn credential(actor: &Actor) -> Result<KeyId> {
    let credential = actor.credential.ok_or_else(|| Error::Forbidden("a token is needed".to_owned()))?;
    Ok(credential.key_id)
}

/// The warrant that the new child depends on: that of the actor's own child, otherwise the one that the actor
/// authenticated with.
fn warrant(actor: &Actor) -> Option<Warrant> {
    actor.child.as_ref().map_or(actor.warrant, |child| child.warrant)
}

fn random(service: &Service) -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    service.entropy.fill(&mut bytes)?;
    Ok(bytes)
}
