//! Sessions: signing in and out.

use std::sync::Arc;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, Subject};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::principal::PrincipalState;
use crate::domain::token::{Token, TokenKind};
use crate::domain::user::check_username;
use crate::service::authn::passwords::{NOBODY, verify_password};
use crate::service::{Service, blocking};
use crate::storage::principals::{self, Existed};
use crate::storage::{credentials, users};

/// A session just begun, with the only copy of its token.
pub struct NewSession {
    /// The user's bearer token.
    pub token: Token,
    /// When it stops, in epoch milliseconds.
    pub expires_at: i64,
}

/// Signs a user in.
///
/// # Errors
/// [`Error::Unauthenticated`], the same for an unknown user and a wrong password; [`Error::Busy`] when more sign-ins
/// are under way than there are cores.
pub async fn create(service: &Service, username: String, password: String, request_id: Arc<str>) -> Result<NewSession> {
    let wrong = || Error::Unauthenticated(Refusal::WrongPassword);
    let permit = Arc::clone(&service.sign_ins).try_acquire_owned().map_err(|_| Error::Busy)?;
    let found = match check_username(&username) {
        Ok(()) => service.read(move |connection| users::find_for_sign_in(connection, &username)).await?,
        Err(_) => None,
    };
    let (user, hash) = found.map_or((None, NOBODY.to_owned()), |(user, hash)| (Some(user), hash));
    // The permit goes along: a client that hangs up does not make room for another while its password is checked.
    let check = move || {
        let right = verify_password(&password, &hash);
        drop(permit);
        Ok((right, hash))
    };
    let (right, hash) = blocking(check).await?;
    let Some(user) = user.filter(|_| right) else { return Err(wrong()) };
    if !user.principal.enabled {
        return Err(Error::Unauthenticated(Refusal::Disabled));
    }
    let actor = Actor::user(user.principal).requesting(request_id);
    service
        .write(&actor, move |transaction| {
            let id = transaction.actor.id();
            if users::lock(transaction.connection, id, &hash)? == Existed::No {
                return Err(wrong());
            }
            if principals::state(transaction.connection, id)? == PrincipalState::Disabled {
                return Err(Error::Unauthenticated(Refusal::Disabled));
            }
            let expires_at = transaction.now + transaction.service.session_millis;
            let (token, credential) = transaction.service.mint(TokenKind::Session, id, transaction.now, expires_at)?;
            credentials::insert(transaction.connection, &credential)?;
            let name = transaction.actor.username().to_string();
            transaction.record(Action::SessionCreated, Subject::Principal(id.uuid()), &name)?;
            Ok(NewSession { token, expires_at })
        })
        .await
}

/// Signs the actor out: the session of this request ends at once.
///
/// # Errors
/// [`Error::Conflict`] when the request was not made with a session.
pub async fn end(service: &Service, actor: &Actor) -> Result<()> {
    let Some(session) = actor.credential.filter(|credential| credential.kind == TokenKind::Session) else {
        return Err(Error::Conflict("this request was not made with a session".to_owned()));
    };
    service
        .write(actor, move |transaction| {
            if credentials::delete(transaction.connection, session.key_id)? == Existed::No {
                return Err(Error::Unauthenticated(Refusal::Invalid));
            }
            transaction.ends_own_credential();
            let (id, name) = (transaction.actor.id(), transaction.actor.username().to_string());
            transaction.record(Action::SessionEnded, Subject::Principal(id.uuid()), &name)
        })
        .await
}
