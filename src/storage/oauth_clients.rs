//! The settings of API keys as OAuth clients.

use diesel::prelude::*;

use super::database::{AnyConnection, storage};
use super::schema::oauth_clients;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::oauth_client::OauthClient;

/// The settings of an API key; the default for one without any, and for an id that no key has.
///
/// # Errors
/// When the storage fails.
pub fn get(connection: &mut AnyConnection, key: PrincipalId) -> Result<OauthClient> {
    let row = oauth_clients::table.find(key.to_string()).select(oauth_clients::settings);
    let settings: Option<String> = row.get_result(connection).optional()?;
    settings.map_or_else(|| Ok(OauthClient::default()), |text| serde_json::from_str(&text).map_err(storage))
}

/// Replaces the settings of an API key. The caller must hold the lock on the key.
///
/// # Errors
/// When the storage fails.
pub fn replace(connection: &mut AnyConnection, key: PrincipalId, client: &OauthClient, now: i64) -> Result<()> {
    diesel::delete(oauth_clients::table.find(key.to_string())).execute(connection)?;
    let row = (
        oauth_clients::principal_id.eq(key.to_string()),
        oauth_clients::settings.eq(serde_json::to_string(client).map_err(storage)?),
        oauth_clients::updated_at.eq(now),
    );
    diesel::insert_into(oauth_clients::table).values(row).execute(connection)?;
    Ok(())
}
