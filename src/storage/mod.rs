//! What Tessera remembers: the only place that knows SQL. One file per table or pair of tables that live together.

pub mod api_keys;
pub mod changes;
pub mod create_requests;
pub mod credentials;
pub mod database;
mod key_counts;
mod listing;
pub mod peppers;
pub mod personas;
pub mod principals;
pub mod schema;
pub mod url;
pub mod users;

/// How many values one `IN` takes; SQLite has a limit.
const MANY: usize = 500;

diesel::define_sql_function! {
    /// Folds the case of ASCII letters: of them only, as text has the C collation on PostgreSQL.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// Puts one text for every occurrence of another.
    fn replace(text: diesel::sql_types::Text, from: diesel::sql_types::Text, to: diesel::sql_types::Text) -> diesel::sql_types::Text;
}
