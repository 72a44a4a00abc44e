//! Signing in with a provider. The first sign-in creates the user; every sign-in updates the role and the personas that
//! follow from the groups.
//!
//! A user is identified by issuer and subject only, which a provider never reassigns: not by the user name, which must
//! be free, and not by the email address.

use std::sync::Arc;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::identity::{Mapping, ProviderClaims};
use crate::domain::ids::{Id, PersonaId};
use crate::domain::persona::PersonaRef;
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::domain::session::SessionKind;
use crate::domain::token::TokenKind;
use crate::domain::user::{NamedBy, User, check_username};
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::authn::sessions::{NewSession, keep_origin};
use crate::service::authn::sign_ins::Origin;
use crate::service::authz::administrators;
use crate::service::authz::outgrown::end_outgrown_tokens;
use crate::service::{Service, Transaction};
use crate::storage::{credentials, identities, personas, principals, provider_sessions, used_once, users};

/// The built-in actor that applies the operator's provider settings; it appears in the audit trail.
pub(super) const SYSTEM: &str = "__sign_in";

/// A user authenticated by a provider.
#[derive(Clone)]
pub struct ProviderSignIn {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// The claims of the ID token.
    pub claims: ProviderClaims,
    /// The roles and personas of groups.
    pub mapping: Arc<Mapping>,
    /// What makes the ID token the answer to one sign-in.
    pub answered: AnsweredOnce,
}

/// The `nonce` of an ID token, by which the token is accepted once.
#[derive(Clone)]
pub struct AnsweredOnce {
    /// The `nonce`, which this server has chosen for one sign-in.
    pub nonce: String,
    /// When that sign-in is too old for an answer, in epoch milliseconds.
    pub until: i64,
}

/// A session begun at a provider.
pub struct SignedIn {
    /// The session.
    pub session: NewSession,
    /// The user's name.
    pub username: String,
}

/// Why a user whom a provider has authenticated is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    /// Somebody has signed in with this answer of the provider before.
    #[error("the provider's answer has been used already")]
    Replayed,
    /// Another user or a service account has the name. Accounts are never linked by name.
    #[error("the user name belongs to another user or service account")]
    NameTaken,
    /// The name is not a valid user name.
    #[error("the user name that the provider gives may not be used here")]
    BadName,
    /// The user has been disabled here.
    #[error("the user is disabled")]
    Disabled,
    /// None of the user's groups has a role, and there is no default role.
    #[error("none of the user's groups has a role")]
    NoRole,
    /// The groups no longer give the role `$admin`, and no other user has it.
    #[error("the user is the last with the role `$admin`: only the command line can take it away")]
    LastAdministrator,
}

/// Creates a session for a user whom a provider has authenticated, or returns why not. Access from groups that the user
/// is no longer in are taken away even when the sign-in is refused with `NoRole`.
///
/// # Errors
/// When the storage fails.
pub async fn sign_in(
    service: &Service,
    at_provider: ProviderSignIn,
    origin: Origin,
) -> Result<Result<SignedIn, SignInRefused>> {
    let system = Actor::built_in(SYSTEM, service.clock.now()).from(origin.address).requesting(origin.request);
    let outcome = service.write_first(&system, move |transaction| admit(transaction, &at_provider)).await;
    match outcome {
        Err(Error::Unauthenticated(Refusal::Invalid)) => Ok(Err(SignInRefused::Replayed)),
        // A concurrent transaction took the user name.
        Err(Error::Conflict(_)) => Ok(Err(SignInRefused::NameTaken)),
        outcome => outcome,
    }
}

