//! Who may create credentials, and for whom.

use crate::domain::access_token::{AccessTokenKind, NewAccessToken};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::permission::Permission;
use crate::domain::token::TokenKind;
use crate::service::Service;

/// Checks that an actor does not act with a child. A credential that is created with a child would outlive the child's
/// revocation; and it would count as the subject's own, without the bounds of the child and of those who act with it.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn require_no_child(actor: &Actor) -> Result<()> {
    if actor.child.is_none() {
        return Ok(());
    }
    let message = format!(
        "`{}` acts with a token from the token endpoint, which creates no API keys or access tokens: they would outlive it. \
         Act with the credential that it is derived from",
        actor.username()
    );
    Err(Error::Forbidden(message))
}

/// Checks that an actor may ask for client secrets: nobody acts for it, because its subject would seem to have asked; and its token
/// is bound to no key, because a client secret would not be. A client secret ends with the child that it is asked for with, so a
/// client that has signed in with its own secret may get one.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn require_client(actor: &Actor) -> Result<()> {
    let Some(child) = &actor.child else { return Ok(()) };
    let why = if !child.actors.is_empty() {
        "others act with"
    } else if child.proof_key.is_some() {
        "a key is needed for"
    } else {
        return Ok(());
    };
    let username = actor.username();
    Err(Error::Forbidden(format!("{why} this token of `{username}`, which creates no client secrets")))
}

/// Checks the permission to create an access token: a user for itself, with `MANAGE_ACCESS_TOKENS` for any user, with
/// `MANAGE_SERVICE_ACCOUNTS` for any service account.
///
/// # Errors
/// [`Error::Forbidden`], the same for existing and missing names.
pub(in crate::service) fn may_create_access_token(
    service: &Service,
    actor: &Actor,
    new: &NewAccessToken,
) -> Result<()> {
    require_no_child(actor)?;
    match new.kind {
        AccessTokenKind::ServiceAccount => service.require(actor, Permission::ManageServiceAccounts),
        AccessTokenKind::Personal if new.actor == actor.username().to_string() => require_access_tokens(service, actor),
        AccessTokenKind::Personal => service.require(actor, Permission::ManageAccessTokens),
    }
}

/// Checks the permission to create and list the actor's own access tokens.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn require_access_tokens(service: &Service, actor: &Actor) -> Result<()> {
    if manages_access_tokens(actor) {
        return Ok(());
    }
    service.require(actor, Permission::GeneratePersonalAccessTokens)
}

/// Whether an actor manages the access tokens of all principals.
pub(in crate::service) fn manages_access_tokens(actor: &Actor) -> bool {
    actor.permissions().contains(Permission::ManageAccessTokens)
}

/// Checks that an actor is a user who has signed in: only such a user decides with which public keys and workloads
/// programs act as an API key, so that trust does not spread from program to program.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn require_session(actor: &Actor) -> Result<()> {
    if actor.credential.is_some_and(|credential| credential.kind == TokenKind::Session) {
        return Ok(());
    }
    let message = "the OAuth settings of an API key are changed by users who have signed in: an API key or an access token \
                   cannot decide who acts as a key";
    Err(Error::Forbidden(message.to_owned()))
}
