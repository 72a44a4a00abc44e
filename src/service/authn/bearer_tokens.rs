//! Further bearer tokens of a signed-in user, for programs that act as the user.
//!
//! Each token is a session of its own, which signing out elsewhere does not end. It expires no later than the session
//! in which it was created, so a stolen session cannot be prolonged by creating others.

use crate::clock::{HOUR, MINUTE, SECOND};
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::credential::Credential;
use crate::domain::error::{Error, Refusal, Result, Violation};
use crate::domain::principal::PrincipalKind;
use crate::domain::session::SessionKind;
use crate::domain::token::TokenKind;
use crate::service::authn::sessions::{MAX_LISTED, NewSession, keep_origin};
use crate::service::{Service, Transaction};
use crate::storage::{credentials, provider_sessions};

/// Default lifetime in milliseconds.
pub const USUAL_LIFE: i64 = HOUR;
/// Shortest lifetime in milliseconds.
pub const SHORTEST_LIFE: i64 = MINUTE;

/// Creates a bearer token that expires after `seconds`, and no later than the actor's session.
///
/// # Errors
/// [`Error::Forbidden`] for an actor without a user's session; a violation of `validitySeconds`.
pub async fn create(service: &Service, actor: &Actor, seconds: i64) -> Result<NewSession> {
    let session = user_session(actor)?;
    let millis = seconds.saturating_mul(SECOND);
    if !(SHORTEST_LIFE..=service.session_millis).contains(&millis) {
        let message = format!(
            "must be {} to {} seconds",
            SHORTEST_LIFE / SECOND,
            service.session_millis.max(SHORTEST_LIFE) / SECOND
        );
        return Err(Violation::new("validitySeconds", message).into());
    }
    service
        .write_first(actor, move |transaction| {
            let known = credentials::find(transaction.connection, session.key_id)?;
            let session = known.ok_or(Error::Unauthenticated(Refusal::Invalid))?.credential;
            check_room(transaction)?;
            insert(transaction, &session, session.expires_at.min(transaction.now + millis), SessionKind::Token)
        })
        .await
}

/// Refuses another bearer token of an actor who has as many sessions as a list shows, so that the actor can find and
/// end each of them.
///
/// # Errors
/// [`Error::Conflict`]
pub(super) fn check_room(transaction: &mut Transaction<'_>) -> Result<()> {
    let (id, now) = (transaction.actor.id(), transaction.now);
    let alive = credentials::alive(transaction.connection, id, TokenKind::Session, now, MAX_LISTED)?;
    if i64::try_from(alive.len()).is_ok_and(|alive| alive < MAX_LISTED) {
        return Ok(());
    }
    Err(Error::Conflict(format!("`{}` has {MAX_LISTED} sessions: end some first", transaction.actor.username())))
}

/// The actor's session, if the request was made with the session of a user.
///
/// # Errors
/// [`Error::Forbidden`] for every other credential.
pub(super) fn user_session(actor: &Actor) -> Result<PresentedCredential> {
    let session = actor.credential.filter(|credential| credential.kind == TokenKind::Session);
    let session = session.filter(|_| actor.principal().kind == PrincipalKind::User);
    session.ok_or_else(|| Error::Forbidden(format!("`{}` has not signed in with a session", actor.username())))
}

/// The latest expiry of a token that is created now in this session, in epoch milliseconds.
pub(super) fn latest_expiry(service: &Service, session: PresentedCredential, now: i64) -> i64 {
    session.expires_at.min(now + service.session_millis)
}

/// Creates a bearer token of the transaction's actor, derived from `session`, which the transaction holds.
pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    session: &Credential,
    until: i64,
    kind: SessionKind,
) -> Result<NewSession> {
    let id = transaction.actor.id();
    let (token, credential) = transaction.service.mint(TokenKind::Session, id, transaction.now, until)?;
    keep(transaction, session, &credential, kind)?;
    Ok(NewSession { token, expires_at: until })
}

/// Stores another session of the transaction's actor, derived from `session`, which the transaction holds.
pub(super) fn keep(
    transaction: &mut Transaction<'_>,
    session: &Credential,
    credential: &Credential,
    kind: SessionKind,
) -> Result<()> {
    let id = transaction.actor.id();
    // Inherits the time of the sign-in, so that the token, used as a cookie, is not a recent sign-in.
    let credential = Credential { created_at: session.created_at, ..credential.clone() };
    credentials::insert(transaction.connection, &credential)?;
    keep_origin(transaction, credential.key_id, kind)?;
    // When the provider ends the session, this token ends too.
    provider_sessions::inherit(transaction.connection, session.key_id, credential.key_id)?;
    let name = transaction.actor.username().to_string();
    transaction.record(Action::SessionCreated, ChangeSubject::Principal(id.uuid()), &name)
}
