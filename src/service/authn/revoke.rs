//! Revokes children, access tokens and sessions by their tokens (RFC 7009).

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::Child;
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
