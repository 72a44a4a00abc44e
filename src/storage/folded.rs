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

/// Whether that migration has just run.
pub(super) fn are_new(run: &[MigrationVersion<'_>]) -> bool {
    run.iter().any(|version| version.to_string() == VERSION)
}

/// A text to fold, and the id of its row.
#[derive(QueryableByName)]
pub(super) struct Unfolded {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    value: String,
}

/// The statements that fold texts with non-ASCII letters, which the migration could not fold; `load` reads them. They
/// are plain SQL because a migration's connection is of either type, and only text fits both.
///
/// # Errors
/// Those of `load`.
pub(super) fn statements(mut load: impl FnMut(String) -> QueryResult<Vec<Unfolded>>) -> QueryResult<String> {
    let mut statements = String::new();
    for (table, columns) in COLUMNS {
        for column in columns {
            let beyond_ascii = format!("octet_length({column}) <> length({column})");
            for row in load(format!("SELECT id, {column} AS value FROM {table} WHERE {beyond_ascii}"))? {
                let (folded, id) = (quoted(&fold(&row.value)), quoted(&row.id));
                statements.extend([
                    "UPDATE ",
                    table,
                    " SET ",
                    column,
                    "_folded = ",
                    &folded,
                    " WHERE id = ",
                    &id,
                    ";\n",
                ]);
            }
        }
    }
    Ok(statements)
}

/// A text as an SQL literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