fn admit(transaction: &mut Transaction<'_>, at_provider: &ProviderSignIn) -> Result<Result<SignedIn, SignInRefused>> {
    let claims = &at_provider.claims;
    let AnsweredOnce { nonce, until } = &at_provider.answered;
    used_once::use_once(transaction.connection, &claims.identity.issuer, nonce, *until, transaction.now).map_err(
        |error| if matches!(error, Error::Conflict(_)) { Error::Unauthenticated(Refusal::Invalid) } else { error },
    )?;
    let role = at_provider.mapping.role(&claims.groups);
    let known = identities::lock(transaction.connection, &claims.identity, transaction.now)?;
    let (user, had) = match (known, role) {
        (Some(known), _) => (known.user, known.personas),
        (None, None) => return Ok(Err(SignInRefused::NoRole)),
        (None, Some(role)) => match provision(transaction, claims, role)? {
            Ok(user) => (user, Vec::new()),
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    if !user.enabled {
        return Ok(Err(SignInRefused::Disabled));
    }
    let named = if role.is_some() { at_provider.mapping.personas(&claims.groups) } else { Vec::new() };
    let given = named_personas(transaction, &at_provider.provider, &named)?;
    if !update(transaction, &user, role.unwrap_or(Role::Guest), (&had, &given), claims)? {
        return Ok(Err(SignInRefused::LastAdministrator));
    }
    if role.is_none() {
        credentials::delete_all(transaction.connection, user.id, TokenKind::Session)?;
        recorded(transaction, Action::SessionEnded, &user)?;
        return Ok(Err(SignInRefused::NoRole));
    }
    users::describe(transaction.connection, user.id, &display_name(claims, &user), &claims.email)?;
    begin(transaction, at_provider, &user).map(Ok)
}

/// Creates the user at the first sign-in, without a password.
fn provision(
    transaction: &mut Transaction<'_>,
    claims: &ProviderClaims,
    role: Role,
) -> Result<Result<Principal, SignInRefused>> {
    if check_username(&claims.username, NamedBy::Client).is_err() {
        return Ok(Err(SignInRefused::BadName));
    }
    if principals::is_taken(transaction.connection, &claims.username)? {
        return Ok(Err(SignInRefused::NameTaken));
    }
    let principal = Principal {
        id: Id::new(transaction.now, transaction.service.entropy)?,
        kind: PrincipalKind::User,
        chosen_name: Some(claims.username.as_str().into()),
        role,
        enabled: true,
        created_at: transaction.now,
    };
    principals::insert(transaction.connection, &principal)?;
    let display_name = display_name(claims, &principal);
    let user = User { principal: principal.clone(), display_name, email: claims.email.clone() };
    users::insert(transaction.connection, &user, UNUSABLE_HASH)?;
    identities::insert(transaction.connection, &claims.identity, principal.id, transaction.now)?;
    recorded(transaction, Action::UserCreated, &principal)?;
    Ok(Ok(principal))
}

fn display_name(claims: &ProviderClaims, user: &Principal) -> String {
    if claims.display_name.is_empty() { user.username().to_string() } else { claims.display_name.clone() }
}

/// The personas with these qualified names. Unknown names are skipped and logged as a warning.
fn named_personas(transaction: &mut Transaction<'_>, provider: &str, names: &[String]) -> Result<Vec<PersonaRef>> {
    let found = personas::hold_by_qualified_names(transaction.connection, names)?;
    for name in names.iter().filter(|name| !found.iter().any(|persona| persona.qualified_name == **name)) {
        tracing::warn!(provider, persona = name, "the mapping of a provider names a persona that does not exist");
    }
    Ok(found)
}

/// Sets the role and the personas that the user's groups give now. Personas that came from groups are removed with
/// them; personas granted here stay. Returns `false` if the last administrator would lose the role.
fn update(
    transaction: &mut Transaction<'_>,
    user: &Principal,
    role: Role,
    (had, given): (&[PersonaId], &[PersonaRef]),
    claims: &ProviderClaims,
) -> Result<bool> {
    let mut changed = false;
    if user.role != role {
        if !administrators::is_not_last(transaction, user)? {
            return Ok(false);
        }
        principals::set_role(transaction.connection, user.id, role)?;
        changed = true;
    }
    let has = personas::linked_to_one(transaction.connection, user.id)?;
    let stays = |persona: &PersonaRef| !had.contains(&persona.id) || given.iter().any(|each| each.id == persona.id);
    let mut linked: Vec<PersonaRef> = has.iter().filter(|persona| stays(persona)).cloned().collect();
    let missing = given.iter().filter(|persona| !has.iter().any(|each| each.id == persona.id));
    let missing: Vec<PersonaRef> = missing.cloned().collect();
    if !missing.is_empty() || linked.len() != has.len() {
        linked.extend(missing.iter().cloned());
        personas::replace_links(transaction.connection, user.id, &linked)?;
        changed = true;
    }
    // A persona that the user already had from a grant here does not count as given by the provider.
    let of_provider =
        given.iter().filter(|persona| had.contains(&persona.id) || missing.iter().any(|each| each.id == persona.id));
    let of_provider: Vec<PersonaId> = of_provider.map(|persona| persona.id).collect();
    if of_provider != had {
        identities::set_personas(transaction.connection, &claims.identity, &of_provider)?;
    }
    if changed {
        recorded(transaction, Action::UserUpdated, user)?;
        end_outgrown_tokens(transaction, user)?;
    }
    Ok(true)
}

fn begin(transaction: &mut Transaction<'_>, at_provider: &ProviderSignIn, user: &Principal) -> Result<SignedIn> {
    let expires_at = transaction.now + transaction.service.session_millis;
    let (token, credential) = transaction.service.mint(TokenKind::Session, user.id, transaction.now, expires_at)?;
    credentials::insert(transaction.connection, &credential)?;
    keep_origin(transaction, credential.key_id, SessionKind::Provider)?;
    provider_sessions::insert(transaction.connection, credential.key_id, &at_provider.provider, &at_provider.claims)?;
    recorded(transaction, Action::SessionCreated, user)?;
    Ok(SignedIn { session: NewSession { token, expires_at }, username: user.username().to_string() })
}

pub(super) fn recorded(transaction: &mut Transaction<'_>, action: Action, user: &Principal) -> Result<()> {
    transaction.record(action, ChangeSubject::Principal(user.id.uuid()), &user.username().to_string())
}

/// Records a failed sign-in in the audit trail.
///
/// # Errors
/// When the storage fails.
pub async fn record_refusal(service: &Service, provider: &str, origin: Origin) -> Result<()> {
    let system = Actor::built_in(SYSTEM, service.clock.now()).from(origin.address).requesting(origin.request);
    let (subject, name) = (ChangeSubject::Principal(system.id().uuid()), format!("(unknown at {provider})"));
    service.write(&system, move |transaction| transaction.record(Action::SessionRefused, subject, &name)).await
}
