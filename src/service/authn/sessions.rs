//! Sessions: signing in and out.

use std::sync::Arc;

use crate::domain::access_token::wire_id;
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::credential::Credential;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::principal::PrincipalState;
use crate::domain::session::{SessionKind, SessionOrigin};
use crate::domain::text::clip;
use crate::domain::token::{KeyId, Token, TokenKind};
use crate::domain::user::{User, is_username};
use crate::service::authn::attempt::Attempt;
use crate::service::authn::passwords::{UNUSABLE_HASH, verify_password};
use crate::service::authn::sign_ins::{Origin, SignInOutcome};
use crate::service::authn::throttle::REMEMBERED;
use crate::service::{Service, Transaction, blocking};
use crate::storage::holds::hold_standing;
use crate::storage::principals::Existed;
use crate::storage::{credentials, familiar_networks, provider_sessions, session_origins, users};

/// A new session, with the only copy of its token.
pub struct NewSession {
    /// The session's bearer token.
    pub token: Token,
    /// When the session expires, in epoch milliseconds.
    pub expires_at: i64,
}

/// Signs a user in.
///
/// # Errors
/// [`Error::Unauthenticated`], the same for an unknown user and a wrong password; [`Error::SlowedDown`] after too many
/// wrong ones, whether or not the user exists; [`Error::Busy`] when too many attempts wait; [`Error::PasswordsOff`].
pub async fn create(service: &Service, username: String, password: String, origin: Origin) -> Result<NewSession> {
    service.require_passwords()?;
    let attempt = Attempt::new(&username, origin.address, &service.peppers);
    let permit = service.sign_ins.turn(&attempt, &service.clock).await?;
    let found = if is_username(&username) {
        service.read(move |connection| users::find_for_sign_in(connection, &username)).await?
    } else {
        None
    };
    let (user, hash) = found.map_or((None, UNUSABLE_HASH.to_owned()), |(user, hash)| (Some(user), hash));
    // The permit moves into the check: a client that disconnects does not free its place while its password is checked.
    let parts = service.clone();
    let check = move || {
        let right = verify_password(&password, &hash);
        // Counted here, so that a client cannot avoid the count by disconnecting.
        let traced = !right && parts.sign_ins.throttle.failed(&attempt, parts.clock.now());
        drop(permit);
        Ok(Checked { right, traced, hash, attempt })
    };
    let Checked { right, traced, hash, attempt } = blocking(check).await?;
    let Some(user) = user.as_ref().filter(|_| right).cloned() else {
        service.sign_ins.count(SignInOutcome::WRONG);
        if traced {
            record_refusal(service, user, origin).await?;
        }
        return Err(wrong());
    };
    if !user.principal.enabled {
        return Err(Error::Unauthenticated(Refusal::Disabled));
    }
    let actor = Actor::user(user.principal).from(origin.address).requesting(origin.request);
    let mark = Arc::clone(&attempt.mark);
    let begun = service
        .write_first(&actor, move |transaction| {
            let id = transaction.actor.id();
            // In the order in which a new password locks them. What ends all sessions then sees this one, or came first.
            let state = hold_standing(transaction.connection, id)?;
            if users::lock(transaction.connection, id, &hash)? == Existed::No {
                return Err(wrong());
            }
            if state != Some(PrincipalState::Enabled) {
                return Err(Error::Unauthenticated(Refusal::Disabled));
            }
            let expires_at = transaction.now + transaction.service.session_millis;
            let (token, credential) = transaction.service.mint(TokenKind::Session, id, transaction.now, expires_at)?;
            credentials::insert(transaction.connection, &credential)?;
            keep_origin(transaction, credential.key_id, SessionKind::Password)?;
            familiar_networks::record(transaction.connection, id, &mark, transaction.now)?;
            let name = transaction.actor.username().to_string();
            transaction.record(Action::SessionCreated, ChangeSubject::Principal(id.uuid()), &name)?;
            Ok(NewSession { token, expires_at })
        })
        .await?;
    service.sign_ins.throttle.succeeded(&attempt);
    service.sign_ins.count(SignInOutcome::SUCCEEDED);
    Ok(begun)
}

/// Stores that a session begins now, and from where.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn keep_origin(
    transaction: &mut Transaction<'_>,
    session: KeyId,
    kind: SessionKind,
) -> Result<()> {
    let address = transaction.actor.address.map(|address| address.to_string()).unwrap_or_default();
    let origin = SessionOrigin { kind, address, began_at: transaction.now };
    session_origins::insert(transaction.connection, session, &origin)
}

/// When the actor last authenticated, in epoch milliseconds; 0 if the provider did not send `auth_time`.
///
/// # Errors
/// [`Error::Conflict`] when the request was not made with a session, [`Error::Unauthenticated`] when it has ended.
pub async fn last_authenticated_at(service: &Service, actor: &Actor) -> Result<i64> {
    let session = session_of(actor)?;
    service
        .read(move |connection| {
            let known = credentials::find(connection, session.key_id)?;
            let known = known.ok_or(Error::Unauthenticated(Refusal::Invalid))?;
            let at_provider = provider_sessions::find(connection, session.key_id)?;
            Ok(at_provider.map_or(known.credential.created_at, |session| session.authenticated_at))
        })
        .await
}

