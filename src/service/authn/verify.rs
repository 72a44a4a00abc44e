//! Asking about tokens: for gateways, and for whoever finds one.

use std::net::IpAddr;
use std::time::Instant;

use crate::domain::actor::{Actor, Request};
use crate::domain::change::{Action, Subject};
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::permission::Permission;
use crate::domain::principal::{PrincipalKind, service_account_username};
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::authn::authenticate::hold;
use crate::storage::credentials;
use crate::storage::principals::Existed;
use crate::storage::removals;

/// Whom a token authenticates for a request from `address`: a use of it. Asked by who may ask about every token, or by
/// the token's own principal.
///
/// # Errors
/// [`Error::Forbidden`] when the actor may not ask about this token: that is checked first, so that the answer tells
/// nothing. Else the refusal of the token.
pub async fn verify(service: &Service, asking: &Actor, token: &str, address: Option<IpAddr>) -> Result<Actor> {
    may_ask(service, asking, token).await?;
    service.verify(token, address, Party::Actor(asking.id())).await
}

/// The same for whoever keeps the answer for a while: it says nothing of how often the token is used, so nothing is
/// taken from its rate limit, and nothing of where, so a token that is bound to addresses is refused.
///
/// # Errors
/// Those of [`verify`], but for the rate limit.
pub async fn introspect(service: &Service, asking: &Actor, token: &str) -> Result<Actor> {
    may_ask(service, asking, token).await?;
    service.introspect(token, Party::Actor(asking.id())).await
}

/// A principal may ask about its own tokens, also about those that are not alive any more.
async fn may_ask(service: &Service, asking: &Actor, token: &str) -> Result<()> {
    let began = Instant::now();
    match service.require(asking, Permission::VerifyTokens) {
        Err(refused) if service.holder(token, Party::Actor(asking.id())).await? != Some(asking.id()) => {
            hold(began).await;
            Err(refused)
        }
        _ => Ok(()),
    }
}

/// Whether a token that somebody found was alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaked {
    /// It was, and is no more.
    Revoked,
    /// It was not.
    Dead,
}

/// Revokes a token on the word of whoever can show it: an API key is deleted, any other credential is. No use is
/// noted, and no limit of the key protects it. `finder` is GitHub, or the network of a stranger.
///
/// # Errors
/// When the storage fails.
pub async fn revoke_leaked(service: &Service, token: &str, finder: Party, request: Request) -> Result<Leaked> {
    let actor = match service.recognise(token, finder).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated(_)) => return Ok(Leaked::Dead),
        Err(error) => return Err(error),
    };
    let Some(credential) = actor.credential else { return Ok(Leaked::Dead) };
    let operator = Actor::operator(service.clock.now()).requesting(request);
    service
        .write_first(&operator, move |transaction| {
            let id = actor.id();
            let existed = match credential.kind {
                TokenKind::ApiKey => removals::principal(transaction.connection, id, PrincipalKind::ServiceAccount)?,
                TokenKind::Personal | TokenKind::Session => {
                    credentials::delete(transaction.connection, credential.key_id)?
                }
            };
            if existed == Existed::No {
                return Ok(Leaked::Dead);
            }
            let name = match credential.kind {
                TokenKind::ApiKey => service_account_username(id),
                TokenKind::Personal | TokenKind::Session => actor.username().to_string(),
            };
            transaction.record(Action::LeakedTokenRevoked, Subject::Principal(id.uuid()), &name)?;
            Ok(Leaked::Revoked)
        })
        .await
}

/// The same for a stranger, to whom neither the answer nor its time tells whether the key id exists.
///
/// # Errors
/// When the storage fails.
pub async fn revoke_found(service: &Service, token: &str, network: Network, request: Request) -> Result<()> {
    let began = Instant::now();
    revoke_leaked(service, token, Party::Network(network), request).await?;
    hold(began).await;
    Ok(())
}
