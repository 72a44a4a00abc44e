//! Signing out at a provider, and finding out at which one a session began.

use super::sign_in::{SYSTEM, recorded};
use crate::domain::actor::Actor;
use crate::domain::change::Action;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::identity::Identity;
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::sign_ins::Origin;
use crate::storage::{credentials, identities, provider_sessions, users};

/// What a logout token of a provider ends. Its signature has been checked.
#[derive(Debug, Clone)]
pub struct LoggedOut {
    /// The provider, as OpenID Connect names it.
    pub issuer: String,
    /// The session there, if it says so; else every session of the subject.
    pub sid: Option<String>,
    /// Whose.
    pub subject: Option<String>,
    /// The name of the token, which counts once.
    pub jti: String,
    /// Until when it could be sent again, in epoch milliseconds.
    pub expires_at: i64,
}

/// Ends the sessions that a provider has ended. No request that begins later is let in with one of them.
///
/// # Errors
/// [`Error::Conflict`] for a token that was taken before; [`Error::Unauthenticated`] for one that names neither a session
/// nor a subject.
pub async fn sign_out(service: &Service, ended: LoggedOut, origin: Origin) -> Result<()> {
    let system = Actor::built_in(SYSTEM, service.clock.now()).from(origin.address).requesting(origin.request);
    service
        .write_first(&system, move |transaction| {
            let LoggedOut { issuer, sid, subject, jti, expires_at } = &ended;
            provider_sessions::take_logout_token(transaction.connection, issuer, jti, *expires_at, transaction.now)?;
            let whose = match (sid, subject) {
                (Some(sid), subject) => {
                    provider_sessions::end(transaction.connection, issuer, sid, subject.as_deref())?
                }
                (None, Some(subject)) => {
                    let identity = Identity { issuer: issuer.clone(), subject: subject.clone() };
                    let user = identities::find(transaction.connection, &identity)?;
                    if let Some(user) = user {
                        credentials::delete_all(transaction.connection, user, TokenKind::Session)?;
                    }
                    user.into_iter().collect()
                }
                (None, None) => return Err(Error::Unauthenticated(Refusal::Invalid)),
            };
            for id in whose {
                if let Some(user) = users::find(transaction.connection, id)? {
                    recorded(transaction, Action::SessionEnded, &user.principal)?;
                }
            }
            Ok(())
        })
        .await
}

/// The name of the provider at which the session of an actor began, if it began at one.
///
/// # Errors
/// When the storage fails.
pub async fn provider_of(service: &Service, actor: &Actor) -> Result<Option<String>> {
    let Some(session) = actor.credential.filter(|credential| credential.kind == TokenKind::Session) else {
        return Ok(None);
    };
    let found = service.read(move |connection| provider_sessions::find(connection, session.key_id)).await?;
    Ok(found.map(|session| session.provider))
}
