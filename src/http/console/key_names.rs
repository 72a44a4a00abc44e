//! The display names of API keys, for pages that know their ids or user names.

use std::collections::HashMap;

use super::SignedInRequest;
use crate::domain::fields::ApiKeyField;
use crate::domain::filter::{Filter, Test, Value};
use crate::domain::ids::PrincipalId;
use crate::domain::listing::{MAX_LIMIT, Query, Sort, Start, Totals};
use crate::domain::principal::{CLIENT_ID_PREFIX, SERVICE_ACCOUNT_PREFIX};
use crate::http::problem::Failure;
use crate::service::keys::api_keys;

/// The display names of the API keys with these ids, as far as the user sees them.
///
/// # Errors
/// When the storage fails.
pub async fn names(request: &SignedInRequest, ids: &[PrincipalId]) -> Result<HashMap<PrincipalId, String>, Failure> {
    let mut names = HashMap::new();
    for some in ids.chunks(usize::try_from(MAX_LIMIT).unwrap_or(1)) {
        let values = some.iter().map(|id| Value::Text(id.to_string())).collect();
        let query = Query {
            filter: Filter::Test(ApiKeyField::Id, Test::OneOf(values)),
            sort: Sort::parse("")?,
            limit: MAX_LIMIT,
            start: Start::Offset(0),
            totals: Totals::Skipped,
        };
        let found = api_keys::list(&request.state.service, &request.actor, query).await?;
        names.extend(found.records.into_iter().map(|key| (key.id, key.display_name)));
    }
    Ok(names)
}

/// The key with this user name; `None` if it is not a key's.
pub fn key_of(username: &str) -> Option<PrincipalId> {
    PrincipalId::parse(username.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.strip_prefix(CLIENT_ID_PREFIX)?)
}
