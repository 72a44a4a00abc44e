//! Lets an actor act as a user.

use std::time::Instant;

use crate::clock::SECOND;
use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::USUAL_LIFE;
use crate::domain::credential::Credential;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind};
use crate::domain::session::SessionKind;
use crate::domain::text::clip;
use crate::domain::token::TokenKind;
use crate::service::authn::sessions::keep_origin;
use crate::service::authz::people::may_act_as;
use crate::service::authz::sight;
use crate::service::children::{Minted, NotMinted, Wanted, mint};
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_standing;
use crate::storage::{credentials, principals, standings};

/// The most sessions of a user with which impersonation leaves room for the user's own.
const MOST: usize = 100;

/// Makes a child of a user with which the actor acts as that user. Its parent is a session of the user for a few
/// minutes, whose token is discarded: the user sees it among the user's sessions, and ending it ends the child. There
/// is no session and no trace of one if no child can be made.
///
/// # Errors
/// [`Error::Forbidden`] without `IMPERSONATE_USERS`, and, in the same words, for a user who reaches more than the
/// actor, is disabled or does not exist; and those of [`mint`].
pub async fn impersonate(
    service: &Service,
    actor: &Actor,
    user: String,
    wanted: Wanted,
) -> Result<(Minted, Actor), NotMinted> {
    let began = Instant::now();
    service.require(actor, Permission::ImpersonateUsers)?;
    let until = service.clock.now() + USUAL_LIFE;
    let until = actor.expires_at().map_or(until, |ends| ends.min(until)) / SECOND * SECOND;
    let prepared = prepare(service, actor, user.clone(), until).await;
    let (impersonated, session) = sight::delay_if_refused(began, prepared).await?;
    let wanted = Wanted { impersonator: Some(actor.id()), ..wanted };
    let minted = mint(service, &impersonated, Some(actor), wanted).await?;
    service
        .write(actor, move |transaction| {
            let found = find(transaction, &user, until)?;
            // Another user may have got the name meanwhile.
            if found.id != session.principal {
                return Err(Error::Conflict("the user was deleted meanwhile".to_owned()));
            }
            let kind = TokenKind::Session;
            if credentials::count_alive(transaction.connection, found.id, kind, transaction.now)? >= MOST {
                return Err(Error::Conflict(format!("the user has {MOST} sessions: wait until some have ended")));
            }
            credentials::insert(transaction.connection, &session)?;
            keep_origin(transaction, session.key_id, SessionKind::Impersonation)?;
            let name = found.username().to_string();
            transaction.record(Action::UserImpersonated, ChangeSubject::Principal(found.id.uuid()), &name)
        })
        .await?;
    Ok((minted, impersonated))
}

/// The user as an actor with a session that is not stored yet, if the actor may act as the user.
async fn prepare(service: &Service, actor: &Actor, user: String, until: i64) -> Result<(Actor, Credential)> {
    service
        .write(actor, move |transaction| {
            let found = find(transaction, &user, until)?;
            let kind = TokenKind::Session;
            let (_unused_token, session) = transaction.service.mint(kind, found.id, transaction.now, until)?;
            let standing = standings::of(transaction.connection, found)?;
            let standing = transaction.service.with_policies_in_write(transaction.connection, standing)?;
            let mut impersonated = Actor::trusted(standing);
            impersonated.credential = Some(PresentedCredential { kind, key_id: session.key_id, expires_at: until });
            Ok((impersonated, session))
        })
        .await
}

/// The user with this id or name, if the actor may act as the user until then. The refusal is the same for a user who
/// does not exist; the server's log has the reason.
fn find(transaction: &mut Transaction<'_>, user: &str, until: i64) -> Result<Principal> {
    let id = match PrincipalId::parse(user) {
        Some(id) => Some(id),
        None => principals::find_by_username(transaction.connection, user)?.map(|found| found.id),
    };
    // Held from before the user is judged: whoever suspends or demotes the user has done so, or waits and finds the session.
    let found = match id {
        Some(id) if hold_standing(transaction.connection, id)?.is_some() => {
            standings::find(transaction.connection, id)?
        }
        _ => None,
    };
    let found = found.map(|standing| standing.principal);
    let actor = transaction.actor.username().to_string();
    let refused = || Error::Forbidden(format!("there is no user `{}` as whom `{actor}` may act", clip(user)));
    let found = found.filter(|found| found.kind == PrincipalKind::User).ok_or_else(refused)?;
    match may_act_as(transaction, &found, until) {
        Err(reason @ (Error::Forbidden(_) | Error::Unauthenticated(_))) => {
            tracing::info!(actor, user = %found.id, %reason, "an impersonation is refused");
            Err(refused())
        }
        outcome => outcome.map(|()| found),
    }
}
