//! Client secrets: short-lived tokens of an API key beside its own.
//!
//! Atlan's SDKs ask for the secret of a key. Only its digest is stored, so they get a new one: a child of the key, in which who asked
//! for it acts. So it ends with the key's token, with the credential that it was asked for with, and with the child that
//! it was asked for with; and nothing lasting is created with it.

use crate::domain::actor::{Actor, PresentedCredential};
use crate::domain::api_key::Status;
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::USUAL_LIFE;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::principal::{client_id, service_account_username};
use crate::domain::token::Token;
use crate::service::Service;
use crate::service::authz::credentials::require_client;
use crate::service::authz::{containment, key_lineage};
use crate::service::children::{Form, NotMinted, Wanted, mint};
use crate::service::keys::api_keys::{bounds, not_found, require_secret};
use crate::storage::{api_keys, credentials, principals};

/// Makes a secret of an API key: it authenticates the key as the key's own token does, for ten minutes, or until the key or
/// the actor's own credential ends. `issuer` is the URL of this server.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] when the actor may not manage the key, others act for it, it is bound to a key, or it
/// reaches less than the key; [`Error::Conflict`] for an expired key, and for a key that has given up its token.
pub async fn create(service: &Service, actor: &Actor, id: PrincipalId, issuer: String) -> Result<Token> {
    service.require(actor, Permission::ManageApiKeys)?;
    require_client(actor)?;
    let known = service
        .write(actor, move |transaction| {
            let now = transaction.now;
            principals::lock(transaction.connection, &service_account_username(id))?;
            let key = api_keys::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            key_lineage::may_manage_key(transaction, id)?;
            let actor_ends = containment::bounds(transaction.connection, transaction.actor)?.expires_at;
            let expires_at = (now + USUAL_LIFE).min(key.expires_at).min(actor_ends);
            containment::may_take_over(transaction, id, &Bounds { expires_at, ..bounds(&key) })?;
            if Status::of(key.expires_at, now) == Status::Expired {
                return Err(Error::Conflict("the API key has expired".to_owned()));
            }
            require_secret(transaction.connection, id)?;
            let known = credentials::find_of_api_key(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            transaction.record(Action::ApiKeySecretCreated, ChangeSubject::Principal(id.uuid()), &key.display_name)?;
            Ok(known)
        })
        .await?;
    let mut key = Actor::trusted(known.standing);
    let credential = known.credential;
    key.credential = Some(PresentedCredential {
        kind: credential.kind,
        key_id: credential.key_id,
        expires_at: credential.expires_at,
    });
    let wanted = Wanted { form: Form::ClientSecret, ..Wanted::everything(issuer, client_id(id)) };
    let minted = mint(service, &key, Some(actor), wanted).await.map_err(|reason| match reason {
        NotMinted::Scope(message) | NotMinted::Target(message) | NotMinted::Request(message) => {
            Error::Forbidden(message)
        }
        NotMinted::Failed(error) => error,
    })?;
    Ok(minted.token)
}
