//! Tokens of programs without a credential of their own: public clients, which users have approved.

use std::time::Instant;

use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::authenticate::delay_refusal;
use crate::service::authn::revoke::revoke_in;
use crate::service::authn::sessions;
use crate::service::authn::sign_ins::Origin;

/// Ends a token that a program without a credential holds: a child that was issued to this client, or a session. With a session's
/// token its holder can sign out in any case, so it does not matter which program has it. Any other text counts as ended.
///
/// # Errors
/// When the storage fails.
pub async fn revoke(service: &Service, client: &str, token: &str, origin: Origin) -> Result<()> {
    let (began, party) = (Instant::now(), Party::Network(Network::of(origin.address)));
    let actor = match service.authenticate_unlimited(token, party).await {
        Ok(actor) => actor.from(origin.address).requesting(origin.request),
        Err(Error::Unauthenticated(_)) => {
            // Neither the answer nor its time tells a stranger whether the key id exists.
            delay_refusal(began).await;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match (actor.child.clone(), actor.credential) {
        (Some(child), _) if child.client == client => {
            service.write_first(&actor, move |transaction| revoke_in(transaction, &child)).await
        }
        (None, Some(credential)) if credential.kind == TokenKind::Session => sessions::end(service, &actor).await,
        _ => Ok(()),
    }
}
