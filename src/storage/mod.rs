//! Persistent storage: the only module that contains SQL. One file for each table or pair of related tables.

pub mod access_tokens;
pub mod api_keys;
pub mod aspects;
pub mod assets;
pub mod backup;
pub mod candidates;
pub mod changes;
pub mod create_requests;
pub mod credentials;
pub mod database;
pub mod device_authorizations;
pub mod familiar_networks;
pub mod feed;
mod folded;
pub mod holds;
pub mod identities;
pub mod installation;
pub mod invitation_links;
mod key_counts;
pub mod key_networks;
mod key_rows;
pub mod listing;
pub mod log;
pub mod nodes;
pub mod oauth_clients;
pub mod open_invitations;
pub mod peppers;
pub mod permission_uses;
pub mod personas;
pub mod policies;
mod policy_users;
mod postgres_url;
pub mod principals;
pub mod profiles;
pub mod provider_sessions;
pub mod refresh_tokens;
pub mod removals;
pub mod revoked_children;
mod rows;
pub mod schema;
pub mod search;
pub mod search_terms;
pub mod service_accounts;
pub mod session_origins;
pub mod signing_keys;
pub mod standings;
pub mod states;
pub mod task;
pub mod url;
pub mod usage;
pub mod used_once;
pub mod users;

/// The most values in one `IN` list; SQLite has a limit.
const MANY: usize = 500;

diesel::define_sql_function! {
    /// Lower-cases ASCII letters only, because text has the collation `C` on PostgreSQL. For names that have no other
    /// letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// Always true until the task must end, then it fails the statement. It gives SQLite, which has no statement
    /// timeout, one that is checked on every row.
    fn in_time(id: diesel::sql_types::Text) -> diesel::sql_types::Bool;
}

diesel::define_sql_function! {
    /// Whether a name matches one of the patterns in a JSON array, which are written as for `LIKE` with the escape
    /// character `\\`. The array is one parameter, because the number of parameters is limited.
    fn is_like_any(
        name: diesel::sql_types::Nullable<diesel::sql_types::Text>,
        patterns: diesel::sql_types::Text,
    ) -> diesel::sql_types::Bool;
}

diesel::define_sql_function! {
    /// [`root_of`](crate::domain::asset::root_of).
    fn root_of(name: diesel::sql_types::Nullable<diesel::sql_types::Text>)
        -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// A map as JSON. Its keys are text, so serialising cannot fail.
fn json(map: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::to_string(map).unwrap_or_default()
}
