//! DataHub's wire format: GraphQL, signing in with cookies, and the REST calls of its SDK and its command line.
//!
//! It is a second door into the same room: the same actors, credentials and use cases as Atlan's.

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

pub use self::settings::Settings;
#[cfg(feature = "fuzzing")]
pub use self::urn::{of_role, of_token, of_user, role, token_id, username};

/// The first segments of the paths of this door, but for GraphQL's.
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

/// Whether a path belongs to this door, so that its errors have DataHub's body.
#[must_use]
pub fn owns(path: &str) -> bool {
    let path = path.trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    SEGMENTS.contains(&first) || path == "api/graphql" || path == "api/v2/graphql"
}
