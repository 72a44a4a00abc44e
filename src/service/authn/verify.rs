//! Verifies, introspects and revokes tokens: for gateways, and for reports of leaked tokens.

use std::time::Instant;

use crate::domain::actor::{Actor, Request};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::Presentation;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::domain::node::RevocationNote;
use crate::domain::party::Party;
use crate::domain::permission::Permission;
use crate::domain::principal::{PrincipalKind, service_account_username};
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::authenticate::delay_refusal;
use crate::service::authn::refresh;
use crate::service::authn::revoke::revoke_in;
use crate::storage::credentials;
use crate::storage::principals::Existed;
use crate::storage::removals;

/// Verifies a token for a request from `address`, which counts as a use. For actors that may verify any token, or for
/// the token's own principal. A child that is bound to a key is refused, because no proof comes with it.
///
/// # Errors
/// [`Error::Forbidden`] when the actor may not ask about this token: checked first, so that the answer reveals nothing.
/// Otherwise the token's refusal.
pub async fn verify(service: &Service, asking: &Actor, presented: Presentation<'_>) -> Result<Actor> {
    may_ask(service, asking, presented.token).await?;
    service.verify(presented, Party::Actor(asking.id())).await
}

/// Like [`verify`], for gateways that cache the answer. It does not show how often the token is used, so nothing is
/// taken from its rate limit, nor from where, so a token bound to addresses is refused.
///
/// # Errors
/// Those of [`verify`], except for the rate limit.
pub async fn introspect(service: &Service, asking: &Actor, token: &str) -> Result<Actor> {
    may_ask(service, asking, token).await?;
    service.introspect(token, Party::Actor(asking.id())).await
}

/// Checks that the actor may ask about this token: its own, alive or not, or any with `VERIFY_TOKENS`.
async fn may_ask(service: &Service, asking: &Actor, token: &str) -> Result<()> {
    let began = Instant::now();
    match service.require(asking, Permission::VerifyTokens) {
        Err(refused) if service.holder(token, Party::Actor(asking.id())).await? != Some(asking.id()) => {
            delay_refusal(began).await;
            Err(refused)
        }
        _ => Ok(()),
    }
}

/// The result of reporting a leaked token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaked {
    /// The token was alive, and is revoked now.
    Revoked,
    /// The token was not alive.
    Dead,
}

/// Revokes a leaked token, reported by a client that can show it: of the token of an API key, the key is deleted; otherwise the
/// credential is, or the child is revoked, such as a short-lived secret of a key.
/// Notes no use, and no limit of the key prevents it. `finder` is GitHub, or the network of an anonymous client.
///
/// # Errors
/// When the storage fails.
pub async fn revoke_leaked(service: &Service, token: &str, finder: Party, request: Request) -> Result<Leaked> {
    let operator = Actor::operator(service.clock.now()).requesting(request);
    if let Some(child) = service.child_of(token, finder).await? {
        service.write_first(&operator, move |transaction| revoke_in(transaction, &child)).await?;
        return Ok(Leaked::Revoked);
    }
    if let Some(known) = refresh::find(service, token, finder).await? {
        known.end(service, &operator, Action::LeakedTokenRevoked).await?;
        return Ok(Leaked::Revoked);
    }
    let actor = match service.authenticate_unlimited(token, finder).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated(_)) => return Ok(Leaked::Dead),
        Err(error) => return Err(error),
    };
    let Some(credential) = actor.credential else { return Ok(Leaked::Dead) };
    service
        .write_first(&operator, move |transaction| {
            let id = actor.id();
            let existed = match credential.kind {
                TokenKind::ApiKey => removals::principal(transaction.connection, id, PrincipalKind::ServiceAccount)?,
                TokenKind::Personal | TokenKind::Session | TokenKind::Child | TokenKind::Refresh => {
                    credentials::delete(transaction.connection, credential.key_id)?
                }
            };
            if existed == Existed::No {
                return Ok(Leaked::Dead);
            }
            let name = match credential.kind {
                TokenKind::ApiKey => service_account_username(id),
                TokenKind::Personal | TokenKind::Session | TokenKind::Child | TokenKind::Refresh => {
                    actor.username().to_string()
                }
            };
            transaction.record(Action::LeakedTokenRevoked, ChangeSubject::Principal(id.uuid()), &name)?;
            Ok(Leaked::Revoked)
        })
        .await
}

/// Like [`revoke_leaked`], for anonymous clients. Timing side channel: neither the answer nor its time tells whether
/// the key id exists.
///
/// # Errors
/// When the storage fails.
pub async fn revoke_found(service: &Service, token: &str, network: Network, request: Request) -> Result<()> {
    let began = Instant::now();
    // The client learns nothing about what was waited for.
    let request = Request { acknowledged: RevocationNote::default(), ..request };
    revoke_leaked(service, token, Party::Network(network), request).await?;
    delay_refusal(began).await;
    Ok(())
}
