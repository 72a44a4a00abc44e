//! Exports of tables: CSV that is safe to open in a spreadsheet, and JSON.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use serde_json::{Map, Value};

use super::SignedInRequest;
use crate::domain::error::{Result, Violation};
use crate::domain::listing::{MAX_LIMIT, Page, Query, Start};
use crate::http::problem::Failure;

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
}

impl Format {
    /// The format with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        [Self::Csv, Self::Json].into_iter().find(|format| format.name() == name)
    }

    /// The name, which is also the file extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// The most rows of an export.
const EXPORTED: usize = 10_000;

/// The most bytes in the cells of an export: it is held in memory until the client has read it.
const LENGTH: usize = 8 << 20;

/// The rows of an export, up to [`EXPORTED`].
pub struct Rows<const N: usize> {
    cells: Vec<[String; N]>,
    length: usize,
    is_cut: bool,
}

impl<const N: usize> Default for Rows<N> {
    fn default() -> Self {
        Self { cells: Vec::new(), length: 0, is_cut: false }
    }
}

impl<const N: usize> Rows<N> {
    /// Whether there is room for more rows.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.cells.len() < EXPORTED
    }

    /// Notes that there are more rows than the export has.
    pub fn leave_out_the_rest(&mut self) {
        self.is_cut = true;
    }

    /// Adds rows.
    ///
    /// # Errors
    /// A violation when the cells have more than [`LENGTH`] bytes.
    pub fn add(&mut self, rows: impl Iterator<Item = [String; N]>) -> Result<(), Violation> {
        for row in rows.take(EXPORTED - self.cells.len()) {
            self.length += row.iter().map(String::len).sum::<usize>();
            if self.length > LENGTH {
                let message = format!("the export has more than {} MiB: narrow the filters", LENGTH >> 20);
                return Err(Violation::new("format", message));
            }
            self.cells.push(row);
        }
        Ok(())
    }

    /// Answers with a table as a download. The file is called `name` plus the extension; if rows are left out, its name tells
    /// how many it has: `keys-first-10000.csv`.
    #[must_use]
    pub fn file(&self, format: Format, name: &str, columns: &[&str; N]) -> HttpResponse {
        let cut = if self.is_cut { format!("-first-{}", self.cells.len()) } else { String::new() };
        HttpResponse::Ok()
            .content_type(format.media_type())
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}{cut}.{}\"", format.name())))
            .body(table(format, columns, &self.cells))
    }
}

/// `GET …/export/{format}`: all records of a list, as far as [`EXPORTED`] and [`LENGTH`] allow. `query` has the filters and the
/// sort; `list` reads a page of it.
///
/// # Errors
/// Those of `list`; a violation when the file would be too long; [`Failure`] when too many exports run.
pub async fn export<F, R, const N: usize>(
    request: &SignedInRequest,
    (format, name): (Format, &str),
    columns: &[&str; N],
    mut query: Query<F>,
    list: impl AsyncFn(Query<F>) -> Result<Page<R>>,
    cells: impl Fn(&R) -> [String; N],
) -> Result<HttpResponse, Failure>
where
    Query<F>: Clone,
{
    query.limit = MAX_LIMIT;
    let _place = request.state.fan_outs.take(&request.actor)?;
    let mut rows = Rows::default();
    loop {
        let found = list(query.clone()).await?;
        rows.add(found.records.iter().map(&cells))?;
        match found.next {
            Some(next) if rows.has_room() => query.start = Start::After(next),
            Some(_) => {
                rows.leave_out_the_rest();
                break;
            }
            None => break,
        }
    }
    Ok(rows.file(format, name, columns))
}

/// Writes a table with these columns.
fn table<const N: usize>(format: Format, columns: &[&str; N], rows: &[[String; N]]) -> String {
    match format {
        Format::Csv => {
            let head = columns.map(str::to_owned);
            std::iter::once(&head).chain(rows).map(|row| line(row)).collect()
        }
        Format::Json => {
            let object = |row: &[String; N]| -> Map<String, Value> {
                columns.iter().zip(row).map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str()))).collect()
            };
            rows.iter().map(object).collect::<Value>().to_string()
        }
    }
}

fn line(row: &[String]) -> String {
    let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
    cells.join(",") + "\r\n"
}

/// A quoted CSV cell. Formula injection guard: a text that could be a formula, or begins with an apostrophe, gets an
/// apostrophe in front, which spreadsheets do not show.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cells of a line, read as docs/console.md says: unquoted, and without one apostrophe at the beginning.
    fn read(line: &str) -> Vec<String> {
        let inner = line.strip_prefix('"').unwrap().strip_suffix("\"\r\n").unwrap();
        let mut cells = vec![String::new()];
        let mut rest = inner;
        while let Some(first) = rest.chars().next() {
            rest = if let Some(after) = rest.strip_prefix("\"\"") {
                cells.last_mut().unwrap().push('"');
                after
            } else if let Some(after) = rest.strip_prefix("\",\"") {
                cells.push(String::new());
                after
            } else {
                cells.last_mut().unwrap().push(first);
                &rest[first.len_utf8()..]
            };
        }
        cells.into_iter().map(|cell| cell.strip_prefix('\'').map(str::to_owned).unwrap_or(cell)).collect()
    }

    proptest! {
        #[test]
        fn what_is_exported_is_read_back_unchanged(row in prop::collection::vec("[-=+@'\",\t\r\na-c€]{0,6}", 1..5)) {
            prop_assert_eq!(read(&line(&row)), row);
        }
    }

    #[test]
    fn an_export_without_every_row_says_so_in_its_name() {
        let name = |rows: &Rows<1>| {
            let file = rows.file(Format::Csv, "keys", &["a"]);
            file.headers().get(CONTENT_DISPOSITION).unwrap().to_str().unwrap().to_owned()
        };
        let mut rows = Rows::default();
        rows.add([["x".to_owned()]].into_iter()).unwrap();
        assert_eq!(name(&rows), "attachment; filename=\"keys.csv\"");
        rows.leave_out_the_rest();
        assert_eq!(name(&rows), "attachment; filename=\"keys-first-1.csv\"");
    }

    #[test]
    fn no_cell_is_a_formula() {
        let evil = ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "'x"].map(str::to_owned);
        let text = table(Format::Csv, &["a"; 7], &[evil]);
        let row = text.lines().nth(1).unwrap_or_default().to_owned() + text.lines().nth(2).unwrap_or_default();
        assert_eq!(row.matches("\"'").count(), 7, "{text:?}");
        assert_eq!(cell("say \"hi\", ok"), "\"say \"\"hi\"\", ok\"");
    }

    #[test]
    fn an_export_is_bounded_in_rows_and_bytes() {
        let mut rows = Rows::default();
        rows.add((0..=EXPORTED).map(|_| ["x".to_owned()])).unwrap();
        assert_eq!((rows.cells.len(), rows.has_room()), (EXPORTED, false));
        let mut rows = Rows::default();
        let refused = rows.add((0..9).map(|_| ["x".repeat(1 << 20)])).unwrap_err();
        assert!(refused.message.contains("8 MiB"), "{}", refused.message);
    }

    #[test]
    fn json_keeps_every_text_as_it_is() {
        let rows = [["=1".to_owned(), "é\"\n".to_owned()]];
        let read: Vec<Map<String, Value>> = serde_json::from_str(&table(Format::Json, &["a", "b"], &rows)).unwrap();
        assert_eq!((&read[0]["a"], &read[0]["b"]), (&Value::from("=1"), &Value::from("é\"\n")));
    }
}
