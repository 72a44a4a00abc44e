//! What Tessera remembers: the only place that knows SQL. One file per table or pair of tables that live together.

pub mod access_tokens;
pub mod api_keys;
pub mod aspects;
pub mod assets;
pub mod candidates;
pub mod changes;
pub mod create_requests;
pub mod credentials;
pub mod database;
pub mod errand;
pub mod familiar_networks;
pub mod feed;
mod folded;
pub mod holds;
pub mod installation;
pub mod invites;
mod key_counts;
pub mod listing;
pub mod peppers;
pub mod permission_uses;
pub mod personas;
pub mod policies;
mod policy_users;
pub mod principals;
pub mod profiles;
pub mod removals;
mod rows;
pub mod schema;
pub mod search;
pub mod search_terms;
pub mod service_accounts;
pub mod standings;
pub mod url;
pub mod users;

/// How many values one `IN` takes; SQLite has a limit.
const MANY: usize = 500;

diesel::define_sql_function! {
    /// Folds the case of ASCII letters: of them only, as text has the C collation on PostgreSQL. So it is for names that
    /// have no others.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// Always true, unless the time of the statement is up, which fails it: SQLite, which has no time limit of its own, is
    /// so given one that is looked at on every row.
    fn in_time(id: diesel::sql_types::Text) -> diesel::sql_types::Bool;
}

/// A map as JSON. Its keys are text, so nothing can go wrong.
fn json(map: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::to_string(map).unwrap_or_default()
}
