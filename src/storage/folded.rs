//! Fills the case-folded columns for rows that are older than these columns.

use crate::domain::text::fold;
use diesel::migration::MigrationVersion;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// The version of the migration that adds these columns.
const VERSION: &str = "20261128200500";

/// The tables and their columns that have a `<column>_folded`.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("api_keys", &["description"]),
    ("personas", &["name", "display_name"]),
    ("users", &["email"]),
    ("service_accounts", &["display_name"]),
    ("access_tokens", &["name", "description"]),
    ("changes", &["subject_name"]),
];

/// The version of the migration after which the names of personas are folded among the search terms.
const TERMS_VERSION: &str = "20261129010500";

/// The columns of personas that they are found by, and the search terms of those.
const TERMS: [(&str, &str); 2] = [("name", "name"), ("display_name", "displayName")];

/// A text to fold, and the id of its row.
#[derive(QueryableByName)]
pub(super) struct Unfolded {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    value: String,
}

/// The names of migrations that have run.
pub(super) fn names(run: &[MigrationVersion<'_>]) -> Vec<String> {
    run.iter().map(ToString::to_string).collect()
}

/// The statements that fold what the migrations that have just run could not: the texts that have letters beyond ASCII, which
/// `load` reads. They are written out because the connection of a migration is one of two types, and only text fits both.
///
/// # Errors
/// Those of `load`.
pub(super) fn statements(
    run: &[String],
    mut load: impl FnMut(String) -> QueryResult<Vec<Unfolded>>,
) -> QueryResult<String> {
    let is_new = |wanted: &str| run.iter().any(|version| version == wanted);
    let mut statements = Vec::new();
    let mut rows = |table: &str, column: &str| {
        load(format!("SELECT id, {column} AS value FROM {table} WHERE octet_length({column}) <> length({column})"))
    };
    for (table, columns) in COLUMNS.iter().filter(|_| is_new(VERSION)) {
        for column in *columns {
            for Unfolded { id, value } in rows(table, column)? {
                let (folded, id) = (quoted(&fold(&value)), quoted(&id));
                statements.push(format!("UPDATE {table} SET {column}_folded = {folded} WHERE id = {id};\n"));
            }
        }
    }
    for (column, term) in TERMS.iter().filter(|_| is_new(TERMS_VERSION)) {
        for Unfolded { id, value } in rows("personas", column)? {
            let (folded, id) = (quoted(&fold(&value)), quoted(&id));
            statements.push(format!(
                "UPDATE search_terms SET value = {folded} WHERE entity_id = {id} AND field = '{term}';\n"
            ));
        }
    }
    Ok(statements.concat())
}

/// A text as an SQL literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
