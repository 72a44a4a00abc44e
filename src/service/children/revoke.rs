//! Revokes children, access tokens and sessions by their tokens (RFC 7009).

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::clock::DAY;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::{Child, LONGEST_LIFE};
use crate::domain::error::{Error, Result};
use crate::domain::party::Party;
use crate::domain::token::TokenKind;
use crate::service::{Service, Transaction};
use crate::storage::principals::Existed;
use crate::storage::{credentials, revoked_children};

/// The result of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The token is not alive any more; it may not have been before.
    Ended,
    /// The token of an API key: it ends by deleting the key.
    OfApiKey,
}

/// Ends a token of the client, or of a child in which the client acts: effective immediately, with everything derived
/// from it. A token that is not alive, or is another's, counts as ended: the answer reveals nothing.
///
/// # Errors
/// When the storage fails.
pub async fn revoke(service: &Service, client: &Actor, token: &str) -> Result<Revoked> {
    let acts = |child: &Child| child.actors.iter().any(|each| each.principal == client.id());
    if let Some(child) = service.child_of(token, Party::Actor(client.id())).await? {
        // Also a token that is refused now for a reason that may go away.
        if child.subject != client.id() && !acts(&child) {
            return ended_before(service, client).await;
        }
        service.write_first(client, move |transaction| revoke_in(transaction, &child)).await?;
        return Ok(Revoked::Ended);
    }
    let actor = match service.authenticate_unlimited(token, Party::Actor(client.id())).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated(_)) => return ended_before(service, client).await,
        Err(error) => return Err(error),
    };
    if actor.id() != client.id() {
        return ended_before(service, client).await;
    }
    let Some(credential) = actor.credential else { return Ok(Revoked::Ended) };
    if credential.kind == TokenKind::ApiKey {
        return Ok(Revoked::OfApiKey);
    }
    let own = client.credential.map(|own| own.key_id);
    service
        .write_first(client, move |transaction| {
            if credentials::delete(transaction.connection, credential.key_id)? == Existed::Yes {
                if own == Some(credential.key_id) {
                    transaction.ends_own_credential();
                }
                let ended = credential.kind == TokenKind::Session;
                let action = if ended { Action::SessionEnded } else { Action::AccessTokenRevoked };
                let name = actor.username().to_string();
                transaction.record(action, ChangeSubject::Principal(actor.id().uuid()), &name)?;
            }
            Ok(())
        })
        .await?;
    Ok(Revoked::Ended)
}

/// Waits until every node knows of what was revoked before: another request may have revoked the token just now.
async fn ended_before(service: &Service, client: &Actor) -> Result<Revoked> {
    service.write(client, |_| Ok(())).await?;
    Ok(Revoked::Ended)
}

/// Revokes a child until it expires, with those derived from it.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn revoke_in(transaction: &mut Transaction<'_>, child: &Child) -> Result<()> {
    revoked_children::insert(transaction.connection, child.id, child.expires_at_millis())?;
    if transaction.actor.child.as_ref().is_some_and(|own| own.ids().any(|id| id == child.id)) {
        transaction.ends_own_credential();
    }
    transaction.record(Action::ChildRevoked, ChangeSubject::Principal(child.subject.uuid()), &child.id.to_string())
}

/// The rows of revoked children that this process has found expired.
#[derive(Default)]
pub struct ExpiredRevocations(Mutex<Option<Found>>);

struct Found {
    /// The uptime at which they were found.
    at: i64,
    ids: Vec<Uuid>,
}

/// How long this process has known the row of a revoked child before it deletes the row, by the uptime: no child lives for
/// so long. Two clocks may differ in rate by a twentieth.
const KNOWN_FOR: i64 = LONGEST_LIFE + LONGEST_LIFE / 20;
/// How many rows are noted. Memory: 16 bytes for each.
const MOST_NOTED: i64 = 500_000;
/// How many rows are deleted in one transaction.
const FORGOTTEN_AT_ONCE: usize = 5_000;

/// Deletes the rows of revoked children that have expired.
///
/// If the clock is wrong, a row that seems to have expired may still be needed once the clock is set right. So a row stays
/// until it has been known for longer than a child lives, whatever the clock says; and for a day after its expiry,
/// because a child that was made by a clock that is ahead by a day expires that much later.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) async fn forget_expired(service: &Service) -> Result<()> {
    let reading = service.clock.read();
    let day_ago = reading.now - DAY;
    let found = {
        let mut known = service.expired_revocations.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| reading.uptime - known.at <= KNOWN_FOR) {
            return Ok(());
        }
        known.take()
    };
    for some in found.iter().flat_map(|found| found.ids.chunks(FORGOTTEN_AT_ONCE)) {
        let some = some.to_vec();
        let delete = move |connection: &mut _| revoked_children::delete_expired(connection, &some, day_ago);
        service.write_upkeep(delete).await?;
    }
    let ids = service.read(move |connection| revoked_children::expired(connection, day_ago, MOST_NOTED)).await?;
    let mut known = service.expired_revocations.0.lock().unwrap_or_else(PoisonError::into_inner);
    *known = Some(Found { at: reading.uptime, ids });
    Ok(())
}
