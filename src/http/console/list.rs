//! Lists: filters, order and page are in the URL, and a link removes each active filter.

use form_urlencoded::Serializer;

use crate::domain::cursor::{Cursor, CursorSeal};
use crate::domain::error::Violation;
use crate::domain::filter::{Case, Direction, Field, Filter, Pattern, Test, Value};
use crate::domain::listing::{Page, Query, Sort, Start, Totals};
use crate::domain::redaction::has_token;
use crate::http::problem::Failure;
use crate::http::valid::Params;
use crate::service::Service;

/// The most rows of a page.
pub(super) const ROWS: i64 = 40;

/// The filters, order and page of a list, as its URL holds them.
pub struct ListUrl {
    path: String,
    pairs: Vec<(String, String)>,
    sort: String,
    cursor: String,
}

/// An active filter, and the URL without it.
pub struct ActiveFilter {
    pub name: &'static str,
    pub value: String,
    pub without: String,
}

/// A column that can be sorted by.
pub struct Column {
    pub to: String,
    /// `ascending`, `descending`, or empty.
    pub order: &'static str,
}

impl ListUrl {
    /// Reads the parameters of a URL; `known` are the names of the filters.
    ///
    /// # Errors
    /// A violation for an unknown or repeated parameter, and for a value that holds a token.
    pub fn parse(path: impl Into<String>, params: &Params, known: &[&'static str]) -> Result<Self, Failure> {
        let all: Vec<&str> = known.iter().copied().chain(["sort", "cursor", "done"]).collect();
        params.only(&all)?;
        let mut pairs = Vec::new();
        for name in known {
            let value = params.get(name)?.trim();
            if value.contains('\0') {
                return Err(Violation::new(*name, "must not contain a zero character").into());
            }
            if has_token(value) {
                let message = "must not hold a token: addresses are kept in histories and logs";
                return Err(Violation::new(*name, message).into());
            }
            if !value.is_empty() {
                pairs.push(((*name).to_owned(), value.to_owned()));
            }
        }
        Ok(Self {
            path: path.into(),
            pairs,
            sort: params.get("sort")?.to_owned(),
            cursor: params.get("cursor")?.to_owned(),
        })
    }

    /// The value of a filter, or the empty string.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether any filter applies.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// Whether it is the first page.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The URL with all filters except `without`, in the order `sort`, from `cursor` on.
    fn address(&self, without: &str, sort: &str, cursor: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.pairs.iter().filter(|(name, _)| name != without));
        for (name, value) in [("sort", sort), ("cursor", cursor)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.path)
    }

    /// The URL of the first page.
    #[must_use]
    pub fn first(&self) -> String {
        self.address("", &self.sort, "")
    }

    /// The URL of this page.
    #[must_use]
    pub fn here(&self) -> String {
        self.address("", &self.sort, &self.cursor)
    }

    /// A filter with its value in words; `None` if it is not set.
    #[must_use]
    pub fn active_filter(
        &self,
        parameter: &'static str,
        name: &'static str,
        value: impl FnOnce(&str) -> String,
    ) -> Option<ActiveFilter> {
        let set = Some(self.value(parameter)).filter(|set| !set.is_empty())?;
        Some(ActiveFilter { name, value: value(set), without: self.address(parameter, &self.sort, "") })
    }

    /// The column of a field: its link sorts by the field; if sorted already, it reverses the order.
    #[must_use]
    pub fn column<F: Field>(&self, field: F) -> Column {
        let sorted = Sort::<F>::parse(&self.sort).ok().and_then(|sort| sort.0.first().copied());
        let (sort, order) = match sorted.filter(|(known, _)| *known == field) {
            Some((_, Direction::Ascending)) => (format!("-{}", field.name()), "ascending"),
            Some((_, Direction::Descending)) => (field.name().to_owned(), "descending"),
            None => (field.name().to_owned(), ""),
        };
        Column { to: self.address("", &sort, ""), order }
    }

    fn seal(&self, service: &Service) -> CursorSeal {
        CursorSeal::new(service.peppers.derive("console cursor"), &[&self.first()])
    }

    /// The query for the service: a page of rows, by keyset pagination.
    ///
    /// # Errors
    /// Violations of the order or the cursor.
    pub fn query<F: Field>(&self, service: &Service, filter: Filter<F>) -> Result<Query<F>, Failure> {
        let start = match self.cursor.as_str() {
            "" => Start::Offset(0),
            cursor => Start::After(self.seal(service).read(cursor)?),
        };
        // Totals would cost a count of all records.
        Ok(Query { filter, sort: Sort::parse(&self.sort)?, limit: ROWS, start, totals: Totals::Skipped })
    }

    /// The URL of the page after `page`, if there is one.
    pub fn next<T>(&self, service: &Service, page: &Page<T>) -> Option<String> {
        page.next.as_ref().map(|cursor| self.address("", &self.sort, &self.seal(service).write(cursor)))
    }

    /// For a search, which skips records instead of beginning after one: how many come before this page.
    ///
    /// # Errors
    /// A violation of the cursor.
    pub fn skipped(&self, service: &Service) -> Result<i64, Failure> {
        match self.cursor.as_str() {
            "" => Ok(0),
            cursor => Ok(self.seal(service).read(cursor)?.id.parse().unwrap_or_default()),
        }
    }

    /// The URL of the page of a search before which so many records come.
    #[must_use]
    pub fn after(&self, service: &Service, skipped: i64) -> String {
        let cursor = Cursor { values: Vec::new(), id: skipped.to_string() };
        self.address("", &self.sort, &self.seal(service).write(&cursor))
    }

    /// The order, which the filter form sends along.
    #[must_use]
    pub fn sort(&self) -> &str {
        &self.sort
    }
}

/// Records whose field contains this text, ignoring case.
pub fn contains<F>(field: F, text: &str) -> Filter<F> {
    let pieces = vec![String::new(), text.to_owned(), String::new()];
    Filter::Test(field, Test::Like(Pattern { pieces, case: Case::Ignored }))
}

/// Records whose field begins with this text.
pub fn begins_with<F>(field: F, text: &str) -> Filter<F> {
    let pieces = vec![text.to_owned(), String::new()];
    Filter::Test(field, Test::Like(Pattern { pieces, case: Case::Sensitive }))
}

/// Records whose field equals this text.
pub fn is<F>(field: F, text: &str) -> Filter<F> {
    Filter::Test(field, Test::OneOf(vec![Value::Text(text.to_owned())]))
}
