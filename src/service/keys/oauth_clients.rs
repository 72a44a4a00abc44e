//! OAuth clients, as Atlan's SDKs manage them: API keys by another name. `api_keys.rs` creates, lists and deletes them.

use crate::domain::actor::Actor;
use crate::domain::api_key::{ApiKey, ApiKeyUpdate};
use crate::domain::edition::Expected;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName};
use crate::service::Service;
use crate::service::keys::api_keys;

/// Changes the name, the description or both, and nothing else.
///
/// # Errors
/// Those of [`api_keys::update`]; [`Error::Changed`] when another request changes the key at the same time.
pub async fn describe(
    service: &Service,
    actor: &Actor,
    id: PrincipalId,
    name: Option<DisplayName>,
    description: Option<Description>,
) -> Result<ApiKey> {
    service.require(actor, Permission::ManageApiKeys)?;
    let key = api_keys::get(service, actor, id).await?;
    let update = key.unchanged().map_err(|message| Error::Internal(message.into()))?;
    let update = ApiKeyUpdate {
        display_name: name.unwrap_or(update.display_name),
        description: description.unwrap_or(update.description),
        ..update
    };
    api_keys::update(service, actor, id, update, Expected::OneOf(vec![key.edition()])).await
}
