//! A key as lists and pages show it.

use crate::domain::api_key::ApiKey;
use crate::domain::persona::PersonaRef;
use crate::domain::principal::client_id;
use crate::http::console::status::Status;
use crate::http::console::words::DisplayTime;

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
}

impl Row {
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
        }
    }
}