/// The session that a request was made with.
fn session_of(actor: &Actor) -> Result<PresentedCredential> {
    let session = actor.credential.filter(|credential| credential.kind == TokenKind::Session);
    session.ok_or_else(|| Error::Conflict("this request was not made with a session".to_owned()))
}

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// The id of the session, which reveals nothing about its token.
    pub id: String,
    /// When it began, in epoch milliseconds.
    pub created_at: i64,
    /// When it expires, in epoch milliseconds.
    pub expires_at: i64,
    /// Whether it is the session of this request.
    pub is_own: bool,
    /// How, from where and when it began; `None` for one that began before that was kept.
    pub origin: Option<SessionOrigin>,
}

/// Maximum number of sessions in a list.
pub(super) const MAX_LISTED: i64 = 200;

/// The actor's unexpired sessions, the latest first.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor) -> Result<Vec<SessionInfo>> {
    let (id, now) = (actor.id(), service.clock.now());
    let (found, mut origins) = service
        .read(move |connection| {
            let found = credentials::alive(connection, id, TokenKind::Session, now, MAX_LISTED)?;
            let ids: Vec<KeyId> = found.iter().map(|each| each.key_id).collect();
            let origins = session_origins::of(connection, &ids)?;
            Ok((found, origins))
        })
        .await?;
    let told = |each: Credential| SessionInfo {
        id: wire_id(each.key_id),
        created_at: each.created_at,
        expires_at: each.expires_at,
        is_own: actor.credential.is_some_and(|own| own.key_id == each.key_id),
        origin: origins.remove(&each.key_id.to_string()),
    };
    Ok(found.into_iter().map(told).collect())
}

/// Ends one of the actor's sessions by its id, effective immediately.
///
/// # Errors
/// [`Error::NotFound`], also for a session of another user; [`Error::Forbidden`] for a restricted child.
pub async fn end_one(service: &Service, actor: &Actor, id: String) -> Result<()> {
    actor.require_unrestricted()?;
    service
        .write(actor, move |transaction| {
            let (actor, now) = (transaction.actor.id(), transaction.now);
            let alive = credentials::alive(transaction.connection, actor, TokenKind::Session, now, MAX_LISTED)?;
            let not_found = || Error::NotFound { kind: "session", id: clip(&id) };
            let session = alive.into_iter().find(|each| wire_id(each.key_id) == id).ok_or_else(not_found)?;
            if credentials::delete(transaction.connection, session.key_id)? == Existed::No {
                return Err(not_found());
            }
            if transaction.actor.credential.is_some_and(|own| own.key_id == session.key_id) {
                transaction.ends_own_credential();
            }
            let name = transaction.actor.username().to_string();
            transaction.record(Action::SessionEnded, ChangeSubject::Principal(actor.uuid()), &name)
        })
        .await
}

/// Ends all of the actor's sessions but the one of this request, effective immediately.
///
/// # Errors
/// [`Error::Conflict`] when the request was not made with a session; when the storage fails.
pub async fn end_others(service: &Service, actor: &Actor) -> Result<()> {
    let own = session_of(actor)?.key_id;
    service
        .write(actor, move |transaction| {
            let id = transaction.actor.id();
            if credentials::delete_all_but(transaction.connection, id, TokenKind::Session, own)? == 0 {
                return Ok(());
            }
            let name = transaction.actor.username().to_string();
            transaction.record(Action::SessionEnded, ChangeSubject::Principal(id.uuid()), &name)
        })
        .await
}

/// Loads the networks from which users signed in before this process started, so that they count as familiar.
///
/// # Errors
/// When the storage fails.
pub async fn remember_networks(service: &Service) -> Result<()> {
    let most = i64::try_from(REMEMBERED).unwrap_or(i64::MAX);
    let marks = service.read(move |connection| familiar_networks::latest(connection, most)).await?;
    service.sign_ins.throttle.remember(marks);
    Ok(())
}

/// The result of a password check.
struct Checked {
    right: bool,
    /// Whether to record the wrong password in the audit trail.
    traced: bool,
    hash: String,
    attempt: Attempt,
}

fn wrong() -> Error {
    Error::Unauthenticated(Refusal::WrongPassword)
}

/// Records a wrong password in the audit trail: at most a few an hour for one name. An unknown name is not recorded, as
/// it may be a password typed into the wrong field; a placeholder is, to close the timing side channel.
async fn record_refusal(service: &Service, user: Option<User>, origin: Origin) -> Result<()> {
    let nobody = Actor::built_in(UNKNOWN, service.clock.now()).from(origin.address).requesting(origin.request);
    let (id, name) = match user {
        Some(user) => (user.principal.id, user.principal.username().to_string()),
        None => (nobody.id(), UNKNOWN.to_owned()),
    };
    let subject = ChangeSubject::Principal(id.uuid());
    service.write(&nobody, move |transaction| transaction.record(Action::SessionRefused, subject, &name)).await
}

/// The actor that a wrong password is recorded for, and the placeholder for an unknown name.
const UNKNOWN: &str = "(unknown)";

/// Signs the actor out: ends the session of this request, effective immediately.
///
/// # Errors
/// [`Error::Conflict`] when the request was not made with a session.
pub async fn end(service: &Service, actor: &Actor) -> Result<()> {
    let session = session_of(actor)?;
    service
        .write_first(actor, move |transaction| {
            if credentials::delete(transaction.connection, session.key_id)? == Existed::No {
                return Err(Error::Unauthenticated(Refusal::Invalid));
            }
            transaction.ends_own_credential();
            let (id, name) = (transaction.actor.id(), transaction.actor.username().to_string());
            transaction.record(Action::SessionEnded, ChangeSubject::Principal(id.uuid()), &name)
        })
        .await
}
