//! A key as lists and pages show it.

use std::collections::{HashMap, HashSet};

use crate::domain::api_key::ApiKey;
use crate::domain::ids::PrincipalId;
use crate::domain::persona::PersonaRef;
use crate::domain::principal::client_id;
use crate::http::console::SignedInRequest;
use crate::http::console::key_names::{self, key_of};
use crate::http::console::status::Status;
use crate::http::console::words::DisplayTime;
use crate::http::problem::Failure;

/// A key, in words.
pub struct Row {
    pub id: String,
    pub client_id: String,
    pub name: String,
    pub description: String,
    pub status: Status,
    pub personas: Vec<PersonaRef>,
    pub created: Option<DisplayTime>,
    pub expires: Option<DisplayTime>,
    pub last_used: Option<DisplayTime>,
    pub use_count: i64,
    pub created_by: String,
    /// The page of its creator, if that is an API key that the user sees.
    pub creator_link: Option<String>,
}

impl Row {
    /// These keys, in words, with the names of the keys that created them.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn all(request: &SignedInRequest, keys: Vec<ApiKey>) -> Result<Vec<Self>, Failure> {
        let creators: HashSet<PrincipalId> = keys.iter().filter_map(|key| key_of(&key.created_by)).collect();
        let names = key_names::names(request, &creators.into_iter().collect::<Vec<_>>()).await?;
        let now = request.now();
        Ok(keys.into_iter().map(|key| Self::of(key, now).with_creator(&names)).collect())
    }

    fn with_creator(mut self, names: &HashMap<PrincipalId, String>) -> Self {
        if let Some((id, name)) = key_of(&self.created_by).and_then(|id| names.get(&id).map(|name| (id, name))) {
            self.creator_link = Some(format!("keys/{id}"));
            self.created_by.clone_from(name);
        }
        self
    }

    pub fn of(key: ApiKey, now: i64) -> Self {
        Self {
            id: key.id.to_string(),
            client_id: client_id(key.id),
            name: key.display_name,
            description: key.description,
            status: Status::of(key.expires_at, now),
            personas: key.personas,
            created: DisplayTime::of(key.created_at, now),
            expires: DisplayTime::of(key.expires_at, now),
            last_used: DisplayTime::of(key.last_used_at, now),
            use_count: key.use_count,
            created_by: key.created_by,
            creator_link: None,
        }
    }
}
