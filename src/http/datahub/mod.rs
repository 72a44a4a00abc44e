//! DataHub's wire format: GraphQL, cookie sessions, and the REST calls of its SDK and command line.
//!
//! It uses the same actors, credentials and use cases as Atlan's door.

pub mod aliases;
pub mod aspects;
pub mod caller;
pub mod config;
pub mod entities;
pub mod graphql;
pub mod login;
pub mod operations;
mod proposals;
pub mod settings;
mod urn;

pub use self::settings::DoorRules;
#[cfg(feature = "fuzzing")]
pub use self::urn::{of_role, of_token, of_user, role, token_id, username};

/// The first segments of this door's paths, except GraphQL's.
const SEGMENTS: [&str; 11] = [
    "config",
    "health",
    "admin",
    "logIn",
    "logOut",
    "signUp",
    "authenticate",
    "entities",
    "entitiesV2",
    "aspects",
    "openapi",
];

/// Whether a path belongs to this door; its errors then have DataHub's body.
#[must_use]
pub fn owns(path: &str) -> bool {
    let path = path.trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    SEGMENTS.contains(&first) || path == "api/graphql" || path == "api/v2/graphql"
}
