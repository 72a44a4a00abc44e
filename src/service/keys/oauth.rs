//! The settings of API keys as OAuth clients: audiences, public keys, and the workloads that act as the key.

use super::api_keys::{self, bounds, not_found};
use crate::domain::actor::Actor;
use crate::domain::api_key::ApiKey;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::edition::Expected;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::oauth_client::{ClientSecret, OauthClient};
use crate::domain::permission::Permission;
use crate::domain::token::TokenKind;
use crate::service::authz::credentials::require_session;
use crate::service::authz::{containment, key_lineage};
use crate::service::children::Registered;
use crate::service::{Service, Transaction};
use crate::storage;
use crate::storage::principals::Existed;
use crate::storage::{credentials, oauth_clients};

/// The settings of an API key as an OAuth client.
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], also for a key that the actor does not see.
pub async fn get(service: &Service, actor: &Actor, id: PrincipalId) -> Result<OauthClient> {
    api_keys::get(service, actor, id).await?;
    service.read(move |connection| oauth_clients::get(connection, id)).await
}

/// The audiences that are registered for a client; a user has none.
///
/// # Errors
/// When the storage fails.
pub async fn audiences(service: &Service, client: &Actor) -> Result<Registered> {
    let name = client.client_id().map(|id| id.to_string());
    let Some(name) = name else {
        return Ok(Registered { client: client.username().to_string(), audiences: Vec::new() });
    };
    let id = client.id();
    let settings = service.look_up(move |connection| oauth_clients::get(connection, id)).await?;
    Ok(Registered { client: name, audiences: settings.audiences })
}

/// Replaces the settings of an API key as an OAuth client. A public key or a trust rule is as good as the key's token,
/// so only a user who may hold that token may add one: trust must not spread from program to program. `secret` stays as it is if
/// it is `None`.
///
/// # Errors
/// `Forbidden` when the actor is no user with a session, may not manage the key, or adds something and the key reaches more
/// than the actor; `NotFound`; `Changed` when the edition is not the expected one; a violation for a wrong `secret`.
pub async fn replace(
    service: &Service,
    actor: &Actor,
    id: PrincipalId,
    client: OauthClient,
    secret: Option<ClientSecret>,
    expected: Expected,
) -> Result<OauthClient> {
    service.require(actor, Permission::ManageApiKeys)?;
    require_session(actor)?;
    service
        .write(actor, move |transaction| {
            if storage::api_keys::touch(transaction.connection, id, transaction.now)? == Existed::No {
                return Err(not_found(id));
            }
            // Serialises with what gives the key something, which looks at who added its public keys.
            storage::principals::lock_by_id(transaction.connection, id)?;
            let key = storage::api_keys::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            let before = oauth_clients::get(transaction.connection, id)?;
            key_lineage::may_manage_key(transaction, id)?;
            containment::may_change(transaction, id)?;
            expected.check(&before.edition())?;
            let client = client.clone().with_secret(secret, &before)?.with_adder(transaction.actor.id(), &before);
            if !client.is_within(&before) {
                containment::may_take_over(transaction, id, &bounds(&key))?;
            }
            oauth_clients::replace(transaction.connection, id, &client, transaction.now)?;
            if client.secret != before.secret {
                give_up_token(transaction, &key)?;
            }
            transaction.record(Action::ApiKeyOauthReplaced, ChangeSubject::Principal(id.uuid()), &key.display_name)?;
            Ok(client)
        })
        .await
}

/// Ends the token of an API key and the secrets beside it, with everything derived from them. Children need a parent, so the key
/// keeps a credential, of which no client ever sees the token.
fn give_up_token(transaction: &mut Transaction<'_>, key: &ApiKey) -> Result<()> {
    credentials::delete_all(transaction.connection, key.id, TokenKind::ApiKey)?;
    let _unseen_token = api_keys::issue(transaction, key.id)?;
    transaction.record(Action::ApiKeyTokenRemoved, ChangeSubject::Principal(key.id.uuid()), &key.display_name)
}
