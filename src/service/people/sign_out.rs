//! Back-channel logout by a provider, and look-up of the provider at which a session began.

use super::sign_in::{SYSTEM, recorded};
use super::users::PersonalTokens;
use crate::domain::actor::Actor;
use crate::domain::change::Action;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::identity::Identity;
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::sign_ins::Origin;
use crate::storage::{credentials, identities, principals, provider_sessions, used_once, users};

/// The content of a validated logout token.
#[derive(Debug, Clone)]
pub struct LoggedOut {
    /// The issuer identifier of the provider.
    pub issuer: String,
    /// The id of the session at the provider; if absent, every session of the subject ends.
    pub sid: Option<String>,
    /// The subject identifier.
    pub subject: Option<String>,
    /// The id of the token, which is accepted once.
    pub jti: String,
    /// Until when `jti` is remembered against replay, in epoch milliseconds.
    pub expires_at: i64,
    /// What happens to the personal access tokens of the subject.
    pub tokens: PersonalTokens,
}

/// Ends the sessions that a provider has ended, and the subject's personal access tokens if the provider's settings say so.
/// Requests that begin later are refused with them.
///
/// # Errors
/// [`Error::Conflict`] for a replayed token; [`Error::Unauthenticated`] for a token with neither a session nor a
/// subject.
pub async fn sign_out(service: &Service, ended: LoggedOut, origin: Origin) -> Result<()> {
    let system = Actor::built_in(SYSTEM, service.clock.now()).from(origin.address).requesting(origin.request);
    service
        .write_first(&system, move |transaction| {
            let LoggedOut { issuer, sid, subject, jti, expires_at, tokens } = &ended;
            used_once::use_once(transaction.connection, issuer, jti, *expires_at, transaction.now)?;
            let known = match subject {
                Some(subject) => {
                    let identity = Identity { issuer: issuer.clone(), subject: subject.clone() };
                    identities::find(transaction.connection, &identity)?
                }
                None => None,
            };
            if let Some(user) = known {
                principals::lock_by_id(transaction.connection, user)?;
            }
            let mut whose = match (sid, subject) {
                (Some(sid), subject) => {
                    provider_sessions::end(transaction.connection, issuer, sid, subject.as_deref())?
                }
                (None, Some(_)) => {
                    if let Some(user) = known {
                        credentials::delete_all(transaction.connection, user, TokenKind::Session)?;
                    }
                    known.into_iter().collect()
                }
                (None, None) => return Err(Error::Unauthenticated(Refusal::Invalid)),
            };
            if *tokens == PersonalTokens::Revoke {
                // The subject may have tokens although no session is left.
                whose.extend(known.filter(|known| !whose.contains(known)));
                for user in &whose {
                    credentials::delete_all(transaction.connection, *user, TokenKind::Personal)?;
                }
            }
            for id in whose {
                if let Some(user) = users::find(transaction.connection, id)? {
                    recorded(transaction, Action::SessionEnded, &user.principal)?;
                }
            }
            Ok(())
        })
        .await
}

/// The id of the provider at which the actor's session began; `None` for a session that began with a password.
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
