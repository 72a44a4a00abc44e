//! Columns that hold text with case folded away, filled for the rows that are older than the columns.

use crate::domain::text::fold;
use diesel::migration::MigrationVersion;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// The version of the migration that adds these columns.
const VERSION: &str = "20261128200500";

/// Tables with the columns that are folded into `<column>_folded`.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("api_keys", &["description"]),
    ("personas", &["name", "display_name"]),
    ("users", &["email"]),
    ("service_accounts", &["display_name"]),
    ("access_tokens", &["name", "description"]),
    ("changes", &["subject_name"]),
];

/// Whether that migration is among those that have just run.
pub(super) fn are_new(run: &[MigrationVersion<'_>]) -> bool {
    run.iter().any(|version| version.to_string() == VERSION)
}

/// A text to fold, and where it is.
#[derive(QueryableByName)]
pub(super) struct Unfolded {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    value: String,
}

/// The statements that fold what the migration could not: the texts that have letters beyond ASCII, which `load` reads.
/// They are written out because the connection of a migration is one of two types, and only text fits both.
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

/// A text as SQL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
