//! Lets an actor act as a user.

use crate::clock::SECOND;
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::USUAL_LIFE;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::principal::PrincipalKind;
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authz::containment;
use crate::storage::{credentials, principals, standings};

/// The most sessions of a user with which impersonation leaves room for the user's own.
const MOST: usize = 100;

/// Makes a session of a user for a few minutes, the parent of the child with which the actor acts. Its token is
/// discarded. The user sees it among the user's sessions, and ending it ends the child.
///
/// # Errors
/// [`Error::Forbidden`] without `IMPERSONATE_USERS`, and for a user who reaches more than the actor;
/// [`Error::NotFound`]; [`Refusal::Disabled`] for a disabled user.
pub async fn impersonate(service: &Service, actor: &Actor, user: String) -> Result<Actor> {
    service.require(actor, Permission::ImpersonateUsers)?;
    let until = service.clock.now() + USUAL_LIFE;
    let until = actor.expires_at().map_or(until, |ends| ends.min(until)) / SECOND * SECOND;
    service
        .write(actor, move |transaction| {
            let not_found = || Error::NotFound { kind: "user", id: user.clone() };
            let found = match PrincipalId::parse(&user) {
                Some(id) => standings::find(transaction.connection, id)?.map(|standing| standing.principal),
                None => principals::find_by_username(transaction.connection, &user)?,
            };
            let found = found.filter(|found| found.kind == PrincipalKind::User).ok_or_else(not_found)?;
            if found.id == transaction.actor.id() {
                return Err(Error::Forbidden("an actor cannot impersonate itself".to_owned()));
            }
            if !found.enabled {
                return Err(Error::Unauthenticated(Refusal::Disabled));
            }
            containment::may_impersonate(transaction, found.id, &Bounds::until(until))?;
            let kind = TokenKind::Session;
            if credentials::count_alive(transaction.connection, found.id, kind, transaction.now)? >= MOST {
                return Err(Error::Conflict(format!("the user has {MOST} sessions: wait until some have ended")));
            }
            let minted = transaction.service.mint(kind, found.id, transaction.now, until)?;
            let (_unused_token, credential) = minted;
            credentials::insert(transaction.connection, &credential)?;
            let name = found.username().to_string();
            transaction.record(Action::UserImpersonated, ChangeSubject::Principal(found.id.uuid()), &name)?;
            let standing = standings::of(transaction.connection, found)?;
            let standing = transaction.service.with_policies(transaction.connection, standing)?;
            let mut impersonated = Actor::trusted(standing);
            impersonated.credential =
                Some(PresentedCredential { kind, key_id: credential.key_id, expires_at: credential.expires_at });
            Ok(impersonated)
        })
        .await
}
