//! Tokens of programs without a credential of their own: public clients, which users have approved.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::child::Child;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::authenticate::delay_refusal;
use crate::service::authn::device_sign_in::PROGRAM;
use crate::service::authn::revoke::revoke_in;
use crate::service::authn::sessions;
use crate::service::authn::sign_ins::Origin;
use crate::storage::{revoked_children, standings};

/// Ends a token that a program without a credential holds: a child that was issued to this client, or a session. With a session's
/// token its holder can sign out in any case, so it does not matter which program has it. Any other text counts as ended.
///
/// # Errors
/// When the storage fails.
pub async fn revoke(service: &Service, client: &str, token: &str, origin: Origin) -> Result<()> {
    let (began, party) = (Instant::now(), Party::Network(Network::of(origin.address)));
    // Also a child that is refused now for a reason that may go away, or that another request has revoked.
    if let Some(child) = service.child_of(token, party).await? {
        return if child.client == client { revoke_child(service, child, origin).await } else { Ok(()) };
    }
    let actor = match service.authenticate_unlimited(token, party).await {
        Ok(actor) => actor.from(origin.address).requesting(origin.request),
        Err(Error::Unauthenticated(_)) => {
            // Neither the answer nor its time tells a stranger whether the key id exists.
            delay_refusal(began).await;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match actor.credential {
        Some(credential) if credential.kind == TokenKind::Session => sessions::end(service, &actor).await,
        _ => Ok(()),
    }
}

/// Revokes a child on behalf of its subject, who is its actor in the audit trail. If it is revoked already, waits until every
/// node knows: whoever has the token was given it by this server, and is no stranger who could make nodes wait for each other.
async fn revoke_child(service: &Service, child: Arc<Child>, origin: Origin) -> Result<()> {
    let subject = child.subject;
    let standing = service.look_up(move |connection| standings::find(connection, subject)).await?;
    let is_there = standing.is_some();
    let mut actor = standing.map_or_else(|| Actor::built_in(PROGRAM, service.clock.now()), Actor::trusted);
    // The child and not the credential that it comes from, which may be refused for now.
    actor.child = Some(Arc::clone(&child));
    service
        .write_first(&actor.from(origin.address).requesting(origin.request), move |transaction| {
            // A child whose subject was deleted has ended, too.
            if !is_there || revoked_children::has_any(transaction.connection, [child.id].into_iter())? {
                return Ok(());
            }
            revoke_in(transaction, &child)
        })
        .await
}
