//! Client secrets: short-lived tokens of an API key beside its own.
//!
//! Atlan's SDKs ask for the secret of a key. Only its digest is stored, so they get a new one.

use crate::clock::MINUTE;
use crate::domain::actor::Actor;
use crate::domain::api_key::Status;
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::principal::service_account_username;
use crate::domain::token::{Token, TokenKind};
use crate::service::Service;
use crate::service::authz::containment;
use crate::service::authz::credentials::require_undelegated;
use crate::service::keys::api_keys::{bounds, not_found, require_secret};
use crate::storage::{api_keys, credentials, principals};

/// How long a secret works, in milliseconds.
const LIFE: i64 = 10 * MINUTE;
/// The most secrets of one API key that work at the same time.
const MOST: usize = 10;

/// Makes a secret of an API key: it authenticates the key as the key's own token does, for ten minutes, or until the key or
/// the actor's own credential expires. It is removed together with the key's token.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] when the actor may not manage the key, others act for it, or it reaches less than the key;
/// [`Error::Conflict`] for an expired key, for a key that has given up its token, and when the key has as many secrets as it may.
pub async fn create(service: &Service, actor: &Actor, id: PrincipalId) -> Result<Token> {
    service.require(actor, Permission::ManageApiKeys)?;
    require_undelegated(actor)?;
    service
        .write(actor, move |transaction| {
            let now = transaction.now;
            principals::lock(transaction.connection, &service_account_username(id))?;
            let key = api_keys::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            containment::may_manage_key(transaction, id)?;
            let actor_ends = containment::bounds(transaction.connection, transaction.actor)?.expires_at;
            let expires_at = (now + LIFE).min(key.expires_at).min(actor_ends);
            containment::may_take_over(transaction, id, &Bounds { expires_at, ..bounds(&key) })?;
            if Status::of(key.expires_at, now) == Status::Expired {
                return Err(Error::Conflict("the API key has expired".to_owned()));
            }
            require_secret(transaction.connection, id)?;
            credentials::delete_expired(transaction.connection, id, TokenKind::ApiKey, now)?;
            // The key's own token is one of them.
            if credentials::count_alive(transaction.connection, id, TokenKind::ApiKey, now)? > MOST {
                let message = format!("the API key has {MOST} short-lived secrets already: wait until one has expired");
                return Err(Error::Conflict(message));
            }
            let (token, credential) = transaction.service.mint(TokenKind::ApiKey, id, now, expires_at)?;
            credentials::insert(transaction.connection, &credential)?;
            transaction.record(Action::ApiKeySecretCreated, ChangeSubject::Principal(id.uuid()), &key.display_name)?;
            Ok(token)
        })
        .await
}
